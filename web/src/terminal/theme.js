// Colours and type of the terminal. Both palettes keep all sixteen colours readable on their back.

export const FONT = getComputedStyle(document.documentElement).getPropertyValue('--mono').trim() || 'monospace';

const dark = {
  background: '#0e1218', foreground: '#d9dfe8', cursor: '#6fb3ff', cursorAccent: '#0e1218',
  selectionBackground: '#2f4d74', selectionInactiveBackground: '#2a3648',
  black: '#2c3644', red: '#ff7b72', green: '#5fd08a', yellow: '#e8b44f',
  blue: '#6fb3ff', magenta: '#d2a0ff', cyan: '#56d4dd', white: '#c3ccd8',
  brightBlack: '#7a8798', brightRed: '#ffa198', brightGreen: '#85e8a9', brightYellow: '#f5cd79',
  brightBlue: '#9cccff', brightMagenta: '#e2c5ff', brightCyan: '#8be9ee', brightWhite: '#ffffff',
};

const light = {
  background: '#ffffff', foreground: '#1b2430', cursor: '#0b5fcc', cursorAccent: '#ffffff',
  selectionBackground: '#b9d6fb', selectionInactiveBackground: '#dde3ea',
  black: '#1b2430', red: '#c02a21', green: '#147a3d', yellow: '#8a5a00',
  blue: '#0b5fcc', magenta: '#8b3fc7', cyan: '#0c7480', white: '#7b8794',
  brightBlack: '#566376', brightRed: '#d93a30', brightGreen: '#1a8f49', brightYellow: '#a36b00',
  brightBlue: '#2374e1', brightMagenta: '#a055dc', brightCyan: '#138795', brightWhite: '#3a4656',
};

export const currentTheme = () => (document.documentElement.dataset.theme === 'light' ? light : dark);

export function onThemeChange(fn) {
  addEventListener('themechange', () => fn(currentTheme()));
}
