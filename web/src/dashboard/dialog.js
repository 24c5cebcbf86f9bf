// Dialogs: something told, a question with a few answers, or a line of text asked for.
import { h } from '../shared/dom.js';

// Gives the focus back with its caret. A click on a button that is gone a moment later leaves the
// browser's selection nowhere, and a text area that has the focus then takes no text.
function rememberFocus() {
  const element = document.activeElement;
  const caret = element?.matches?.('textarea, input') ? [element.selectionStart, element.selectionEnd] : null;
  return () => {
    if (!element?.isConnected || element === document.body) return;
    element.blur();
    element.focus({ preventScroll: true });
    if (caret && caret[0] !== null) element.setSelectionRange(...caret);
  };
}

// buttons: { label, value, primary, danger, stay, act }. Resolves to the value of the button, or to
// null when the dialog was left. `check(value)` may resolve to what is wrong, which keeps it open.
export function showDialog({ title, body = [], buttons, check }) {
  const giveBack = rememberFocus();
  const problem = h('p.problem', { role: 'alert' });
  const row = h('div.buttons');
  const dialog = h('dialog.box', { 'aria-labelledby': 'dialog-title' },
    h('form', { method: 'dialog' }, h('h2', { id: 'dialog-title' }, title), ...body, check ? problem : null, row));
  return new Promise((resolve) => {
    let result = null;
    const choose = async (button) => {
      button.act?.();
      if (button.stay) return;
      const wrong = button.primary && check ? await check(button.value) : '';
      problem.textContent = wrong;
      if (wrong) return;
      result = button.value ?? null;
      dialog.close();
    };
    const elements = buttons.map((button) => h('button', {
      type: button.primary ? 'submit' : 'button',
      class: button.danger ? 'danger' : button.primary ? 'primary' : undefined,
      onclick: button.primary ? undefined : () => choose(button),
    }, button.label));
    row.append(...elements);
    dialog.querySelector('form').addEventListener('submit', (event) => {
      event.preventDefault();
      choose(buttons.find((button) => button.primary));
    });
    dialog.addEventListener('close', () => {
      dialog.remove();
      giveBack();
      resolve(result);
    });
    document.body.append(dialog);
    dialog.showModal();
    (dialog.querySelector('input') ?? elements.find((_, index) => buttons[index].primary) ?? elements[0]).focus();
  });
}

export async function confirmed({ title, text, action, danger = false }) {
  return (await showDialog({
    title,
    body: [h('p', {}, text)],
    buttons: [{ label: 'Cancel' }, { label: action, value: true, primary: true, danger }],
  })) === true;
}

// A line of text; `check(text)` says what is wrong with it ('' when nothing) and may do the work.
export async function askText({ title, label, value = '', action, check, selectTo = value.length }) {
  const input = h('input', { type: 'text', autocomplete: 'off', spellcheck: 'false', autocapitalize: 'off' });
  input.value = value;
  queueMicrotask(() => input.setSelectionRange(0, selectTo));
  return showDialog({
    title,
    body: [h('label.line', {}, label, input)],
    check: () => check(input.value),
    buttons: [{ label: 'Cancel' }, { label: action, value: true, primary: true }],
  });
}
