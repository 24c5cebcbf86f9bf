// Turns what the user filled in into a request, and a request into a curl command. No DOM in here.

// values: { path: {name: text}, query: {name: text}, header: {name: text} }; empty texts are left out.
// Returns the address relative to the gateway's root, without a leading slash.
export function address(operation, values) {
  const path = operation.path.replace(/\{([^}]+)\}/g, (_, name) => {
    return encodeURIComponent(values.path?.[name] ?? '').replaceAll('%2F', '/');
  });
  const query = new URLSearchParams(Object.entries(values.query ?? {}).filter(([, text]) => text !== ''));
  const suffix = query.size ?? [...query].length;
  return path.replace(/^\//, '') + (suffix ? `?${query}` : '');
}

export function missing(operation, values) {
  return operation.parameters
    .filter((one) => (one.required || one.in === 'path') && !values[one.in]?.[one.name])
    .map((one) => one.name);
}

export function headersOf(values) {
  return Object.fromEntries(Object.entries(values.header ?? {}).filter(([, text]) => text !== ''));
}

// Single quotes keep everything literal in a POSIX shell, except the single quote itself.
export function quote(text) {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

// body: null, { json: text }, { form: [[name, text, isFile]…] } or { file: name }.
export function curl({ method, url, headers = {}, body = null, withKey = false }) {
  const words = [`curl ${method === 'GET' ? '' : `-X ${method} `}${quote(url)}`];
  // The variable, not the key: snippets get pasted into chats and tickets.
  if (withKey) words.push('-H "X-AIO-API-Key: $SANDBOX_API_KEY"');
  for (const [name, value] of Object.entries(headers)) words.push(`-H ${quote(`${name}: ${value}`)}`);
  if (body?.json !== undefined) {
    words.push("-H 'Content-Type: application/json'", `-d ${quote(body.json)}`);
  }
  for (const [name, value, isFile] of body?.form ?? []) {
    words.push(isFile ? `-F ${quote(`${name}=@${value}`)}` : `--form-string ${quote(`${name}=${value}`)}`);
  }
  if (body?.file !== undefined) words.push(`--data-binary ${quote(`@${body.file}`)}`);
  return words.join(' \\\n  ');
}

// Parses the JSON a user typed; returns { value } or { problem }.
export function parseBody(text) {
  if (!text.trim()) return { value: undefined };
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    return { problem: error.message };
  }
}
