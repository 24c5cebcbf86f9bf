// What is told of a value and of an error: bounded text without the frames of Node and of this folder.
'use strict';

const util = require('node:util');

const MAX_VALUE = 256 * 1024;
const MAX_TEXT = 16 * 1024;
const MAX_LINES = 100;

// The receiver takes no NUL, and half of a surrogate pair is not Unicode.
function wellFormed(text) {
  return Buffer.from(text.replaceAll('\0', '\ufffd'), 'utf8').toString('utf8');
}

function bounded(text, most) {
  const string = String(text);
  const more = string.length - most;
  return wellFormed(more > 0 ? `${string.slice(0, most)}… ${more} more characters` : string);
}

function isOurs(line) {
  if (!/^\s+at /.test(line)) return false;
  return line.includes(`${__dirname}/`) || /[( ]node:(internal|inspector|events|net)\b/.test(line);
}

function cleanStack(stack) {
  return String(stack)
    .split('\n')
    .filter((line) => !isOurs(line))
    .join('\n');
}

function inspect(value) {
  try {
    return bounded(util.inspect(value, { depth: 4, maxArrayLength: 100, maxStringLength: 10000 }), MAX_VALUE);
  } catch (error) {
    return `[a value that cannot be shown: ${bounded(error, 200)}]`;
  }
}

function isError(thrown) {
  return util.types.isNativeError(thrown) || thrown instanceof Error;
}

// Whatever was thrown, even an object whose every property throws.
function describe(thrown) {
  try {
    if (!isError(thrown)) {
      const evalue = inspect(thrown);
      return { ename: typeof thrown, evalue, text: `Uncaught ${evalue}` };
    }
    const stack = cleanStack(thrown.stack || `${thrown.name}: ${thrown.message}`);
    return { ename: String(thrown.name), evalue: String(thrown.message), text: stack + details(thrown) };
  } catch {
    return { ename: 'Error', evalue: 'an error that cannot be shown', text: 'an error that cannot be shown' };
  }
}

// What Node prints in braces behind a stack: code, errno and the like, and the cause.
function details(error) {
  const own = Object.fromEntries(Object.entries(error).filter(([name]) => name !== 'stack' && name !== 'message'));
  const { cause } = error;
  const because = cause === undefined ? '' : `\n  [cause]: ${cleanStack(cause?.stack ?? inspect(cause))}`;
  return (Object.keys(own).length ? ` ${inspect(own)}` : '') + because;
}

// The members of an answer that tell of an error.
function failure(thrown) {
  const { ename, evalue, text } = describe(thrown);
  const lines = bounded(text, MAX_TEXT * 4).split('\n').slice(0, MAX_LINES);
  return { ename: bounded(ename, 200), evalue: bounded(evalue, MAX_TEXT), traceback: lines };
}

module.exports = { cleanStack, failure, inspect, isError, wellFormed };
