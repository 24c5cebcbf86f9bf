// Keys: those that work everywhere on the page, and the list of all of them.
import { byId, h } from '../shared/dom.js';
import { showDialog } from './dialog.js';

const groups = [
  ['Anywhere', [
    ['1 … 6', 'Code, Browser, Terminal, Jupyter, Files, Services'],
    ['Alt Shift 1 … 6', 'The same, also from inside a terminal, an editor or a notebook'],
    ['0', 'Overview'],
    ['t', 'Light or dark'],
    ['?', 'This list'],
  ]],
  ['Files', [
    ['↑ ↓ Home End', 'Walk'],
    ['Enter', 'Open'],
    ['Backspace', 'The folder above'],
    ['F2', 'Rename'],
    ['Delete', 'Delete'],
    ['/', 'Filter'],
    ['n  u', 'New folder, upload'],
  ]],
  ['Editor', [
    ['Ctrl S', 'Save'],
    ['Tab, Shift Tab', 'Indent, outdent (Escape first to leave by Tab)'],
    ['Escape Escape', 'Back to the folder'],
  ]],
  ['Terminal', [
    ['Ctrl F6', 'Out of the terminal, to its bar'],
    ['F2', 'Rename, on its tab'],
    ['Delete', 'End, on its tab'],
  ]],
];

export function showShortcuts() {
  if (document.querySelector('dialog[open]')) return;
  showDialog({
    title: 'Keyboard shortcuts',
    body: [h('div.shortcuts', {}, groups.map(([name, keys]) => h('section', {}, h('h3', {}, name),
      h('dl', {}, keys.flatMap(([key, what]) => [h('dt', {}, h('kbd', {}, key)), h('dd', {}, what)])))))],
    buttons: [{ label: 'Close', primary: true }],
  });
}

const isTyping = (target) => target.closest?.('input, textarea, select, [contenteditable], dialog, [role="menu"]');

export function wireShortcuts({ tabs }) {
  const open = (number) => {
    const name = number === 0 ? 'home' : tabs.names[number - 1];
    if (!name) return;
    if (name === 'home') tabs.go('home');
    else byId(`tab-${name}`).click();
  };
  const digit = (event) => /^Digit([0-6])$/.exec(event.code)?.[1];

  function anywhere(event) {
    if (!event.altKey || !event.shiftKey || event.ctrlKey || event.metaKey || !digit(event)) return;
    event.preventDefault();
    event.stopPropagation();
    open(Number(digit(event)));
  }

  function plain(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || event.defaultPrevented || isTyping(event.target)) return;
    if (event.key === '?') showShortcuts();
    else if (event.key === 't') globalThis.sandgateTheme.choose(document.documentElement.dataset.theme === 'light' ? 'dark' : 'light');
    else if (!event.shiftKey && /^[0-6]$/.test(event.key)) open(Number(event.key));
    else return;
    event.preventDefault();
  }

  window.addEventListener('keydown', anywhere, true);
  window.addEventListener('keydown', plain);
  tabs.anywhere = anywhere;
  // A page of ours in a frame asks for them itself, before it takes the focus.
  window.sandgateKeys = (page) => page.addEventListener('keydown', anywhere, true);
}

// The keys that work everywhere work inside a frame too: its page is ours, or one we serve.
export function shareKeys(frame, tabs) {
  frame.addEventListener('load', () => {
    try {
      frame.contentWindow.addEventListener('keydown', tabs.anywhere, true);
    } catch {
      // It went to another site, which is none of ours.
    }
  });
}
