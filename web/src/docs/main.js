// The API browser: loads the document beside it, lists what it declares, and lets one try it.
import { byId, h } from '../shared/dom.js';
import { Gateway } from '../shared/gateway.js';
import { askForKey } from '../shared/keyform.js';
import { groups, matches, operations } from './spec.js';
import { fieldNames } from './tryit.js';
import { badge, operationFold, prose } from './view.js';

const gateway = new Gateway('..');
gateway.adoptCredentials();

// Loads the document; asks for a key until one lets us in.
async function load() {
  for (;;) {
    const answer = await gateway.fetch('v1/openapi.json');
    if (answer.ok) return answer.json();
    if (answer.status !== 401) throw new Error(`openapi.json: ${answer.status} ${answer.statusText}`);
    await askForKey(gateway);
  }
}

function showAbout(doc) {
  byId('title').replaceChildren(doc.info?.title ?? 'API', ' ', h('small', {}, doc.info?.version ?? ''));
  document.title = `${doc.info?.title ?? 'API'} – Sandgate`;
  byId('about').replaceChildren(...prose(doc.info?.description ?? ''));
}

function draw(doc) {
  const entries = [];
  const remember = (operation) => history.replaceState(null, '', `#${operation.id}`);
  for (const group of groups(doc, operations(doc))) {
    const items = group.operations.map((operation) => ({
      operation,
      names: fieldNames(doc, operation),
      fold: operationFold(gateway, doc, operation, remember),
      link: h('a', { href: `#${operation.id}`, title: operation.summary }, badge(operation.method), h('span', {}, operation.path)),
    }));
    const section = h('section', {}, h('h2', {}, group.name), ...prose(group.description ?? ''), ...items.map((item) => item.fold));
    const list = h('div', {}, h('h3', {}, group.name), ...items.map((item) => item.link));
    byId('groups').append(section);
    byId('contents').append(list);
    entries.push({ section, list, items });
  }
  return entries;
}

function filter(entries, query) {
  let count = 0;
  for (const { section, list, items } of entries) {
    let visible = 0;
    for (const { operation, names, fold, link } of items) {
      const hit = matches(operation, query, names);
      fold.hidden = !hit;
      link.hidden = !hit;
      visible += hit ? 1 : 0;
    }
    section.hidden = visible === 0;
    list.hidden = visible === 0;
    count += visible;
  }
  byId('state').textContent = count ? `${count} endpoint${count === 1 ? '' : 's'}` : 'Nothing matches.';
}

// Opens and shows the operation the address names (#post-v1-shell-exec).
function openNamed() {
  const fold = byId(decodeURIComponent(location.hash.slice(1)));
  if (!fold?.matches('details.operation')) return;
  fold.hidden = false;
  fold.open = true;
  fold.scrollIntoView({ block: 'start' });
}

function wire(entries) {
  const search = byId('search');
  search.addEventListener('input', () => filter(entries, search.value.trim()));
  window.addEventListener('hashchange', openNamed);
  document.addEventListener('keydown', (event) => {
    if (event.key !== '/' || event.target.closest('input, textarea, select')) return;
    event.preventDefault();
    search.focus();
  });
  filter(entries, '');
  openNamed();
}

byId('key').onclick = () => askForKey(gateway, { optional: true });

try {
  const doc = await load();
  await gateway.learnWhetherLocked();
  byId('key').hidden = !gateway.locked;
  showAbout(doc);
  wire(draw(doc));
} catch (error) {
  byId('state').textContent = `The API document could not be loaded (${error.message}).`;
  byId('state').className = 'problem';
}
