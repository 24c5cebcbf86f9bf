// A folder's entries as a table one can walk with the keyboard.
import { h } from '../../shared/dom.js';
import { icon } from '../icons.js';
import { dateText, fullDateText, plural, sizeText } from '../words.js';
import { kindOf } from './paths.js';

const MOST = 2000;
const names = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });

const keys = {
  name: (a, b) => names.compare(a.name, b.name) || (a.name < b.name ? -1 : 1),
  size: (a, b) => (a.size ?? 0) - (b.size ?? 0),
  modified: (a, b) => (a.modified_time < b.modified_time ? -1 : a.modified_time > b.modified_time ? 1 : 0),
};

// Folders first, whatever the order.
export function arrange(entries, { key, descending, hidden, filter }) {
  const wanted = filter.toLowerCase();
  const sign = descending ? -1 : 1;
  return entries
    .filter(({ name }) => (hidden || !name.startsWith('.')) && name.toLowerCase().includes(wanted))
    .sort((a, b) => b.is_directory - a.is_directory || sign * keys[key](a, b) || keys.name(a, b));
}

export class Listing {
  #entries = [];
  #shown = [];
  #active = null;
  #order = { key: 'name', descending: false, hidden: false, filter: '' };
  #on;

  // on: { open(entry), menu(entry, anchor), key(event, entry) → taken? }
  constructor(on) {
    this.#on = on;
    this.body = h('tbody', {});
    this.heads = Object.fromEntries([['name', 'Name'], ['size', 'Size'], ['modified', 'Modified']].map(([key, label]) => [key,
      h('th', { scope: 'col', class: key }, h('button.plain', { type: 'button', onclick: () => this.#sortBy(key) }, label, h('span', { 'aria-hidden': 'true' })))]));
    this.element = h('table.listing', { 'aria-label': 'Files' },
      h('thead', {}, h('tr', {}, Object.values(this.heads), h('th', { scope: 'col', class: 'act' }, h('span.offscreen', {}, 'Actions')))), this.body);
    this.remark = h('p.remark-line', { role: 'status' });
    this.body.addEventListener('keydown', (event) => this.#key(event));
    this.#showOrder();
  }

  get order() {
    return this.#order;
  }

  // `active`: the name of the entry to stand at.
  set(entries, { active = this.#active, focus = false } = {}) {
    this.#entries = entries;
    this.#active = active;
    this.#draw();
    if (focus) this.focus();
  }

  arrange(change) {
    Object.assign(this.#order, change);
    this.#draw();
  }

  focus() {
    (this.body.querySelector('[tabindex="0"]') ?? this.heads.name.firstElementChild).focus();
  }

  #sortBy(key) {
    this.#order.descending = this.#order.key === key ? !this.#order.descending : key !== 'name';
    this.#order.key = key;
    this.#showOrder();
    this.#draw();
  }

  #showOrder() {
    for (const [key, head] of Object.entries(this.heads)) {
      const mine = key === this.#order.key;
      if (mine) head.setAttribute('aria-sort', this.#order.descending ? 'descending' : 'ascending');
      else head.removeAttribute('aria-sort');
      head.querySelector('span').textContent = mine ? (this.#order.descending ? '↓' : '↑') : '';
    }
  }

  // The focus stays where it was, also when the rows are made anew.
  #draw() {
    const focused = this.body.contains(document.activeElement);
    this.#shown = arrange(this.#entries, this.#order);
    const rows = this.#shown.slice(0, MOST).map((entry) => this.#row(entry));
    this.body.replaceChildren(...rows);
    this.element.hidden = this.#shown.length === 0;
    this.remark.textContent = this.#remarkText();
    const at = Math.max(0, this.#shown.findIndex(({ name }) => name === this.#active));
    if (rows[at]) rows[at].tabIndex = 0;
    if (focused) this.focus();
  }

  #remarkText() {
    if (this.#shown.length > MOST) return `${this.#shown.length - MOST} more: use the filter.`;
    if (this.#shown.length) return '';
    if (!this.#entries.length) return 'This folder is empty. Drop files here to upload them.';
    return this.#order.filter ? 'Nothing here matches the filter.' : `Only ${plural(this.#entries.length, 'hidden entry', 'hidden entries')}.`;
  }

  #row(entry) {
    const kind = entry.is_directory ? 'files' : kindOf(entry.name) === 'image' ? 'image' : 'file';
    const more = h('button.plain', { type: 'button', tabIndex: -1, title: 'Actions', 'aria-label': `Actions for ${entry.name}`, 'aria-haspopup': 'menu' }, icon('dots'));
    const row = h('tr', { tabIndex: -1, 'data-name': entry.name, 'data-kind': kind },
      h('td.name', {}, h('span.cell', {}, icon(kind), h('span.label', { title: entry.name }, entry.name))),
      h('td.size', {}, entry.is_directory ? '' : sizeText(entry.size)),
      h('td.modified', { title: fullDateText(entry.modified_time) }, dateText(entry.modified_time)),
      h('td.act', {}, more));
    row.onclick = () => { this.#stand(row); this.#on.open(entry); };
    row.onfocus = () => this.#stand(row);
    row.oncontextmenu = (event) => {
      event.preventDefault();
      this.#on.menu(entry, more, new DOMRect(event.clientX, event.clientY, 0, 0));
    };
    more.onclick = (event) => {
      event.stopPropagation();
      this.#stand(row);
      this.#on.menu(entry, more);
    };
    return row;
  }

  #stand(row) {
    this.#active = row.dataset.name;
    for (const other of this.body.querySelectorAll('[tabindex="0"]')) other.tabIndex = -1;
    row.tabIndex = 0;
  }

  #key(event) {
    const rows = [...this.body.rows];
    const row = event.target.closest('tr');
    const at = rows.indexOf(row);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1, PageDown: at + 15, PageUp: at - 15 }[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (to !== undefined) {
      rows[Math.max(0, Math.min(rows.length - 1, to))].focus();
      event.preventDefault();
    } else if (event.key === 'Enter' && event.target === row) {
      event.preventDefault();
      this.#on.open(this.#shown[at]);
    } else if (this.#on.key(event, this.#shown[at], row)) event.preventDefault();
  }
}
