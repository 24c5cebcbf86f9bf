/*! Contains noVNC (https://github.com/novnc/noVNC), licensed under the MPL 2.0, and pako, under the MIT licence. */
// The desktop page: joins the viewer, the picture and the controls around them.
import { initLogging } from '../../node_modules/@novnc/novnc/core/util/logging.js';
import { byId } from '../shared/dom.js';
import { Gateway } from '../shared/gateway.js';
import { askForKey } from '../shared/keyform.js';
import { ring } from './bell.js';
import { ClipboardPanel } from './clippanel.js';
import { TextInput } from './keyboard.js';
import { KeyPanel } from './modifiers.js';
import { readParameters, socketUrls } from './parameters.js';
import { PasteKeys } from './paste.js';
import { Screen } from './screen.js';
import { wireFullScreen, wireSettings } from './settings.js';
import { Toolbar } from './toolbar.js';
import { Veil } from './veil.js';
import { Viewer } from './viewer.js';

const PROBE_WITHIN = 8000;

const gateway = new Gateway('..');
gateway.adoptCredentials();
const parameters = readParameters(location);
initLogging(parameters.logging);

const screen = new Screen(byId('screen'), byId('still'), parameters);
const veil = new Veil({ open: () => viewer.open(), give: (credentials) => viewer.give(credentials) });
const say = (text) => veil.say(text);
const toolbar = new Toolbar(() => screen.focus());
const keys = new KeyPanel(byId('keys-panel'), screen, () => typing.active || screen.focus());
const typing = new TextInput(byId('typing'), screen, keys);
const clipboard = new ClipboardPanel(screen, say);
const viewer = new Viewer({
  urls: addresses,
  dial: (url) => new WebSocket(url, ['binary']),
  attach: (socket, credentials) => screen.attach(socket, credentials),
  probe: whatIsWrong,
  on: { state: follow },
  credentials: parameters.password === null ? null : { username: '', password: parameters.password },
  reconnect: parameters.reconnect,
  reconnectDelay: parameters.reconnectDelay,
});

// Credentials go to the gateway only, never to a host named in the address.
function addresses() {
  return socketUrls(parameters, new URL(location.href), gateway.root).map((url) => {
    if (url.host === location.host) for (const [name, value] of gateway.query()) url.searchParams.set(name, value);
    return url;
  });
}

// Why the socket could not be opened, as far as the gateway knows.
async function whatIsWrong() {
  try {
    const answer = await ask('v1/services/desktop');
    if (answer.status !== 403) return answer;
    // Whoever may see the desktop need not be allowed to see its service; its own address says less.
    const own = await ask('websockify');
    return own.status === 401 || own.status === 403 || own.status >= 500 ? own : { status: 200, state: 'ready' };
  } catch {
    return { status: 0, message: '' };
  }
}

async function ask(path) {
  const answer = await gateway.fetch(path, { signal: AbortSignal.timeout(PROBE_WITHIN) });
  const { message = '', data } = (await answer.json().catch(() => null)) ?? {};
  return { status: answer.status, message, state: data?.state, reason: data?.reason };
}

let lock = null;

async function keepAwake(on) {
  if (!parameters.keepAwake || !navigator.wakeLock) return;
  await lock?.release();
  lock = on ? await navigator.wakeLock.request('screen').catch(() => null) : null;
}

function follow(state) {
  const connected = state.name === 'connected';
  if (!connected) screen.keepStill();
  veil.show(state);
  byId('rail').hidden = !connected;
  keepAwake(connected);
  if (connected) welcome();
  else {
    keys.forget();
    toolbar.hide();
  }
  if (state.name === 'locked') askForKey(gateway).then(() => viewer.open());
}

let woken = false;

// A desktop without its browser is an empty screen, so looking at it for the first time starts the
// browser as any other first use does. Where there is none, or it may not be used, nothing is lost.
function wakeBrowser() {
  if (woken || parameters.host || parameters.port || parameters.path) return;
  woken = true;
  gateway.fetch('v1/browser/info').catch(() => {});
}

function welcome() {
  wakeBrowser();
  // The new picture is there in a moment; until then the last one stays.
  setTimeout(() => viewer.state === 'connected' && screen.dropStill(), 200);
  toolbar.show();
  clipboard.connected();
  // Embedded in another page, the focus is that page's to give.
  if (document.hasFocus() && matchMedia('(pointer: fine)').matches) screen.focus();
}

function wireKeys() {
  // On the stage, so that it is seen before the client takes every key. Ctrl+F6 leads out, as from the terminal.
  byId('stage').addEventListener('keydown', (event) => {
    if (event.key !== 'F6' || !event.ctrlKey) return;
    event.preventDefault();
    event.stopPropagation();
    toolbar.show({ focus: true });
  }, { capture: true });
  // A key pressed on the picture and let go elsewhere must not stay down there.
  window.addEventListener('keyup', (event) => {
    const { canvas } = screen;
    if (event.target !== canvas && !typing.active) canvas?.dispatchEvent(new KeyboardEvent('keyup', event));
  }, { capture: true });
  // While somebody types into the text field, buttons leave it the focus, or the phone's keyboard folds away.
  byId('rail').addEventListener('pointerdown', (event) => {
    if (typing.active && event.target.closest('button')) event.preventDefault();
  });
  byId('keyboard').onclick = () => (typing.active ? typing.close() : typing.open());
  // While the text field has the keyboard, a tap on the picture must not fold it away.
  for (const type of ['focus', 'blur']) {
    byId('typing').addEventListener(type, () => {
      screen.takesFocus = !typing.active;
      byId('keyboard').setAttribute('aria-pressed', String(typing.active));
    });
  }
}

function wireDrag() {
  const drag = byId('drag');
  const set = (on) => {
    if (screen.rfb) screen.rfb.dragViewport = on;
    drag.setAttribute('aria-pressed', String(on));
  };
  drag.onclick = () => set(drag.getAttribute('aria-pressed') !== 'true');
  screen.addEventListener('clippingviewport', ({ detail }) => {
    drag.hidden = !detail;
    set(detail && matchMedia('(pointer: coarse)').matches);
  });
}

function watchSurroundings() {
  window.addEventListener('online', () => viewer.nudge());
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') viewer.nudge();
  });
  // Where the on-screen keyboard covers the page (iOS), shrink to what is left.
  window.visualViewport?.addEventListener('resize', () => {
    const { height, scale } = window.visualViewport;
    const covered = window.innerHeight - height > 1 && scale === 1;
    document.body.style.setProperty('--visible-height', covered ? `${height}px` : '100dvh');
  });
}

new PasteKeys(byId('stage'), screen, (text) => clipboard.share(text));
wireSettings(screen, say);
wireFullScreen(byId('full-screen'));
wireKeys();
wireDrag();
watchSurroundings();
screen.addEventListener('bell', () => parameters.bell && ring());
screen.addEventListener('settings', () => document.documentElement.classList.toggle('view-only', parameters.viewOnly));
document.documentElement.classList.toggle('view-only', parameters.viewOnly);
byId('disconnect').onclick = () => viewer.close();
// For tests, automation, and a page that embeds this one.
globalThis.sandgateDesktop = { viewer, screen };
if (parameters.autoconnect) viewer.open();
else follow({ name: 'idle' });
