// A passing remark at the bottom of the page.
import { byId } from '../shared/dom.js';

let timer = null;

export function notice(text, kind = 'plain') {
  const place = byId('notice');
  place.textContent = text;
  place.dataset.kind = kind;
  place.classList.add('shown');
  clearTimeout(timer);
  timer = setTimeout(() => place.classList.remove('shown'), Math.min(10000, 2500 + 50 * text.length));
}
