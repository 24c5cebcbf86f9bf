// Where modules come from: the current directory upwards, then the folders of globally installed packages.
'use strict';

const fs = require('node:fs');
const Module = require('node:module');
const os = require('node:os');
const path = require('node:path');
const { pathToFileURL } = require('node:url');

// `prefix = …` of the user's ~/.npmrc, which is where npm install --global then puts things.
function userPrefix() {
  if (process.env.npm_config_prefix) return process.env.npm_config_prefix;
  try {
    const text = fs.readFileSync(path.join(os.homedir(), '.npmrc'), 'utf8');
    const value = /^\s*prefix\s*=\s*(.+?)\s*$/m.exec(text)?.[1];
    return value?.replace('${HOME}', os.homedir()).replace(/^~(?=\/)/, os.homedir());
  } catch {
    return undefined;
  }
}

function globalFolders() {
  const beside = path.resolve(process.execPath, '../../lib/node_modules');
  const prefix = userPrefix();
  const folders = [
    process.env.WORKSPACE && path.join(process.env.WORKSPACE, 'node_modules'),
    prefix && path.join(prefix, 'lib/node_modules'),
    path.join(os.homedir(), '.local/lib/node_modules'),
    beside,
    '/usr/local/lib/node_modules',
    '/usr/lib/node_modules',
    '/usr/share/nodejs',
  ];
  return [...new Set(folders.filter(Boolean))];
}

// NODE_PATH is read once, at the start: have it read again, without children seeing what was added.
function addGlobalFolders() {
  const before = process.env.NODE_PATH;
  process.env.NODE_PATH = [...(before ? [before] : []), ...globalFolders()].join(':');
  Module._initPaths();
  if (before === undefined) delete process.env.NODE_PATH;
  else process.env.NODE_PATH = before;
}

function moduleAt(filename) {
  const module = new Module(filename, null);
  module.filename = filename;
  module.paths = Module._nodeModulePaths(path.dirname(filename));
  return module;
}

function isBare(specifier) {
  return !/^(\.{0,2}\/|[a-z][a-z0-9+.-]*:)/i.test(specifier);
}

// import() as code in `filename` would have it; what it does not find is looked for among the global packages too.
function importerAt(filename) {
  const module = moduleAt(filename);
  module._compile('module.exports = (specifier, options) => import(specifier, options);', filename);
  const load = module.exports;
  const require = Module.createRequire(filename);
  return async (specifier, options) => {
    try {
      return await load(specifier, options);
    } catch (error) {
      if (error?.code !== 'ERR_MODULE_NOT_FOUND' || !isBare(String(specifier))) throw error;
      let found;
      try {
        found = require.resolve(String(specifier));
      } catch {
        throw error;
      }
      return load(pathToFileURL(found).href, options);
    }
  };
}

module.exports = { addGlobalFolders, importerAt, moduleAt };
