// One file: edited as text, shown as a picture or played, or told about.
import { h } from '../../shared/dom.js';
import { showDialog } from '../dialog.js';
import { icon } from '../icons.js';
import { sizeText } from '../words.js';
import { Editor } from './editor.js';
import { kindOf, nameOf } from './paths.js';
import { decodeText, encodeText } from './text.js';

const EDITABLE = 4 * 1048576;

export class FileView {
  path = null;
  #operations;
  #notice;
  #leave;
  #etag = null;
  #saved = '';
  #form = null; // { bom, eol } of the text, null when none is edited
  #saving = false;

  // leave(): back to the folder.
  constructor({ operations, notice, leave }) {
    this.#operations = operations;
    this.#notice = notice;
    this.#leave = leave;
    this.name = h('h2', {});
    this.details = h('span.details', { role: 'status' });
    this.saveButton = h('button.primary', { type: 'button', title: 'Save (Ctrl S)', hidden: true, onclick: () => this.save() }, 'Save');
    this.download = h('a.button', { download: '' }, 'Download');
    this.warning = h('div.remark', { hidden: true, role: 'alert' });
    this.stage = h('div.content');
    this.editor = new Editor({ change: () => this.#tell(), save: () => this.save(), leave });
    for (const type of ['keyup', 'pointerup']) this.editor.area.addEventListener(type, () => this.#tell());
    this.element = h('div.fileview', { hidden: true },
      h('header', {},
        h('button.plain', { type: 'button', 'aria-label': 'Back to the folder', title: 'Back to the folder', onclick: leave }, icon('back')),
        this.name, this.details, this.download, this.saveButton),
      this.warning, this.stage);
    window.addEventListener('beforeunload', (event) => { if (this.dirty) event.preventDefault(); });
  }

  get dirty() {
    return this.#form !== null && this.editor.text !== this.#saved;
  }

  async open(path) {
    this.close();
    this.path = path;
    this.element.hidden = false;
    this.name.textContent = nameOf(path);
    this.name.title = path;
    this.download.href = this.#operations.address(path).href;
    this.stage.replaceChildren(h('p.loading', {}, 'Loading…'));
    try {
      const version = await this.#operations.version(path);
      if (this.path !== path) return;
      if (!version) throw new Error('There is no such file.');
      await this.#show(path, version);
    } catch (error) {
      if (this.path === path) this.#state('This file cannot be shown', error.message);
    }
  }

  close() {
    this.path = null;
    this.#form = null;
    this.#etag = null;
    this.element.hidden = true;
    this.warning.hidden = true;
    this.saveButton.hidden = true;
    this.details.textContent = '';
    this.stage.replaceChildren();
  }

  // May the file be left? Asks when something would be lost.
  async mayLeave() {
    if (!this.dirty) return true;
    const choice = await showDialog({
      title: `Save the changes to “${nameOf(this.path)}”?`,
      body: [h('p', {}, 'Otherwise they are lost.')],
      buttons: [{ label: 'Cancel' }, { label: 'Discard', value: 'discard', danger: true }, { label: 'Save', value: 'save', primary: true }],
    });
    if (choice === 'discard') this.#saved = this.editor.text;
    return choice === 'discard' || (choice === 'save' && this.save());
  }

  async #show(path, version) {
    const kind = kindOf(nameOf(path));
    if (kind !== 'text') {
      this.#showMedia(path, kind, version);
      return;
    }
    if (version.size > EDITABLE) {
      this.#state('Too large to edit here', `It has ${sizeText(version.size)}; up to ${sizeText(EDITABLE)} can be edited on this page.`);
      return;
    }
    const { bytes, etag } = await this.#operations.read(path);
    if (this.path !== path) return;
    const form = decodeText(bytes);
    if (!form) {
      this.#state('This is not a text', `${sizeText(bytes.length)} of something else. Download it to look inside.`);
      return;
    }
    this.#edit(form, etag);
    this.stage.replaceChildren(this.editor.element);
    this.editor.area.setSelectionRange(0, 0);
    this.editor.area.scrollTo(0, 0);
    this.editor.focus();
    this.#tell();
  }

  #edit(form, etag) {
    this.#etag = etag;
    this.editor.text = form.text;
    this.#saved = this.editor.text;
    this.#form = form;
    this.saveButton.hidden = false;
    this.#warn(form.mixed ? 'Its lines end in different ways; saving makes them alike.' : '', []);
    this.#tell();
  }

  #showMedia(path, kind, version) {
    const source = this.#operations.address(path);
    const failed = () => this.#state('This cannot be shown', 'The file is damaged, or of a kind this browser does not know.');
    const media = kind === 'image'
      ? h('img', { src: source.href, alt: nameOf(path), onerror: failed })
      : h(kind, { src: source.href, controls: true, onerror: failed });
    if (kind === 'image') {
      media.onload = () => { this.details.textContent = `${media.naturalWidth} × ${media.naturalHeight} · ${sizeText(version.size)}`; };
    }
    this.details.textContent = sizeText(version.size);
    this.stage.replaceChildren(h('div.media', {}, media));
  }

