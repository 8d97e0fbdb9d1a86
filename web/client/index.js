// Server-Sent Events, as an application wants them.

import { Source } from './lib/source.js';

export { HeadwaterError } from './lib/errors.js';
export { GapEvent, ServerEvent, SourceErrorEvent } from './lib/events.js';
export { Source };

/**
 * In the place of the browser's own `EventSource`: existing code changes only its import. The same as `Source`, but as strict
 * as the standard: every status other than 200 is final.
 */
export class EventSource extends Source {
  /**
   * @param {string | URL} url
   * @param {import('./lib/options.js').SourceOptions} [options]
   * @param {import('./lib/environment.js').Environment} [outside] for tests
   */
  constructor(url, options, outside) {
    super(url, { strict: true, ...options }, outside);
  }
}

/**
 * @typedef {import('./lib/options.js').SourceOptions} SourceOptions
 * @typedef {import('./lib/token.js').TokenSource} TokenSource
 * @typedef {import('./lib/errors.js').ErrorKind} ErrorKind
 */
