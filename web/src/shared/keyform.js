// The dialog that asks for the API key, once: the key is tried before it is kept.
import { h } from './dom.js';

function form() {
  const input = h('input', {
    type: 'password', id: 'key-input', autocomplete: 'off', spellcheck: 'false', required: true,
    'aria-describedby': 'key-problem',
  });
  const problem = h('p.problem', { id: 'key-problem', role: 'alert' });
  const submit = h('button.primary', { type: 'submit' }, 'Continue');
  const dialog = h('dialog.key-form', { 'aria-labelledby': 'key-title' },
    h('form', { method: 'dialog' },
      h('h2', { id: 'key-title' }, 'This sandbox asks for a key'),
      h('p', {}, 'It was set as SANDBOX_API_KEY where the sandbox was started. A token for it opens it as well. ',
        'It is kept until this browser is closed.'),
      h('label', { for: 'key-input' }, 'API key or token'),
      input, problem, submit));
  return { dialog, input, problem, submit };
}

// Tries the key in the form and keeps it if it opens; resolves to what is wrong with it, or ''.
async function tryKey(gateway, key) {
  const before = gateway.key;
  gateway.key = key;
  const { status } = await gateway.probe();
  if (status !== 0 && status !== 401) {
    if (status < 300) await gateway.signIn();
    return '';
  }
  gateway.key = before;
  return status === 401 ? 'That key was refused.' : 'The sandbox does not answer.';
}

// Shows the dialog and resolves when a key was accepted. With `optional` the user may also leave it
// with Escape; otherwise nothing works without a key, so it stays.
export function askForKey(gateway, { optional = false } = {}) {
  const { dialog, input, problem, submit } = form();
  if (gateway.key && !optional) problem.textContent = 'The key used so far was refused.';
  return new Promise((resolve) => {
    let accepted = false;
    dialog.addEventListener('close', () => {
      if (!accepted && !optional) {
        dialog.showModal();
        return;
      }
      dialog.remove();
      resolve();
    });
    dialog.querySelector('form').addEventListener('submit', async (event) => {
      event.preventDefault();
      submit.disabled = true;
      problem.textContent = '';
      problem.textContent = await tryKey(gateway, input.value);
      submit.disabled = false;
      accepted = problem.textContent === '';
      if (accepted) dialog.close();
      else input.select();
    });
    document.body.append(dialog);
    dialog.showModal();
    input.focus();
  });
}
