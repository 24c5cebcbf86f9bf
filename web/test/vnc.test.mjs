import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClipboardSync, forDesktop } from '../src/vnc/clipboard.js';
import { difference, keysymOf } from '../src/vnc/keysyms.js';
import { readParameters, socketUrls } from '../src/vnc/parameters.js';
import { pasteShortcut } from '../src/vnc/paste.js';
import { troubleText, veilText } from '../src/vnc/words.js';

const read = (text) => readParameters(new URL(`http://h/vnc/index.html${text}`));

test('what the address does not say has its default', () => {
  assert.deepEqual(read(''), {
    autoconnect: false, reconnect: true, reconnectDelay: null, host: '', port: 0, encrypt: null, path: null, password: null,
    repeaterID: '', shared: true, bell: true, viewOnly: false, viewClip: false, showDot: false, resize: 'scale', quality: 6,
    compression: 2, logging: 'warn', keepAwake: false,
  });
});

test('flags are read as people write them', () => {
  for (const on of ['1', 'true', 'TRUE', 'yes', 'on', '']) assert.equal(read(`?autoconnect=${on}`).autoconnect, true, on);
  for (const off of ['0', 'false', 'False', 'no', 'off']) assert.equal(read(`?reconnect=${off}`).reconnect, false, off);
  assert.equal(read('?autoconnect').autoconnect, true);
  assert.equal(read('?view_only=1&show_dot=true&view_clip=yes&bell=off&shared=0&encrypt=1').viewOnly, true);
  assert.equal(read('?encrypt=0').encrypt, false);
});

test('the fragment wins over the query', () => {
  const { resize, quality, password } = read('?resize=off&quality=3#resize=remote&password=a+b%20c');
  assert.deepEqual([resize, quality, password], ['remote', 3, 'a+b c']);
});

test('numbers are kept in range, and nonsense is the default', () => {
  assert.equal(read('?quality=12').quality, 9);
  assert.equal(read('?quality=-1').quality, 6);
  assert.equal(read('?quality=high').quality, 6);
  assert.equal(read('?compression=0').compression, 0);
  assert.equal(read('?reconnect_delay=2500').reconnectDelay, 2500);
  assert.equal(read('?reconnect_delay=1').reconnectDelay, 100);
  assert.equal(read('?resize=stretch').resize, 'scale');
  assert.equal(read('?logging=loud').logging, 'warn');
  assert.equal(read('?logging=debug').logging, 'debug');
});

const urls = (page, root) => socketUrls(readParameters(new URL(page)), new URL(page), new URL(root)).map(String);

test('by default the socket is beside the folder of the page, under any prefix', () => {
  assert.deepEqual(urls('http://h:8080/vnc/index.html?autoconnect=true', 'http://h:8080/'), ['ws://h:8080/websockify']);
  assert.deepEqual(urls('http://h/vnc/', 'http://h/'), ['ws://h/websockify']);
  assert.deepEqual(urls('https://h/sandbox/7/vnc/index.html#x=1', 'https://h/sandbox/7/'), ['wss://h/sandbox/7/websockify']);
});

test('a path is an address, a path of the host, or relative to the page', () => {
  const at = (path) => urls(`https://h/p/vnc/index.html?path=${encodeURIComponent(path)}`, 'https://h/p/');
  assert.deepEqual(at('wss://other:1/x?token=a%2Bb'), ['wss://other:1/x?token=a%2Bb']);
  assert.deepEqual(at('http://other/x'), ['ws://other/x']);
  assert.deepEqual(at('//other/x'), ['wss://other/x']);
  assert.deepEqual(at('/a/b?c=d#e'), ['wss://h/a/b?c=d']);
  assert.deepEqual(at('../x'), ['wss://h/p/x']);
  assert.deepEqual(at('./x'), ['wss://h/p/vnc/x']);
});

