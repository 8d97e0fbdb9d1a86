// One connection for all tabs of a browser. `lib/source.js` loads this when it is asked to share; a SharedWorker imports it.

export { Shared } from './lib/share/shared.js';
export { serve } from './lib/share/worker.js';
