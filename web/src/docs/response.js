// Shows an answer: status, time, size, and the body as coloured JSON, text, image or a live stream.
import { h } from '../shared/dom.js';

const SHOWN = 512 * 1024; // bytes of a body that are shown; more would only stall the page
const TOKEN = /("(?:\\.|[^"\\])*")(\s*:)?|\b(true|false|null)\b|-?\b\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\b/g;

// Coloured JSON as a list of nodes.
export function colour(text) {
  const nodes = [];
  let end = 0;
  for (const match of text.matchAll(TOKEN)) {
    nodes.push(text.slice(end, match.index));
    const kind = match[2] ? 'name' : match[1] ? 'string' : match[3] ? 'word' : 'number';
    nodes.push(h(`span.json-${kind}`, {}, match[1] ?? match[0]), match[2] ?? '');
    end = match.index + match[0].length;
  }
  nodes.push(text.slice(end));
  return nodes.filter((node) => node !== '');
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return null;
  }
}

export function sizeText(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 * 1024) return `${(bytes / 1024).toFixed(1)} KiB`;
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}

function headline(answer, started, size) {
  const kind = answer.status < 300 ? 'good' : answer.status < 500 ? 'warn' : 'bad';
  const type = answer.headers.get('content-type') ?? '';
  return [
    h(`strong.${kind}`, {}, `${answer.status} ${answer.statusText}`.trim()),
    h('span', {}, `${Math.round(performance.now() - started)} ms`),
    h('span', {}, sizeText(size)),
    h('span.mono', {}, type),
  ];
}

// Reads at most SHOWN bytes; calls onText with what came so far while it reads.
async function read(answer, onProgress) {
  const parts = [];
  let size = 0;
  const reader = answer.body?.getReader();
  while (reader) {
    const { value, done } = await reader.read();
    if (done) return { bytes: join(parts, size), size, cut: false };
    parts.push(value);
    size += value.length;
    onProgress(value, size);
    if (size >= SHOWN) {
      await reader.cancel();
      return { bytes: join(parts, size), size, cut: true };
    }
  }
  return { bytes: new Uint8Array(0), size: 0, cut: false };
}

function join(parts, size) {
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function dataAddress(bytes, type) {
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return `data:${type};base64,${btoa(binary)}`;
}

function bodyNode(bytes, type, cut) {
  if (type.startsWith('image/') && !cut) return h('img', { src: dataAddress(bytes, type), alt: 'The answer' });
  const text = new TextDecoder().decode(bytes);
  if (text.includes('\0')) return h('p.muted', {}, 'Binary data, not shown.');
  const formatted = type.includes('json') ? pretty(text) : null;
  return h('pre', { tabIndex: 0 }, ...(formatted === null ? [text || '(empty)'] : colour(formatted)));
}

// Fills `place` with the answer; resolves when it has all arrived.
export async function showAnswer(place, answer, started) {
  const head = h('p.answer-head', {});
  const type = answer.headers.get('content-type') ?? '';
  const live = h('pre', { tabIndex: 0 });
  const decoder = new TextDecoder();
  place.replaceChildren(head, live);
  const { bytes, size, cut } = await read(answer, (part, soFar) => {
    head.replaceChildren(...headline(answer, started, soFar));
    if (type.includes('event-stream')) live.append(decoder.decode(part, { stream: true }));
  });
  head.replaceChildren(...headline(answer, started, size));
  live.replaceWith(bodyNode(bytes, type.split(';')[0], cut));
  if (cut) place.append(h('p.muted', {}, `Only the first ${sizeText(SHOWN)} are shown.`));
}