test('a bare path is tried in every sense it has had, the likeliest first', () => {
  const at = (path) => urls(`http://h/p/7/vnc/index.html?path=${encodeURIComponent(path)}`, 'http://h/p/7/');
  assert.deepEqual(at('websockify'), ['ws://h/p/7/websockify', 'ws://h/p/7/vnc/websockify', 'ws://h/websockify']);
  assert.deepEqual(at('websockify?token=1')[0], 'ws://h/p/7/websockify?token=1');
  assert.deepEqual(at('p/7/websockify')[0], 'ws://h/p/7/websockify');
  assert.deepEqual(at('sock'), ['ws://h/p/7/vnc/sock', 'ws://h/p/7/sock', 'ws://h/sock']);
  assert.deepEqual(urls('http://h/vnc/index.html?path=sock', 'http://h/'), ['ws://h/vnc/sock', 'ws://h/sock']);
});

test('host, port and encrypt name another server, as they used to', () => {
  const at = (query, scheme = 'http') => urls(`${scheme}://h:1/vnc/index.html?${query}`, `${scheme}://h:1/`);
  assert.deepEqual(at('host=vnc.test&port=5901'), ['ws://vnc.test:5901/websockify']);
  assert.deepEqual(at('host=vnc.test&encrypt=1&path=a/b'), ['wss://vnc.test/a/b']);
  assert.deepEqual(at('host=vnc.test', 'https'), ['wss://vnc.test/websockify']);
  assert.deepEqual(at('host=vnc.test&encrypt=0', 'https'), ['ws://vnc.test/websockify']);
  assert.deepEqual(at('port=6080'), ['ws://h:6080/websockify']);
  assert.deepEqual(at('host=::1&port=6080'), ['ws://[::1]:6080/websockify']);
  assert.deepEqual(at('host=vnc.test&path=//evil'), ['ws://vnc.test/evil']);
});

test('every character has its key symbol', () => {
  assert.equal(keysymOf('a'), 0x61);
  assert.equal(keysymOf('ï'), 0xef);
  assert.equal(keysymOf('漢'), 0x01006f22);
  assert.equal(keysymOf('🎉'), 0x0101f389);
  assert.equal(keysymOf('\n'), 0xff0d);
  assert.equal(keysymOf('\t'), 0xff09);
});

test('a changed text field is backspaces and new characters', () => {
  assert.deepEqual(difference('abc', 'abcd'), { erased: 0, typed: ['d'] });
  assert.deepEqual(difference('teh ', 'the '), { erased: 3, typed: ['h', 'e', ' '] });
  assert.deepEqual(difference('a🎉', 'a'), { erased: 1, typed: [] });
  assert.deepEqual(difference('', '漢字🎉'), { erased: 0, typed: ['漢', '字', '🎉'] });
  assert.deepEqual(difference('x', 'x'), { erased: 0, typed: [] });
});

const key = (props) => ({ key: '', code: '', ctrlKey: false, shiftKey: false, altKey: false, metaKey: false, ...props });

test('paste shortcuts follow what the key types, and its place where that is no Latin letter', () => {
  assert.equal(pasteShortcut(key({ key: 'v', code: 'KeyV', ctrlKey: true })), 'v');
  assert.equal(pasteShortcut(key({ key: 'V', code: 'KeyV', ctrlKey: true, shiftKey: true })), 'v');
  assert.equal(pasteShortcut(key({ key: 'v', code: 'KeyV', metaKey: true })), 'v');
  assert.equal(pasteShortcut(key({ key: 'м', code: 'KeyV', ctrlKey: true })), 'v');
  assert.equal(pasteShortcut(key({ key: 'k', code: 'KeyV', ctrlKey: true })), null);
  assert.equal(pasteShortcut(key({ key: 'v', code: 'KeyV', ctrlKey: true, altKey: true })), null);
  assert.equal(pasteShortcut(key({ key: 'v', code: 'KeyV' })), null);
  assert.equal(pasteShortcut(key({ key: 'Insert', code: 'Insert', shiftKey: true })), 'insert');
  assert.equal(pasteShortcut(key({ key: 'Insert', code: 'Insert', ctrlKey: true })), null);
});

function clipboards({ writable = true, readable = true } = {}) {
  const sides = { here: '', sent: [], writable, readable };
  const local = {
    canRead: async () => sides.readable,
    read: async () => sides.here,
    write: async (text) => {
      if (sides.writable) sides.here = text;
      return sides.writable;
    },
  };
  return { sides, sync: new ClipboardSync(local, async (text) => { sides.sent.push(text); }) };
}

