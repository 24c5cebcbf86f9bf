// The connection to the session: opens the WebSocket, notices when it is dead, and reconnects.
//
// States told to on.state(state): { name }, where name is
//   connecting              a socket is being opened, or the session is being replayed
//   connected               output flows
//   waiting   { at }        the next attempt starts at that time (Date.now() scale)
//   parked                  let go on purpose, see park()
//   locked                  a key is needed; nothing happens until open() is called again
//   refused   { message }   the gateway will not have us (wrong host or origin); likewise
//   ended     { exit }      the session's shell is gone; likewise
import { delayBefore } from '../shared/backoff.js';

const READY_WITHIN = 15000; // from opening the socket to "ready"
const QUIET = 20000; // silence after which we ask whether anybody is there
const ANSWER_WITHIN = 10000; // and how long an answer may take
// What the gateway closes with when somebody ended the session: connecting again would make it anew.
const CLOSED = 'the session was closed';
const STEADY = 5000; // a connection that lasted this long starts the back-off anew

export class Link {
  #socketUrl;
  #probe;
  #on;
  #socket = null;
  #attempt = 0;
  #readyAt = 0;
  #timer = null; // the next attempt, or the deadline of the present one
  #pulse = null; // silence, or the wait for an answer
  #state = { name: 'connecting' };

  // socketUrl() → URL; probe() → { status, message }; on: { state(state), message(type, data, all) }.
  constructor(socketUrl, probe, on) {
    this.#socketUrl = socketUrl;
    this.#probe = probe;
    this.#on = on;
  }

  get state() {
    return this.#state.name;
  }

  open() {
    this.close();
    this.#become({ name: 'connecting' });
    const socket = new WebSocket(this.#socketUrl());
    this.#socket = socket;
    this.#readyAt = 0;
    let opened = false;
    socket.onopen = () => { opened = true; };
    socket.onmessage = (event) => {
      if (socket === this.#socket) this.#receive(event.data);
    };
    socket.onclose = ({ reason }) => {
      if (socket !== this.#socket) return;
      if (reason === CLOSED) this.#end({});
      else this.#lost(opened);
    };
    this.#timer = setTimeout(() => this.#drop(), READY_WITHIN);
  }

  // Lets go of the socket and every timer; the state stays as it is.
  close() {
    clearTimeout(this.#timer);
    clearTimeout(this.#pulse);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  // Lets go until nudge(): the viewer cannot follow now, and must not hold up the session.
  park() {
    this.close();
    this.#become({ name: 'parked' });
  }

  // Sends one message; false when there is nobody to send it to.
  send(type, data) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(data === undefined ? { type } : { type, data }));
    return true;
  }

  // The network changed or the page woke up: do not wait for the back-off or the silence to end.
  nudge() {
    if (this.#state.name === 'waiting' || this.#state.name === 'parked') this.open();
    else if (this.#state.name === 'connected') this.#ask(ANSWER_WITHIN / 4);
  }

  #become(state) {
    this.#state = state;
    this.#on.state(state);
  }

  #receive(text) {
    this.#listen();
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      return;
    }
    if (message.type === 'ping') this.#pong(message);
    else if (message.type === 'ready') this.#ready();
    this.#on.message(message.type, message.data, message);
    if (message.type === 'exit') this.#end(message.data ?? {});
  }

  #end(exit) {
    this.close();
    this.#become({ name: 'ended', exit });
  }

  #pong({ timestamp, data }) {
    this.#socket?.send(JSON.stringify({ type: 'pong', timestamp, data }));
  }

  #ready() {
    clearTimeout(this.#timer);
    this.#readyAt = Date.now();
    this.#become({ name: 'connected' });
  }

  // Anything received proves the other side alive; after a silence we ask.
  #listen() {
    clearTimeout(this.#pulse);
    this.#pulse = setTimeout(() => this.#ask(ANSWER_WITHIN), QUIET);
  }

  #ask(patience) {
    clearTimeout(this.#pulse);
    this.send('ping');
    this.#pulse = setTimeout(() => this.#drop(), patience);
  }

  // Gives up on a socket that is silent: its own close event could take minutes.
  #drop() {
    this.close();
    this.#wait();
  }

  async #lost(opened) {
    const steady = this.#readyAt && Date.now() - this.#readyAt > STEADY;
    this.close();
    if (steady) this.#attempt = 0;
    // A browser does not say why a handshake failed, so ask over HTTP.
    if (opened || !(await this.#isBarred())) this.#wait();
  }

  async #isBarred() {
    const before = this.#state;
    const { status, message } = await this.#probe();
    if (this.#state !== before) return true;
    if (status === 401) this.#become({ name: 'locked' });
    else if (status === 403) this.#become({ name: 'refused', message });
    else return false;
    return true;
  }

  #wait() {
    const delay = delayBefore(this.#attempt);
    this.#attempt += 1;
    this.#timer = setTimeout(() => this.open(), delay);
    this.#become({ name: 'waiting', at: Date.now() + delay });
  }
}
