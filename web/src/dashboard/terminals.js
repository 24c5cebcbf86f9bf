// Terminals: a tab for each shell session there is, whoever made it; each is attached to when it is
// first shown.
import { h } from '../shared/dom.js';
import { lastingStore } from '../shared/store.js';
import { confirmed, askText } from './dialog.js';
import { icon } from './icons.js';
import { openMenu } from './menu.js';
import { Names } from './sessionnames.js';
import { shareKeys } from './shortcuts.js';

const EVERY = 3000;

export class Terminals {
  #context;
  #names;
  #sessions = new Map(); // id → { info, tab, frame }
  #current = null;
  #wanted = null;
  #timer = null;
  #shown = false;
  #closing = new Set();

  constructor(section, context) {
    this.#context = context;
    this.#names = new Names(lastingStore, `sandgate:terminals:${context.gateway.root.pathname}`);
    this.list = h('div.subtabs', { role: 'tablist', 'aria-label': 'Terminals' });
    this.stage = h('div.stage');
    this.list.addEventListener('keydown', (event) => this.#key(event));
    section.replaceChildren(
      h('div.subbar', {}, this.list,
        h('button.plain', { type: 'button', title: 'New terminal', 'aria-label': 'New terminal', onclick: () => this.#make() }, icon('add'))),
      this.stage);
    context.client.addEventListener('unlocked', () => this.#reload());
    document.addEventListener('visibilitychange', () => this.#turn());
  }

  async show(rest) {
    this.#shown = true;
    this.#wanted = decodeURIComponent(rest.slice(1)) || null;
    const first = this.#current === null;
    await this.#turn();
    if (first && this.#sessions.size === 0 && this.#context.client.online) await this.#make();
    else this.#focus();
  }

  hide() {
    this.#shown = false;
    clearTimeout(this.#timer);
  }

  async #turn() {
    clearTimeout(this.#timer);
    if (!this.#shown || document.hidden) return;
    const told = await this.#context.client.get('v1/shell/sessions').catch(() => null);
    if (told) this.#take(told.sessions);
    else if (!this.#sessions.size) this.#empty('The sandbox does not answer.');
    clearTimeout(this.#timer);
    if (this.#shown) this.#timer = setTimeout(() => this.#turn(), EVERY);
  }

  // A session that is gone keeps its tab while it is looked at: its page says how it ended.
  #take(told) {
    const ids = Object.keys(told).sort((a, b) => (told[a].created_at < told[b].created_at ? -1 : 1));
    this.#names.keep(ids);
    for (const [id, entry] of this.#sessions) {
      if (!told[id] && (id !== this.#current || this.#closing.has(id))) this.#remove(id);
      else if (!told[id]) this.#mark(entry, null);
    }
    for (const id of ids) {
      if (this.#closing.has(id)) continue;
      if (!this.#sessions.has(id)) this.#add(id);
      this.#mark(this.#sessions.get(id), told[id]);
    }
    if (this.#wanted && this.#sessions.has(this.#wanted)) this.#select(this.#wanted);
    else if (this.#current === null && this.#sessions.size) this.#select([...this.#sessions.keys()].at(-1));
    this.#wanted = null;
    if (!this.#sessions.size) this.#empty('');
  }

  #add(id) {
    const label = h('span.name', {}, this.#names.of(id));
    const tab = h('div.subtab', { role: 'tab', tabIndex: -1, 'aria-selected': 'false', 'data-id': id },
      h('span.dot', { 'aria-hidden': 'true' }), label,
      h('button.plain', { type: 'button', tabIndex: -1, 'aria-label': 'End this terminal', title: 'End (Delete)', onclick: (event) => { event.stopPropagation(); this.#close(id); } }, icon('close')));
    tab.onclick = () => this.#select(id, { focus: true });
    tab.ondblclick = () => this.#rename(id);
    tab.oncontextmenu = (event) => {
      event.preventDefault();
      openMenu(tab, [
        { label: 'Rename…', hint: 'F2', act: () => this.#rename(id) },
        { label: 'Open in a window of its own', href: `terminal?session_id=${encodeURIComponent(id)}`, target: '_blank' },
        { label: 'End', hint: 'Delete', danger: true, act: () => this.#close(id) },
      ]);
    };
    this.#sessions.set(id, { info: null, tab, label, frame: null });
    this.list.append(tab);
    this.stage.querySelector('.state')?.remove();
  }

  // info: null once the session has ended.
  #mark(entry, info) {
    entry.info = info;
    entry.tab.dataset.status = info?.status ?? 'ended';
    entry.tab.title = info
      ? `${entry.tab.dataset.id}\n${info.working_dir}${info.current_command ? `\n${info.current_command}` : ''}`
      : `${entry.tab.dataset.id}\nended`;
  }

  #select(id, { focus = false } = {}) {
    const entry = this.#sessions.get(id);
    this.#current = id;
    for (const [other, { tab, frame }] of this.#sessions) {
      tab.setAttribute('aria-selected', String(other === id));
      tab.tabIndex = other === id ? 0 : -1;
      if (frame) frame.hidden = other !== id;
    }
    if (!entry.frame) this.#attach(id, entry);
    entry.tab.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    this.#context.tabs.note('terminal', `/${encodeURIComponent(id)}`, { replace: true });
    if (focus) this.#focus();
  }

  #attach(id, entry) {
    const url = this.#context.gateway.url('terminal');
    url.searchParams.set('session_id', id);
    entry.frame = h('iframe', { src: url.href, title: this.#names.of(id), allow: 'clipboard-read; clipboard-write' });
    shareKeys(entry.frame, this.#context.tabs);
    this.stage.append(entry.frame);
  }

  #focus() {
    const frame = this.#sessions.get(this.#current)?.frame;
    const terminal = frame?.contentWindow?.sandgateTerminal;
    // The page focuses its terminal when it loads; later it is ours to do.
    if (!terminal) return;
    frame.focus();
    terminal.focus();
  }

  #reload() {
    for (const [id, entry] of this.#sessions) {
      if (!entry.frame) continue;
      entry.frame.remove();
      entry.frame = null;
      if (id === this.#current) this.#attach(id, entry);
    }
  }

  async #make() {
    try {
      const { session_id: id } = await this.#context.client.post('v1/shell/sessions/create');
      if (!this.#sessions.has(id)) this.#add(id);
      this.#select(id, { focus: true });
    } catch (error) {
      if (this.#sessions.size) this.#context.notice(error.message, 'bad');
      else this.#empty(error.message);
    }
  }

  async #close(id) {
    const entry = this.#sessions.get(id);
    const busy = entry.info?.status === 'running';
    if (busy && !(await confirmed({
      title: `End “${this.#names.of(id)}”?`,
      text: `${entry.info.current_command ? `“${entry.info.current_command}”` : 'Something'} still runs in it, and ends with it.`,
      action: 'End it', danger: true,
    }))) return;
    this.#closing.add(id);
    this.#remove(id);
    await this.#context.client.delete(`v1/shell/sessions/${encodeURIComponent(id)}`).catch((error) => {
      if (error.status !== 404) this.#context.notice(error.message, 'bad');
    });
    this.#closing.delete(id);
    if (!this.#sessions.size) this.#empty('');
  }

  #remove(id) {
    const ids = [...this.#sessions.keys()];
    const { tab, frame } = this.#sessions.get(id);
    tab.remove();
    frame?.remove();
    this.#sessions.delete(id);
    if (this.#current !== id) return;
    this.#current = null;
    const at = ids.indexOf(id);
    const next = ids[at + 1] ?? ids[at - 1];
    if (next) this.#select(next, { focus: true });
    else this.#context.tabs.note('terminal', '', { replace: true });
  }

  #rename(id) {
    askText({
      title: 'Rename the terminal', label: 'Name, on this browser', value: this.#names.of(id), action: 'Rename',
      check: (text) => {
        if (!text.trim()) return 'A name is needed.';
        this.#names.set(id, text.trim());
        const entry = this.#sessions.get(id);
        entry.label.textContent = this.#names.of(id);
        if (entry.frame) entry.frame.title = this.#names.of(id);
        return '';
      },
    });
  }

  #key(event) {
    const tabs = [...this.list.children];
    const at = tabs.indexOf(event.target);
    if (at < 0) return;
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
    const { id } = event.target.dataset;
    if (to !== undefined) {
      // Walking opens nothing: a terminal takes the focus when it comes.
      const next = tabs[(to + tabs.length) % tabs.length];
      for (const tab of tabs) tab.tabIndex = tab === next ? 0 : -1;
      next.focus();
    } else if (event.key === 'Enter' || event.key === ' ') this.#select(id, { focus: true });
    else if (event.key === 'F2') this.#rename(id);
    else if (event.key === 'Delete') this.#close(id);
    else return;
    event.preventDefault();
  }

  #empty(problem) {
    this.stage.querySelector('.state')?.remove();
    this.stage.append(h('div.state', {},
      h('h2', {}, problem ? 'No terminal could be opened' : 'No terminal is open'),
      h('p', {}, problem || 'Terminals of agents show up here, too.'),
      h('div.buttons', {}, h('button.primary', { type: 'button', onclick: () => this.#make() }, 'New terminal'))));
  }
}
