// The status line: what the connection does, in words, with a count-down while it waits.
import { byId } from '../shared/dom.js';
import { exitText, stateText } from './words.js';

const NOTICE_FOR = 6000;

export class StatusLine {
  #clock = null;
  #noticeTimer = null;
  #problem = '';

  show(state) {
    clearInterval(this.#clock);
    this.#draw(state);
    if (state.name === 'waiting') this.#clock = setInterval(() => this.#draw(state), 250);
    byId('status').dataset.state = state.name;
    document.body.dataset.link = state.name;
    byId('retry').hidden = state.name !== 'waiting' && state.name !== 'refused';
    this.#showEnd(state);
    this.#announce(state);
    if (state.name === 'connected') this.#forgetProblem();
  }

  // A passing remark.
  notice(text) {
    byId('notice').textContent = text;
    byId('notice').title = text;
    clearTimeout(this.#noticeTimer);
    this.#noticeTimer = setTimeout(() => { byId('notice').textContent = this.#problem; }, NOTICE_FOR);
  }

  // What the gateway complained about; stays until the connection works.
  problem(text) {
    this.#problem = text;
    this.notice(text);
  }

  #forgetProblem() {
    if (this.#problem && byId('notice').textContent === this.#problem) byId('notice').textContent = '';
    this.#problem = '';
  }

  #draw(state) {
    byId('status-text').textContent = stateText(state);
  }

  #showEnd(state) {
    byId('ended').hidden = state.name !== 'ended';
    if (state.name === 'ended') byId('ended-text').textContent = exitText(state.exit);
  }

  // Screen readers hear each change once, not the count-down.
  #announce(state) {
    const text = state.name === 'waiting' ? 'Connection lost, reconnecting' : stateText(state);
    byId('announce').textContent = state.name === 'ended' ? exitText(state.exit) : text;
  }
}
