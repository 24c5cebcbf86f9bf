// What the veil over the desktop says in each state: { title, text, action, busy }.

function seconds(at, now) {
  return `${Math.max(1, Math.ceil((at - now) / 1000))} s`;
}

// Why the desktop cannot be reached, from what the gateway said about its service.
export function troubleText({ status, message, state, reason }) {
  if (status === 0) return 'The sandbox does not answer.';
  if (status === 404) return 'This sandbox has no desktop.';
  if (status !== 200) return message || `The sandbox answered with status ${status}.`;
  if (reason) return reason;
  if (state === 'starting') return 'It is still starting.';
  if (state === 'ready') return 'It is running, but the connection to it was refused.';
  return 'It could not be started.';
}

function waiting({ at, again, trouble }, now) {
  const action = at === null ? 'Try again' : 'Try now';
  if (trouble) {
    const next = at === null ? '' : `Trying again in ${seconds(at, now)}`;
    return { title: 'The desktop is not available', text: troubleText(trouble), next, action };
  }
  const text = again ? 'The connection to the desktop was lost.' : 'The desktop closed the connection.';
  if (at === null) return { title: 'Disconnected', text, action };
  return { title: `Reconnecting in ${seconds(at, now)}`, text, action, busy: true };
}

export function veilText(state, now = Date.now()) {
  switch (state.name) {
    case 'idle': return { title: 'Desktop', text: 'See and use the desktop of this sandbox.', action: 'Connect' };
    case 'connecting':
      return state.again
        ? { title: 'Reconnecting…', text: 'The desktop will be back in a moment.', busy: true }
        : { title: 'Starting the desktop…', text: 'The first time takes a few seconds.', busy: true };
    case 'waiting': return waiting(state, now);
    case 'password': return { title: 'The desktop asks for a password', text: '' };
    case 'locked': return { title: 'A key is needed', text: 'This sandbox lets nobody in without one.' };
    case 'refused': return { title: 'The desktop cannot be shown', text: state.message || 'The sandbox refuses this page.', action: 'Try again' };
    case 'closed': return { title: 'Disconnected', text: 'The desktop goes on without you.', action: 'Connect' };
    default: return { title: '', text: '' };
  }
}
