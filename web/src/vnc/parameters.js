// What the page's address asks for: the parameters noVNC's own page documents, in the query or the
// fragment (the fragment wins), and the WebSocket addresses that follow from them.

const OFF = new Set(['0', 'false', 'no', 'off']);
const RESIZE = new Set(['off', 'scale', 'remote']);
const LEVELS = new Set(['none', 'error', 'warn', 'info', 'debug']);
const LONGEST_DELAY = 600000;
const SCHEME = /^[a-z][a-z0-9+.-]*:/i;

// A plus sign stands for itself, as in noVNC: passwords hold some.
function pairs(text) {
  return new URLSearchParams(text.replace(/^[?#]/, '').replaceAll('+', '%2B'));
}

function flag(value, otherwise) {
  return value === null ? otherwise : !OFF.has(value.trim().toLowerCase());
}

function integer(value, least, most, otherwise) {
  if (value === null || !/^\s*\d+\s*$/.test(value)) return otherwise;
  return Math.min(most, Math.max(least, Number(value)));
}

function oneOf(value, set, otherwise) {
  return set.has(value) ? value : otherwise;
}

// address: anything with `search` and `hash` (a URL, or location).
export function readParameters(address) {
  const hash = pairs(address.hash);
  const query = pairs(address.search);
  const get = (name) => hash.get(name) ?? query.get(name);
  return {
    autoconnect: flag(get('autoconnect'), false),
    reconnect: flag(get('reconnect'), true),
    reconnectDelay: integer(get('reconnect_delay'), 100, LONGEST_DELAY, null),
    host: get('host') ?? '',
    port: integer(get('port'), 0, 65535, 0),
    encrypt: flag(get('encrypt'), null),
    path: get('path'),
    password: get('password'),
    repeaterID: get('repeaterID') ?? '',
    shared: flag(get('shared'), true),
    bell: flag(get('bell'), true),
    viewOnly: flag(get('view_only'), false),
    viewClip: flag(get('view_clip'), false),
    showDot: flag(get('show_dot'), false),
    resize: oneOf(get('resize'), RESIZE, 'scale'),
    quality: integer(get('quality'), 0, 9, 6),
    compression: integer(get('compression'), 0, 9, 2),
    logging: oneOf(get('logging'), LEVELS, 'warn'),
    keepAwake: flag(get('keep_device_awake'), false),
  };
}

function asSocket(url) {
  url.protocol = url.protocol === 'https:' || url.protocol === 'wss:' ? 'wss:' : 'ws:';
  url.hash = '';
  return url;
}

function onNamedHost({ host, port, encrypt, path }, page) {
  const secure = encrypt ?? page.protocol === 'https:';
  // A bare IPv6 address needs its brackets.
  const name = (host || page.hostname).replace(/^([0-9a-f:]*:[0-9a-f:]*:[0-9a-f:]*)$/i, '[$1]');
  const base = new URL(`${secure ? 'https' : 'http'}://${name}`);
  if (port) base.port = String(port);
  // './' keeps a path that looks like an address from being one.
  return asSocket(new URL(`./${(path || 'websockify').replace(/^\/+/, '')}`, base));
}

// A relative path has meant three things: beside the page (noVNC from 1.5 on), from the root of the
// host (before), and, in `path=websockify` here, beside the page's folder. The likeliest goes first.
function readings(path, page, root) {
  const besidePage = new URL(path, page);
  const besideFolder = new URL(path, root);
  const fromHost = new URL(`/${path}`, page);
  const [first] = path.split(/[/?]/);
  if (first === 'websockify') return [besideFolder, besidePage, fromHost];
  if (page.pathname.startsWith(`/${first}/`)) return [fromHost, besidePage, besideFolder];
  return [besidePage, besideFolder, fromHost];
}

// The WebSocket addresses to try, the likeliest first. page: the page's URL; root: the gateway's.
export function socketUrls(parameters, page, root) {
  const { host, port, path } = parameters;
  if (host || port) return [onNamedHost(parameters, page)];
  if (!path) return [asSocket(new URL('websockify', root))];
  const plain = !SCHEME.test(path) && !/^(\/|\.\.?\/)/.test(path);
  const urls = (plain ? readings(path, page, root) : [new URL(path, page)]).map(asSocket);
  return urls.filter((url, i) => urls.findIndex((other) => other.href === url.href) === i);
}
