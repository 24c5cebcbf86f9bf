import assert from 'node:assert/strict';
import { test } from 'node:test';
import { delayBefore } from '../src/shared/backoff.js';
import { cleanPaste, clipboardKey } from '../src/terminal/clipboard.js';
import { slices } from '../src/terminal/slices.js';
import { exitText, stateText } from '../src/terminal/words.js';

test('the back-off doubles, is capped, and spreads by a fifth either way', () => {
  assert.deepEqual([0, 1, 2, 3].map((attempt) => delayBefore(attempt, 0.5)), [500, 1000, 2000, 4000]);
  assert.equal(delayBefore(50, 0.5), 15000);
  assert.equal(delayBefore(0, 0), 400);
  assert.equal(delayBefore(1000, 0.999), 17994);
});

test('a paste keeps text, tabs and line breaks and loses what acts as a key', () => {
  assert.equal(cleanPaste('a\tb\r\nč 🎉\n'), 'a\tb\r\nč 🎉\n');
  assert.equal(cleanPaste('x\x1b[201~\x03y\x7f\u009bz\0'), 'x[201~yz');
});

const key = (props) => ({ type: 'keydown', key: '', code: '', ctrlKey: false, shiftKey: false, altKey: false, metaKey: false, ...props });

test('copy and paste shortcuts leave plain Ctrl+C and Ctrl+V to the program', () => {
  assert.equal(clipboardKey(key({ key: 'C', code: 'KeyC', ctrlKey: true, shiftKey: true })), 'copy');
  assert.equal(clipboardKey(key({ key: 'V', code: 'KeyV', ctrlKey: true, shiftKey: true })), 'paste');
  assert.equal(clipboardKey(key({ key: 'c', code: 'KeyC', metaKey: true })), 'copy');
  assert.equal(clipboardKey(key({ key: 'v', code: 'KeyV', metaKey: true })), 'paste');
  assert.equal(clipboardKey(key({ key: 'Insert', code: 'Insert', shiftKey: true })), 'paste');
  assert.equal(clipboardKey(key({ key: 'c', code: 'KeyC', ctrlKey: true })), null);
  assert.equal(clipboardKey(key({ key: 'v', code: 'KeyV', ctrlKey: true })), null);
  assert.equal(clipboardKey(key({ key: 'c', code: 'KeyC' })), null);
});

test('shortcuts follow what the key types, and its place where that is no Latin letter', () => {
  assert.equal(clipboardKey(key({ key: 'C', code: 'KeyI', ctrlKey: true, shiftKey: true })), 'copy');
  assert.equal(clipboardKey(key({ key: 'J', code: 'KeyC', ctrlKey: true, shiftKey: true })), null);
  assert.equal(clipboardKey(key({ key: 'С', code: 'KeyC', ctrlKey: true, shiftKey: true })), 'copy');
});

test('long input is sent in slices that never split a character', () => {
  const text = 'ab🎉cd🎉';
  for (let size = 2; size < 12; size += 1) {
    const parts = [...slices(text, size)];
    assert.equal(parts.join(''), text);
    assert.ok(parts.every((part) => part.length <= size && part.isWellFormed?.() !== false), `${size}`);
    assert.ok(parts.every((part) => !/[\ud800-\udbff]$/.test(part)), `${size}`);
  }
  assert.deepEqual([...slices('')], []);
});

test('the status speaks plainly', () => {
  assert.equal(stateText({ name: 'waiting', at: 5000 }, 2100), 'Reconnecting in 3 s');
  assert.equal(stateText({ name: 'waiting', at: 5000 }, 6000), 'Reconnecting in 1 s');
  assert.equal(stateText({ name: 'refused', message: 'no' }), 'no');
  assert.equal(exitText({ exit_code: 0, signal: null }), 'The session ended with exit code 0.');
  assert.equal(exitText({ exit_code: 137, signal: 9 }), 'The session was ended by signal 9.');
  assert.equal(exitText({}), 'The session has ended.');
});
