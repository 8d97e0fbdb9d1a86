// A sign for each section, drawn with lines in the colour of the text around it.

const NAMESPACE = 'http://www.w3.org/2000/svg';

const PATHS = {
  world: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M3 12h18M12 3c3.5 3 3.5 15 0 18M12 3c-3.5 3-3.5 15 0 18',
  science: 'M9 3h6M10 3v6l-5 9a2 2 0 0 0 2 3h10a2 2 0 0 0 2-3l-5-9V3M7.6 15h8.8',
  technology: 'M7 7h10v10H7zM9.5 3.5V7M14.5 3.5V7M9.5 17v3.5M14.5 17v3.5M3.5 9.5H7M3.5 14.5H7M17 9.5h3.5M17 14.5h3.5',
  culture: 'M4 19V5.5A2.5 2.5 0 0 1 6.5 3H20v14H6a2 2 0 0 0 0 4h14v-4M8.5 7.5h7M8.5 11h5',
  sport: 'M8 4h8v5a4 4 0 0 1-8 0zM8 5.5H4.5c0 3.5 1.5 5 4 5M16 5.5h3.5c0 3.5-1.5 5-4 5M12 13v4M8.5 20.5h7M9.5 17h5v3.5h-5z',
  other: 'M5 4h14v16H5zM8.5 8.5h7M8.5 12h7M8.5 15.5h4',
};

export const SECTIONS = ['world', 'science', 'technology', 'culture', 'sport'];

/** @param {string} section */
export function icon(section) {
  const drawing = document.createElementNS(NAMESPACE, 'svg');
  drawing.setAttribute('viewBox', '0 0 24 24');
  drawing.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS(NAMESPACE, 'path');
  path.setAttribute('d', SECTIONS.includes(section) ? PATHS[section] : PATHS.other);
  drawing.append(path);
  return drawing;
}
