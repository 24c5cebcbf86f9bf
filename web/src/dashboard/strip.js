// The resource strip: CPU, memory and disk, asked for while somebody looks.
import { byId } from '../shared/dom.js';
import { sizeText } from './words.js';

const EVERY = 3000;

export function gauges({ cpu, memory, disk, load, processes }) {
  const share = (used, total) => (total > 0 ? Math.min(100, (used / total) * 100) : 0);
  const cores = Math.round(cpu.cores * 100) / 100;
  return {
    cpu: {
      percent: cpu.percent,
      text: `${Math.round(cpu.percent)} %`,
      title: `${cpu.percent.toFixed(1)} % of ${cores} CPU${cores === 1 ? '' : 's'} (${cpu.of})\nLoad ${load.map((one) => one.toFixed(2)).join(', ')}\n${processes} processes`,
    },
    memory: {
      percent: share(memory.used, memory.total),
      text: `${sizeText(memory.used)} / ${sizeText(memory.total)}`,
      title: `${sizeText(memory.used)} of ${sizeText(memory.total)} in use (${memory.of})`,
    },
    disk: {
      percent: share(disk.used, disk.used + disk.free),
      text: `${sizeText(disk.free)} free`,
      title: `${sizeText(disk.free)} free of ${sizeText(disk.total)} at ${disk.path}`,
    },
  };
}

const level = (percent) => (percent >= 90 ? 'high' : percent >= 70 ? 'raised' : 'normal');

function draw(use) {
  for (const [name, { percent, text, title }] of Object.entries(gauges(use))) {
    const gauge = byId('strip').querySelector(`[data-gauge="${name}"]`);
    gauge.dataset.level = level(percent);
    gauge.title = title;
    gauge.querySelector('s').style.width = `${percent}%`;
    gauge.lastElementChild.textContent = text;
  }
}

export class Strip {
  #client;
  #timer = null;

  constructor(client) {
    this.#client = client;
  }

  start() {
    document.addEventListener('visibilitychange', () => this.#turn());
    this.#client.addEventListener('online', () => this.#turn());
    this.#turn();
  }

  async #turn() {
    clearTimeout(this.#timer);
    if (document.hidden || !this.#client.online) return;
    const use = await this.#client.get('v1/sandbox/resources').catch(() => null);
    if (use) draw(use);
    byId('strip').classList.toggle('stale', !use);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#turn(), EVERY);
  }
}
