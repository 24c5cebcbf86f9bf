// Browser storage that may be refused (private windows, strict settings): then it lasts for the page.

class Store {
  #area;
  #memory = new Map();

  constructor(area) {
    this.#area = area;
  }

  get(key) {
    try {
      return this.#area().getItem(key) ?? this.#memory.get(key) ?? null;
    } catch {
      return this.#memory.get(key) ?? null;
    }
  }

  set(key, value) {
    this.#memory.set(key, value);
    try {
      this.#area().setItem(key, value);
    } catch {
      // Kept in memory only.
    }
  }

  remove(key) {
    this.#memory.delete(key);
    try {
      this.#area().removeItem(key);
    } catch {
      // It was never stored.
    }
  }
}

export const tabStore = new Store(() => globalThis.sessionStorage);
export const lastingStore = new Store(() => globalThis.localStorage);
