import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Feed } from '../src/terminal/feed.js';

const LIMITS = { slice: 10, inFlight: 20, high: 50, low: 15, ceiling: 200 };

// A terminal that parses one write each time step() is called.
function slowTerminal() {
  const pending = [];
  const events = [];
  const shown = [];
  const on = {
    pause: () => events.push('pause'),
    resume: () => events.push('resume'),
    overrun: () => events.push('overrun'),
  };
  const feed = new Feed((text, done) => pending.push({ text, done }), on, LIMITS);
  const step = () => {
    const next = pending.shift();
    if (next) {
      shown.push(next.text);
      next.done();
    }
    return Boolean(next);
  };
  return { feed, events, pending, shown, step, drain: () => { while (step()); } };
}

test('text arrives complete and in order, small pieces joined', () => {
  const { feed, shown, drain } = slowTerminal();
  const pieces = Array.from({ length: 40 }, (_, i) => `<${i}>`);
  for (const piece of pieces) feed.push(piece);
  drain();
  assert.equal(shown.join(''), pieces.join(''));
  assert.ok(shown.length < pieces.length);
  assert.equal(feed.backlog, 0);
});

test('the terminal never holds more than the in-flight limit allows', () => {
  const { feed, pending } = slowTerminal();
  for (let i = 0; i < 15; i += 1) feed.push('12345');
  const held = pending.reduce((sum, one) => sum + one.text.length, 0);
  assert.ok(held <= LIMITS.inFlight + LIMITS.slice, `${held}`);
  assert.equal(feed.backlog, 75);
});

test('a fast sender is paused once and resumed once', () => {
  const { feed, events, drain } = slowTerminal();
  for (let i = 0; i < 30; i += 1) feed.push('12345');
  assert.deepEqual(events, ['pause']);
  drain();
  assert.deepEqual(events, ['pause', 'resume']);
});

test('a sender beyond the ceiling is reported', () => {
  const { feed, events } = slowTerminal();
  for (let i = 0; i < 41; i += 1) feed.push('12345');
  assert.equal(events.at(-1), 'overrun');
});

test('a callback runs between what was pushed before and after it', () => {
  const { feed, shown, drain } = slowTerminal();
  feed.push('before');
  feed.then(() => shown.push('|'));
  feed.push('after');
  assert.ok(!shown.includes('|'));
  drain();
  assert.equal(shown.join(''), 'before|after');
});

test('a callback with nothing before it runs at once', () => {
  const { feed } = slowTerminal();
  let ran = false;
  feed.then(() => { ran = true; });
  assert.ok(ran);
});

test('clear drops what waits, but not what the terminal has', () => {
  const { feed, shown, drain } = slowTerminal();
  for (let i = 0; i < 8; i += 1) feed.push(`${i}234567890`);
  feed.clear();
  feed.push('new');
  drain();
  assert.equal(shown.join(''), '02345678901234567890new');
  assert.equal(feed.backlog, 0);
});
