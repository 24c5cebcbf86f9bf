// Says in words what a JSON schema asks for, and makes a sample value. No DOM in here.
import { resolve } from './spec.js';

const DEEPEST = 5;

// Resolves a schema and folds allOf and nullable unions into one plain schema with `nullable`.
export function flatten(doc, raw, depth = 0) {
  const schema = resolve(doc, raw);
  if (depth > DEEPEST) return schema;
  if (schema.allOf) {
    const { allOf, ...rest } = schema;
    return [...allOf.map((part) => flatten(doc, part, depth + 1)), rest].reduce(merge, {});
  }
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) {
    const { anyOf: _any, oneOf: _one, ...rest } = schema;
    const flat = choices.map((choice) => flatten(doc, choice, depth + 1));
    const real = flat.filter((choice) => choice.type !== 'null');
    const nullable = real.length < flat.length || real.some((choice) => choice.nullable);
    if (real.length === 1) return { ...real[0], ...rest, nullable };
    return { ...rest, choices: real, nullable };
  }
  if (Array.isArray(schema.type)) {
    const types = schema.type.filter((type) => type !== 'null');
    const nullable = types.length < schema.type.length;
    if (types.length === 1) return { ...schema, type: types[0], nullable };
    return { ...schema, type: undefined, choices: types.map((type) => ({ type })), nullable };
  }
  return schema;
}

function merge(left, right) {
  return {
    ...left, ...right,
    properties: { ...left.properties, ...right.properties },
    required: [...(left.required ?? []), ...(right.required ?? [])],
  };
}

export function typeText(doc, raw, depth = 0) {
  const schema = flatten(doc, raw);
  const nullable = schema.nullable ? ' or null' : '';
  if (schema.choices) {
    const names = schema.choices.map((choice) => typeText(doc, choice, depth + 1));
    return [...new Set(names)].join(' or ') + nullable;
  }
  if (schema.const !== undefined) return JSON.stringify(schema.const) + nullable;
  if (schema.type === 'array' && depth < DEEPEST) {
    return `array of ${schema.items ? typeText(doc, schema.items, depth + 1) : 'anything'}${nullable}`;
  }
  if (schema.type === 'string' && isFile(schema)) return `file${nullable}`;
  const format = schema.format ? ` (${schema.format})` : '';
  return (schema.type ?? (schema.properties ? 'object' : 'anything')) + format + nullable;
}

export function isFile(schema) {
  return schema.format === 'binary' || schema.contentMediaType === 'application/octet-stream';
}

function range(low, high, unit) {
  const suffix = unit ? ` ${unit}` : '';
  if (low !== undefined && high !== undefined) return `${low} to ${high}${suffix}`;
  if (low !== undefined) return `at least ${low}${suffix}`;
  if (high !== undefined) return `at most ${high}${suffix}`;
  return null;
}

// The limits a value must keep, as short phrases.
export function limitTexts(doc, raw) {
  const schema = flatten(doc, raw);
  const above = schema.exclusiveMinimum !== undefined ? `more than ${schema.exclusiveMinimum}` : null;
  const below = schema.exclusiveMaximum !== undefined ? `less than ${schema.exclusiveMaximum}` : null;
  return [
    range(schema.minimum, schema.maximum), above, below,
    range(schema.minLength, schema.maxLength, 'characters'),
    range(schema.minItems, schema.maxItems, 'items'),
    schema.multipleOf !== undefined ? `multiple of ${schema.multipleOf}` : null,
    schema.pattern !== undefined ? `matches ${schema.pattern}` : null,
    schema.enum ? `one of ${schema.enum.map((value) => JSON.stringify(value)).join(', ')}` : null,
  ].filter(Boolean);
}

// One row per field, nested objects and arrays of objects below their parent with a larger depth.
export function fields(doc, raw, depth = 0) {
  const schema = flatten(doc, raw);
  if (schema.choices) {
    const object = schema.choices.find((choice) => choice.properties);
    return object ? fields(doc, object, depth) : [];
  }
  if (schema.type === 'array') return fields(doc, schema.items ?? {}, depth);
  if (depth > DEEPEST) return [];
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    const flat = flatten(doc, property);
    const row = {
      name, depth,
      type: typeText(doc, property),
      required: (schema.required ?? []).includes(name),
      default: flat.default,
      limits: limitTexts(doc, property),
      description: flat.description ?? '',
    };
    return [row, ...fields(doc, property, depth + 1)];
  });
}

// A value that could be sent: examples and defaults where given, required fields only in objects.
export function sample(doc, raw, depth = 0) {
  const schema = flatten(doc, raw);
  const given = schema.example ?? schema.examples?.[0] ?? schema.default ?? schema.const ?? schema.enum?.[0];
  if (given !== undefined && given !== null) return given;
  if (schema.choices) return sample(doc, schema.choices[0], depth + 1);
  if (schema.properties && depth <= DEEPEST) {
    const required = schema.required ?? [];
    return Object.fromEntries(Object.entries(schema.properties)
      .filter(([name]) => required.includes(name))
      .map(([name, property]) => [name, sample(doc, property, depth + 1)]));
  }
  switch (schema.type) {
    case 'string': return '';
    case 'integer': case 'number': return schema.minimum ?? 0;
    case 'boolean': return false;
    case 'array': return [];
    case 'object': return {};
    default: return null;
  }
}
