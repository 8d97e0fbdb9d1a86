// The readings that have arrived, with the proof that none is missing and none came twice.

// More than the charts show, so that a test (or a curious person) can look back; bounded, since a page stays open.
const KEEP = 1_000;

/**
 * @typedef {{ run: number, seq: number, time: number, cpu: { total: number, cores: number[] },
 *   memory: { used: number, total: number }, load: number[], network: { received: number, sent: number } }} Reading
 * @typedef {Reading & { id: string }} Point
 */

const isNumber = (value) => typeof value === 'number' && Number.isFinite(value);

/**
 * A reading, or null where the text is none: anyone who may publish can publish anything.
 * @param {string} text
 * @returns {Reading | null}
 */
export function parse(text) {
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const numbers = [
    value?.run, value?.seq, value?.time, value?.cpu?.total, value?.memory?.used, value?.memory?.total,
    value?.network?.received, value?.network?.sent,
  ];
  const lists = [value?.cpu?.cores, value?.load];
  const whole = numbers.every(isNumber) && lists.every((list) => Array.isArray(list) && list.every(isNumber));
  return whole && value.load.length === 3 ? value : null;
}

export class Points {
  /** @type {Point[]} in the order of their arrival, those that came twice included */
  all = [];
  count = 0;
  missing = 0;
  doubled = 0;
  #ids = new Set();
  #last = { run: 0, seq: 0 };

  /**
   * Takes the reading of the event with this id. False where that id has been here before.
   * @param {string} id
   * @param {Reading} reading
   */
  add(id, reading) {
    this.all.push({ id, ...reading });
    this.count += 1;
    const fresh = !this.#ids.has(id);
    if (!fresh) {
      this.doubled += 1;
    } else {
      this.#ids.add(id);
      // A restarted process counts from the beginning: what it did not say, it did not measure.
      if (reading.run === this.#last.run) this.missing += Math.max(0, reading.seq - this.#last.seq - 1);
      this.#last = { run: reading.run, seq: reading.seq };
    }
    while (this.all.length > KEEP) this.#ids.delete(this.all.shift().id);
    return fresh;
  }

  /** The newest reading, if there is one. */
  get latest() {
    return this.all.at(-1);
  }

  /** Those of the last `span` milliseconds before the newest. */
  window(span) {
    const from = (this.latest?.time ?? 0) - span;
    return this.all.filter((point) => point.time >= from);
  }
}
