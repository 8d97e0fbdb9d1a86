/**
 * How far the stream has been seen, in each epoch: cursors of one epoch are in order, those of two are not.
 *
 * An event is seen once. Without this, a hub that no longer knows our cursor and replays all that it holds would bring what
 * we have had, and so would two requests that overlap.
 *
 * @returns {(cursor: string) => boolean} moves on to this cursor, `#epoch-offset`. False if that, or a later one, has been here
 */
export function admission(): (cursor: string) => boolean;
