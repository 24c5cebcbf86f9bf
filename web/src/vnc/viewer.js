// The connection to a desktop: opens the WebSocket, hands it to an RFB client, notices when the link
// is dead, and reconnects. It knows no page: whoever embeds a desktop gives it what it needs.
//
// States told to on.state(state): { name }, where name is
//   idle                          nothing was asked for yet
//   connecting { again }          a socket is being opened; `again` after a first picture
//   password   { types }          the server wants credentials, see give()
//   connected
//   waiting    { at, again, trouble }  the next attempt starts at that time (Date.now() scale; null:
//                                 not by itself); trouble is what probe() learned, null after a drop
//   locked                        the gateway wants a key; nothing happens until open() is called
//   refused    { message }        the gateway or the server will not have us; likewise
//   closed                        let go by close(); likewise
import { delayBefore } from '../shared/backoff.js';

const OPEN_WITHIN = 90000; // a first use starts services; the gateway gives up earlier and says why
const GREET_WITHIN = 15000; // from the open socket to the first picture's size
const QUIET = 20000; // silence after which we ask whether anybody is there
const ANSWER_WITHIN = 10000; // and how long an answer may take
const HURRY = 2500; // the same when the page just woke up
const STEADY = 5000; // a connection that lasted this long starts the back-off anew

// FramebufferUpdateRequest for one pixel, not incremental: the server must answer it.
const ANYBODY_THERE = new Uint8Array([3, 0, 0, 0, 0, 0, 0, 1, 0, 1]);

export class Viewer {
  #urls;
  #turn = 0; // which of the addresses is tried
  #dial;
  #attach;
  #probe;
  #on;
  #reconnect;
  #delay;
  #link = null;
  #attempt = 0;
  #again = false;
  #credentials = null;
  #timer = null; // the next attempt
  #state = { name: 'idle' };

  // urls() → the addresses to try; dial(url) → WebSocket; attach(socket, credentials) → RFB client;
  // probe() → { status, message, … }, why a socket could not be opened; on: { state(state) }.
  constructor({ urls, dial, attach, probe, on, credentials = null, reconnect = true, reconnectDelay = null }) {
    this.#urls = urls;
    this.#dial = dial;
    this.#attach = attach;
    this.#probe = probe;
    this.#on = on;
    this.#credentials = credentials;
    this.#reconnect = reconnect;
    this.#delay = reconnectDelay === null ? delayBefore : () => reconnectDelay;
  }

  get state() {
    return this.#state.name;
  }

  open() {
    this.#letGo();
    this.#become({ name: 'connecting', again: this.#again });
    try {
      this.#start();
    } catch (error) {
      // An address no socket can have, or one this page may not open.
      this.#become({ name: 'refused', message: error.message });
    }
  }

  // Lets go and stays away until open().
  close() {
    this.#letGo();
    this.#again = false;
    this.#become({ name: 'closed' });
  }

  // Answers the state `password`; what worked once is used for every reconnect.
  give(credentials) {
    if (this.#state.name !== 'password') return;
    this.#credentials = credentials;
    this.#become({ name: 'connecting', again: this.#again });
    this.#within(this.#link, GREET_WITHIN);
    this.#link.rfb.sendCredentials(credentials);
  }

  // The network changed or the page woke up: do not wait for the back-off or the silence to end.
  nudge() {
    if (this.#state.name === 'waiting' && this.#state.at !== null) this.open();
    else if (this.#state.name === 'connected') this.#ask(this.#link, HURRY);
  }

  #become(state) {
    this.#state = state;
    this.#on.state(state);
  }

  #start() {
    const urls = this.#urls();
    const socket = this.#dial(urls[this.#turn % urls.length]);
    const link = { socket, rfb: null, opened: false, connectedAt: 0, heard: 0, complaint: null, timer: null, pulse: null };
    this.#link = link;
    this.#within(link, OPEN_WITHIN);
    socket.addEventListener('open', () => this.#opened(link));
    socket.addEventListener('message', () => this.#heard(link));
    link.rfb = this.#attach(socket, this.#credentials);
    this.#listen(link);
  }

  #listen(link) {
    const mine = (fn) => (event) => link === this.#link && fn(event.detail);
    link.rfb.addEventListener('connect', mine(() => this.#connected(link)));
    link.rfb.addEventListener('disconnect', mine(() => {
      link.rfb = null; // it has let go by itself
      this.#lost(link);
    }));
    link.rfb.addEventListener('credentialsrequired', mine(({ types }) => {
      clearTimeout(link.timer);
      this.#become({ name: 'password', types });
    }));
    link.rfb.addEventListener('securityfailure', mine(({ reason }) => {
      link.complaint = reason || 'The desktop did not accept the password.';
    }));
  }

  #opened(link) {
    if (link !== this.#link) return;
    link.opened = true;
    this.#within(link, GREET_WITHIN);
  }

  #within(link, patience) {
    clearTimeout(link.timer);
    link.timer = setTimeout(() => this.#lost(link), patience);
  }

  #connected(link) {
    clearTimeout(link.timer);
    link.connectedAt = Date.now();
    this.#again = true;
    link.pulse = setInterval(() => {
      if (Date.now() - link.heard > QUIET && link.timer === null) this.#ask(link, ANSWER_WITHIN);
    }, QUIET / 4);
    this.#heard(link);
    this.#become({ name: 'connected' });
  }

  // Anything received proves the other side alive.
  #heard(link) {
    link.heard = Date.now();
    if (!link.connectedAt) return;
    clearTimeout(link.timer);
    link.timer = null;
  }

  #ask(link, patience) {
    if (link.socket.readyState === 1) link.socket.send(ANYBODY_THERE);
    this.#within(link, patience);
  }

  // Gives up on the present link at once: the close event of a silent socket could take minutes.
  #letGo() {
    clearTimeout(this.#timer);
    const link = this.#link;
    this.#link = null;
    if (!link) return;
    clearTimeout(link.timer);
    clearInterval(link.pulse);
    link.rfb?.disconnect();
    link.socket.close();
  }

  #lost(link) {
    if (link !== this.#link) return;
    const steady = link.connectedAt && Date.now() - link.connectedAt > STEADY;
    this.#letGo();
    if (steady) this.#attempt = 0;
    if (link.complaint) {
      this.#credentials = null;
      this.#become({ name: 'refused', message: link.complaint });
    } else if (link.opened) this.#wait(null);
    else this.#unopened();
  }

  // A browser does not say why a handshake failed. Where another reading of the address is left, it
  // is tried at once; else we ask over HTTP.
  async #unopened() {
    this.#turn = (this.#turn + 1) % this.#urls().length;
    if (this.#turn !== 0) {
      this.open();
      return;
    }
    const before = this.#state;
    const trouble = await this.#probe();
    if (this.#state !== before) return;
    if (trouble.status === 401) this.#become({ name: 'locked' });
    else if (trouble.status === 403) this.#become({ name: 'refused', message: trouble.message });
    else this.#wait(trouble);
  }

  #wait(trouble) {
    const state = { name: 'waiting', at: null, again: this.#again, trouble };
    if (this.#reconnect) {
      const delay = this.#delay(this.#attempt);
      this.#attempt += 1;
      this.#timer = setTimeout(() => this.open(), delay);
      state.at = Date.now() + delay;
    }
    this.#become(state);
  }
}
