// A small menu at a button: arrows walk, Enter chooses, Escape and a click elsewhere close it.
import { h } from '../shared/dom.js';

let open = null;

export function closeMenu({ focus = false } = {}) {
  if (!open) return;
  const { box, anchor, away } = open;
  open = null;
  document.removeEventListener('pointerdown', away, true);
  window.removeEventListener('blur', away);
  box.remove();
  anchor.setAttribute('aria-expanded', 'false');
  if (focus) anchor.focus();
}

// Beside the button, but within the window.
function place(box, at) {
  const { width, height } = box.getBoundingClientRect();
  const left = Math.max(8, Math.min(at.right - width, innerWidth - width - 8));
  const below = at.bottom + 4;
  const top = below + height > innerHeight - 8 ? Math.max(8, at.top - height - 4) : below;
  box.style.left = `${left}px`;
  box.style.top = `${top}px`;
}

function walk(event, box) {
  const items = [...box.querySelectorAll('[role^="menuitem"]')];
  const at = items.indexOf(document.activeElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
  if (event.key === 'Escape' || event.key === 'Tab') {
    event.preventDefault();
    event.stopPropagation();
    closeMenu({ focus: true });
  } else if (to !== undefined) {
    event.preventDefault();
    items[(to + items.length) % items.length].focus();
  }
}

function element(item) {
  if (item === null) return h('hr', { role: 'separator' });
  const role = item.checked === undefined ? 'menuitem' : 'menuitemradio';
  const common = {
    role, tabIndex: -1, class: item.danger ? 'danger' : undefined,
    'aria-checked': item.checked === undefined ? undefined : String(item.checked),
    onclick: () => {
      closeMenu({ focus: true });
      item.act?.();
    },
  };
  const hint = item.hint && h('kbd', {}, item.hint);
  if (item.href) return h('a', { ...common, href: item.href, target: item.target, download: item.download }, item.label, hint);
  return h('button', { ...common, type: 'button' }, item.label, hint);
}

// items: { label, act | href, target, hint, checked, danger }, or null for a line. `at`: a rectangle
// to stand at instead of the anchor's. Returns a function that adds items at the end.
export function openMenu(anchor, items, { at = anchor.getBoundingClientRect(), label = 'Menu' } = {}) {
  const again = open?.anchor === anchor;
  closeMenu();
  if (again) return null;
  const box = h('div.menu', { role: 'menu', 'aria-label': label }, items.map(element));
  const away = (event) => {
    if (event.type === 'blur' || !(box.contains(event.target) || anchor.contains(event.target))) closeMenu();
  };
  open = { box, anchor, away };
  document.body.append(box);
  place(box, at);
  anchor.setAttribute('aria-expanded', 'true');
  box.addEventListener('keydown', (event) => walk(event, box));
  document.addEventListener('pointerdown', away, true);
  window.addEventListener('blur', away);
  box.querySelector('[role^="menuitem"]')?.focus();
  return (more) => {
    if (open?.box !== box) return;
    box.append(...more.map(element));
    place(box, at);
  };
}
