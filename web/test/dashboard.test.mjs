import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stateOf } from '../src/dashboard/frame.js';
import { arrange } from '../src/dashboard/files/listing.js';
import { crumbs, fromAddress, join, kindOf, nameProblem, parentOf, tidy, toAddress } from '../src/dashboard/files/paths.js';
import { countLines, decodeText, encodeText, indentOf, lineStart } from '../src/dashboard/files/text.js';
import { mcpSettings } from '../src/dashboard/mainmenu.js';
import { plainText } from '../src/dashboard/servicelog.js';
import { details } from '../src/dashboard/services.js';
import { Names } from '../src/dashboard/sessionnames.js';
import { gauges } from '../src/dashboard/strip.js';
import { placeOf } from '../src/dashboard/tabs.js';
import { dateText, durationText, sizeText } from '../src/dashboard/words.js';

const bytes = (text) => new TextEncoder().encode(text);

test('the address names a tab and a place in it', () => {
  assert.deepEqual(placeOf('#terminal'), { name: 'terminal', rest: '' });
  assert.deepEqual(placeOf('#files/a%20b/c'), { name: 'files', rest: '/a%20b/c' });
  for (const hash of ['', '#', '#nothing', '#home', '#constructor']) assert.equal(placeOf(hash).name, 'home');
});

test('paths survive the address', () => {
  for (const path of ['/', '/a', '/it\'s "q"/50% #1?', '/漢字/🎉', '/a\nb', '/a\\b']) assert.equal(fromAddress(toAddress(path)), path);
  assert.equal(fromAddress('/100%'), '/100%');
  assert.equal(fromAddress(''), '/');
  assert.equal(tidy('/a//b/./../c/'), '/a/c');
  assert.equal(tidy('/../..'), '/');
});

test('paths are taken apart', () => {
  assert.deepEqual([join('/', 'a'), join('/a', 'b'), parentOf('/a'), parentOf('/a/b'), parentOf('/')], ['/a', '/a/b', '/', '/a', '/']);
  assert.deepEqual(crumbs('/home/x/src', '/home/x').map(({ path }) => path), ['/home/x', '/home/x/src']);
  assert.deepEqual(crumbs('/home/xy', '/home/x').map(({ label }) => label), ['/', 'home', 'xy']);
  assert.deepEqual(crumbs('/', '/').map(({ path }) => path), ['/']);
  assert.deepEqual(crumbs('/a', '/').map(({ path }) => path), ['/', '/a']);
  assert.equal(kindOf('a.PNG'), 'image');
  assert.equal(kindOf('png'), 'text');
});

test('names that cannot be are told apart', () => {
  for (const name of ['', '  ', '.', '..', 'a/b', 'a\0', 'é'.repeat(128)]) assert.notEqual(nameProblem(name), '');
  for (const name of ['a', '.a', '-rf', "it's", '"', '$(x)', 'é'.repeat(127), ' a']) assert.equal(nameProblem(name), '');
});

test('text comes back as it was', () => {
  for (const text of ['', 'a', 'a\nb\n', 'a\r\nb\r\n', '\ufeffa\n', '漢字 🎉\n', '\ufeff\r\n']) {
    const form = decodeText(bytes(text));
    assert.equal(form.mixed, false, JSON.stringify(text));
    assert.equal(encodeText(form.text, form), text);
    assert.ok(!form.text.includes('\r'));
  }
  assert.equal(decodeText(bytes('a\r\nb\n')).mixed, true);
  assert.equal(decodeText(bytes('a\rb\n')).mixed, true);
  assert.equal(decodeText(bytes('a\r\nb\r\nc\n')).eol, '\r\n');
});

test('what is no text is known', () => {
  assert.equal(decodeText(new Uint8Array([65, 0, 66])), null);
  assert.equal(decodeText(new Uint8Array([0xff, 0xfe, 65])), null);
  assert.equal(decodeText(new Uint8Array([0xc3])), null);
});

test('lines are counted and found', () => {
  assert.deepEqual(['', 'a', 'a\n', '\n\n'].map(countLines), [1, 1, 2, 3]);
  assert.deepEqual([1, 2, 3, 9].map((line) => lineStart('ab\nc\nd', line)), [0, 3, 5, 5]);
});

test('the indent is the file\'s own', () => {
  assert.equal(indentOf('a\n\tb'), '\t');
  assert.equal(indentOf('a\n  b\n    c'), '  ');
  assert.equal(indentOf('a\n        b'), '    ');
  assert.equal(indentOf('a'), '    ');
});

const entry = (name, more = {}) => ({ name, is_directory: false, size: 1, modified_time: '2026-01-01', ...more });
const order = { key: 'name', descending: false, hidden: false, filter: '' };
const sorted = (entries, change) => arrange(entries, { ...order, ...change }).map(({ name }) => name);

