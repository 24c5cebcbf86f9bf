// Feeds output to the terminal at the speed at which it can parse.
//
// Output waits here, not inside the terminal, for two reasons: the page stays responsive in a flood
// (the terminal gets little at a time and yields between), and on a re-attach what waits can be
// dropped, which the terminal's own buffer does not allow.

export const LIMITS = {
  slice: 64 * 1024, // text joined into one write
  inFlight: 256 * 1024, // handed to the terminal and not parsed yet
  high: 512 * 1024, // ask the sender to pause above this
  low: 128 * 1024, // and to go on below this
  ceiling: 8 * 1024 * 1024, // give up on a sender that cannot pause
};

export class Feed {
  #queue = [];
  #waiting = 0;
  #inFlight = 0;
  #paused = false;
  #write;
  #on;
  #limits;

  // write(text, done) puts text on the screen; `on` has pause(), resume() and overrun().
  constructor(write, on, limits = LIMITS) {
    this.#write = write;
    this.#on = on;
    this.#limits = limits;
  }

  // Characters received and not on the screen yet.
  get backlog() {
    return this.#waiting + this.#inFlight;
  }

  push(text) {
    this.#queue.push(text);
    this.#waiting += text.length;
    this.#pump();
    if (this.backlog > this.#limits.ceiling) this.#on.overrun();
    else this.#adjust();
  }

  // Runs fn once everything pushed before it is on the screen.
  then(fn) {
    this.#queue.push(fn);
    this.#pump();
  }

  // Drops what waits. What the terminal already holds is still parsed.
  clear() {
    this.#queue = [];
    this.#waiting = 0;
    this.#paused = false;
  }

  #pump() {
    while (this.#queue.length && this.#inFlight < this.#limits.inFlight) {
      if (typeof this.#queue[0] === 'function') {
        if (this.#inFlight > 0) return;
        this.#queue.shift()();
      } else {
        this.#writeSlice();
      }
    }
  }

  #writeSlice() {
    const parts = [];
    let size = 0;
    let taken = 0;
    for (const entry of this.#queue) {
      if (typeof entry === 'function' || (size && size + entry.length > this.#limits.slice)) break;
      parts.push(entry);
      size += entry.length;
      taken += 1;
    }
    this.#queue.splice(0, taken);
    this.#waiting -= size;
    this.#inFlight += size;
    this.#write(parts.join(''), () => {
      this.#inFlight -= size;
      this.#adjust();
      this.#pump();
    });
  }

  #adjust() {
    if (!this.#paused && this.backlog > this.#limits.high) {
      this.#paused = true;
      this.#on.pause();
    } else if (this.#paused && this.backlog < this.#limits.low) {
      this.#paused = false;
      this.#on.resume();
    }
  }
}
