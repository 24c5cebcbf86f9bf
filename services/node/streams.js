// process.stdout and process.stderr that have written when write() returns. Node's own leave what a full pipe does not
// take for later, where it would end up in another call's output, or be lost when the process exits.
'use strict';

const fs = require('node:fs');
const { Writable } = require('node:stream');

function writeAll(fd, bytes) {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += fs.writeSync(fd, bytes, at);
    } catch (error) {
      // Someone made the pipe non-blocking: a child that shares it, for instance.
      if (error.code === 'EAGAIN') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
      else throw error;
    }
  }
}

function synchronous(fd) {
  const stream = new Writable({
    decodeStrings: true,
    write(chunk, encoding, done) {
      try {
        writeAll(fd, chunk);
        done();
      } catch (error) {
        done(error);
      }
    },
  });
  stream.fd = fd;
  stream._type = 'pipe';
  // Like Node's own: nobody can close them.
  stream.destroySoon = stream.destroy;
  stream._destroy = function (error, done) {
    done(error);
    this._undestroy();
  };
  return stream;
}

function define(name, get) {
  Object.defineProperty(process, name, { configurable: true, enumerable: true, get });
}

// Before anything has printed: console takes the streams at its first use.
function install() {
  const out = synchronous(1);
  const errors = synchronous(2);
  define('stdout', () => out);
  define('stderr', () => errors);
}

module.exports = { define, install, writeAll };
