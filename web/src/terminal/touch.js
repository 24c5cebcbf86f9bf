// What a finger needs: panning through the scrollback, and the keys a phone's keyboard lacks.
import { canReadClipboard, pasteFromClipboard } from './clipboard.js';

const REPEAT_AFTER = 400;
const REPEAT_EVERY = 60;
const ARROWS = { up: 'A', down: 'B', right: 'C', left: 'D' };

// Drags scroll. On the alternate screen (less, vim) there is no scrollback, so they send arrows there.
export function watchPan(host, term) {
  let last = null;
  let rest = 0;
  host.addEventListener('touchstart', (event) => {
    last = event.touches.length === 1 ? event.touches[0].clientY : null;
    rest = 0;
  }, { passive: true });
  host.addEventListener('touchmove', (event) => {
    if (last === null || event.touches.length !== 1) return;
    const y = event.touches[0].clientY;
    const row = host.querySelector('.xterm-screen').clientHeight / term.rows;
    rest += last - y;
    last = y;
    const lines = Math.trunc(rest / row);
    rest -= lines * row;
    if (lines) scroll(term, lines);
  }, { passive: true });
}

function scroll(term, lines) {
  if (term.buffer.active.type === 'normal') term.scrollLines(lines);
  else term.input(arrow(term, lines > 0 ? 'down' : 'up').repeat(Math.abs(lines)), true);
}

function arrow(term, name) {
  return `\x1b${term.modes.applicationCursorKeysMode ? 'O' : '['}${ARROWS[name]}`;
}

// The row of keys. Ctrl and Alt stay armed for the next character, which passes through apply().
export class KeyRow {
  #row;
  #term;
  #armed = new Set();
  #repeat = null;

  constructor(row, term) {
    this.#row = row;
    this.#term = term;
    if (!canReadClipboard()) this.#button('paste').hidden = true;
    // The terminal keeps the focus, or the on-screen keyboard would fold away.
    row.addEventListener('pointerdown', (event) => this.#press(event));
    for (const type of ['pointerup', 'pointercancel', 'pointerleave']) {
      row.addEventListener(type, () => clearTimeout(this.#repeat));
    }
    // Keyboard and assistive technology click without a pointer (detail is 0 then).
    row.addEventListener('click', (event) => {
      const key = event.target.closest('[data-key]')?.dataset.key;
      if (key && event.detail === 0) this.#act(key);
      else if (key === 'paste') pasteFromClipboard(this.#term).catch(() => {});
    });
  }

  // What a typed text becomes with the armed modifiers, which are then used up.
  apply(text) {
    if (!this.#armed.size || [...text].length !== 1) return text;
    const code = text.toUpperCase().charCodeAt(0);
    let typed = text;
    if (this.#armed.has('ctrl') && code >= 0x40 && code < 0x60) typed = String.fromCharCode(code & 0x1f);
    else if (this.#armed.has('ctrl') && text === ' ') typed = '\0';
    if (this.#armed.has('alt')) typed = `\x1b${typed}`;
    this.#disarm();
    return typed;
  }

  #button(key) {
    return this.#row.querySelector(`[data-key="${key}"]`);
  }

  #press(event) {
    const key = event.target.closest('[data-key]')?.dataset.key;
    if (!key) return;
    event.preventDefault();
    // Reading the clipboard needs a finished click, see above.
    if (key === 'paste') return;
    this.#act(key);
    if (key in ARROWS) this.#repeatAfter(key, REPEAT_AFTER);
  }

  #repeatAfter(key, delay) {
    clearTimeout(this.#repeat);
    this.#repeat = setTimeout(() => {
      this.#act(key);
      this.#repeatAfter(key, REPEAT_EVERY);
    }, delay);
  }

  #act(key) {
    if (key === 'ctrl' || key === 'alt') this.#toggle(key);
    else if (key === 'escape') this.#term.input('\x1b', true);
    else if (key === 'tab') this.#term.input('\t', true);
    else if (key === 'paste') pasteFromClipboard(this.#term).catch(() => {});
    else this.#term.input(this.#withModifiers(key), true);
  }

  #withModifiers(key) {
    const value = 1 + (this.#armed.has('alt') ? 2 : 0) + (this.#armed.has('ctrl') ? 4 : 0);
    this.#disarm();
    return value === 1 ? arrow(this.#term, key) : `\x1b[1;${value}${ARROWS[key]}`;
  }

  #toggle(key) {
    if (!this.#armed.delete(key)) this.#armed.add(key);
    this.#button(key).setAttribute('aria-pressed', String(this.#armed.has(key)));
  }

  #disarm() {
    for (const key of this.#armed) this.#button(key).setAttribute('aria-pressed', 'false');
    this.#armed.clear();
  }
}
