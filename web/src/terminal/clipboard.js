// Copy and paste: the browser's own paste event, keyboard shortcuts, and OSC 52 (a program in the
// session puts text on the user's clipboard).
import { copyText } from '../shared/dom.js';

const OSC52_LIMIT = 1024 * 1024;

// Text from a clipboard must not act as keys: an escape character in it could end the bracketed
// paste and run what follows. Tabs and line breaks stay.
export function cleanPaste(text) {
  return text.replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/g, '');
}

function pasteInto(term, text) {
  if (text) term.paste(cleanPaste(text));
}

export const canReadClipboard = () => Boolean(navigator.clipboard?.readText);

export async function pasteFromClipboard(term) {
  pasteInto(term, await navigator.clipboard.readText());
}

export async function copySelection(term, notice) {
  const text = term.getSelection();
  if (!text) return;
  notice(await copyText(text) ? 'Copied' : 'The browser does not allow copying here');
  term.focus();
}

// Catches paste before the terminal does, wherever it came from (keys, menu, middle button).
export function watchPaste(host, term) {
  host.addEventListener('paste', (event) => {
    event.preventDefault();
    event.stopPropagation();
    pasteInto(term, event.clipboardData?.getData('text/plain'));
  }, { capture: true });
}

// The letter of a key: what it types, or on layouts without Latin letters what stands in its place.
function letter(event) {
  return /^[a-z]$/i.test(event.key) ? event.key.toLowerCase() : event.code.replace(/^Key/, '').toLowerCase();
}

// 'copy', 'paste' or null for a keyboard event. Copy and paste need Shift (or Cmd on a Mac), because
// plain Ctrl+C and Ctrl+V belong to the program in the terminal.
export function clipboardKey(event) {
  if (event.type !== 'keydown' || event.altKey) return null;
  const command = event.metaKey !== event.ctrlKey && (event.metaKey || event.shiftKey);
  if (command && letter(event) === 'c') return 'copy';
  if (command && letter(event) === 'v') return 'paste';
  if (event.code === 'Insert' && event.ctrlKey && !event.shiftKey) return 'copy';
  if (event.code === 'Insert' && event.shiftKey && !event.ctrlKey) return 'paste';
  return null;
}

function decodeBase64(text) {
  const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  return new TextDecoder().decode(bytes);
}

// OSC 52 may only write, and the user is told; reading the clipboard is never answered.
export function serveOsc52(term, isReplay, notice) {
  term.parser.registerOscHandler(52, (data) => {
    const payload = data.slice(data.indexOf(';') + 1);
    if (isReplay() || payload === '?' || payload.length > OSC52_LIMIT) return true;
    let text;
    try {
      text = decodeBase64(payload);
    } catch {
      return true;
    }
    copyText(text).then((done) => {
      if (done) notice(`A program copied ${text.length} characters to your clipboard`);
    });
    return true;
  });
}
