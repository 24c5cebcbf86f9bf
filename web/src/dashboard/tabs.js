// The tabs: one is open, the address says which (#terminal, #files/home/x), and each is made when it
// is first opened. A pane is { show(rest), hide(), leave(rest) }, each
// optional; leave() says whether the pane may move on within itself.
import { byId, h } from '../shared/dom.js';

const NAMES = ['code', 'browser', 'terminal', 'jupyter', 'files', 'services'];

// '#files/home/x' → { name: 'files', rest: '/home/x' }
export function placeOf(hash) {
  const text = hash.replace(/^#/, '');
  const slash = text.indexOf('/');
  const name = slash < 0 ? text : text.slice(0, slash);
  if (!NAMES.includes(name)) return { name: 'home', rest: '' };
  return { name, rest: slash < 0 ? '' : text.slice(slash) };
}

export class Tabs {
  current = null;
  #makers;
  #context;
  #panes = new Map();
  #shown;
  #hash = '';
  #turn = 0;

  constructor(makers, context, shown) {
    this.#makers = makers;
    this.#context = context;
    this.#shown = shown;
    this.#wireKeys();
  }

  get names() {
    return NAMES;
  }

  start() {
    window.addEventListener('hashchange', () => this.#follow());
    for (const button of this.#buttons()) button.onclick = () => this.go(button.dataset.tab, this.#rest(button.dataset.tab));
    this.#follow();
  }

  // Opens a tab; `rest` is what the pane makes of it.
  go(name, rest = '') {
    location.hash = name === 'home' ? '' : name + rest;
  }

  // The open pane moved within itself: the address follows, without coming back to it.
  note(name, rest, { replace = false } = {}) {
    const pane = this.#panes.get(name);
    if (pane) pane.rest = rest;
    if (this.current !== name || location.hash === `#${name}${rest}`) return;
    // Somebody wants another tab, and the word of it is still on its way: that address must stay.
    if (location.hash !== this.#hash) return;
    history[replace ? 'replaceState' : 'pushState'](null, '', `#${name}${rest}`);
    this.#hash = location.hash;
  }

  focusPane() {
    byId('panes').focus();
  }

  #rest(name) {
    return this.#panes.get(name)?.rest ?? '';
  }

  #buttons() {
    return [...byId('tabs').querySelectorAll('[role="tab"]')];
  }

  async #follow() {
    const hash = location.hash;
    if (hash === this.#hash && this.current) return;
    const { name, rest } = placeOf(hash);
    const before = this.#panes.get(this.current)?.pane;
    if (name === this.current && before?.leave && !(await before.leave(rest))) {
      history.pushState(null, '', this.#hash || location.pathname + location.search);
      return;
    }
    if (hash !== location.hash) return;
    this.#hash = hash;
    this.#select(name);
    if (before && before !== this.#panes.get(name)?.pane) before.hide?.();
    this.current = name;
    this.#shown(name);
    if (name !== 'home') await this.#open(name, rest);
  }

  #select(name) {
    for (const button of this.#buttons()) {
      const selected = button.dataset.tab === name;
      button.setAttribute('aria-selected', String(selected));
      button.tabIndex = selected || (name === 'home' && button.dataset.tab === NAMES[0]) ? 0 : -1;
    }
    for (const section of document.querySelectorAll('.pane')) section.hidden = section.id !== `pane-${name}`;
    this.#leaveHidden();
    const label = byId(`tab-${name}`)?.textContent;
    document.title = label ? `${label} – Sandgate` : 'Sandgate';
  }

  // A frame that is hidden keeps the keys until the page is drawn the next time.
  #leaveHidden() {
    const focused = document.activeElement;
    if (!focused?.closest('.pane')?.hidden) return;
    focused.blur();
    window.focus();
  }

  async #open(name, rest) {
    const section = byId(`pane-${name}`);
    this.#turn += 1;
    const turn = this.#turn;
    if (!this.#panes.has(name)) {
      section.replaceChildren(h('p.loading', {}, 'Loading…'));
      const pane = await this.#make(name, section);
      if (!pane) {
        this.#showUnloaded(section);
        return;
      }
      if (!this.#panes.has(name)) this.#panes.set(name, { pane, rest });
    }
    const entry = this.#panes.get(name);
    entry.rest = rest;
    if (turn === this.#turn && this.current === name) entry.pane.show?.(rest);
  }

  // A piece may be refused for want of a key: then one is asked for, and it is fetched once more.
  async #make(name, section) {
    const make = () => this.#makers[name](section, this.#context).catch(() => null);
    return (await make()) ?? ((await this.#context.client.get('v1/services').catch(() => null)) && make());
  }

  // The pieces of an older page are gone once the sandbox has a newer one.
  #showUnloaded(section) {
    section.replaceChildren(h('div.state', {},
      h('h2', {}, 'This part of the page could not be loaded'),
      h('p', {}, 'The sandbox does not answer, or has a newer version of this page.'),
      h('button.primary', { type: 'button', onclick: () => location.reload() }, 'Reload')));
  }

  // One tab is in the tab order, the arrows walk (WAI-ARIA tabs, activated by Enter or Space, because
  // opening one may start a program).
  #wireKeys() {
    byId('tabs').addEventListener('keydown', (event) => {
      const buttons = this.#buttons();
      const at = buttons.indexOf(event.target);
      const to = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: buttons.length - 1 }[event.key];
      if (at < 0 || to === undefined) return;
      event.preventDefault();
      const next = buttons[(to + buttons.length) % buttons.length];
      for (const button of buttons) button.tabIndex = button === next ? 0 : -1;
      next.focus();
    });
  }
}
