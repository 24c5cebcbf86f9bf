// The two clipboards: what is copied on the desktop comes to this computer, and what is copied here
// goes there when the page is used again, as far as the browser lets us.
import { copyText } from '../shared/dom.js';
import { lastingStore } from '../shared/store.js';

const LONGEST = 1024 * 1024; // bytes the desktop's clipboard takes
const SETTING = 'sandgate:clipboard-sync';

// Text as the wire carries it: lines end with CR LF, and halves of characters, which UTF-8 cannot say,
// are replaced. Null when it is more than the desktop takes.
export function forDesktop(text) {
  if (text.length > LONGEST) return null;
  const whole = text.replace(/\p{Surrogate}/gu, '\ufffd');
  const bytes = new TextEncoder().encode(whole.replace(/\r\n|\r|\n/g, '\r\n')).length;
  return bytes <= LONGEST ? whole : null;
}

// Decides what has to move. `local` is this computer: { canRead(): Promise<bool>, read(): Promise<text>,
// write(text): Promise<bool> }; send(text) gives a text to the desktop.
export class ClipboardSync {
  #local;
  #send;
  #shared = null; // what both sides have
  #owed = null; // what this computer could not be given yet
  #busy = false;

  constructor(local, send) {
    this.#local = local;
    this.#send = send;
  }

  // The desktop's clipboard changed.
  async received(text) {
    if (text === this.#shared) return;
    this.#shared = text;
    this.#owed = text;
    await this.pay();
  }

  // Tries again to hand over what is owed; browsers allow it only now and then. True when done.
  async pay() {
    const text = this.#owed;
    if (text === null) return true;
    const done = await this.#local.write(text);
    if (done && this.#owed === text) this.#owed = null;
    return done;
  }

  // Gives the desktop a text, whatever it has. False when it is too long.
  async share(text) {
    const sent = forDesktop(text);
    if (sent === null) return false;
    this.#shared = text;
    this.#owed = null;
    await this.#send(sent);
    return true;
  }

  // The user came back to the page: take along what was copied elsewhere. `insist` may make the
  // browser ask. Resolves to the text that was sent, or null.
  async fetch({ insist = false } = {}) {
    if (this.#busy || (!insist && !(await this.#local.canRead()))) return null;
    this.#busy = true;
    try {
      // Not yet delivered here: then what is on this computer is older.
      if (this.#owed !== null) return null;
      const text = await this.#local.read();
      if (!text || (text === this.#shared && !insist)) return null;
      return (await this.share(text)) ? text : null;
    } finally {
      this.#busy = false;
    }
  }

  // A new connection: the desktop may have forgotten what it had.
  forget() {
    this.#shared = null;
  }
}

// This computer's clipboard as the browser offers it.
export const localClipboard = {
  readable: () => Boolean(navigator.clipboard?.readText),

  // Only where it needs no question: reading unasked must not make a dialog pop up.
  async canRead() {
    if (!this.readable() || !document.hasFocus()) return false;
    try {
      return (await navigator.permissions.query({ name: 'clipboard-read' })).state === 'granted';
    } catch {
      return false;
    }
  },

  read: () => navigator.clipboard.readText(),

  // Over plain HTTP there is only the old command, which moves the focus for a moment and works only
  // just after a key or a click: then the text waits for one, see ClipboardSync.pay().
  async write(text) {
    if (!navigator.clipboard) return Boolean(navigator.userActivation?.isActive) && copyText(text);
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      return false;
    }
  },
};

export const syncWanted = () => lastingStore.get(SETTING) !== 'off';

export function setSyncWanted(on) {
  lastingStore.set(SETTING, on ? 'on' : 'off');
}
