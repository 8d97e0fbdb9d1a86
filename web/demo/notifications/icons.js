// A sign for each kind of notification, drawn with lines in the colour of the text around it.

const NAMESPACE = 'http://www.w3.org/2000/svg';

const PATHS = new Map([
  ['message', 'M4 5h16v12H10l-5 4v-4H4zM8 9.5h8M8 12.5h5'],
  ['delivery', 'M3.5 7.5 12 3l8.5 4.5v9L12 21l-8.5-4.5zM3.5 7.5 12 12l8.5-4.5M12 12v9'],
  ['warning', 'M12 4 2.5 20h19zM12 10v4.5M12 17v.5'],
  ['done', 'M5 12.5 10 17.5 19 7'],
  ['close', 'M6 6 18 18M18 6 6 18'],
]);

/** @param {string} name */
export function icon(name) {
  const drawing = document.createElementNS(NAMESPACE, 'svg');
  drawing.setAttribute('viewBox', '0 0 24 24');
  drawing.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS(NAMESPACE, 'path');
  path.setAttribute('d', PATHS.get(name) ?? PATHS.get('message'));
  drawing.append(path);
  return drawing;
}
