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
      h('p', {}, 'It was set as SANDBOX_API_KEY where the sandbox was started. ',
        'It is kept in this tab only.'),
      h('label', { for: 'key-input' }, 'API key'),
      input, problem, submit));
  return { dialog, input, problem, submit };
}

// Shows the dialog until a key is accepted. A tried-and-refused stored key is said to be so.
export function askForKey(gateway) {
  const { dialog, input, problem, submit } = form();
  if (gateway.key) problem.textContent = 'The key used so far was refused.';
  const done = new Promise((resolve) => {
    dialog.addEventListener('cancel', (event) => event.preventDefault());
    dialog.querySelector('form').addEventListener('submit', async (event) => {
      event.preventDefault();
      submit.disabled = true;
      problem.textContent = '';
      gateway.key = input.value;
      const { status, message } = await gateway.probe();
      submit.disabled = false;
      if (status !== 0 && status !== 401) {
        if (status < 300) await gateway.signIn();
        dialog.close();
        dialog.remove();
        resolve();
        return;
      }
      gateway.key = null;
      problem.textContent = status === 401
        ? 'That key was refused.'
        : `The sandbox does not answer${message ? `: ${message}` : '.'}`;
      input.select();
    });
  });
  document.body.append(dialog);
  dialog.showModal();
  input.focus();
  return done;
}
