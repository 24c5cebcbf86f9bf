// The log of one service, read by offset and followed while it is shown.
import { h } from '../shared/dom.js';

const EVERY = 1000;
const CHUNK = 65536;
const FIRST = 131072;
const KEEP = 1 << 20;

// Colours and cursor movements of programs that think they write to a terminal.
export const plainText = (text) => text.replace(/\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-_])/g, '').replace(/\r(?!\n)/g, '\n').replace(/\r\n/g, '\n');

export class LogView {
  name = null;
  #context;
  #offset = 0;
  #timer = null;

  constructor(context, close) {
    this.#context = context;
    this.title = h('h2', {});
    this.text = h('pre', { tabIndex: 0, 'aria-label': 'Log' });
    this.remark = h('span.details', {});
    this.element = h('aside.log', { hidden: true, 'aria-label': 'Log' },
      h('header', {}, this.title, this.remark,
        h('button', { type: 'button', onclick: () => this.#toEnd() }, 'To the end'),
        h('button.plain', { type: 'button', 'aria-label': 'Close the log', title: 'Close (Escape)', onclick: close }, '✕')),
      this.text);
    this.element.addEventListener('keydown', (event) => { if (event.key === 'Escape') close(); });
    this.text.addEventListener('scroll', () => this.#tell());
  }

  // null: none.
  follow(name) {
    clearTimeout(this.#timer);
    if (name === this.name && name !== null) {
      this.#turn(name);
      return;
    }
    this.name = name;
    this.element.hidden = name === null;
    if (name === null) return;
    this.title.textContent = `Log of ${name}`;
    this.text.textContent = '';
    this.remark.textContent = '';
    this.#begin(name);
  }

  get #atEnd() {
    return this.text.scrollHeight - this.text.scrollTop - this.text.clientHeight < 24;
  }

  #toEnd() {
    this.text.scrollTop = this.text.scrollHeight;
  }

  #tell() {
    this.remark.textContent = this.#atEnd ? 'following' : 'paused while you read';
  }

  async #begin(name) {
    try {
      const { log_length: length } = await this.#context.client.get(`v1/services/${encodeURIComponent(name)}`);
      this.#offset = Math.max(0, length - FIRST);
    } catch (error) {
      this.text.textContent = error.message;
      return;
    }
    if (this.name === name) this.#turn(name);
  }

  async #turn(name) {
    clearTimeout(this.#timer);
    const more = await this.#read(name).catch(() => false);
    if (this.name !== name) return;
    this.#timer = setTimeout(() => this.#turn(name), more ? 0 : EVERY);
  }

  // True when there is more at once.
  async #read(name) {
    const path = `v1/services/${encodeURIComponent(name)}/logs?offset=${this.#offset}&max=${CHUNK}`;
    const { output, offset, skipped, log_length: length } = await this.#context.client.get(path);
    if (this.name !== name) return false;
    const followed = this.#atEnd;
    if (skipped) this.#add(`\n… ${skipped} bytes are no longer kept …\n`);
    if (output) this.#add(plainText(output));
    if (!this.text.textContent) this.remark.textContent = 'nothing written yet';
    else this.#tell();
    this.#offset = offset;
    if (followed) this.#toEnd();
    return output !== '' && offset < length;
  }

  #add(text) {
    this.text.append(text);
    let length = this.text.textContent.length;
    while (length > KEEP && this.text.childNodes.length > 1) {
      length -= this.text.firstChild.length;
      this.text.firstChild.remove();
    }
  }
}
