// Pictures of every page, at a phone's width and a desk's, by day and by night, to be looked at.
//
//   npm run screenshots                          of a hub of its own, into a new folder below /tmp
//   npm run screenshots -- FOLDER [PAGE…]        into that folder; of these pages alone
//
// HEADWATER_URL=http://127.0.0.1:3000: of the hub that runs there.

import { mkdir, mkdtemp } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Hub } from './hub.js';
import { launch, open, PAGES, SCHEMES, WIDTHS } from './pages.js';

const [given, ...names] = process.argv.slice(2);
const folder = given ?? (await mkdtemp(path.join(os.tmpdir(), 'headwater-pages-')));
await mkdir(folder, { recursive: true });

const wanted = PAGES.filter(({ name }) => names.length === 0 || names.includes(name));
const running = process.env.HEADWATER_URL;
const hub = running ? null : await Hub.start();
const browser = await launch();
try {
  for (const { name, path: where, ready } of wanted) {
    for (const width of WIDTHS) {
      for (const colorScheme of SCHEMES) {
        const { page, complaints } = await open(browser, new URL(where, running ?? hub.url).href, { viewport: { width, height: 844 }, colorScheme });
        await ready(page);
        const file = path.join(folder, `${name}-${width}-${colorScheme}.png`);
        await page.screenshot({ path: file, fullPage: true });
        console.log([file, ...complaints].join('\n  '));
        await page.context().close();
      }
    }
  }
} finally {
  await browser.close();
  await hub?.stop();
}
