// How long to wait before the next attempt to connect.

const FIRST = 500;
const LONGEST = 15000;

// Milliseconds before attempt number `attempt` (0, 1, 2, …); `random` in [0, 1) spreads a crowd of
// viewers that lost the same gateway at the same moment.
export function delayBefore(attempt, random = Math.random()) {
  const delay = Math.min(LONGEST, FIRST * 2 ** Math.min(attempt, 10));
  return Math.round(delay * (0.8 + 0.4 * random));
}