  #state(title, text) {
    this.stage.replaceChildren(h('div.state', {}, h('h2', {}, title), h('p', {}, text),
      h('div.buttons', {}, h('a.button.primary', { href: this.download.href, download: '' }, 'Download'))));
  }

  #tell() {
    if (!this.#form) return;
    const { line, column } = this.editor.place;
    const { dirty } = this;
    this.element.dataset.dirty = String(dirty);
    this.saveButton.disabled = !dirty || this.#saving;
    this.details.textContent = `${this.#saving ? 'saving…' : dirty ? 'not saved' : 'saved'} · line ${line}, column ${column}${this.#form.eol === '\r\n' ? ' · CRLF' : ''}`;
  }

  #warn(text, actions) {
    this.warning.hidden = !text;
    this.warning.replaceChildren(h('span', {}, text),
      ...actions.map(([label, act]) => h('button', { type: 'button', onclick: act }, label)));
  }

  // True when the text is on disk now.
  async save() {
    if (!this.#form || this.#saving) return false;
    if (!this.dirty) return true;
    this.#saving = true;
    this.#tell();
    try {
      return await this.#save();
    } catch (error) {
      this.#notice(error.message, 'bad');
      return false;
    } finally {
      this.#saving = false;
      this.#tell();
    }
  }

  async #save() {
    const { path } = this;
    if (!(await this.#mayOverwrite())) return false;
    const text = this.editor.text;
    await this.#operations.write(path, encodeText(text, this.#form));
    const version = await this.#operations.version(path);
    if (this.path !== path) return true;
    this.#saved = text;
    this.#etag = version?.etag ?? null;
    this.#warn('', []);
    this.#notice(`Saved ${nameOf(path)}`);
    return true;
  }

  // Somebody else (an agent, say) may have written the file meanwhile.
  async #mayOverwrite() {
    const now = await this.#operations.version(this.path);
    if (now?.etag === this.#etag) return true;
    const choice = await showDialog({
      title: now ? 'This file was changed meanwhile' : 'This file was deleted meanwhile',
      body: [h('p', {}, now
        ? 'Somebody else saved it after it was opened here. Overwriting loses what they wrote; loading theirs loses your changes.'
        : 'Saving makes it again.')],
      buttons: now
        ? [{ label: 'Cancel' }, { label: 'Load theirs', value: 'load' }, { label: 'Overwrite', value: 'overwrite', primary: true, danger: true }]
        : [{ label: 'Cancel' }, { label: 'Save', value: 'overwrite', primary: true }],
    });
    if (choice === 'load') await this.#load();
    return choice === 'overwrite';
  }

  async #load() {
    const { path } = this;
    const { bytes, etag } = await this.#operations.read(path);
    const form = decodeText(bytes);
    if (this.path !== path) return;
    if (form) this.#edit(form, etag);
    else this.open(path);
  }

  // Called now and then: an unchanged text follows the file, a changed one is warned about.
  async check() {
    const { path } = this;
    if (!this.#form || this.#saving) return;
    const now = await this.#operations.version(path).catch(() => undefined);
    if (now === undefined || this.path !== path || !this.#form || this.#saving || now?.etag === this.#etag) return;
    if (!now) this.#warn('This file was deleted meanwhile; saving makes it again.', []);
    else if (this.dirty) this.#warn('Somebody else changed this file meanwhile.', [['Load theirs', () => this.#load()]]);
    else await this.#follow(path).catch(() => {});
  }

  // What is typed meanwhile is worth more than what was read.
  async #follow(path) {
    const { bytes, etag } = await this.#operations.read(path);
    const form = decodeText(bytes);
    if (this.path !== path || !this.#form || this.#saving || this.dirty) return;
    if (!form) this.open(path);
    else if (form.text === this.#saved && form.eol === this.#form.eol && form.bom === this.#form.bom) this.#etag = etag;
    else this.#edit(form, etag);
  }
}
