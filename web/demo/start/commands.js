// The command lines that a person can paste, and the buttons that copy them.

/**
 * In single quotes, so that a shell takes it as it stands.
 * @param {string} text
 */
export const quoted = (text) => `'${text.replaceAll("'", String.raw`'\''`)}'`;

/**
 * @param {URL} hub
 * @param {string} topic
 * @param {string} token
 * @param {string} data
 */
export const publishCommand = (hub, topic, token, data) =>
  [
    `curl ${quoted(hub.href)} \\`,
    `  -H ${quoted(`Authorization: Bearer ${token}`)} \\`,
    `  -d ${quoted(`topic=${topic}`)} \\`,
    `  --data-urlencode ${quoted(`data=${data}`)}`,
  ].join('\n');

/**
 * @param {URL} hub
 * @param {string} topic
 */
export const subscribeCommand = (hub, topic) => `curl -N ${quoted(`${hub.href}?topic=${topic}`)}`;

/**
 * Makes every button with `data-copy` copy the text of the element that it names.
 * @param {HTMLElement} said a live region that is told
 */
export function wireCopyButtons(said) {
  for (const button of document.querySelectorAll('button[data-copy]')) {
    const label = button.firstChild;
    let back;
    button.addEventListener('click', async () => {
      const done = await copy(document.getElementById(button.dataset.copy));
      label.textContent = done ? 'Copied' : 'Selected';
      said.textContent = done ? 'Copied.' : 'Selected: press Ctrl C or ⌘ C to copy.';
      clearTimeout(back);
      back = setTimeout(() => {
        label.textContent = 'Copy';
        said.textContent = '';
      }, 2_000);
    });
  }
}

/** True when it is on the clipboard; else it is selected, for the person to copy. */
async function copy(element) {
  try {
    // Not there when the page came from another machine over plain HTTP.
    await navigator.clipboard.writeText(element.textContent);
    return true;
  } catch {
    getSelection().selectAllChildren(element);
    return false;
  }
}
