export { Shared } from "./lib/share/shared.js";
export { serve } from "./lib/share/worker.js";
