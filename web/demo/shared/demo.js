// What every page of the demo needs of its hub.

export const HUB = new URL('/.well-known/mercure', location.href);

/** @type {Promise<{ hub: string, token: string }> | null} */
let config = null;

/**
 * A token that may publish everything: `headwater dev` hands it to its own pages. In a real application only the server has
 * such a one. As the library's option `token`; each run of `headwater dev` makes its own keys, so a refused one is asked again.
 *
 * @param {{ refused?: boolean }} [asked]
 */
export async function publisherToken({ refused = false } = {}) {
  if (refused) config = null;
  config ??= read('/demo/config.json').catch((error) => {
    config = null;
    throw error;
  });
  return (await config).token;
}

/**
 * The option `token` for somebody: what an application's server signs for whoever has logged in. It holds two minutes, and
 * the library asks for the next one in time.
 *
 * @param {string} user
 */
export const tokenOf = (user) => async () => (await read('/demo/token', { user })).token;

/**
 * The demo's own answer as JSON; with something to send, to a POST.
 *
 * @param {string} path
 * @param {unknown} [send]
 */
export async function read(path, send) {
  const post = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(send) };
  const answer = await fetch(path, send === undefined ? { cache: 'no-store' } : post);
  if (answer.status === 204) return null;
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(said.detail ?? `the server answered ${answer.status}`);
  return said;
}
