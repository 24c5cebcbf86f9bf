// Ctrl+V (Cmd+V, Shift+Insert) into the desktop: the browser's paste event hands over the local
// clipboard without asking; the text goes to the desktop's clipboard, and then the key itself.
import { KEYS } from './keysyms.js';

const EVENT_WITHIN = 250; // where the browser makes no paste event, the key goes out by itself

const mac = () => /mac|iphone|ipad/i.test(navigator.platform);

// 'v', 'insert' or null: which paste shortcut a keydown is.
export function pasteShortcut(event) {
  if (event.altKey) return null;
  const letter = /^[a-z]$/i.test(event.key) ? event.key.toLowerCase() : event.code.replace(/^Key/, '').toLowerCase();
  if (letter === 'v' && event.ctrlKey !== event.metaKey) return 'v';
  return event.code === 'Insert' && event.shiftKey && !event.ctrlKey && !event.metaKey ? 'insert' : null;
}

export class PasteKeys {
  #screen;
  #share;
  #held = null; // the shortcut that waits for its paste event
  #down = { ctrl: false, shift: false }; // what the user's fingers hold now

  // share(text) puts it on the desktop's clipboard and resolves when it is there.
  constructor(host, screen, share) {
    this.#screen = screen;
    this.#share = share;
    // Before the client sees the key: it would stop the browser from pasting.
    host.addEventListener('keydown', (event) => this.#key(event), { capture: true });
    for (const type of ['keydown', 'keyup']) {
      window.addEventListener(type, ({ ctrlKey, shiftKey }) => {
        this.#down = { ctrl: ctrlKey, shift: shiftKey };
      }, { capture: true });
    }
    window.addEventListener('blur', () => { this.#down = { ctrl: false, shift: false }; });
    document.addEventListener('paste', (event) => this.#paste(event));
  }

  #key(event) {
    const shortcut = pasteShortcut(event);
    if (!shortcut || this.#screen.settings.viewOnly) return;
    event.stopPropagation();
    this.#flush();
    this.#held = { shortcut, shift: event.shiftKey, meta: event.metaKey, timer: setTimeout(() => this.#flush(), EVENT_WITHIN) };
  }

  #flush() {
    const held = this.#held;
    this.#held = null;
    if (!held) return;
    clearTimeout(held.timer);
    this.#type(held);
  }

  async #paste(event) {
    const held = this.#held;
    if (!held) return;
    this.#held = null;
    clearTimeout(held.timer);
    event.preventDefault();
    const text = event.clipboardData?.getData('text/plain');
    if (text) await this.#share(text);
    this.#type(held);
  }

  // What the user still holds is down on the desktop too; the rest (let go meanwhile, or Command in
  // the place of Ctrl) is pressed for this one key.
  #type({ shortcut, shift, meta }) {
    const { rfb } = this.#screen;
    if (!rfb) return;
    const wanted = [...(shortcut === 'v' ? ['ctrl'] : []), ...(shift ? ['shift'] : [])];
    const modifiers = wanted.filter((name) => !this.#down[name]);
    if (meta && mac()) rfb.sendKey(KEYS.alt[0], 'MetaLeft', false); // what the client made of Command
    for (const name of modifiers) rfb.sendKey(...KEYS[name], true);
    if (shortcut === 'v') rfb.sendKey(shift ? 0x56 : 0x76, 'KeyV');
    else rfb.sendKey(0xff63, 'Insert');
    for (const name of modifiers.reverse()) rfb.sendKey(...KEYS[name], false);
  }
}
