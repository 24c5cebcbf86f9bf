// The banner that says the sandbox does not answer, and the attempts to reach it again.
import { delayBefore } from '../shared/backoff.js';
import { byId } from '../shared/dom.js';

export function watchConnection(client) {
  let attempt = 0;
  let timer = null;
  let clock = null;
  let at = 0;

  function draw() {
    const seconds = Math.max(0, Math.ceil((at - Date.now()) / 1000));
    byId('banner-text').textContent = seconds
      ? `The sandbox does not answer. Trying again in ${seconds} s.`
      : 'The sandbox does not answer. Trying again…';
  }

  function plan() {
    const delay = delayBefore(attempt);
    attempt += 1;
    at = Date.now() + delay;
    clearTimeout(timer);
    timer = setTimeout(probe, delay);
    draw();
  }

  // A success ends the offline state by itself (client.js).
  async function probe() {
    clearTimeout(timer);
    at = 0;
    draw();
    await client.fetch('healthz', { timeout: 10000 }).catch(() => {});
    if (!client.online) plan();
  }

  client.addEventListener('offline', () => {
    attempt = 0;
    byId('banner').hidden = false;
    clock = setInterval(draw, 500);
    plan();
  });
  client.addEventListener('online', () => {
    clearTimeout(timer);
    clearInterval(clock);
    byId('banner').hidden = true;
  });
  byId('banner-retry').onclick = probe;
  window.addEventListener('online', () => client.online || probe());
}
