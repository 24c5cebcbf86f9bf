// What lies over the desktop while it cannot be used: the state in words, and the way on.
import { byId } from '../shared/dom.js';
import { veilText } from './words.js';

export class Veil {
  #clock = null;
  #noticeTimer = null;

  // open(): connects; give(credentials): answers the server.
  constructor({ open, give }) {
    byId('veil-action').onclick = open;
    byId('password-form').addEventListener('submit', (event) => {
      event.preventDefault();
      give({ username: byId('username').value, password: byId('password').value });
      byId('password').value = '';
    });
  }

  show(state) {
    clearInterval(this.#clock);
    if (state.name !== 'connected') byId('notice').classList.remove('shown');
    document.documentElement.dataset.state = state.name;
    byId('veil').hidden = state.name === 'connected';
    byId('password-form').hidden = state.name !== 'password';
    if (state.name === 'password') this.#askFor(state.types);
    this.#draw(state);
    this.#announce(state);
    if (state.name === 'waiting' && state.at !== null) this.#clock = setInterval(() => this.#draw(state), 250);
  }

  // A passing remark.
  say(text) {
    const notice = byId('notice');
    notice.textContent = text;
    notice.classList.add('shown');
    clearTimeout(this.#noticeTimer);
    this.#noticeTimer = setTimeout(() => notice.classList.remove('shown'), 2500);
  }

  #draw(state) {
    const { title, text = '', next = '', action = '', busy = false } = veilText(state);
    byId('veil-title').textContent = title;
    byId('veil-text').textContent = text;
    byId('veil-next').textContent = next;
    byId('veil-action').textContent = action;
    byId('veil-action').hidden = !action;
    byId('spinner').hidden = !busy;
  }

  #askFor(types) {
    byId('username-row').hidden = !types.includes('username');
    byId(types.includes('username') ? 'username' : 'password').focus();
  }

  // Screen readers hear each change once, not the count-down.
  #announce(state) {
    const { title, text } = veilText(state);
    byId('announce').textContent = {
      connected: 'Connected to the desktop',
      waiting: state.trouble ? `${title}. ${text}` : 'Connection lost, reconnecting',
    }[state.name] ?? title;
  }
}
