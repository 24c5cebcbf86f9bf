// A run: one program in a process of its own, as `node FILE` would run it, whether it is a CommonJS or an ES module,
// with await at the top level in both.
//
// Its folder, which the gateway made and removes, is the first argument: `input` holds {code, files?}, and what is left
// in `result` afterwards tells of the error that ended it: {ename, evalue, traceback}.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { pathToFileURL } = require('node:url');
const vm = require('node:vm');
const { writeFiles } = require('./files.js');
const { addGlobalFolders, moduleAt } = require('./modules.js');
const { cleanStack, failure, isError } = require('./report.js');
const streams = require('./streams.js');

const SCOPE = ['exports', 'require', 'module', '__filename', '__dirname'];

const room = process.argv[2];
const filename = path.join(process.cwd(), 'main.js');
const { code, files } = JSON.parse(fs.readFileSync(path.join(room, 'input'), 'utf8'));

streams.install();
addGlobalFolders();
process.argv = [process.argv[0], filename];

// Before Node prints the error and exits with its code, as it does anyway.
process.on('uncaughtExceptionMonitor', (thrown) => {
  if (isError(thrown)) {
    const stack = cleanStack(thrown.stack);
    // An error without any frame is printed in brackets.
    thrown.stack = /^\s+at /m.test(stack) ? stack : `${stack}\n    at ${filename}`;
  }
  fs.writeFileSync(path.join(room, 'result'), JSON.stringify(failure(thrown)));
});

function compiles(text) {
  try {
    vm.compileFunction(text, SCOPE);
    return true;
  } catch {
    return false;
  }
}

// The source must be a file where its imports begin to be resolved; the gateway takes it away again.
async function runModule() {
  const file = path.join(process.cwd(), `.${path.basename(room)}.mjs`);
  fs.writeFileSync(file, code, { flag: 'wx' });
  process.on('exit', () => fs.rmSync(file, { force: true }));
  await import(pathToFileURL(file).href);
}

// The main module, which is returned.
function runScript(text) {
  const module = moduleAt(filename);
  module.id = '.';
  process.mainModule = module;
  require.main = module;
  module._compile(text, filename);
  return module;
}

// As Node does where nothing is left that could settle what is awaited.
function runAwaiting(text) {
  let settled = false;
  // A rejection stays nobody's, which ends the process as an error that was thrown does.
  runScript(text).main.then(() => (settled = true));
  process.on('exit', (code) => {
    if (settled || code !== 0) return;
    streams.writeAll(2, Buffer.from('Warning: Detected unsettled top-level await\n'));
    process.exitCode = 13;
  });
}

// Module syntax is told from a script by what does not compile without it, as Node itself tells it.
function run() {
  // One line, so that the lines of the code keep their numbers.
  const awaiting = `module.main = (async () => {${code}\n})()`;
  if (compiles(code)) runScript(code);
  else if (compiles(awaiting)) runAwaiting(awaiting);
  else if (/^\s*(?:import|export)\b|[;}]\s*(?:import|export)\b|\bimport\.meta\b/m.test(code)) runModule();
  else runScript(code);
}

if (files) writeFiles(files);
run();
