// Calls of the API: one key dialog for all of them, and one opinion on whether the sandbox answers.
import { askForKey } from '../shared/keyform.js';

const PATIENCE = 30000;

// status 0: nobody answered. data: what a failed call says besides its message.
export class CallError extends Error {
  constructor(status, message, data = null) {
    super(message);
    this.status = status;
    this.data = data;
  }
}

export class Client extends EventTarget {
  online = true;
  #unlocking = null;

  constructor(gateway) {
    super();
    this.gateway = gateway;
  }

  get(path, options) {
    return this.call('GET', path, undefined, options);
  }

  post(path, body = {}, options) {
    return this.call('POST', path, body, options);
  }

  delete(path, options) {
    return this.call('DELETE', path, undefined, options);
  }

  // The `data` of the answer; throws a CallError for everything else.
  async call(method, path, body, options = {}) {
    const answer = await this.fetch(path, {
      method,
      ...(body !== undefined && { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }),
      ...options,
    });
    const told = await answer.json().catch(() => null);
    if (!answer.ok || told?.success === false) {
      throw new CallError(answer.status, told?.message ?? `The sandbox answered ${answer.status}.`, told?.data ?? null);
    }
    return told?.data ?? null;
  }

  // As fetch(), but a missing key is asked for, and a sandbox that does not answer is an error.
  async fetch(path, options = {}) {
    for (;;) {
      const answer = await this.#send(path, options);
      if (answer.status !== 401) return answer;
      await this.unlock();
    }
  }

  // However many calls are refused at once, the key is asked for once.
  unlock() {
    this.#unlocking ??= askForKey(this.gateway).then(() => {
      this.#unlocking = null;
      this.dispatchEvent(new Event('unlocked'));
    });
    return this.#unlocking;
  }

  async #send(path, { timeout = PATIENCE, ...options }) {
    try {
      const answer = await this.gateway.fetch(path, { signal: AbortSignal.timeout(timeout), ...options });
      this.#judge(true);
      return answer;
    } catch (error) {
      if (options.signal?.aborted) throw error;
      // A slow answer is not a lost connection.
      if (error.name === 'TimeoutError') throw new CallError(0, 'The sandbox did not answer in time.');
      this.#judge(false);
      throw new CallError(0, 'The sandbox does not answer.');
    }
  }

  #judge(online) {
    if (this.online === online) return;
    this.online = online;
    this.dispatchEvent(new Event(online ? 'online' : 'offline'));
  }
}
