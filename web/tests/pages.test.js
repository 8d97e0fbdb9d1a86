// What holds of every page: one can reach, read and use it, on a phone and on a desk, by day and by night.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after, before, describe, test } from 'node:test';
import { Hub } from './hub.js';
import { launch, open, PAGES, SCHEMES, WIDTHS } from './pages.js';

const AXE = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let browser;
let hub;

before(async () => {
  hub = await Hub.start();
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await hub?.stop();
});

// Most of the time goes into waiting for a page's first events, which several can do at once.
describe('every page', { concurrency: 4 }, () => {
  for (const { name, path, ready } of PAGES) {
    for (const width of WIDTHS) {
      test(`${name}, ${width} pixels wide: nothing stands out, axe finds nothing, by day and by night`, async () => {
        const { page, complaints } = await open(browser, hub.url + path, { viewport: { width, height: 844 }, reducedMotion: 'reduce', script: AXE });
        await ready(page);
        // Closed, nobody would look into it.
        await page.evaluate(() => document.querySelectorAll('details').forEach((details) => (details.open = true)));
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(overflow <= 0, `${overflow} pixels to the right of the window`);
        for (const colorScheme of SCHEMES) {
          await page.emulateMedia({ colorScheme });
          const { violations } = await page.evaluate(() => window.axe.run());
          assert.deepEqual(violations.map(({ id, nodes }) => [id, nodes.map(({ html, failureSummary }) => `${html}\n${failureSummary}`)]), []);
        }
        assert.deepEqual(complaints, []);
        await page.context().close();
      });
    }

    test(`${name}: the keyboard skips to the content, and reaches every page`, async () => {
      const { page } = await open(browser, hub.url + path, { viewport: { width: 390, height: 844 } });
      await ready(page);
      const links = await page.locator('nav a').count();
      await page.evaluate(() => {
        // Where something was clicked, the keyboard would go on from there.
        document.body.tabIndex = -1;
        document.body.focus();
        scrollTo(0, 0);
      });
      await page.locator('body').press('Tab');
      assert.equal(await page.evaluate(() => document.activeElement.className), 'skip');
      const seen = () => page.evaluate(() => {
        const { left, right, top, bottom } = document.activeElement.getBoundingClientRect();
        return left >= 0 && right <= innerWidth && top >= 0 && bottom <= innerHeight;
      });
      assert.ok(await seen(), 'the link to the content shows itself');
      const reached = [];
      await page.keyboard.press('Tab');
      for (let index = 0; index < links; index += 1) {
        await page.keyboard.press('Tab');
        reached.push(await page.evaluate(() => document.activeElement.pathname));
        await page.waitForFunction(() => {
          const { left, right } = document.activeElement.getBoundingClientRect();
          return left >= 0 && right <= innerWidth;
        });
      }
      assert.deepEqual(reached, await page.locator('nav a').evaluateAll((all) => all.map((link) => link.pathname)));
      assert.equal(await page.locator('nav a[aria-current]').evaluate((link) => link.pathname), path);
      await page.focus('.skip');
      await page.keyboard.press('Enter');
      assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
      await page.context().close();
    });
  }
});

test('the chart library is the one that its package has', async () => {
  const resolve = createRequire(import.meta.url).resolve;
  const vendored = (file) => readFile(new URL(`../demo/vendor/uplot/${file}`, import.meta.url), 'utf8');
  const folder = resolve('uplot/package.json').replace(/package\.json$/, '');
  for (const [own, theirs] of [['uPlot.esm.js', 'dist/uPlot.esm.js'], ['uPlot.min.css', 'dist/uPlot.min.css'], ['LICENSE.txt', 'LICENSE']]) {
    assert.equal(await vendored(own), await readFile(folder + theirs, 'utf8'), own);
  }
});
