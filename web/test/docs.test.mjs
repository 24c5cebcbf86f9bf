import assert from 'node:assert/strict';
import { test } from 'node:test';
import { address, curl, missing, parseBody, quote } from '../src/docs/request.js';
import { fields, flatten, limitTexts, sample, typeText } from '../src/docs/schema.js';
import { groups, matches, operations, resolve } from '../src/docs/spec.js';

const doc = {
  openapi: '3.1.0',
  tags: [{ name: 'second' }, { name: 'first' }, { name: 'unused' }],
  paths: {
    '/v1/first/{id}': {
      parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }],
      get: { tags: ['first'], summary: 'Look', parameters: [{ $ref: '#/components/parameters/Limit' }] },
      delete: { tags: ['first'], deprecated: true },
    },
    '/v1/second': {
      post: {
        tags: ['second'],
        requestBody: { required: true, content: { 'application/json': { schema: { $ref: '#/components/schemas/Body' } } } },
        responses: { 200: { description: 'Fine', content: { 'application/json': { schema: {} } } }, 422: { $ref: '#/components/responses/Bad' } },
      },
    },
    '/v1/third/x': { get: {} },
  },
  components: {
    parameters: { Limit: { name: 'limit', in: 'query', schema: { type: 'integer', default: 10 } } },
    responses: { Bad: { description: 'Wrong' } },
    schemas: {
      Body: {
        type: 'object', required: ['command', 'inner'],
        properties: {
          command: { type: 'string', minLength: 1, maxLength: 9 },
          mode: { enum: ['a', 'b'], type: 'string', default: 'a' },
          timeout: { anyOf: [{ type: 'number', minimum: 0 }, { type: 'null' }], default: 5 },
          inner: { $ref: '#/components/schemas/Inner' },
          many: { type: 'array', items: { $ref: '#/components/schemas/Inner' } },
          loop: { $ref: '#/components/schemas/Body' },
        },
      },
      Inner: { type: 'object', required: ['deep'], properties: { deep: { type: ['integer', 'null'], default: 3 } } },
      Both: { allOf: [{ $ref: '#/components/schemas/Inner' }, { properties: { more: { type: 'boolean' } }, required: ['more'] }] },
      Endless: { $ref: '#/components/schemas/Endless' },
    },
  },
};
const [look, remove, second, third] = operations(doc);
const body = second.body.schema;

test('references resolve, and broken or endless ones do no harm', () => {
  assert.equal(resolve(doc, { $ref: '#/components/responses/Bad' }).description, 'Wrong');
  assert.deepEqual(resolve(doc, { $ref: '#/nowhere/at/all' }), {});
  assert.deepEqual(resolve(doc, { $ref: '#/components/schemas/Endless' }), {});
  assert.deepEqual(resolve(doc, { $ref: 'https://elsewhere/x.json' }), {});
});

test('operations carry the parameters of their path, and unique names', () => {
  assert.deepEqual(look.parameters.map((one) => one.name), ['id', 'limit']);
  assert.deepEqual(remove.parameters.map((one) => one.name), ['id']);
  assert.equal(look.id, 'get-v1-first-id');
  assert.equal(remove.deprecated, true);
  assert.deepEqual(second.responses.map((one) => one.status), ['200', '422']);
  assert.equal(second.responses[1].description, 'Wrong');
  assert.equal(third.tag, 'third');
});

test('groups follow the order of declared tags and leave empty ones out', () => {
  assert.deepEqual(groups(doc).map((group) => group.name), ['second', 'first', 'third']);
});

test('search needs every word', () => {
  assert.ok(matches(look, 'GET look'));
  assert.ok(matches(second, 'command', ['command']));
  assert.ok(!matches(look, 'look post'));
  assert.ok(matches(look, ''));
});

test('types are said in words', () => {
  const property = (name) => doc.components.schemas.Body.properties[name];
  assert.equal(typeText(doc, property('timeout')), 'number or null');
  assert.equal(typeText(doc, property('many')), 'array of object');
  assert.equal(typeText(doc, { type: ['string', 'integer'] }), 'string or integer');
  assert.equal(typeText(doc, { type: 'string', format: 'binary' }), 'file');
  assert.equal(typeText(doc, { oneOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }] }), 'string or array of string');
  assert.equal(typeText(doc, {}), 'anything');
});

test('limits are said in words', () => {
  assert.deepEqual(limitTexts(doc, { type: 'string', minLength: 1, maxLength: 9 }), ['1 to 9 characters']);
  assert.deepEqual(limitTexts(doc, { anyOf: [{ type: 'number', minimum: 0 }, { type: 'null' }] }), ['at least 0']);
  assert.deepEqual(limitTexts(doc, { enum: ['a', 1] }), ['one of "a", 1']);
  assert.deepEqual(limitTexts(doc, { exclusiveMinimum: 0, maxItems: 4 }), ['more than 0', 'at most 4 items']);
});

test('fields are listed with their depth, and a schema that contains itself ends', () => {
  const rows = fields(doc, body);
  assert.deepEqual(rows.slice(0, 5).map((row) => `${row.depth} ${row.name}`),
    ['0 command', '0 mode', '0 timeout', '0 inner', '1 deep']);
  assert.equal(rows[0].required, true);
  assert.equal(rows[2].default, 5);
  assert.ok(rows.length < 1000);
  assert.deepEqual(fields(doc, { $ref: '#/components/schemas/Both' }).map((row) => [row.name, row.required]), [['deep', true], ['more', true]]);
});

test('a sample has the required fields only, with defaults', () => {
  assert.deepEqual(sample(doc, body), { command: '', inner: { deep: 3 } });
  assert.equal(sample(doc, { examples: ['x'] }), 'x');
  assert.equal(flatten(doc, { anyOf: [{ type: 'null' }, { type: 'string' }] }).nullable, true);
});

test('addresses encode what was typed and leave empty parameters out', () => {
  const values = { path: { id: 'a b/ü?' }, query: { limit: '5 & 6', other: '' } };
  assert.equal(address(look, values), 'v1/first/a%20b/%C3%BC%3F?limit=5+%26+6');
  assert.equal(address(look, { path: { id: 'x' } }), 'v1/first/x');
  assert.deepEqual(missing(look, { path: { id: '' }, query: {} }), ['id']);
});

test('curl snippets survive a shell', () => {
  assert.equal(quote("it's $HOME"), "'it'\\''s $HOME'");
  assert.equal(quote(''), "''");
  assert.equal(curl({ method: 'GET', url: 'http://h/v1/x' }), 'curl http://h/v1/x');
  assert.equal(
    curl({ method: 'POST', url: 'http://h/x?a=1&b', body: { json: '{"a":"it\'s"}' }, withKey: true }),
    "curl -X POST 'http://h/x?a=1&b' \\\n  -H \"X-AIO-API-Key: $SANDBOX_API_KEY\" \\\n  -H 'Content-Type: application/json' \\\n  -d '{\"a\":\"it'\\''s\"}'");
  assert.equal(curl({ method: 'PUT', url: 'u', body: { form: [['f', 'a b', true], ['n', 'v', false]] } }),
    "curl -X PUT u \\\n  -F 'f=@a b' \\\n  --form-string n=v");
});

test('a body that is no JSON is told, an empty one is none', () => {
  assert.deepEqual(parseBody(' '), { value: undefined });
  assert.deepEqual(parseBody('[1]'), { value: [1] });
  assert.ok(parseBody('{a}').problem);
});
