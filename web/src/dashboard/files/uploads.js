// Uploads: a queue, two at a time, each with its progress.
import { h } from '../../shared/dom.js';
import { sizeText } from '../words.js';
import { join } from './paths.js';

const AT_ONCE = 2;

// The files of a drop, folders walked: [{ file, path: 'below/the/folder' }].
export async function filesOfDrop(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files].map((file) => ({ file, path: file.name }));
  const found = [];
  for (const entry of entries) await walk(entry, '', found);
  return found;
}

async function walk(entry, above, found) {
  const path = above + entry.name;
  if (entry.isFile) {
    found.push({ path, file: await new Promise((resolve, reject) => { entry.file(resolve, reject); }) });
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const some = await new Promise((resolve, reject) => { reader.readEntries(resolve, reject); });
    if (!some.length) return;
    for (const one of some) await walk(one, `${path}/`, found);
  }
}

export class Uploads {
  #gateway;
  #client;
  #done;
  #waiting = [];
  #running = 0;

  // done(folder): a file arrived there.
  constructor({ gateway, client }, done) {
    this.#gateway = gateway;
    this.#client = client;
    this.#done = done;
    this.list = h('ul', {});
    this.title = h('b', { role: 'status' });
    this.element = h('aside.uploads', { hidden: true, 'aria-label': 'Uploads' },
      h('header', {}, this.title, h('button.plain', { type: 'button', 'aria-label': 'Close', title: 'Close', onclick: () => this.#clear() }, '✕')),
      this.list);
  }

  get busy() {
    return this.#running + this.#waiting.length > 0;
  }

  add(folder, items) {
    for (const { file, path } of items) {
      const bar = h('progress', { max: 1, value: 0, 'aria-label': `Upload of ${path}` });
      const text = h('span.details', {}, 'waiting');
      const stop = h('button.plain', { type: 'button', 'aria-label': `Cancel ${path}`, title: 'Cancel' }, '✕');
      const row = h('li', {}, h('span.name', { title: path }, path), text, stop, bar);
      const job = { file, folder, path: join(folder, path), row, bar, text, stop, request: null, state: 'waiting' };
      stop.onclick = () => this.#cancel(job);
      this.list.append(row);
      this.#waiting.push(job);
    }
    this.element.hidden = false;
    this.#pump();
  }

  #pump() {
    while (this.#running < AT_ONCE && this.#waiting.length) this.#send(this.#waiting.shift());
    const left = this.#running + this.#waiting.length;
    const failed = this.list.querySelectorAll('[data-state="failed"]').length;
    this.title.textContent = left ? `Uploading ${left}…` : failed ? `${failed} could not be uploaded` : 'Uploaded';
  }

  #send(job) {
    this.#running += 1;
    const request = new XMLHttpRequest();
    const form = new FormData();
    form.append('path', job.path);
    form.append('file', job.file);
    job.request = request;
    request.open('POST', this.#gateway.url('v1/file/upload'));
    for (const [name, value] of Object.entries(this.#gateway.headers())) request.setRequestHeader(name, value);
    request.upload.onprogress = ({ loaded, total }) => {
      job.bar.value = total ? loaded / total : 0;
      job.text.textContent = `${sizeText(loaded)} of ${sizeText(total)}`;
    };
    request.onload = () => this.#answered(job, request);
    request.onerror = () => this.#end(job, 'failed', 'The connection was lost.');
    request.onabort = () => this.#end(job, 'cancelled', 'cancelled');
    request.send(form);
  }

  #answered(job, request) {
    if (request.status === 401) {
      this.#running -= 1;
      this.#client.unlock().then(() => this.#send(job));
      return;
    }
    let told = null;
    try {
      told = JSON.parse(request.responseText);
    } catch {
      // Not from the gateway: its status says enough.
    }
    if (request.status === 200 && told?.success) this.#end(job, 'done', sizeText(job.file.size));
    else this.#end(job, 'failed', told?.message ?? `The sandbox answered ${request.status}.`);
  }

  #end(job, state, text) {
    this.#running -= 1;
    job.state = state;
    job.row.dataset.state = state;
    job.bar.value = state === 'done' ? 1 : job.bar.value;
    job.text.textContent = text;
    job.stop.hidden = true;
    if (state === 'done') this.#done(job.folder);
    this.#pump();
  }

  #cancel(job) {
    if (job.request) {
      job.request.abort();
      return;
    }
    this.#waiting = this.#waiting.filter((other) => other !== job);
    job.row.remove();
    this.#pump();
  }

  // What is under way goes on, and stays to be seen.
  #clear() {
    for (const row of [...this.list.querySelectorAll('[data-state]')]) row.remove();
    this.element.hidden = !this.busy;
  }
}
