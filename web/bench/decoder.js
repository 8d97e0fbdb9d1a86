// The decoder beside npm's eventsource-parser, on the same bytes, in alternating rounds of one run:
//
//     node bench/decoder.js          fails if ours is behind on any input
//
// Both get bytes and give out events. eventsource-parser takes text, so it stands behind a `TextDecoder` with
// `{stream: true}`, as its users must put it (a `TextDecoderStream` is the same with more around it); "text only" is what
// it does with text that is there already, in no time, which nobody has.

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { createParser } from 'eventsource-parser';
import { Decoder } from '@headwater/client/decoder';

const ROUNDS = 15;
const ROUND_MS = 60;
const utf8 = new TextEncoder();

const words = ['the', ' river', ' runs', ' past', ' the', ' mill', ',', ' and', ' on', '.'];
const chat = (characters) => Array.from({ length: 4_000 }, (_, index) => `data: ${JSON.stringify({
  id: 'chatcmpl-9x2LkQ8vT1', object: 'chat.completion.chunk', created: 1_700_000_000, model: 'river-1',
  choices: [{ index: 0, delta: { content: words[index % words.length] + characters }, finish_reason: null }],
})}\n\n`).join('');
const tiny = Array.from({ length: 20_000 }, (_, index) => `id: ${index}\ndata: ${index % 10}\n\n`).join('');
const hub = Array.from({ length: 8_000 }, (_, index) =>
  `id: #3f0c5a1e9b7d-${index}\ncursor: #3f0c5a1e9b7d-${index}\ndata: {"value":${index}}\n\n`).join('');
const lines = Array.from({ length: 2_000 }, () => `event: log\n${'data: one line of ten\n'.repeat(10)}\n`).join('');

/** Name, stream, bytes a read. */
const inputs = [
  ['chat chunks', chat(''), 16_384],
  ['chat chunks, 128-byte reads', chat(''), 128],
  ['chat chunks, not ASCII', chat(' – ü'), 16_384],
  ['tiny events with ids', tiny, 16_384],
  ['tiny events, CRLF', tiny.replaceAll('\n', '\r\n'), 16_384],
  ['events with cursors', hub, 16_384],
  ['ten lines an event', lines, 16_384],
  ['one 4 MiB line', `data: ${'x'.repeat(4 << 20)}\n\n`, 16_384],
  ['one 4 MiB line, 64 KiB reads', `data: ${'x'.repeat(4 << 20)}\n\n`, 65_536],
];

let events = 0;
let length = 0;
const count = (event) => {
  events += 1;
  length += event.data.length;
};

const ours = (reads) => {
  const decoder = new Decoder({ event: count });
  for (const read of reads) decoder.push(read);
};
const theirs = (reads) => {
  const parser = createParser({ onEvent: count });
  const text = new TextDecoder();
  for (const read of reads) parser.feed(text.decode(read, { stream: true }));
};
const textOnly = (reads, texts) => {
  const parser = createParser({ onEvent: count });
  for (const text of texts) parser.feed(text);
};

function once(run, reads, texts) {
  [events, length] = [0, 0];
  run(reads, texts);
  return `${events} events, ${length} characters`;
}

/** MB/s of one round, in the process's own time: what else the machine does is left out. */
function speed(run, reads, texts, size) {
  let done = 0;
  let spent;
  const started = process.cpuUsage();
  do {
    run(reads, texts);
    done += size;
    spent = process.cpuUsage(started);
  } while (spent.user + spent.system < ROUND_MS * 1e3);
  return done / (spent.user + spent.system);
}

const median = (list) => list.sort((a, b) => a - b)[Math.floor(list.length / 2)];
const row = (name, cells) => name.padEnd(32) + cells.map((text) => text.padStart(11)).join('');

/** Prints an input's row; true if ours is not behind. */
function measure([name, stream, size]) {
  const bytes = utf8.encode(stream);
  const reads = [];
  for (let at = 0; at < bytes.length; at += size) reads.push(bytes.slice(at, at + size));
  const text = new TextDecoder();
  const texts = reads.map((read) => text.decode(read, { stream: true }));
  const runs = [ours, theirs, textOnly];
  const [got, want] = runs.map((run) => once(run, reads, texts));
  if (got !== want) throw new Error(`${name}: ${got}, but theirs ${want}`);
  for (const run of runs) speed(run, reads, texts, bytes.length);
  const figures = runs.map(() => []);
  for (let round = 0; round < ROUNDS; round += 1) {
    runs.forEach((run, index) => figures[index].push(speed(run, reads, texts, bytes.length)));
  }
  const [mine, other, bare] = figures.map(median);
  console.log(row(name, [mine.toFixed(0), other.toFixed(0), (mine / other).toFixed(2), bare.toFixed(0)]));
  return mine >= other;
}

// Each input in a process of its own: an engine that has seen one kind of stream runs another one slower, and nobody's page
// has all of them.
const chosen = process.argv[2];
if (chosen === undefined) {
  console.log(row('MB/s, medians', ['ours', 'theirs', 'ratio', 'text only']));
  const behind = inputs.filter((_, index) => {
    try {
      execFileSync(process.execPath, [fileURLToPath(import.meta.url), String(index)], { stdio: ['ignore', 'inherit', 'inherit'] });
      return false;
    } catch {
      return true;
    }
  });
  if (behind.length > 0) {
    console.error(`Behind on ${behind.map(([name]) => name).join('; ')}.`);
    process.exitCode = 1;
  }
} else if (!measure(inputs[Number(chosen)])) {
  process.exitCode = 1;
}
