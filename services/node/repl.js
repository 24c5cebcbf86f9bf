// A session: runs one call after the other in one global scope, as Node's own REPL does. V8's REPL mode, reached by the
// inspector inside the process (no port), is what makes const, let, class and await persist and work at the top level.
//
// Descriptor 3 is the gateway: frames of four bytes of length (big-endian) and JSON, one answer for each call.
//   in   {id, code, deadline (ms of the monotonic clock), cwd?, files?}
//   out  {id: 0, version} once, then {id, status: ok | error | timeout, cwd, value?, ename?, evalue?, traceback?}
// Descriptor 0 is a file that holds the call's standard input from its beginning.
'use strict';

const fs = require('node:fs');
const inspector = require('node:inspector');
const Module = require('node:module');
const net = require('node:net');
const path = require('node:path');
const { types } = require('node:util');
const { promiseHooks } = require('node:v8');
const vm = require('node:vm');
const { writeFiles } = require('./files.js');
const { IMPORT, rewriteImports } = require('./imports.js');
const { addGlobalFolders, importerAt, moduleAt } = require('./modules.js');
const { cleanStack, failure, inspect } = require('./report.js');
const streams = require('./streams.js');

// Code may replace the globals of these names; this file keeps the real ones.
const { setImmediate, setTimeout, clearTimeout } = globalThis;
const exit = process.exit.bind(process);
const now = process.hrtime.bigint.bind(process.hrtime);

const GROUP = 'call';
// Cut short of the gateway's ceiling for one frame.
const MAX_FRAME = 8 * 1024 * 1024;

streams.install();
addGlobalFolders();

const channel = new net.Socket({ fd: 3, readable: true, writable: true });
const session = new inspector.Session();
session.connect();

let current = null;
let count = 0;

// ---- the scope ----

let scopeFolder = null;

// require, import() and their kin follow the current directory from call to call.
function enterFolder() {
  const folder = process.cwd();
  if (folder === scopeFolder) return;
  scopeFolder = folder;
  const filename = path.join(folder, 'session.js');
  const module = moduleAt(filename);
  module._compile('module.exports = require;', filename);
  const require = module.exports;
  module.exports = {};
  const values = {
    require,
    module,
    exports: module.exports,
    __filename: filename,
    __dirname: folder,
    [IMPORT]: importerAt(filename),
  };
  for (const [name, value] of Object.entries(values))
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
}

// The built-in modules by name, until code gives the name another meaning.
function offerBuiltins() {
  for (const name of Module.builtinModules) {
    if (name.startsWith('_') || name.includes('/') || name.includes(':') || name in globalThis) continue;
    const become = (value) =>
      Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
    Object.defineProperty(globalThis, name, {
      configurable: true,
      enumerable: false,
      get: () => {
        const value = require(name);
        become(value);
        return value;
      },
      set: become,
    });
  }
}

// ---- standard input ----

let stdin = null;

// Each call reads its own input; descriptor 0 itself stays open whatever code does to the stream.
function makeStdin() {
  const keepOpen = { open: fs.open, read: fs.read, close: (fd, done) => process.nextTick(done, null) };
  const stream = new fs.ReadStream(null, { fd: 0, autoClose: false, fs: keepOpen });
  stream.fd = 0;
  return stream;
}

streams.define('stdin', () => (stdin ??= makeStdin()));

function forgetStdin() {
  stdin?.destroy();
  stdin = null;
}

// Code that only listens to its input is not over before the input is.
function isReadingStdin() {
  if (!stdin || stdin.destroyed || stdin.readableEnded) return false;
  return stdin.readableFlowing === true || stdin.listenerCount('readable') > 0;
}

function whenStdinIsRead(done) {
  if (!isReadingStdin()) return done();
  for (const event of ['end', 'close', 'error']) stdin.once(event, () => setImmediate(done));
}

// ---- values ----

// Values come out of the inspector as references: this function is what they are handed to.
let received;
let receiverId;

function post(method, params) {
  let answer;
  session.post(method, params, (error, result) => {
    answer = { error, result };
  });
  return answer;
}

function makeReceiver() {
  const name = `receive${process.pid}`;
  globalThis[name] = (value) => {
    received = value;
  };
  receiverId = post('Runtime.evaluate', { expression: name }).result.result.objectId;
  delete globalThis[name];
}

function valueOf(remote) {
  if (remote.objectId) {
    post('Runtime.callFunctionOn', {
      objectId: receiverId,
      functionDeclaration: 'function (value) { this(value); }',
      arguments: [{ objectId: remote.objectId }],
      silent: true,
    });
    const value = received;
    received = undefined;
    return value;
  }
  const text = remote.unserializableValue;
  if (text === undefined) return remote.value;
  return text.endsWith('n') ? BigInt(text.slice(0, -1)) : Number(text);
}

// ---- one call ----

function answer(call, message) {
  if (current !== call) return; // it was answered: late news of abandoned code
  current = null;
  clearTimeout(call.timer);
  post('Runtime.releaseObjectGroup', { objectGroup: GROUP });
  let cwd;
  try {
    cwd = process.cwd();
  } catch {
    cwd = undefined; // removed under our feet
  }
  send({ id: call.id, cwd, ...message });
}

