// Where the gateway is and how this tab proves who it is.
//
// Pages may live under any URL prefix, so everything is relative to the page. A key or ticket given
// in the page's URL moves into this tab's storage and out of the address bar, the history and any
// link a user copies.
import { tabStore } from './store.js';

const CREDENTIALS = ['api_key', 'ticket'];

// A JSON Web Token: three parts, of which the first is an object in base64url.
const TOKEN = /^eyJ[\w-]*\.[\w-]+\.[\w-]+$/;

export class Gateway {
  locked = false;

  // `up` leads from the page to the gateway's root: '.' for /terminal, '..' for /v1/docs.
  constructor(up) {
    this.root = new URL(up === '.' ? './' : `${up}/`, location.href);
    this.root.search = '';
    this.root.hash = '';
  }

  #slot(name) {
    return `sandgate:${name}:${this.root.pathname}`;
  }

  // Takes credentials out of the address bar; call once, before anything is sent.
  adoptCredentials() {
    const url = new URL(location.href);
    let found = false;
    for (const name of CREDENTIALS) {
      const value = url.searchParams.get(name);
      if (value) tabStore.set(this.#slot(name), value);
      found = url.searchParams.has(name) || found;
      url.searchParams.delete(name);
    }
    if (found) history.replaceState(history.state, '', url);
  }

  get key() {
    return tabStore.get(this.#slot('api_key'));
  }

  // A key typed by the user replaces a ticket, which may have run out.
  set key(value) {
    tabStore.remove(this.#slot('ticket'));
    if (value) tabStore.set(this.#slot('api_key'), value);
    else tabStore.remove(this.#slot('api_key'));
  }

  url(path) {
    return new URL(path.replace(/^\//, ''), this.root);
  }

  headers() {
    if (!this.key) return {};
    return TOKEN.test(this.key) ? { Authorization: `Bearer ${this.key}` } : { 'X-AIO-API-Key': this.key };
  }

  // Credentials as query parameters, for what cannot send headers (WebSockets).
  query() {
    const pairs = CREDENTIALS.map((name) => [name, tabStore.get(this.#slot(name))]);
    return new URLSearchParams(pairs.filter(([, value]) => value));
  }

  socketUrl(path, parameters = {}) {
    const url = this.url(path);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    for (const [name, value] of [...Object.entries(parameters), ...this.query()]) {
      if (value !== null && value !== undefined) url.searchParams.set(name, value);
    }
    return url;
  }

  fetch(path, options = {}) {
    const url = this.url(path);
    const ticket = tabStore.get(this.#slot('ticket'));
    if (ticket && !this.key) url.searchParams.set('ticket', ticket);
    return fetch(url, { cache: 'no-store', ...options, headers: { ...this.headers(), ...options.headers } });
  }

  // Trades the key for the gateway's cookie by asking for this page with it, so that a reload and
  // the next tab are let in as well. Where the gateway has no such cookie nothing is lost.
  async signIn() {
    const url = new URL(location.pathname, location.href);
    url.searchParams.set('api_key', this.key);
    await fetch(url, { cache: 'no-store', headers: { Accept: 'text/html' } }).catch(() => {});
  }

  // Learns whether a stranger would be refused: then curl snippets name the key, even where this
  // browser is let in by its cookie.
  async learnWhetherLocked() {
    const answer = await fetch(this.url('healthz'), { credentials: 'omit', cache: 'no-store' }).catch(() => null);
    this.locked = answer?.status === 401;
  }

  // Asks a cheap endpoint whether we are let in. status 0 means nobody answered.
  async probe() {
    try {
      const answer = await this.fetch('healthz', { signal: AbortSignal.timeout(10000) });
      const body = await answer.json().catch(() => null);
      return { status: answer.status, message: body?.message ?? '' };
    } catch {
      return { status: 0, message: '' };
    }
  }
}
