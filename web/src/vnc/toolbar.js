// The toolbar at the edge: opens at its handle, hides when nobody uses it, and holds the panels.
import { byId } from '../shared/dom.js';

const IDLE = 4000;

export class Toolbar {
  #bar = byId('tools');
  #handle = byId('handle');
  #timer = null;
  #back;

  // back(): gives the focus back to the desktop.
  constructor(back) {
    this.#back = back;
    // Whoever came by keyboard goes on by keyboard (detail is 0 then); a finger leaves the focus alone.
    this.#handle.onclick = ({ detail }) => (this.isOpen ? this.hide() : this.show({ focus: detail === 0 }));
    const rail = byId('rail');
    for (const type of ['pointermove', 'pointerdown', 'keydown', 'input']) rail.addEventListener(type, () => this.#stir());
    rail.addEventListener('keydown', (event) => this.#key(event));
    for (const button of this.#bar.querySelectorAll('[aria-controls]')) {
      button.onclick = () => this.#toggle(button);
    }
    byId('stage').addEventListener('pointerdown', () => this.hide(), { capture: true });
    this.#bar.inert = true;
  }

  get isOpen() {
    return this.#bar.classList.contains('open');
  }

  show({ focus = false } = {}) {
    this.#bar.classList.add('open');
    this.#bar.inert = false;
    this.#handle.setAttribute('aria-expanded', 'true');
    if (focus) this.#buttons()[0]?.focus();
    this.#stir();
  }

  hide() {
    clearTimeout(this.#timer);
    this.closePanels();
    this.#bar.classList.remove('open');
    this.#bar.inert = true;
    this.#handle.setAttribute('aria-expanded', 'false');
  }

  closePanels() {
    for (const button of this.#bar.querySelectorAll('[aria-expanded="true"]')) this.#toggle(button);
  }

  #buttons() {
    return [...this.#bar.querySelectorAll('button')].filter((button) => button.offsetParent);
  }

  #toggle(button) {
    const open = button.getAttribute('aria-expanded') !== 'true';
    if (open) this.closePanels();
    button.setAttribute('aria-expanded', String(open));
    byId(button.getAttribute('aria-controls')).hidden = !open;
    byId('rail').classList.toggle('panel-open', open);
    this.#stir();
  }

  // Stays while a panel is open, the pointer rests on it, or the keyboard is in it.
  #inUse() {
    return this.#bar.querySelector('[aria-expanded="true"]') || byId('rail').matches(':hover') || byId('rail').querySelector(':focus-visible');
  }

  #stir() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (this.#inUse()) this.#stir();
      else this.hide();
    }, IDLE);
  }

  #key(event) {
    if (event.key === 'Escape') {
      event.preventDefault();
      this.#leave();
    } else if (event.target.closest('#tools') && event.target.matches('button')) this.#walk(event);
  }

  // Escape closes the panel first, then the toolbar.
  #leave() {
    const opener = this.#bar.querySelector('[aria-expanded="true"]');
    if (opener) {
      this.closePanels();
      opener.focus();
      return;
    }
    this.hide();
    this.#back();
  }

  #walk(event) {
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const buttons = this.#buttons();
    const at = buttons.indexOf(event.target);
    buttons[(at + step + buttons.length) % buttons.length].focus();
  }
}