function send(message) {
  let body = Buffer.from(JSON.stringify(message));
  if (body.length > MAX_FRAME) {
    const { id, status, ename } = message;
    body = Buffer.from(JSON.stringify({ id, status, ename, evalue: 'the answer is too long to be told' }));
  }
  const head = Buffer.alloc(4);
  head.writeUInt32BE(body.length);
  channel.write(Buffer.concat([head, body]));
}

function fail(call, thrown) {
  if (current !== call) return;
  const told = failure(thrown);
  process.stderr.write(`${told.traceback.join('\n')}\n`);
  answer(call, { status: 'error', ...told });
}

function timeOut(call) {
  answer(call, { status: 'timeout' });
}

// A promise nobody handled tells of itself after this turn of the loop: it belongs to the call. A promise that is the
// value is waited for, so that `main()` is over when main is.
function succeed(call, value) {
  if (types.isPromise(value)) {
    value.then(
      (settled) => succeed(call, settled),
      (reason) => fail(call, reason),
    );
    return;
  }
  whenStdinIsRead(() =>
    setImmediate(() => answer(call, value === undefined ? { status: 'ok' } : { status: 'ok', value: inspect(value) })),
  );
}

function whereIsSyntaxError(details, call) {
  const line = details.lineNumber + 1;
  return `    at call-${call.number}.js:${line}:${details.columnNumber + 1}`;
}

function onEvaluated(call, error, response) {
  if (current !== call) return;
  // The inspector has no answer when its own time limit ended the code.
  if (error) return timeOut(call);
  const details = response.exceptionDetails;
  if (!details) return succeed(call, valueOf(response.result));
  const thrown = details.exception ? valueOf(details.exception) : new Error(details.text);
  if (thrown instanceof SyntaxError && !/^\s+at call-/m.test(cleanStack(thrown.stack)))
    thrown.stack = `${cleanStack(thrown.stack)}\n${whereIsSyntaxError(details, call)}`;
  fail(call, thrown);
}

// `{a: 1}` is meant as an object, not as a block with a label.
function asExpression(code) {
  if (!/^\s*\{/.test(code) || /;\s*$/.test(code)) return code;
  const wrapped = `(${code.trimEnd()}\n)`;
  try {
    new vm.Script(wrapped);
    return wrapped;
  } catch {
    return code;
  }
}

// The promise that a script in REPL mode is, held until it settles. V8 holds it weakly: code that awaits what nobody
// can settle any more would be collected, and the inspector would tell of that in the middle of the collection, which
// ends the process. It is the first promise that evaluating makes.
const held = new Set();

function holdFirst(call) {
  const stop = promiseHooks.onInit((promise) => {
    stop();
    if (call.promise) return;
    call.promise = promise;
    held.add(promise);
  });
  return stop;
}

function evaluate(call) {
  const code = asExpression(rewriteImports(call.code));
  const params = {
    expression: `${code}\n//# sourceURL=call-${call.number}.js`,
    objectGroup: GROUP,
    replMode: true,
    timeout: call.left,
  };
  const stop = holdFirst(call);
  session.post('Runtime.evaluate', params, (error, response) => {
    held.delete(call.promise);
    onEvaluated(call, error, response);
  });
  stop();
}

function run(call) {
  current = call;
  call.number = ++count;
  forgetStdin();
  call.left = Math.max(1, call.deadline - Number(now() / 1000000n));
  call.timer = setTimeout(timeOut, call.left, call);
  try {
    if (call.cwd) process.chdir(call.cwd);
    enterFolder();
    if (call.files) writeFiles(call.files);
  } catch (error) {
    fail(call, error);
    return;
  }
  evaluate(call);
}

// ---- what nobody caught ----

function onUncaught(thrown) {
  if (current) fail(current, thrown);
  else process.stderr.write(`${failure(thrown).traceback.join('\n')}\n`);
}

process.on('uncaughtException', (thrown) => {
  if (process.listenerCount('uncaughtException') === 1) onUncaught(thrown);
});
process.on('unhandledRejection', (reason) => {
  if (process.listenerCount('unhandledRejection') === 1) onUncaught(reason);
});
// The gateway interrupts what holds the loop up, a child waited for: that ends, the session does not.
process.on('SIGINT', () => {});

// ---- the gateway ----

let pending = Buffer.alloc(0);

channel.on('data', (chunk) => {
  pending = pending.length ? Buffer.concat([pending, chunk]) : chunk;
  while (pending.length >= 4) {
    const end = 4 + pending.readUInt32BE();
    if (pending.length < end) return;
    const call = JSON.parse(pending.toString('utf8', 4, end));
    pending = pending.subarray(end);
    // From a turn of its own, so that nothing of this file is below it but one frame.
    setImmediate(run, call);
  }
});
channel.on('close', () => exit(0));
channel.on('error', () => exit(1));

makeReceiver();
offerBuiltins();
enterFolder();
send({ id: 0, version: process.versions.node });
