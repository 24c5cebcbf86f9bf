// The "Try it" form of one operation.
import { copyText, h } from '../shared/dom.js';
import { address, curl, headersOf, missing, parseBody } from './request.js';
import { showAnswer } from './response.js';
import { fields, flatten, isFile, sample, typeText } from './schema.js';

function parameterInput(doc, parameter) {
  const schema = flatten(doc, parameter.schema ?? {});
  const hint = schema.default ?? parameter.example ?? schema.example;
  const choices = schema.type === 'boolean' ? [true, false] : schema.enum;
  if (!choices) {
    return h('input', { type: 'text', placeholder: hint === undefined || hint === null ? '' : String(hint), spellcheck: 'false' });
  }
  const unset = hint === undefined || hint === null ? '' : `default: ${hint}`;
  return h('select', {}, h('option', { value: '' }, unset), ...choices.map((one) => h('option', {}, String(one))));
}

// The body's editor: { node, read() } where read() gives { body, describe, problem }.
function bodyEditor(doc, operation) {
  const { body } = operation;
  if (!body) return null;
  if (body.type.includes('json')) return jsonEditor(doc, body);
  if (body.type.includes('multipart') || body.type.includes('urlencoded')) return formEditor(doc, body);
  return fileEditor(body);
}

function jsonEditor(doc, body) {
  const start = body.example ?? sample(doc, body.schema);
  const text = JSON.stringify(start, null, 2);
  const area = h('textarea.mono', { rows: String(Math.min(16, text.split('\n').length + 1)), spellcheck: 'false', 'aria-label': 'Request body' });
  area.value = text;
  return {
    node: h('label.body', {}, h('span', {}, 'Body'), area),
    read() {
      const { value, problem } = parseBody(area.value);
      if (problem) return { problem: `The body is not JSON: ${problem}` };
      if (value === undefined) return {};
      const json = JSON.stringify(value);
      return { body: json, type: 'application/json', describe: { json } };
    },
  };
}

function formEditor(doc, body) {
  const multipart = body.type.includes('multipart');
  const properties = Object.entries(flatten(doc, body.schema).properties ?? {});
  const inputs = properties.map(([name, raw]) => {
    const file = isFile(flatten(doc, raw));
    return { name, file, input: h('input', { type: file ? 'file' : 'text', name }) };
  });
  return {
    node: h('div.inputs', {}, ...inputs.map(({ name, input }) => h('label', {}, h('span.mono', {}, name), input))),
    read() {
      const form = multipart ? new FormData() : new URLSearchParams();
      const described = [];
      for (const { name, file, input } of inputs) {
        const value = file ? input.files[0] : input.value;
        if (!value) continue;
        form.append(name, value);
        described.push([name, file ? value.name : value, file]);
      }
      return { body: form, describe: { form: described } };
    },
  };
}

function fileEditor(body) {
  const input = h('input', { type: 'file' });
  return {
    node: h('label.body', {}, h('span', {}, `Body (${body.type})`), input),
    read() {
      const file = input.files[0];
      return file ? { body: file, type: body.type, describe: { file: file.name } } : {};
    },
  };
}

class TryIt {
  #gateway;
  #operation;
  #inputs;
  #editor;
  #snippet = h('pre.curl', { tabIndex: 0 });
  #problem = h('p.problem', { role: 'alert' });
  #answer = h('div.answer', { 'aria-live': 'polite' });
  #send = h('button.primary', { type: 'submit' }, 'Send');
  #stop = h('button', { type: 'button', hidden: true }, 'Stop');

  constructor(gateway, doc, operation) {
    this.#gateway = gateway;
    this.#operation = operation;
    this.#inputs = operation.parameters
      .filter((one) => ['path', 'query', 'header'].includes(one.in))
      .map((parameter) => ({ parameter, input: parameterInput(doc, parameter) }));
    this.#editor = bodyEditor(doc, operation);
  }

  node(doc) {
    const rows = this.#inputs.map(({ parameter, input }) => h('label', { title: typeText(doc, parameter.schema ?? {}) },
      h('span.mono', {}, parameter.name, parameter.required ? h('b.required', { title: 'required' }, ' *') : null), input));
    const copy = h('button', { type: 'button' }, 'Copy');
    copy.onclick = async () => {
      copy.textContent = await copyText(this.#snippet.textContent) ? 'Copied' : 'Not allowed';
      setTimeout(() => { copy.textContent = 'Copy'; }, 1500);
    };
    const form = h('form.try', {},
      rows.length ? h('div.inputs', {}, ...rows) : null,
      this.#editor?.node,
      h('div.curl-box', {}, this.#snippet, copy),
      h('div.actions', {}, this.#send, this.#stop),
      this.#problem, this.#answer);
    form.addEventListener('input', () => this.describe());
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#run();
    });
    this.describe();
    return form;
  }

  // Redraws the curl snippet.
  describe() {
    const values = this.#values();
    const { describe, problem } = this.#editor?.read() ?? {};
    this.#problem.textContent = problem ?? '';
    this.#snippet.textContent = curl({
      method: this.#operation.method,
      url: this.#gateway.url(address(this.#operation, values)).href,
      headers: headersOf(values),
      body: describe ?? null,
      withKey: this.#gateway.locked || Boolean(this.#gateway.key),
    });
  }

  #values() {
    const values = { path: {}, query: {}, header: {} };
    for (const { parameter, input } of this.#inputs) values[parameter.in][parameter.name] = input.value;
    return values;
  }

  async #run() {
    const values = this.#values();
    const { body, type, problem } = this.#editor?.read() ?? {};
    const lacking = missing(this.#operation, values);
    this.#problem.textContent = problem ?? (lacking.length ? `Required: ${lacking.join(', ')}` : '');
    if (this.#problem.textContent) return;
    const abort = new AbortController();
    this.#busy(abort);
    const started = performance.now();
    try {
      const answer = await this.#gateway.fetch(address(this.#operation, values), {
        method: this.#operation.method,
        headers: { ...headersOf(values), ...(type ? { 'Content-Type': type } : {}) },
        body,
        signal: abort.signal,
      });
      await showAnswer(this.#answer, answer, started);
    } catch (error) {
      this.#problem.textContent = error.name === 'AbortError' ? 'Stopped.' : `No answer: ${error.message}`;
    }
    this.#busy(null);
  }

  #busy(abort) {
    this.#send.disabled = abort !== null;
    this.#stop.hidden = abort === null;
    this.#stop.onclick = () => abort?.abort();
    if (abort) this.#answer.replaceChildren(h('p.muted', {}, 'Waiting…'));
    else this.#answer.querySelector(':scope > p.muted:only-child')?.remove();
  }
}

// Returns { node, refresh }; refresh() redraws the snippet, for when the key has changed.
export function tryIt(gateway, doc, operation) {
  const form = new TryIt(gateway, doc, operation);
  return { node: form.node(doc), refresh: () => form.describe() };
}

export const fieldNames = (doc, operation) => [
  ...operation.parameters.map((one) => one.name),
  ...(operation.body ? fields(doc, operation.body.schema).map((row) => row.name) : []),
];
