// Joins a terminal with a session: what arrives goes to the screen in order, what is typed goes out.
import { Feed } from './feed.js';
import { Link } from './link.js';
import { slices } from './slices.js';

export class Session {
  #gateway;
  #screen;
  #on;
  #id;
  #replaying = false;
  #canPause = false;
  #feed;
  #link;

  // on: { state(state), id(id), problem(text) }
  constructor(gateway, screen, id, on) {
    this.#gateway = gateway;
    this.#screen = screen;
    this.#id = id;
    this.#on = on;
    this.#feed = new Feed((text, done) => screen.term.write(text, done), {
      pause: () => this.#slowDown(),
      resume: () => this.#canPause && this.#link.send('resume'),
      overrun: () => this.#skipAhead(),
    });
    this.#link = new Link(() => this.#socketUrl(), () => gateway.probe(), {
      state: on.state,
      message: (type, data, all) => this.#receive(type, data, all),
    });
  }

  get state() {
    return this.#link.state;
  }

  // True while the screen shows old output again: nothing in it may act a second time.
  get replaying() {
    return this.#replaying;
  }

  connect() {
    this.#link.open();
  }

  nudge() {
    this.#link.nudge();
  }

  // Leaves the session (it has ended) for a new one.
  restart() {
    this.#id = null;
    this.#link.open();
  }

  type(text) {
    // A terminal answers queries (where is the cursor? what are you?). Answers to replayed queries
    // would arrive at the shell as if the user had typed them.
    if (this.#replaying || this.#link.state !== 'connected') return;
    for (const part of slices(text)) this.#link.send('input', part);
  }

  sendSize() {
    if (this.#link.state === 'connected') this.#link.send('resize', this.#screen.size);
  }

  #socketUrl() {
    return this.#gateway.socketUrl('v1/shell/ws', { session_id: this.#id, ...this.#screen.size });
  }

  #receive(type, data, all) {
    if (type === 'session_id') this.#attached(data);
    else if (type === 'output') this.#feed.push(data);
    else if (type === 'ready') this.#ready(all);
    else if (type === 'error') this.#on.problem(data);
    else if (type === 'exit') this.#feed.then(() => { this.#replaying = false; });
  }

  // The session's scrollback follows; it replaces what is on the screen.
  #attached(id) {
    this.#id = id;
    this.#on.id(id);
    this.#feed.clear();
    this.#feed.then(() => {
      this.#replaying = true;
      this.#screen.term.reset();
    });
  }

  #ready({ flow }) {
    this.#canPause = flow === true;
    this.sendSize();
    this.#feed.then(() => { this.#replaying = false; });
  }

  // A hidden page hardly gets time to draw. Pausing the session for it would stall the program whose
  // output nobody looks at, so it lets go instead, and nudge() attaches again when it is seen.
  #slowDown() {
    if (document.hidden) this.#skipAhead();
    else if (this.#canPause) this.#link.send('pause');
  }

  // Drops the backlog; attaching again brings the screen to what the session shows now.
  #skipAhead() {
    this.#link.park();
    this.#feed.clear();
    this.#feed.then(() => document.hidden || this.#link.nudge());
  }
}
