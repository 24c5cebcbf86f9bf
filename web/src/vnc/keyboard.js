// The on-screen keyboard and input methods. Browsers offer both only for a text field, so there is a
// hidden one: what appears in it is typed on the desktop, character by character, in any script.
import { KEYS, difference, keysymOf } from './keysyms.js';

// Something to erase: without it a Backspace in the empty field would make no event.
const FILLER = '\u200b'.repeat(8);
const LONGEST = 200;

// On Android every word is composed and shown letter by letter; elsewhere only what an input method
// converts is, and its intermediate steps are nobody's text.
const composesAlways = () => /android/i.test(navigator.userAgent);

export class TextInput {
  #field;
  #screen;
  #panel;
  #known = FILLER;
  #live = composesAlways();

  constructor(field, screen, panel) {
    this.#field = field;
    this.#screen = screen;
    this.#panel = panel;
    field.addEventListener('input', (event) => this.#follow(event));
    field.addEventListener('compositionend', () => this.#follow({ isComposing: false }));
    for (const type of ['keydown', 'keyup']) field.addEventListener(type, (event) => this.#key(event));
    field.addEventListener('focus', () => this.#reset());
    this.#reset();
  }

  get active() {
    return document.activeElement === this.#field;
  }

  open() {
    this.#field.focus({ preventScroll: true });
  }

  close() {
    this.#field.blur();
  }

  #reset() {
    this.#field.value = FILLER;
    this.#field.setSelectionRange(FILLER.length, FILLER.length);
    this.#known = FILLER;
  }

  #follow({ isComposing }) {
    if (isComposing && !this.#live) return;
    const { erased, typed } = difference(this.#known, this.#field.value);
    this.#known = this.#field.value;
    for (let i = 0; i < erased; i += 1) this.#panel.send(...KEYS.backspace);
    for (const character of typed) {
      if (character !== FILLER[0]) this.#panel.send(keysymOf(character), null);
    }
    if (!isComposing && (this.#known.length > LONGEST || !this.#known.startsWith(FILLER[0]))) this.#reset();
  }

  // Keys that write nothing (arrows, Escape, Ctrl with a letter) act as on the desktop's own canvas.
  #key(event) {
    if (event.isComposing || event.key === 'Process' || event.key === 'Unidentified') return;
    const writes = [...event.key].length === 1 || event.key === 'Dead';
    if (writes && !event.ctrlKey && !event.altKey && !event.metaKey) return;
    event.preventDefault();
    // A copy, because an event cannot be dispatched twice; the client reads nothing else from it.
    this.#screen.canvas?.dispatchEvent(new KeyboardEvent(event.type, event));
    if (event.type === 'keydown' && !/^(Control|Shift|Alt|Meta)/.test(event.key)) this.#panel.release();
  }
}
