// A tab that shows a service's own page: the service is started and waited for first, with its own
// words, and watched while its page is shown.
import { h } from '../shared/dom.js';
import { shareKeys } from './shortcuts.js';

const WHILE_CHANGING = 600;
const WHILE_STEADY = 4000;

// What to show for a service, before its page is there. null: the page.
export function stateOf(service, { title }) {
  const { state, reason } = service;
  if (state === 'ready') return null;
  if (state === 'failed') return { title: `${title} could not be started`, text: reason, action: 'Try again', log: true, bad: true };
  if (state === 'stopped') return { title: `${title} is not running`, text: reason, action: 'Start', log: service.log_length > 0 };
  if (state === 'backoff') return { title: `${title} is being restarted…`, text: reason, busy: true, log: true };
  return { title: state === 'stopping' ? `${title} is being stopped…` : `${title} is starting…`, text: reason, busy: true };
}

export class FramePane {
  #section;
  #context;
  #about;
  #frame = null;
  #timer = null;
  #shown = false;
  #asked = false;

  // about: { title, service, also: other services it may be shown without, address }
  constructor(section, context, about) {
    this.#section = section;
    this.#context = context;
    this.#about = about;
    this.view = h('div.stage');
    this.bar = h('div.remark', { hidden: true, role: 'status' });
    section.replaceChildren(this.bar, this.view);
    context.client.addEventListener('unlocked', () => this.#frame && this.#load());
    document.addEventListener('visibilitychange', () => this.#turn());
  }

  show() {
    this.#shown = true;
    // One that is on its way gets the focus when it is there: keys would be lost in it.
    if (this.#frame && !this.#frame.classList.contains('coming')) this.#frame.focus();
    this.#turn();
  }

  hide() {
    this.#shown = false;
    clearTimeout(this.#timer);
  }

  // One look at the service, and the next one planned.
  async #turn() {
    clearTimeout(this.#timer);
    if (!this.#shown || document.hidden) return;
    const service = await this.#look();
    if (!this.#shown) return;
    const state = service?.state;
    const changing = state === 'starting' || state === 'stopping' || state === 'backoff';
    if (service !== undefined) this.#timer = setTimeout(() => this.#turn(), changing ? WHILE_CHANGING : WHILE_STEADY);
  }

  // The service as it is; null: nobody answered; undefined: there is none.
  async #look() {
    const { client } = this.#context;
    try {
      const service = await client.get(`v1/services/${this.#about.service}`);
      if (service.state === 'stopped' && !this.#asked) return await this.#start();
      this.#draw(service);
      return service;
    } catch (error) {
      if (error.status === 404) {
        this.#show({ title: `${this.#about.title} is not part of this installation`, text: `There is no service named “${this.#about.service}” here.` });
        return undefined;
      }
      if (!this.#frame) this.#show({ title: this.#about.title, text: error.message, busy: true });
      return null;
    }
  }

  // Answers at once: what comes of it is looked at in turns.
  async #start() {
    this.#asked = true;
    const service = await this.#context.client.post(`v1/services/${this.#about.service}/start`, { timeout: 0 })
      .catch((error) => error.data ?? Promise.reject(error));
    this.#draw(service);
    return service;
  }

  async #startAgain() {
    this.#asked = false;
    await this.#start().catch((error) => this.#context.notice(error.message, 'bad'));
    this.#turn();
  }

  #draw(service) {
    const state = stateOf(service, this.#about);
    if (this.#frame) this.#remark(state);
    else if (state) this.#show(state);
    else this.#load();
  }

  #load() {
    this.#frame = h('iframe', {
      src: this.#context.gateway.url(this.#about.address).href, title: this.#about.title,
      allow: 'clipboard-read; clipboard-write; fullscreen',
    });
    shareKeys(this.#frame, this.#context.tabs);
    // A page that is still on its way is white, whatever the theme.
    const frame = this.#frame;
    const veil = h('div.state', {}, h('span.spinner', { 'aria-hidden': 'true' }), h('h2', {}, `${this.#about.title} is loading…`));
    frame.classList.add('coming');
    frame.addEventListener('load', () => {
      veil.remove();
      frame.classList.remove('coming');
      if (this.#shown) frame.focus();
    }, { once: true });
    this.view.replaceChildren(frame, veil);
    this.#remark(null);
  }

  #buttons(state) {
    return [
      state.action && h('button.primary', { type: 'button', onclick: () => this.#startAgain() }, state.action),
      state.log && h('button', { type: 'button', onclick: () => this.#context.tabs.go('services', `/${this.#about.service}`) }, 'Show its log'),
    ];
  }

  #show(state) {
    this.view.replaceChildren(h('div.state', { 'data-bad': state.bad ? 'yes' : undefined },
      state.busy ? h('span.spinner', { 'aria-hidden': 'true' }) : null,
      h('h2', {}, state.title),
      h('p', { role: 'status' }, state.text),
      h('div.buttons', {}, this.#buttons(state))));
  }

  // Over the page, which may still be of use (or comes back by itself).
  #remark(state) {
    this.bar.hidden = !state;
    if (!state) return;
    this.bar.replaceChildren(
      state.busy ? h('span.spinner', { 'aria-hidden': 'true' }) : null,
      h('span', {}, h('b', {}, state.title), ' ', state.text), ...this.#buttons(state).filter(Boolean));
  }
}
