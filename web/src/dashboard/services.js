// The services: what state each is in, why and since when, and what it wrote.
import { h } from '../shared/dom.js';
import { LogView } from './servicelog.js';
import { dateText, durationText, fullDateText, sizeText } from './words.js';

const EVERY = 1500;

const MAY = {
  stopped: ['start'], failed: ['start'], backoff: ['start', 'stop'], starting: ['stop'], stopping: [], ready: ['stop', 'restart'],
};
const VERBS = { start: 'Start', stop: 'Stop', restart: 'Restart' };

export function details(service, now = Date.now()) {
  const parts = [`${service.state === 'ready' ? 'for' : 'since'} ${service.state === 'ready' ? durationText(now - new Date(service.since)) : dateText(service.since)}`];
  if (service.restarts) parts.push(`restarted ${service.restarts === 1 ? 'once' : `${service.restarts} times`}`);
  if (service.memory_mb) parts.push(`about ${sizeText(service.memory_mb * 1048576)}`);
  if (service.pid) parts.push(`pid ${service.pid}`);
  return parts.join(' · ');
}

export class ServicesPane {
  #context;
  #rows = new Map(); // name → { element, … }
  #timer = null;
  #shown = false;
  #log;

  constructor(section, context) {
    this.#context = context;
    this.list = h('ul.services', { 'aria-label': 'Services' });
    this.state = h('p.loading', {}, 'Loading…');
    this.#log = new LogView(context, () => context.tabs.go('services'));
    section.replaceChildren(h('div.split', {}, h('div.column', {}, this.state, this.list), this.#log.element));
    document.addEventListener('visibilitychange', () => this.#turn());
    context.client.addEventListener('online', () => this.#turn());
  }

  async show(rest) {
    this.#shown = true;
    const name = decodeURIComponent(rest.slice(1));
    this.#log.follow(name || null);
    this.#markOpen(name);
    await this.#turn();
  }

  hide() {
    this.#shown = false;
    clearTimeout(this.#timer);
    this.#log.follow(null);
  }

  async #turn() {
    clearTimeout(this.#timer);
    if (!this.#shown || document.hidden) return;
    try {
      this.#draw(await this.#context.client.get('v1/services'));
    } catch (error) {
      if (!this.#rows.size) this.state.textContent = error.message;
    }
    clearTimeout(this.#timer);
    if (this.#shown) this.#timer = setTimeout(() => this.#turn(), EVERY);
  }

  #draw(services) {
    this.state.hidden = services.length > 0;
    this.state.textContent = services.length ? '' : 'This installation has no services.';
    for (const service of services) {
      if (!this.#rows.has(service.name)) this.#rows.set(service.name, this.#row(service));
      this.#update(this.#rows.get(service.name), service);
    }
    for (const [name, { element }] of this.#rows) {
      if (services.some((service) => service.name === name)) continue;
      element.remove();
      this.#rows.delete(name);
    }
  }

  #row({ name, title, description }) {
    const row = { state: h('span.chip'), reason: h('p.reason'), details: h('p.details'), buttons: {}, busy: false };
    for (const [verb, label] of Object.entries(VERBS)) {
      row.buttons[verb] = h('button', { type: 'button', onclick: () => this.#change(name, verb) }, label);
    }
    row.log = h('button', { type: 'button', 'aria-expanded': 'false', onclick: () => this.#toggleLog(name) }, 'Log');
    row.element = h('li.service', { 'data-name': name },
      h('div.about', {}, h('h2', {}, title, ' ', h('code', {}, name)), h('p', {}, description), row.reason, row.details),
      row.state,
      h('div.buttons', { role: 'group', 'aria-label': title }, Object.values(row.buttons), row.log));
    this.list.append(row.element);
    row.log.setAttribute('aria-expanded', String(this.#log.name === name));
    return row;
  }

  #update(row, service) {
    row.element.dataset.state = service.state;
    row.state.textContent = service.state;
    row.reason.textContent = service.reason;
    row.details.textContent = details(service);
    row.details.title = `In this state since ${fullDateText(service.since)}`;
    for (const [verb, button] of Object.entries(row.buttons)) {
      button.hidden = !MAY[service.state].includes(verb);
      button.disabled = row.busy;
    }
  }

  async #change(name, verb) {
    const row = this.#rows.get(name);
    row.busy = true;
    for (const button of Object.values(row.buttons)) button.disabled = true;
    // What comes of it is shown in the row; only a refusal of the call itself is news.
    await this.#context.client.post(`v1/services/${encodeURIComponent(name)}/${verb}`, {}, { timeout: 60000 })
      .catch((error) => error.data?.state || this.#context.notice(error.message, 'bad'));
    row.busy = false;
    await this.#turn();
    const next = Object.values(row.buttons).find((button) => !button.hidden) ?? row.log;
    if (document.activeElement === document.body) next.focus();
  }

  #toggleLog(name) {
    this.#context.tabs.go('services', this.#log.name === name ? '' : `/${name}`);
  }

  #markOpen(name) {
    for (const [other, { log }] of this.#rows) log.setAttribute('aria-expanded', String(other === name));
  }
}
