import assert from 'node:assert/strict';
import { beforeEach, mock, test } from 'node:test';
import { Viewer } from '../src/vnc/viewer.js';

class Socket extends EventTarget {
  readyState = 0;
  sent = [];
  closed = false;

  send(bytes) { this.sent.push(bytes); }

  close() { this.closed = true; }

  say(type) {
    if (type === 'open') this.readyState = 1;
    this.dispatchEvent(new Event(type));
  }
}

class Rfb extends EventTarget {
  disconnected = 0;
  given = null;

  disconnect() { this.disconnected += 1; }

  sendCredentials(credentials) { this.given = credentials; }

  say(type, detail = {}) { this.dispatchEvent(new CustomEvent(type, { detail })); }
}

// A viewer whose sockets and clients a test plays.
function watched(options = {}) {
  const seen = { states: [], dialled: [], sockets: [], rfbs: [], credentials: [], trouble: { status: 200, state: 'ready', reason: '' } };
  const viewer = new Viewer({
    urls: () => ['a'],
    dial: (url) => {
      seen.dialled.push(url);
      seen.sockets.push(new Socket());
      return seen.sockets.at(-1);
    },
    attach: (_socket, credentials) => {
      seen.credentials.push(credentials);
      seen.rfbs.push(new Rfb());
      return seen.rfbs.at(-1);
    },
    probe: async () => seen.trouble,
    on: { state: (state) => seen.states.push(state) },
    ...options,
  });
  const socket = () => seen.sockets.at(-1);
  const rfb = () => seen.rfbs.at(-1);
  return {
    viewer, seen, socket, rfb,
    names: () => seen.states.map(({ name }) => name),
    last: () => seen.states.at(-1),
    connect() {
      socket().say('open');
      rfb().say('connect');
    },
    // What noVNC does when its socket closes.
    lose() { rfb().say('disconnect', { clean: false }); },
  };
}

const settled = () => new Promise((resolve) => { setImmediate(resolve); });
const tick = (ms) => mock.timers.tick(ms);

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: 1000 });
  mock.method(Math, 'random', () => 0.5);
});

test('connects, and says so once', () => {
  const v = watched();
  v.viewer.open();
  v.connect();
  assert.deepEqual(v.names(), ['connecting', 'connected']);
  assert.equal(v.seen.states[0].again, false);
});

test('a lost connection comes back by itself, with a growing delay and without end', async () => {
  const v = watched();
  v.viewer.open();
  v.connect();
  v.lose();
  assert.deepEqual(v.last(), { name: 'waiting', at: 1500, again: true, trouble: null });
  const delays = [];
  for (let i = 0; i < 12; i += 1) {
    const before = v.seen.dialled.length;
    delays.push(v.last().at - Date.now());
    tick(v.last().at - Date.now());
    assert.equal(v.seen.dialled.length, before + 1);
    v.lose();
    await settled();
  }
  assert.deepEqual(delays.slice(0, 6), [500, 1000, 2000, 4000, 8000, 15000]);
  assert.equal(delays.at(-1), 15000);
  v.viewer.open();
  v.connect();
  assert.equal(v.last().name, 'connected');
});

test('a connection that lasted starts the back-off anew; one that did not, does not', () => {
  const v = watched();
  v.viewer.open();
  v.connect();
  v.lose();
  tick(500);
  v.connect();
  v.lose();
  assert.equal(v.last().at - Date.now(), 1000);
  tick(1000);
  v.connect();
  tick(5001);
  v.lose();
  assert.equal(v.last().at - Date.now(), 500);
});

test('a handshake that fails is explained by the gateway', async () => {
  const v = watched();
  v.seen.trouble = { status: 200, state: 'failed', reason: 'Xvfb ended with code 1' };
  v.viewer.open();
  v.lose();
  await settled();
  assert.equal(v.last().name, 'waiting');
  assert.equal(v.last().trouble.reason, 'Xvfb ended with code 1');
});

test('a missing key stops the attempts until it is opened again', async () => {
  const v = watched();
  v.seen.trouble = { status: 401, message: 'key' };
  v.viewer.open();
  v.lose();
  await settled();
  assert.equal(v.last().name, 'locked');
  tick(60000);
  assert.equal(v.seen.dialled.length, 1);
  v.viewer.open();
  v.connect();
  assert.equal(v.last().name, 'connected');
});

test('a refusal is final and says why', async () => {
  const v = watched();
  v.seen.trouble = { status: 403, message: 'origin not allowed' };
  v.viewer.open();
  v.lose();
  await settled();
  assert.deepEqual(v.last(), { name: 'refused', message: 'origin not allowed' });
});

test('an address no socket can have is a refusal, not a crash', () => {
  const v = watched({ dial: () => { throw new SyntaxError('bad address'); } });
  v.viewer.open();
  assert.deepEqual(v.last(), { name: 'refused', message: 'bad address' });
});

