// Whether all came, and once: the readings of the machine are numbered, from 1 in each run of the hub.

export class Tally {
  count = 0;
  missing = 0;
  doubled = 0;
  #run = NaN;
  #seq = 0;

  /** @param {unknown} reading */
  add(reading) {
    const { run, seq } = /** @type {any} */ (reading ?? {});
    if (!Number.isFinite(run) || !Number.isInteger(seq)) return;
    this.count += 1;
    if (run !== this.#run) {
      this.#run = run;
      this.#seq = seq;
    } else if (seq <= this.#seq) {
      this.doubled += 1;
    } else {
      this.missing += seq - this.#seq - 1;
      this.#seq = seq;
    }
  }
}
