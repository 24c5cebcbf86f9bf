// X11 key symbols of what is typed.

export const KEYS = {
  ctrl: [0xffe3, 'ControlLeft'],
  alt: [0xffe9, 'AltLeft'],
  shift: [0xffe1, 'ShiftLeft'],
  super: [0xffeb, 'MetaLeft'],
  escape: [0xff1b, 'Escape'],
  tab: [0xff09, 'Tab'],
  enter: [0xff0d, 'Enter'],
  backspace: [0xff08, 'Backspace'],
  delete: [0xffff, 'Delete'],
  left: [0xff51, 'ArrowLeft'],
  up: [0xff52, 'ArrowUp'],
  right: [0xff53, 'ArrowRight'],
  down: [0xff54, 'ArrowDown'],
};

// The key symbol of one character: Latin-1 stands for itself, the rest of Unicode in its own range.
export function keysymOf(character) {
  const code = character.codePointAt(0);
  if (code === 0x0a || code === 0x0d) return KEYS.enter[0];
  if (code === 0x09) return KEYS.tab[0];
  const latin = (code >= 0x20 && code <= 0x7e) || (code >= 0xa0 && code <= 0xff);
  return latin ? code : 0x01000000 + code;
}

// How a text field changed: how many characters vanished at the end, and what was added there.
// Counted in characters as people see code points, for that is what one Backspace takes away.
export function difference(before, after) {
  const from = [...before];
  const to = [...after];
  let same = 0;
  while (same < from.length && same < to.length && from[same] === to[same]) same += 1;
  return { erased: from.length - same, typed: to.slice(same) };
}