test('reconnect=false waits for the user', async () => {
  const v = watched({ reconnect: false });
  v.viewer.open();
  v.connect();
  v.lose();
  assert.equal(v.last().at, null);
  tick(60000);
  v.viewer.nudge();
  assert.equal(v.seen.dialled.length, 1);
});

test('reconnect_delay replaces the back-off', () => {
  const v = watched({ reconnectDelay: 300 });
  v.viewer.open();
  for (let i = 0; i < 4; i += 1) {
    v.connect();
    v.lose();
    assert.equal(v.last().at - Date.now(), 300);
    tick(300);
  }
});

test('other readings of the address are tried at once, and the one that worked is kept', async () => {
  const v = watched({ urls: () => ['a', 'b', 'c'] });
  v.viewer.open();
  v.lose();
  v.connect();
  assert.deepEqual(v.seen.dialled, ['a', 'b']);
  v.lose();
  tick(500);
  assert.deepEqual(v.seen.dialled, ['a', 'b', 'b']);
  v.lose();
  v.lose();
  await settled();
  assert.deepEqual(v.seen.dialled, ['a', 'b', 'b', 'c']);
  assert.equal(v.last().name, 'waiting');
});

test('silence is asked about, and an answer keeps the connection', () => {
  const v = watched();
  v.viewer.open();
  v.connect();
  tick(26000);
  assert.equal(v.socket().sent.length, 1);
  assert.equal(v.socket().sent[0].length, 10);
  v.socket().say('message');
  tick(9000);
  assert.equal(v.last().name, 'connected');
});

test('a link that stays silent is dropped without waiting for its close event', () => {
  const v = watched();
  v.viewer.open();
  v.connect();
  tick(26000);
  tick(10000);
  assert.equal(v.last().name, 'waiting');
  assert.equal(v.socket().closed, true);
  assert.equal(v.rfb().disconnected, 1);
});

test('traffic is no silence', () => {
  const v = watched();
  v.viewer.open();
  v.connect();
  for (let i = 0; i < 30; i += 1) {
    tick(3000);
    v.socket().say('message');
  }
  assert.equal(v.socket().sent.length, 0);
});

test('a wake-up shortens the wait, and the patience with a dead link', () => {
  const v = watched();
  v.viewer.open();
  v.connect();
  v.viewer.nudge();
  tick(2500);
  assert.equal(v.last().name, 'waiting');
  v.viewer.nudge();
  assert.equal(v.last().name, 'connecting');
});

test('a server that accepts and says nothing is given up', () => {
  const v = watched();
  v.viewer.open();
  v.socket().say('open');
  tick(15000);
  assert.equal(v.last().name, 'waiting');
});

test('a starting desktop is waited for', () => {
  const v = watched();
  v.viewer.open();
  tick(60000);
  assert.equal(v.last().name, 'connecting');
  v.connect();
  assert.equal(v.last().name, 'connected');
});

test('closing is final, and late events of old connections do nothing', () => {
  const v = watched();
  v.viewer.open();
  v.connect();
  const first = v.rfb();
  v.viewer.close();
  assert.equal(v.last().name, 'closed');
  first.say('disconnect', { clean: true });
  tick(60000);
  assert.equal(v.last().name, 'closed');
  v.viewer.open();
  first.say('connect');
  assert.equal(v.last().name, 'connecting');
  assert.equal(v.last().again, false);
});

test('each attempt lets go of the one before', () => {
  const v = watched();
  v.viewer.open();
  v.viewer.open();
  v.viewer.open();
  assert.deepEqual(v.seen.rfbs.map((rfb) => rfb.disconnected), [1, 1, 0]);
  assert.deepEqual(v.seen.sockets.map((socket) => socket.closed), [true, true, false]);
});

test('a password is asked for without hurry, and kept for reconnects', () => {
  const v = watched();
  v.viewer.open();
  v.socket().say('open');
  v.rfb().say('credentialsrequired', { types: ['password'] });
  assert.deepEqual(v.last(), { name: 'password', types: ['password'] });
  tick(600000);
  assert.equal(v.last().name, 'password');
  v.viewer.give({ password: 'x' });
  assert.deepEqual(v.rfb().given, { password: 'x' });
  v.rfb().say('connect');
  v.lose();
  tick(500);
  assert.deepEqual(v.seen.credentials, [null, { password: 'x' }]);
});

test('a wrong password is refused with the reason, and forgotten', () => {
  const v = watched({ credentials: { password: 'wrong' } });
  v.viewer.open();
  v.socket().say('open');
  v.rfb().say('securityfailure', { status: 1, reason: 'wrong password' });
  v.lose();
  assert.deepEqual(v.last(), { name: 'refused', message: 'wrong password' });
  v.viewer.open();
  assert.deepEqual(v.seen.credentials, [{ password: 'wrong' }, null]);
});
