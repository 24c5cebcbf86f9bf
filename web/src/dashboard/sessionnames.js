// The names of terminals, as this browser knows them: those given here, the session's own where
// somebody chose it, and numbers for the rest.

const MADE_UP = /^[0-9a-f]{16,}$/;

export class Names {
  #store;
  #slot;
  #given;

  constructor(store, slot) {
    this.#store = store;
    this.#slot = slot;
    try {
      this.#given = new Map(JSON.parse(store.get(slot) ?? '[]'));
    } catch {
      this.#given = new Map();
    }
  }

  of(id) {
    if (!this.#given.has(id)) this.set(id, MADE_UP.test(id) ? this.#nextNumber() : id);
    return this.#given.get(id);
  }

  set(id, name) {
    this.#given.set(id, name);
    this.#save();
  }

  // Forgets sessions that are no more.
  keep(ids) {
    const before = this.#given.size;
    for (const id of this.#given.keys()) if (!ids.includes(id)) this.#given.delete(id);
    if (this.#given.size !== before) this.#save();
  }

  #nextNumber() {
    const taken = new Set(this.#given.values());
    for (let n = 1; ; n += 1) if (!taken.has(`Terminal ${n}`)) return `Terminal ${n}`;
  }

  #save() {
    this.#store.set(this.#slot, JSON.stringify([...this.#given]));
  }
}
