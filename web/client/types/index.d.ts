export { HeadwaterError } from "./lib/errors.js";
export { Source };
/**
 * In the place of the browser's own `EventSource`: existing code changes only its import. The same as `Source`, but as strict
 * as the standard: every status other than 200 is final.
 */
export class EventSource extends Source {
}
export type SourceOptions = import("./lib/options.js").SourceOptions;
export type TokenSource = import("./lib/token.js").TokenSource;
export type ErrorKind = import("./lib/errors.js").ErrorKind;
import { Source } from './lib/source.js';
export { GapEvent, ServerEvent, SourceErrorEvent } from "./lib/events.js";
