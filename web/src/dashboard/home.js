// The overview: what each tile stands for, and how it is.
import { byId } from '../shared/dom.js';
import { plural } from './words.js';

const words = {
  ready: 'running', starting: 'starting', stopping: 'stopping', stopped: 'starts when opened', backoff: 'restarting', failed: 'failed',
};

export async function showHome(client) {
  const services = await client.get('v1/services').catch(() => null);
  if (!services) return;
  for (const place of byId('tiles').querySelectorAll('[data-service]')) {
    const service = services.find(({ name }) => name === place.dataset.service);
    place.textContent = service ? words[service.state] : 'not installed';
    place.dataset.state = service?.state ?? 'missing';
  }
  const failed = services.filter(({ state }) => state === 'failed').length;
  const running = services.filter(({ state }) => state === 'ready').length;
  byId('tile-services').textContent = failed ? `${failed} failed` : services.length ? `${running} of ${plural(services.length, 'service')} running` : 'none';
  byId('tile-services').dataset.state = failed ? 'failed' : running ? 'ready' : 'stopped';
}
