// The files tab: a folder or one of its files, as the address says.
import { copyText, h } from '../../shared/dom.js';
import { lastingStore } from '../../shared/store.js';
import { askText, confirmed, showDialog } from '../dialog.js';
import { icon } from '../icons.js';
import { openMenu } from '../menu.js';
import { plural } from '../words.js';
import { FileView } from './fileview.js';
import { Listing } from './listing.js';
import { Operations } from './operations.js';
import { crumbs, fromAddress, join, nameOf, nameProblem, parentOf, toAddress } from './paths.js';
import { filesOfDrop, Uploads } from './uploads.js';

const EVERY = 3000;
const OFTEN_ENOUGH = 2000; // entries of a folder that is looked at anew all the time
const HIDDEN = 'sandgate:files:hidden';

export class FilesPane {
  #context;
  #operations;
  #folder = null;
  #base = '/';
  #seen = '';
  #entries = [];
  #shown = false;
  #timer = null;
  #turns = 0;

  constructor(section, context) {
    this.#context = context;
    this.#operations = new Operations(context.client);
    this.listing = new Listing({
      open: (entry) => this.#go(entry.path),
      menu: (entry, anchor, at) => this.#menu(entry, anchor, at),
      key: (event, entry) => this.#key(event, entry),
    });
    this.view = new FileView({ operations: this.#operations, notice: context.notice, leave: () => this.#go(parentOf(this.view.path)) });
    this.uploads = new Uploads(context, (folder) => { if (folder === this.#folder) this.#look(); });
    this.#build(section);
    this.listing.arrange({ hidden: lastingStore.get(HIDDEN) === 'yes' });
    this.#wireDrop(section);
    document.addEventListener('visibilitychange', () => this.#turn());
    window.addEventListener('focus', () => this.#turn());
    window.addEventListener('beforeunload', (event) => { if (this.uploads.busy) event.preventDefault(); });
  }

  #build(section) {
    this.crumbs = h('nav.crumbs', { 'aria-label': 'Folder' });
    this.filter = h('input', { type: 'search', placeholder: 'Filter', 'aria-label': 'Filter', autocomplete: 'off', spellcheck: 'false' });
    this.filter.oninput = () => this.listing.arrange({ filter: this.filter.value.trim() });
    this.filter.onkeydown = (event) => {
      if (event.key === 'Escape') this.#clearFilter();
      if (event.key === 'ArrowDown' || event.key === 'Enter' || event.key === 'Escape') this.listing.focus();
    };
    this.picker = h('input', { type: 'file', multiple: true, hidden: true, 'aria-label': 'Files to upload' });
    this.picker.onchange = () => {
      this.#upload([...this.picker.files].map((file) => ({ file, path: file.name })));
      this.picker.value = '';
    };
    this.more = h('button.plain', { type: 'button', title: 'More', 'aria-label': 'More', 'aria-haspopup': 'menu', onclick: () => this.#folderMenu() }, icon('dots'));
    this.state = h('div.state', { hidden: true });
    // Nothing is said of a folder, and nothing goes into it, before it is known.
    this.waiting = h('div.state', {}, h('p', {}, 'Loading…'));
    this.folderView = h('div.folder', { hidden: true },
      h('header', {}, this.crumbs,
        h('div.tools', {}, this.filter, this.picker,
          h('button', { type: 'button', onclick: () => this.picker.click() }, icon('upload'), h('span', {}, 'Upload')),
          h('button', { type: 'button', onclick: () => this.#make('folder') }, icon('add'), h('span', {}, 'New folder')), this.more)),
      h('div.scroll', {}, this.state, this.listing.element, this.listing.remark));
    this.drop = h('div.drop', { hidden: true }, h('p', {}, icon('upload'), 'Drop to upload here'));
    section.replaceChildren(this.waiting, this.folderView, this.view.element, this.uploads.element, this.drop);
  }

  // ---- where we are ----

  async show(rest) {
    this.#shown = true;
    if (!this.#folder) await this.#learnBase();
    const path = rest ? fromAddress(rest) : this.view.path ?? this.#folder ?? this.#base;
    if (path !== this.view.path) await this.#open(path);
    else this.view.editor.focus();
    this.#turn();
  }

  hide() {
    this.#shown = false;
    clearTimeout(this.#timer);
  }

  leave() {
    return this.view.mayLeave();
  }

  async #learnBase() {
    const told = await this.#context.client.get('v1/sandbox/resources').catch(() => null);
    this.#base = told?.disk.path ?? '/';
  }

  #go(path) {
    this.#context.tabs.go('files', toAddress(path));
  }

  // A folder, or else a file.
  async #open(path) {
    const turn = (this.#turns += 1);
    try {
      const { files } = await this.#operations.list(path);
      if (turn === this.#turns) this.#showFolder(path, files);
    } catch (error) {
      if (turn !== this.#turns) return;
      if (error.data?.errno_name === 'ENOTDIR') await this.#showFile(path);
      else this.#showProblem(path, error);
    }
    this.waiting.remove();
    if (turn === this.#turns) this.#context.tabs.note('files', toAddress(path), { replace: true });
  }

  #showFolder(path, files) {
    const from = this.view.path ?? this.#folder;
    const active = from && parentOf(from) === path ? nameOf(from) : null;
    this.view.close();
    this.folderView.hidden = false;
    this.state.hidden = true;
    if (path !== this.#folder) this.#clearFilter();
    this.#folder = path;
    this.#drawCrumbs();
    this.#take(files);
    this.listing.set(files, { active, focus: true });
  }

  async #showFile(path) {
    this.#folder ??= parentOf(path);
    this.folderView.hidden = true;
    await this.view.open(path);
  }

  #showProblem(path, error) {
    this.view.close();
    this.folderView.hidden = false;
    this.#folder = path;
    this.#drawCrumbs();
    this.#take([]);
    this.listing.set([]);
    this.listing.remark.textContent = '';
    this.state.hidden = false;
    const missing = error.data?.errno_name === 'ENOENT';
    this.state.replaceChildren(
      h('h2', {}, missing ? 'There is nothing here' : 'This folder cannot be shown'),
      h('p', {}, missing ? path : error.message),
      h('div.buttons', {},
        h('button.primary', { type: 'button', onclick: () => this.#open(path) }, 'Try again'),
        h('button', { type: 'button', onclick: () => this.#go(this.#base) }, 'To the workspace')));
  }

  #drawCrumbs() {
    const steps = crumbs(this.#folder, this.#base);
    this.crumbs.replaceChildren(...steps.flatMap(({ label, path }, index) => [
      index > 0 && !(index === 1 && steps[0].path === '/') ? h('span', { 'aria-hidden': 'true' }, '/') : null,
      h('a', { href: `#files${toAddress(path)}`, 'aria-current': index === steps.length - 1 ? 'page' : undefined, title: path }, label),
    ]).filter(Boolean));
    this.crumbs.lastElementChild.scrollIntoView({ block: 'nearest', inline: 'end' });
  }

  #clearFilter() {
    this.filter.value = '';
    this.listing.arrange({ filter: '' });
  }

  // ---- what is there ----

  #take(files) {
    this.#entries = files;
    this.#seen = JSON.stringify(files);
  }

  async #turn() {
    clearTimeout(this.#timer);
    if (!this.#shown || document.hidden) return;
    if (this.view.path) await this.view.check();
    else if (this.#entries.length <= OFTEN_ENOUGH && this.state.hidden) await this.#look();
    clearTimeout(this.#timer);
    if (this.#shown) this.#timer = setTimeout(() => this.#turn(), EVERY);
  }

  // Looks at the folder again; the rows are made anew only when something changed.
  async #look({ active } = {}) {
    const folder = this.#folder;
    if (!folder || this.view.path) return;
    const told = await this.#operations.list(folder).catch(() => null);
    if (!told || folder !== this.#folder || this.view.path) return;
    if (JSON.stringify(told.files) === this.#seen && active === undefined) return;
    this.#take(told.files);
    this.listing.set(told.files, active === undefined ? {} : { active, focus: true });
  }

  // ---- what can be done ----

  #menu(entry, anchor, at) {
    openMenu(anchor, [
      { label: 'Open', hint: 'Enter', act: () => this.#go(entry.path) },
      entry.is_directory ? false : { label: 'Download', href: this.#operations.address(entry.path).href, download: entry.name },
      { label: 'Copy the path', act: async () => this.#context.notice((await copyText(entry.path)) ? 'Copied' : 'This browser does not let pages copy') },
      null,
      { label: 'Rename…', hint: 'F2', act: () => this.#rename(entry) },
      { label: 'Delete…', hint: 'Del', danger: true, act: () => this.#remove(entry) },
    ].filter((item) => item !== false), { at, label: entry.name });
  }

  #folderMenu() {
    const { hidden } = this.listing.order;
    openMenu(this.more, [
      { label: 'New file…', act: () => this.#make('file') },
      { label: hidden ? 'Hide hidden entries' : 'Show hidden entries', act: () => this.#showHidden(!hidden) },
      { label: 'Refresh', act: () => this.#open(this.#folder) },
      { label: 'Copy the path', act: async () => this.#context.notice((await copyText(this.#folder)) ? 'Copied' : 'This browser does not let pages copy') },
      null,
      { label: 'The workspace', act: () => this.#go(this.#base) },
      { label: 'The whole disk', act: () => this.#go('/') },
    ]);
  }

  #showHidden(hidden) {
    lastingStore.set(HIDDEN, hidden ? 'yes' : 'no');
    this.listing.arrange({ hidden });
  }

  async #make(what) {
    let made = '';
    const done = await askText({
      title: `New ${what}`, label: 'Name', action: 'Make',
      check: async (name) => {
        const path = join(this.#folder, name);
        made = name;
        return nameProblem(name) || (what === 'folder' ? this.#operations.makeFolder(path) : this.#operations.makeFile(path));
      },
    });
    if (!done) return;
    if (what === 'file') this.#go(join(this.#folder, made));
    else await this.#look({ active: made });
  }

  async #rename(entry) {
    let renamed = entry.name;
    const dot = entry.name.lastIndexOf('.');
    const done = await askText({
      title: `Rename “${entry.name}”`, label: 'New name', value: entry.name, action: 'Rename',
      selectTo: dot > 0 && !entry.is_directory ? dot : entry.name.length,
      check: async (name) => {
        renamed = name;
        if (name === entry.name) return '';
        return nameProblem(name) || this.#operations.rename(entry.path, join(parentOf(entry.path), name));
      },
    });
    if (done) await this.#look({ active: renamed });
  }

  async #remove(entry) {
    const sure = await confirmed({
      title: `Delete “${entry.name}”?`,
      text: entry.is_directory ? 'The folder and everything in it will be gone for good.' : 'It will be gone for good.',
      action: 'Delete', danger: true,
    });
    if (!sure) return;
    const wrong = await this.#operations.remove(entry.path);
    if (wrong) this.#context.notice(wrong, 'bad');
    const next = this.#neighbour(entry.name);
    await this.#look({ active: next });
  }

  #neighbour(name) {
    const row = [...this.listing.body.rows].find((one) => one.dataset.name === name);
    return (row?.nextElementSibling ?? row?.previousElementSibling)?.dataset.name ?? null;
  }

  #key(event, entry) {
    if (event.key === 'Backspace') this.#go(parentOf(this.#folder));
    else if (event.key === 'F2' && entry) this.#rename(entry);
    else if (event.key === 'Delete' && entry) this.#remove(entry);
    else if (event.key === '/') this.filter.focus();
    else if (event.key === 'n') this.#make('folder');
    else if (event.key === 'u') this.picker.click();
    else return false;
    return true;
  }

  // ---- uploads ----

  async #upload(items) {
    if (!items.length) return;
    const folder = this.#folder;
    const there = new Set(this.#entries.map(({ name }) => name));
    const clashes = items.filter(({ path }) => there.has(path.split('/')[0]));
    let wanted = items;
    if (clashes.length) {
      const choice = await showDialog({
        title: clashes.length === 1 ? `“${clashes[0].path}” exists` : `${plural(clashes.length, 'file')} may exist`,
        body: [h('p', {}, 'What is of the same name would be replaced.')],
        buttons: [{ label: 'Cancel' }, { label: 'Skip', value: 'skip' }, { label: 'Replace', value: 'replace', primary: true, danger: true }],
      });
      if (!choice) return;
      if (choice === 'skip') wanted = items.filter((item) => !clashes.includes(item));
    }
    if (wanted.length) this.uploads.add(folder, wanted);
  }

  #wireDrop(section) {
    const carriesFiles = (event) => event.dataTransfer?.types.includes('Files') && !this.folderView.hidden;
    let depth = 0;
    const over = (change) => {
      depth = Math.max(0, depth + change);
      this.drop.hidden = depth === 0;
    };
    section.addEventListener('dragenter', (event) => { if (carriesFiles(event)) { event.preventDefault(); over(1); } });
    section.addEventListener('dragleave', (event) => { if (carriesFiles(event)) over(-1); });
    section.addEventListener('dragover', (event) => { if (carriesFiles(event)) event.preventDefault(); });
    section.addEventListener('drop', async (event) => {
      if (!carriesFiles(event)) return;
      event.preventDefault();
      over(-depth);
      try {
        await this.#upload(await filesOfDrop(event.dataTransfer));
      } catch {
        this.#context.notice('What was dropped cannot be read.', 'bad');
      }
    });
    // A drop beside the target must not replace the page.
    for (const type of ['dragover', 'drop']) window.addEventListener(type, (event) => event.preventDefault());
  }
}
