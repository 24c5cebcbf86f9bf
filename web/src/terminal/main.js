// The terminal page: joins the screen, the session and the controls around them.
import { byId } from '../shared/dom.js';
import { Gateway } from '../shared/gateway.js';
import { askForKey } from '../shared/keyform.js';
import { clipboardKey, copySelection, serveOsc52, watchPaste } from './clipboard.js';
import { Screen } from './screen.js';
import { Session } from './session.js';
import { StatusLine } from './status.js';
import { KeyRow, watchPan } from './touch.js';

const gateway = new Gateway('.');
// In a frame the page around it says who we are and where else one can go.
if (window.parent !== window) document.body.classList.add('framed');
try {
  // The dashboard's keys, from before the terminal takes the focus.
  window.parent.sandgateKeys?.(window);
} catch {
  // It is another site's page that is around us.
}
gateway.adoptCredentials();

const status = new StatusLine();
const notice = (text) => status.notice(text);
const host = byId('terminal');
const screen = new Screen(host);
const { term } = screen;
const keys = new KeyRow(byId('keys'), term);

// The session's name lives in the address, so a reload or a copied link leads back to it.
function sessionInAddress() {
  return new URL(location.href).searchParams.get('session_id');
}

function putIntoAddress(id) {
  const url = new URL(location.href);
  url.searchParams.set('session_id', id);
  history.replaceState(history.state, '', url);
}

const session = new Session(gateway, screen, sessionInAddress(), {
  id: putIntoAddress,
  problem: (text) => status.problem(text),
  state(state) {
    status.show(state);
    if (state.name === 'locked') askForKey(gateway).then(() => { session.connect(); term.focus(); });
  },
});

function restart() {
  session.restart();
  term.focus();
}

// False keeps the key from the program in the terminal.
function handleKey(event) {
  const action = clipboardKey(event);
  if (action === 'copy') {
    if (!event.metaKey || term.hasSelection()) event.preventDefault();
    copySelection(term, notice);
    return false;
  }
  // The browser now makes a paste event, see watchPaste.
  if (action === 'paste') return false;
  if (event.type === 'keydown' && event.key === 'F6' && event.ctrlKey) {
    event.preventDefault();
    byId('smaller').focus();
    return false;
  }
  if (event.type === 'keydown' && event.key === 'Enter' && session.state === 'ended') {
    event.preventDefault();
    restart();
    return false;
  }
  return true;
}

function wireTerminal() {
  term.attachCustomKeyEventHandler(handleKey);
  term.onData((text) => session.type(keys.apply(text)));
  term.onBinary((text) => session.type(text));
  term.onResize(() => session.sendSize());
  term.onTitleChange((title) => { document.title = title ? `${title} – Sandgate` : 'Terminal – Sandgate'; });
  watchPaste(host, term);
  watchPan(host, term);
  serveOsc52(term, () => session.replaying, notice);
  // With several viewers, the one in use decides the size.
  window.addEventListener('focus', () => session.sendSize());
}

function wireControls() {
  byId('retry').onclick = () => session.connect();
  byId('restart').onclick = restart;
  byId('smaller').onclick = () => screen.changeFontSize(-1);
  byId('larger').onclick = () => screen.changeFontSize(1);
  byId('another').href = location.pathname;
  byId('bar').addEventListener('keydown', (event) => {
    if (event.key === 'Escape') term.focus();
  });
  const reader = byId('reader');
  const setReader = (on) => {
    screen.setScreenReader(on);
    reader.setAttribute('aria-pressed', String(on));
  };
  reader.onclick = () => setReader(reader.getAttribute('aria-pressed') !== 'true');
  setReader(screen.wantsScreenReader);
}

function watchSurroundings() {
  for (const type of ['online', 'offline']) window.addEventListener(type, () => session.nudge());
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') session.nudge();
  });
  // Where the on-screen keyboard covers the page (iOS), shrink to what is left.
  window.visualViewport?.addEventListener('resize', () => {
    const covered = window.innerHeight - window.visualViewport.height > 1;
    const height = covered && window.visualViewport.scale === 1 ? `${window.visualViewport.height}px` : '';
    document.body.style.setProperty('--visible-height', height || '100dvh');
  });
}

wireTerminal();
wireControls();
watchSurroundings();
// For tests and browser automation: the screen is easier to read here than from the page.
globalThis.sandgateTerminal = term;
session.connect();
if (matchMedia('(pointer: fine)').matches) term.focus();
