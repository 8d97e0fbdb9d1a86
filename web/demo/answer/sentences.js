// For those who listen to the page: whole sentences, as they become complete. Word by word nobody understands a thing.

/** What has been read out need not stay. */
const KEPT = 20;

export class Sentences {
  #region;
  #begun = '';

  /** @param {HTMLElement} region a live one, of which additions are read out */
  constructor(region) {
    this.#region = region;
  }

  /** @param {string} piece */
  add(piece) {
    this.#begun += piece;
    // With the next word one knows that the last one ended the sentence, and was no "3." or "e.g.".
    const end = /[.!?:]["')]*\s+(?=["'(]?\p{Lu})/u.exec(this.#begun);
    if (!end) return;
    const upTo = end.index + end[0].length;
    this.#say(this.#begun.slice(0, upTo));
    this.#begun = this.#begun.slice(upTo);
  }

  /** It is over. @param {string} [words] */
  end(words = '') {
    this.#say(this.#begun);
    this.#say(words);
    this.#begun = '';
  }

  /** @param {string} text */
  #say(text) {
    if (text.trim() === '') return;
    const line = document.createElement('p');
    line.textContent = text.trim();
    this.#region.append(line);
    while (this.#region.children.length > KEPT) this.#region.firstElementChild.remove();
  }
}
