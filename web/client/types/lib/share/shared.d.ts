/** Tabs with different versions of this library do not share: they might not understand each other. */
export const VERSION: "headwater 0.1.0";
export function open(name: string, { channel }: import("../environment.js").Environment): Pick<BroadcastChannel, "close" | "postMessage" | "onmessage">;
export class Shared extends Connection {
    /**
     * @param {import('../connection.js').Settings} settings
     * @param {string} position
     * @param {import('../environment.js').Environment} outside
     * @param {import('../connection.js').Receiver} receiver
     * @param {import('../options.js').SourceOptions} options
     */
    constructor(settings: import("../connection.js").Settings, position: string, outside: import("../environment.js").Environment, receiver: import("../connection.js").Receiver, options: import("../options.js").SourceOptions);
    /** @type {Sharing | null} */
    sharing: Sharing | null;
    #private;
}
export type Sharing = {
    leader: boolean;
    tabs: number;
    age: number;
};
import { Connection } from '../connection.js';