test('entries are arranged', () => {
  const entries = [entry('b10', { size: 5 }), entry('b9', { size: 7, modified_time: '2026-02-01' }), entry('.h'), entry('Z', { is_directory: true, size: null })];
  assert.deepEqual(sorted(entries), ['Z', 'b9', 'b10']);
  assert.deepEqual(sorted(entries, { descending: true }), ['Z', 'b10', 'b9']);
  assert.deepEqual(sorted(entries, { key: 'size' }), ['Z', 'b10', 'b9']);
  assert.deepEqual(sorted(entries, { key: 'modified', descending: true }), ['Z', 'b9', 'b10']);
  assert.deepEqual(sorted(entries, { hidden: true, filter: 'H' }), ['.h']);
});

test('sizes and times are readable', () => {
  assert.deepEqual([0, 999, 1024, 1536, 1048575, 1048576, 5e12].map(sizeText), ['0 B', '999 B', '1 KB', '1.5 KB', '1 MB', '1 MB', '4.5 TB']);
  assert.equal(sizeText(null), '');
  assert.deepEqual([0, 59999, 60000, 3661000, 90000000].map(durationText), ['0 s', '59 s', '1 min', '1 h 1 min', '1 d 1 h']);
  const now = new Date(2026, 5, 1, 12);
  assert.match(dateText(new Date(2026, 5, 1, 9, 5).toISOString(), now), /^0?9[:.]05/);
  assert.doesNotMatch(dateText(new Date(2026, 4, 30).toISOString(), now), /2026/);
  assert.match(dateText(new Date(2025, 4, 30).toISOString(), now), /2025/);
  assert.equal(dateText('nonsense'), '');
});

test('gauges tell shares of what may be used', () => {
  const told = gauges({
    cpu: { percent: 12.34, cores: 0.5, of: 'container' }, memory: { used: 1 << 29, total: 1 << 30, of: 'machine' },
    disk: { used: 30, free: 10, total: 50, path: '/w' }, load: [1, 2, 3], processes: 9,
  });
  assert.equal(told.cpu.text, '12 %');
  assert.match(told.cpu.title, /0\.5 CPUs \(container\)/);
  assert.equal(told.memory.percent, 50);
  assert.equal(told.disk.percent, 75);
  assert.equal(gauges({ cpu: { percent: 0, cores: 1, of: '' }, memory: { used: 0, total: 0 }, disk: { used: 0, free: 0, total: 0 }, load: [], processes: 0 }).memory.percent, 0);
});

test('every state of a service has its words', () => {
  const about = { title: 'VS Code' };
  const of = (state) => stateOf({ state, reason: 'why', log_length: 9 }, about);
  assert.equal(of('ready'), null);
  for (const state of ['starting', 'stopping', 'backoff']) assert.ok(of(state).busy && !of(state).action && of(state).text === 'why');
  assert.ok(of('failed').bad && of('failed').action && of('failed').log);
  assert.equal(of('stopped').action, 'Start');
});

test('a service\'s details', () => {
  const since = '2026-01-01T00:00:00.000Z';
  const text = details({ state: 'ready', since, restarts: 2, memory_mb: 400, pid: 7 }, Date.parse(since) + 61000);
  assert.equal(text, 'for 1 min · restarted 2 times · about 400 MB · pid 7');
});

test('logs lose what only a terminal understands', () => {
  assert.equal(plainText('\x1b[1;31mred\x1b[0m \x1b]0;title\x07x\r\ny\rz'), 'red x\ny\nz');
});

test('sessions keep their names', () => {
  const kept = new Map();
  const store = { get: (key) => kept.get(key) ?? null, set: (key, value) => kept.set(key, value) };
  const names = new Names(store, 's');
  const [a, b] = ['c6f2421344f5583e', 'd6f2421344f5583e'];
  assert.deepEqual([names.of(a), names.of('build'), names.of(b), names.of(a)], ['Terminal 1', 'build', 'Terminal 2', 'Terminal 1']);
  names.set(b, 'Logs');
  names.keep([b]);
  const again = new Names(store, 's');
  assert.deepEqual([again.of(b), again.of(a)], ['Logs', 'Terminal 1']);
  kept.set('s', 'broken');
  assert.equal(new Names(store, 's').of(a), 'Terminal 1');
});

test('MCP settings are JSON for the address in use', () => {
  assert.deepEqual(JSON.parse(mcpSettings('http://h/p/mcp', false)), { mcpServers: { sandgate: { url: 'http://h/p/mcp' } } });
  assert.ok(JSON.parse(mcpSettings('http://h/mcp', true)).mcpServers.sandgate.headers['X-AIO-API-Key']);
});
