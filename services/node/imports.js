// Makes `import` usable in a session's code, which V8 runs as a script: import(…) becomes a call of a function of
// ours, and an import declaration becomes `const … = await` that call. Lines stay where they are.
'use strict';

const IMPORT = '__dynamicImport';

const TOKEN = new RegExp(
  [
    /(?<space>\s+|\/\/[^\n]*|\/\*[^]*?\*\/)/,
    /(?<string>'(?:\\[^]|[^'\\\n])*'|"(?:\\[^]|[^"\\\n])*")/,
    /(?<word>[\p{ID_Start}$_#][\p{ID_Continue}$\u200c\u200d]*)/u,
    /(?<number>\d[\w.]*)/,
    /(?<sign>[^])/,
  ]
    .map((part) => part.source)
    .join('|'),
  'uy',
);
const REGEX = /\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/\w*/y;
const TEMPLATE = /(?:\\[^]|\$(?!\{)|[^\\`$])*(`|\$\{)/y;
const DECLARATION = new RegExp(
  [
    /import\b\s*(?:(?<names>[^'"();]*?)\s*\bfrom\b\s*)?/,
    /(?<from>'[^'\n]*'|"[^"\n]*")/,
    /(?:\s*(?:with|assert)\s*(?<with>\{[^}]*\}))?/,
  ]
    .map((part) => part.source)
    .join(''),
  'y',
);
// After these words a slash begins a regular expression, as after most signs.
const BEFORE_VALUE = new Set(
  'return typeof instanceof in of new delete void throw case do else await yield'.split(' '),
);

// Yields [kind, text, start] of every token but white space, templates in the pieces between their expressions.
function* tokens(code) {
  const braces = [];
  let valueNext = true;
  for (let at = 0; at < code.length; ) {
    const sign = code[at];
    let pattern = TOKEN;
    if (sign === '/' && valueNext && code[at + 1] !== '/' && code[at + 1] !== '*') pattern = REGEX;
    if (sign === '`' || (sign === '}' && braces.at(-1) === '`')) {
      pattern = TEMPLATE;
      if (sign === '}') braces.pop();
      at++;
    }
    pattern.lastIndex = at;
    let match = pattern.exec(code);
    if (!match && pattern === TEMPLATE) return; // never closed: V8 will say so
    if (!match) {
      TOKEN.lastIndex = at;
      match = TOKEN.exec(code);
      pattern = TOKEN;
    }
    const start = at;
    at += match[0].length;
    if (pattern !== TOKEN) {
      valueNext = match[1] === '${';
      if (valueNext) braces.push('`');
      yield ['value', match[0], start];
      continue;
    }
    const kind = Object.keys(match.groups).find((name) => match.groups[name] !== undefined);
    if (kind === 'space') continue;
    if (match[0] === '{') braces.push('{');
    if (match[0] === '}') braces.pop();
    valueNext = kind === 'sign' ? !')]}'.includes(match[0]) : kind === 'word' && BEFORE_VALUE.has(match[0]);
    yield [kind, match[0], start];
  }
}

// `a, { b as c, default as d }` or `* as ns` as what stands before the `=` of a declaration. null: nothing is bound.
function bindings(names) {
  const all = names.trim();
  if (!all) return null;
  const parts = /^(?:([\p{ID_Start}$_][\p{ID_Continue}$]*)\s*,?\s*)?(?:\*\s*as\s+(\S+)|\{([^}]*)\})?$/u.exec(all);
  if (!parts) return undefined;
  const [, main, namespace, list] = parts;
  const members = (list ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean)
    .map((name) => name.replace(/\s+as\s+/, ': '));
  if (main) members.unshift(`default: ${main}`);
  return { namespace, members: main || list !== undefined ? `{ ${members.join(', ')} }` : null };
}

function declaration(match) {
  const { names, from, with: attributes } = match.groups;
  const bound = names === undefined ? null : bindings(names);
  if (bound === undefined || (names !== undefined && bound === null)) return null;
  const lines = '\n'.repeat(match[0].split('\n').length - 1);
  const call = `await ${IMPORT}(${from}${attributes ? `, { with: ${attributes} }` : ''})${lines}`;
  if (!bound) return call;
  const { namespace, members } = bound;
  if (!namespace) return `const ${members} = ${call}`;
  return `const ${namespace} = ${call}${members ? `, ${members} = ${namespace}` : ''}`;
}

function rewriteImports(code) {
  if (!/\bimport\b/.test(code)) return code;
  const all = [...tokens(code)];
  let out = '';
  let done = 0;
  let depth = 0;
  all.forEach(([kind, text, start], index) => {
    if (kind === 'sign') depth += '([{'.includes(text) ? 1 : ')]}'.includes(text) ? -1 : 0;
    if (kind !== 'word' || text !== 'import' || start < done || all[index - 1]?.[1] === '.') return;
    const next = all[index + 1]?.[1];
    let replacement = null;
    let end = start + text.length;
    if (next === '(') {
      // A method of that name, `import(…) {`, would not parse either way.
      replacement = IMPORT;
    } else if (depth === 0 && next !== '.') {
      DECLARATION.lastIndex = start;
      const match = DECLARATION.exec(code);
      replacement = match && declaration(match);
      if (replacement) end = start + match[0].length;
    }
    if (replacement === null) return;
    out += code.slice(done, start) + replacement;
    done = end;
  });
  return out + code.slice(done);
}

module.exports = { IMPORT, rewriteImports };
