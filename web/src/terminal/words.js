// What the status line says.

export function exitText({ exit_code: code, signal }) {
  if (signal) return `The session was ended by signal ${signal}.`;
  if (code === undefined || code === null) return 'The session has ended.';
  return `The session ended with exit code ${code}.`;
}

export function stateText(state, now = Date.now()) {
  switch (state.name) {
    case 'connecting': return 'Connecting…';
    case 'connected': return 'Connected';
    case 'waiting': return `Reconnecting in ${Math.max(1, Math.ceil((state.at - now) / 1000))} s`;
    case 'parked': return 'Catching up…';
    case 'locked': return 'A key is needed';
    case 'refused': return state.message || 'The gateway refuses this page';
    default: return 'Ended';
  }
}