test('what is copied on the desktop comes here, and does not go back', async () => {
  const { sides, sync } = clipboards();
  await sync.received('naïve 漢字 🎉');
  assert.equal(sides.here, 'naïve 漢字 🎉');
  assert.equal(await sync.fetch(), null);
  assert.deepEqual(sides.sent, []);
});

test('what is copied here goes to the desktop once, and its echo is not written back', async () => {
  const { sides, sync } = clipboards();
  sides.here = 'mine';
  assert.equal(await sync.fetch(), 'mine');
  assert.equal(await sync.fetch(), null);
  sides.here = 'newer';
  await sync.received('mine');
  assert.equal(sides.here, 'newer');
  assert.deepEqual(sides.sent, ['mine']);
});

test('a text the browser would not take is delivered later, and is not overwritten by an older one', async () => {
  const { sides, sync } = clipboards({ writable: false });
  sides.here = 'old';
  await sync.received('theirs');
  assert.equal(await sync.fetch(), null);
  assert.equal(await sync.pay(), false);
  sides.writable = true;
  assert.equal(await sync.pay(), true);
  assert.equal(sides.here, 'theirs');
  assert.deepEqual(sides.sent, []);
});

test('the clipboard is not read where the browser would have to ask, unless the user asked', async () => {
  const { sides, sync } = clipboards({ readable: false });
  sides.here = 'secret';
  assert.equal(await sync.fetch(), null);
  assert.equal(await sync.fetch({ insist: true }), 'secret');
  assert.deepEqual(sides.sent, ['secret']);
});

test('after a reconnect the desktop is given the text again', async () => {
  const { sides, sync } = clipboards();
  sides.here = 'mine';
  await sync.fetch();
  sync.forget();
  await sync.fetch();
  assert.deepEqual(sides.sent, ['mine', 'mine']);
});

test('a text is made fit for the wire, or is too long for it', async () => {
  assert.equal(forDesktop('a\ud83c b \udf89 🎉'), 'a\ufffd b \ufffd 🎉');
  assert.equal(forDesktop('x'.repeat(1 << 20)).length, 1 << 20);
  assert.equal(forDesktop('x'.repeat((1 << 20) + 1)), null);
  assert.equal(forDesktop('\n'.repeat((1 << 19) + 1)), null);
  assert.equal(forDesktop('漢'.repeat(1 << 19)), null);
  const { sides, sync } = clipboards();
  sides.here = 'x'.repeat(2 << 20);
  assert.equal(await sync.fetch(), null);
  assert.equal(await sync.share(sides.here), false);
  assert.deepEqual(sides.sent, []);
});

test('the veil says what happens, why, and what can be done', () => {
  assert.equal(veilText({ name: 'idle' }).action, 'Connect');
  assert.equal(veilText({ name: 'connecting', again: false }).title, 'Starting the desktop…');
  assert.equal(veilText({ name: 'connecting', again: true }).title, 'Reconnecting…');
  assert.equal(veilText({ name: 'waiting', at: 5000, again: true, trouble: null }, 2100).title, 'Reconnecting in 3 s');
  const failed = veilText({ name: 'waiting', at: 5000, again: false, trouble: { status: 200, state: 'failed', reason: 'Xvfb ended' } }, 2100);
  assert.deepEqual([failed.text, failed.next, failed.action], ['Xvfb ended', 'Trying again in 3 s', 'Try now']);
  const still = veilText({ name: 'waiting', at: null, again: true, trouble: null });
  assert.deepEqual([still.title, still.action], ['Disconnected', 'Try again']);
  assert.equal(veilText({ name: 'refused', message: 'no' }).text, 'no');
});

test('trouble is told plainly', () => {
  assert.equal(troubleText({ status: 0 }), 'The sandbox does not answer.');
  assert.equal(troubleText({ status: 404, message: 'there is no such thing' }), 'This sandbox has no desktop.');
  assert.equal(troubleText({ status: 502, message: '' }), 'The sandbox answered with status 502.');
  assert.equal(troubleText({ status: 502, message: 'the upstream is gone' }), 'the upstream is gone');
  assert.equal(troubleText({ status: 200, state: 'starting', reason: '' }), 'It is still starting.');
});
