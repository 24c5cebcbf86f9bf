// A text editor: a text area with line numbers, that knows what Tab and Enter mean in a program.
import { h } from '../../shared/dom.js';
import { countLines, indentOf, lineStart } from './text.js';

export class Editor {
  #lines = 0;
  #indent = '    ';
  #leaving = false;
  #on;

  // on: { change(), save(), leave() }
  constructor(on) {
    this.#on = on;
    this.numbers = h('pre.numbers', { 'aria-hidden': 'true' });
    this.area = h('textarea', {
      spellcheck: 'false', autocapitalize: 'off', autocomplete: 'off', autocorrect: 'off', wrap: 'off', 'aria-label': 'Content',
    });
    this.element = h('div.editor', {}, this.numbers, this.area);
    this.area.addEventListener('input', () => { this.#number(); this.#on.change(); });
    this.area.addEventListener('scroll', () => { this.numbers.scrollTop = this.area.scrollTop; });
    this.area.addEventListener('keydown', (event) => this.#key(event));
    this.area.addEventListener('focus', () => { this.#leaving = false; });
  }

  get text() {
    return this.area.value;
  }

  set text(text) {
    const { scrollTop, scrollLeft, selectionStart } = this.area;
    this.area.value = text;
    this.area.setSelectionRange(selectionStart, selectionStart);
    this.area.scrollTo(scrollLeft, scrollTop);
    this.#indent = indentOf(text);
    this.#number();
  }

  focus({ line = null } = {}) {
    this.area.focus();
    if (line === null) return;
    const at = lineStart(this.area.value, line);
    this.area.setSelectionRange(at, at);
  }

  // 'Ln 3, Col 7'
  get place() {
    const before = this.area.value.slice(0, this.area.selectionEnd);
    return { line: countLines(before), column: before.length - before.lastIndexOf('\n') };
  }

  #number() {
    const lines = countLines(this.area.value);
    if (lines === this.#lines) return;
    this.#lines = lines;
    this.numbers.textContent = Array.from({ length: lines }, (_, index) => index + 1).join('\n');
    this.numbers.scrollTop = this.area.scrollTop;
  }

  #key(event) {
    const command = event.ctrlKey || event.metaKey;
    if (command && !event.altKey && event.key.toLowerCase() === 's') {
      event.preventDefault();
      this.#on.save();
      return;
    }
    if (command || event.altKey) return;
    // Escape gives Tab back its other meaning, and once more leaves.
    if (event.key === 'Escape') {
      event.preventDefault();
      if (this.#leaving) this.#on.leave();
      this.#leaving = !this.#leaving;
      return;
    }
    if (event.key === 'Tab' && !this.#leaving) {
      event.preventDefault();
      if (event.shiftKey || this.#spansLines()) this.#shift(event.shiftKey);
      else this.#insert(this.#indent);
    } else if (event.key === 'Enter' && !event.isComposing) {
      event.preventDefault();
      this.#insert(`\n${this.#currentIndent()}`);
    }
    if (!['Tab', 'Shift'].includes(event.key)) this.#leaving = false;
  }

  // As if typed, so that undo works.
  #insert(text) {
    if (!document.execCommand('insertText', false, text)) {
      this.area.setRangeText(text, this.area.selectionStart, this.area.selectionEnd, 'end');
      this.area.dispatchEvent(new Event('input'));
    }
  }

  #spansLines() {
    const { selectionStart: from, selectionEnd: to, value } = this.area;
    return value.slice(from, to).includes('\n');
  }

  #currentIndent() {
    const { selectionStart, value } = this.area;
    const start = value.lastIndexOf('\n', selectionStart - 1) + 1;
    return /^[ \t]*/.exec(value.slice(start, selectionStart))[0];
  }

  // The lines of the selection, moved by one step.
  #shift(back) {
    const { selectionStart, selectionEnd, value } = this.area;
    const start = value.lastIndexOf('\n', selectionStart - 1) + 1;
    const end = selectionEnd > selectionStart && value[selectionEnd - 1] === '\n' ? selectionEnd - 1 : selectionEnd;
    const stop = value.indexOf('\n', end) < 0 ? value.length : value.indexOf('\n', end);
    const step = new RegExp(`^(\t| {1,${this.#indent === '\t' ? 4 : this.#indent.length}})`);
    const lines = value.slice(start, stop).split('\n');
    const moved = lines.map((line) => (back ? line.replace(step, '') : line && this.#indent + line)).join('\n');
    if (moved === value.slice(start, stop)) return;
    this.area.setSelectionRange(start, stop);
    this.#insert(moved);
    if (lines.length > 1) this.area.setSelectionRange(start, start + moved.length);
    else {
      const at = Math.max(start, selectionStart + moved.length - lines[0].length);
      this.area.setSelectionRange(at, at);
    }
  }
}
