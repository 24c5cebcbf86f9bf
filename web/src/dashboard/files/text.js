// File contents as text one may edit, and back, without changing what was not edited.

// null when the bytes are not text. eol: what ends the lines; mixed: not all end alike.
export function decodeText(bytes) {
  if (bytes.includes(0)) return null;
  let text;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
  const bom = text.startsWith('\ufeff');
  if (bom) text = text.slice(1);
  const pairs = text.match(/\r\n/g)?.length ?? 0;
  const all = text.match(/\r\n|\r|\n/g)?.length ?? 0;
  const feeds = text.match(/(?<!\r)\n/g)?.length ?? 0;
  const eol = pairs > feeds ? '\r\n' : '\n';
  return { text: text.replace(/\r\n|\r/g, '\n'), bom, eol, mixed: all !== (eol === '\n' ? feeds : pairs) };
}

export function encodeText(text, { bom, eol }) {
  return (bom ? '\ufeff' : '') + (eol === '\n' ? text : text.replace(/\n/g, eol));
}

export function countLines(text) {
  let lines = 1;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines += 1;
  return lines;
}

// What Tab inserts: as the file itself does it.
export function indentOf(text) {
  const found = /^(\t| {2,8})\S/m.exec(text);
  return found ? found[1].slice(0, found[1] === '\t' ? 1 : Math.min(found[1].length, 4)) : '    ';
}

// Where line `number` (from 1) begins.
export function lineStart(text, number) {
  let at = 0;
  for (let line = 1; line < number; line += 1) {
    const next = text.indexOf('\n', at);
    if (next < 0) break;
    at = next + 1;
  }
  return at;
}
