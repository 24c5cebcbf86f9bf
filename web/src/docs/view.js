// Draws groups and operations.
import { h } from '../shared/dom.js';
import { fields, flatten, limitTexts, typeText } from './schema.js';
import { tryIt } from './tryit.js';

// Descriptions are plain text with `code` in backticks and blank lines between paragraphs.
export function prose(text) {
  return text.split(/\n\s*\n/).filter((part) => part.trim()).map((paragraph) => {
    const parts = paragraph.split(/`([^`]+)`/);
    return h('p', {}, ...parts.map((part, index) => (index % 2 ? h('code', {}, part) : part)));
  });
}

function inlineProse(text) {
  return text.split(/`([^`]+)`/).map((part, index) => (index % 2 ? h('code', {}, part) : part));
}

export const badge = (method) => h(`span.badge.${method.toLowerCase()}`, {}, method);

const showDefault = (value) => (value === undefined || value === null ? null : JSON.stringify(value));

function fieldRow({ name, depth = 0, place, type, required, default: preset, limits, description }) {
  const shown = showDefault(preset);
  const remarks = [
    shown === null ? null : h('span.remark', {}, 'default ', h('code', {}, shown)),
    ...limits.map((limit) => h('span.remark', {}, limit)),
  ];
  return h('tr', {},
    h('td', { style: `padding-left:${10 + depth * 18}px` },
      h('code.name', {}, name), required ? h('b.required', { title: 'required' }, ' *') : null,
      place ? h('span.place', {}, place) : null),
    h('td.type', {}, type),
    h('td', {}, description ? h('div', {}, ...inlineProse(description)) : null,
      remarks.some(Boolean) ? h('div.remarks', {}, ...remarks) : null));
}

function fieldTable(title, rows) {
  if (!rows.length) return null;
  return [h('h4', {}, title), h('div.scroll', {}, h('table', {},
    h('thead', {}, h('tr', {}, ...['Name', 'Type', 'Meaning'].map((text) => h('th', { scope: 'col' }, text)))),
    h('tbody', {}, ...rows.map(fieldRow))))];
}

function parameterRow(doc, parameter) {
  const schema = flatten(doc, parameter.schema ?? {});
  return {
    name: parameter.name,
    place: parameter.in,
    type: typeText(doc, parameter.schema ?? {}),
    required: parameter.required === true,
    default: schema.default,
    limits: limitTexts(doc, parameter.schema ?? {}),
    description: parameter.description ?? schema.description ?? '',
  };
}

function responseList(doc, responses) {
  return responses.map(({ status, description, type, schema }) => {
    const rows = schema ? fields(doc, schema) : [];
    const head = [h(`b.status-${status[0]}`, {}, status), ` ${description} `, type ? h('span.place', {}, type) : null];
    if (!rows.length) return h('p.response', {}, ...head);
    return h('details.response', {}, h('summary', {}, ...head), fieldTable('Fields', rows));
  });
}

function operationBody(gateway, doc, operation) {
  const form = tryIt(gateway, doc, operation);
  const { body } = operation;
  const node = h('div.details', {},
    ...prose(operation.description),
    fieldTable('Parameters', operation.parameters.map((one) => parameterRow(doc, one))),
    body ? fieldTable(`Body (${body.type})`, fields(doc, body.schema)) : null,
    h('h4', {}, 'Try it'), form.node,
    operation.responses.length ? [h('h4', {}, 'Answers'), ...responseList(doc, operation.responses)] : null);
  return { node, refresh: form.refresh };
}

// One operation as a fold; its inside is drawn when it is first opened.
export function operationFold(gateway, doc, operation, onOpen) {
  const fold = h('details.operation', { id: operation.id },
    h('summary', {}, badge(operation.method),
      h(`code.path${operation.deprecated ? '.deprecated' : ''}`, {}, operation.path),
      h('span.summary', {}, operation.summary)));
  let inside = null;
  fold.addEventListener('toggle', () => {
    if (!fold.open) return;
    if (!inside) {
      inside = operationBody(gateway, doc, operation);
      fold.append(inside.node);
    }
    inside.refresh();
    onOpen(operation);
  });
  return fold;
}
