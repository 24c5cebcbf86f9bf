// Keys on the screen: modifiers that stay down until the next key, and keys sent at once.
import { KEYS } from './keysyms.js';

const MODIFIERS = new Set(['ctrl', 'alt', 'shift', 'super']);

export class KeyPanel {
  #panel;
  #screen;
  #down = new Set();

  constructor(panel, screen, done) {
    this.#panel = panel;
    this.#screen = screen;
    // The focus stays where it is, or the on-screen keyboard would fold away.
    panel.addEventListener('pointerdown', (event) => {
      if (event.target.closest('[data-key]')) event.preventDefault();
    });
    panel.addEventListener('click', (event) => {
      const key = event.target.closest('[data-key]')?.dataset.key;
      if (!key) return;
      this.#press(key);
      done();
    });
  }

  // Sends one key with the modifiers that are down, and lets those go.
  send(keysym, code) {
    this.#screen.rfb?.sendKey(keysym, code);
    this.release();
  }

  get armed() {
    return this.#down.size > 0;
  }

  release() {
    for (const name of this.#down) this.#set(name, false);
  }

  // After a lost connection the server has let go of everything.
  forget() {
    for (const name of this.#down) this.#show(name, false);
    this.#down.clear();
  }

  #press(key) {
    if (MODIFIERS.has(key)) this.#set(key, !this.#down.has(key));
    else if (key === 'ctrl-alt-delete') this.#screen.rfb?.sendCtrlAltDel();
    else this.send(...KEYS[key]);
  }

  #set(name, on) {
    this.#screen.rfb?.sendKey(...KEYS[name], on);
    if (on) this.#down.add(name);
    else this.#down.delete(name);
    this.#show(name, on);
  }

  #show(name, on) {
    this.#panel.querySelector(`[data-key="${name}"]`).setAttribute('aria-pressed', String(on));
  }
}
