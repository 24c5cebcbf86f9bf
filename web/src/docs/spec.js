// Reads an OpenAPI 3.x document: references, operations, groups. No DOM in here.

const METHODS = ['get', 'post', 'put', 'patch', 'delete', 'head', 'options'];

// Follows $ref chains inside the document; an unknown or endless chain gives an empty object.
export function resolve(doc, node) {
  for (let hops = 0; node?.$ref !== undefined; hops += 1) {
    if (hops > 20 || !node.$ref.startsWith('#/')) return {};
    const { $ref, ...beside } = node;
    const target = $ref.slice(2).split('/').reduce((value, part) => {
      return value?.[decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~')];
    }, doc);
    if (!target) return {};
    node = { ...target, ...beside };
  }
  return node ?? {};
}

function parametersOf(doc, item, operation) {
  const own = (operation.parameters ?? []).map((one) => resolve(doc, one));
  const shared = (item.parameters ?? []).map((one) => resolve(doc, one));
  const overridden = (one) => own.some((other) => other.name === one.name && other.in === one.in);
  return [...shared.filter((one) => !overridden(one)), ...own];
}

function bodyOf(doc, operation) {
  if (!operation.requestBody) return null;
  const body = resolve(doc, operation.requestBody);
  const types = Object.entries(body.content ?? {});
  if (!types.length) return null;
  const [type, media] = types.find(([name]) => name.includes('json')) ?? types[0];
  return { type, required: body.required === true, schema: media.schema ?? {}, example: exampleOf(doc, media) };
}

function exampleOf(doc, media) {
  if (media.example !== undefined) return media.example;
  return resolve(doc, Object.values(media.examples ?? {})[0]).value;
}

function responsesOf(doc, operation) {
  return Object.entries(operation.responses ?? {}).map(([status, raw]) => {
    const response = resolve(doc, raw);
    const [type, media] = Object.entries(response.content ?? {})[0] ?? [];
    return { status, description: response.description ?? '', type, schema: media?.schema };
  });
}

// The group of an operation without a tag: /v1/shell/exec belongs to "shell".
function nounOf(path) {
  return path.split('/').find((part) => part && !/^(v\d+|\{.*\})$/.test(part)) ?? 'other';
}

export function operations(doc) {
  const found = [];
  for (const [path, rawItem] of Object.entries(doc.paths ?? {})) {
    const item = resolve(doc, rawItem);
    for (const method of METHODS) {
      const operation = item[method];
      if (!operation) continue;
      found.push({
        id: `${method}${path.replace(/[^A-Za-z0-9]+/g, '-')}`.replace(/-$/, ''),
        method: method.toUpperCase(),
        path,
        tag: operation.tags?.[0] ?? nounOf(path),
        summary: operation.summary ?? '',
        description: operation.description ?? '',
        deprecated: operation.deprecated === true,
        parameters: parametersOf(doc, item, operation),
        body: bodyOf(doc, operation),
        responses: responsesOf(doc, operation),
      });
    }
  }
  return found;
}

// Groups by tag, in the order the document declares tags, then in order of appearance.
export function groups(doc, found = operations(doc)) {
  const byTag = new Map((doc.tags ?? []).map((tag) => [tag.name, { ...tag, operations: [] }]));
  for (const operation of found) {
    if (!byTag.has(operation.tag)) byTag.set(operation.tag, { name: operation.tag, operations: [] });
    byTag.get(operation.tag).operations.push(operation);
  }
  return [...byTag.values()].filter((group) => group.operations.length);
}

// Every word of the query must occur in the operation's method, path, tag, summary or fields.
export function matches(operation, query, fieldNames = []) {
  const text = [operation.method, operation.path, operation.tag, operation.summary, ...fieldNames]
    .join(' ').toLowerCase();
  return query.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}
