// The connection of one call to the service: a WebSocket while it responds, single requests while it does not.

const RETRY_MS = [250, 500, 1000, 2000, 5000];
const GREETING_MS = 1500; // a socket without a first message for so long is given up
const REQUEST_MS = 1500;
const PAUSE_MS = 300;
const ENDED = 4401; // the key or the session has ended

export class Line {
  // onAnswer({seq, final, decision, held, pending, remembered}), onState("live" | "slow" | "dead"), onRefused(seq, detail)
  constructor({ session = null, practice = false, onAnswer, onState, onRefused }) {
    Object.assign(this, { session, practice, onAnswer, onState, onRefused });
    Object.assign(this, { seq: 0, tries: 0, ready: false, finishing: false, resuming: false, ended: false, clearing: [] });
    this.remembered = true; // whether the service has seen every state of this call's note
    this.silence = 2500; // heartbeats come every second
    this.state = { call: { narrative: "" }, caret: null };
    this.watch = setInterval(() => this.listen(), 250);
    this.online = () => this.retryNow();
    addEventListener("online", this.online);
    this.open();
  }

  // The network is back: connect at once.
  retryNow() {
    if (this.ended || this.socket) return;
    clearTimeout(this.retry);
    this.open();
  }

  open() {
    if (this.ended) return;
    this.resuming = false;
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = (this.socket = new WebSocket(`${scheme}://${location.host}/v1/stream${this.query}`));
    this.heard = performance.now();
    socket.onopen = () => (this.heard = performance.now());
    socket.onmessage = (event) => {
      if (socket !== this.socket) return;
      this.heard = performance.now();
      this.read(JSON.parse(event.data));
    };
    socket.onclose = (event) => socket === this.socket && this.lose(event);
  }

  get query() {
    return this.practice ? "?practice=true" : "";
  }

  // Give up the socket where no message has arrived for too long.
  listen() {
    if (!this.socket || performance.now() - this.heard <= (this.ready ? this.silence : GREETING_MS)) return;
    this.socket.close();
    this.lose();
  }

  lose(event) {
    this.socket = null;
    this.ready = false;
    if (event?.code > 4000) this.onRefused(null, event.reason);
    if (event?.code === ENDED) return this.onState("dead");
    this.onState("slow");
    this.retry = setTimeout(() => this.open(), RETRY_MS[Math.min(this.tries++, RETRY_MS.length - 1)]);
    this.ask();
  }

  read(message) {
    if (message.type === "heartbeat") return;
    if (message.type === "session") return this.greet(message);
    if (message.type === "decision") return this.take(message);
    this.onRefused(message.seq, message.detail);
  }

  take({ seq, final, decision, held_vetoes: held, pending, session }) {
    if (session) this.session = session;
    this.clearing = [];
    this.onAnswer({ seq, final, decision, held, pending: pending ?? [], remembered: this.remembered });
  }

  // On the first message of a new connection: resume the session of the call, then send the call's present state.
  greet(message) {
    if (this.session && !this.resuming) {
      this.resuming = true;
      return this.write({ type: "resume", session: this.session });
    }
    if (this.resuming && !message.resumed) this.remembered = false;
    this.session = message.session;
    this.silence = 2.5 * (message.heartbeat_ms ?? 1000);
    this.ready = true;
    this.tries = 0;
    clearTimeout(this.timer);
    this.timer = null;
    this.onState("live");
    if (this.seq === 0) return;
    this.write({ type: "call", seq: this.seq, ...this.state });
    if (this.clearing.length) this.write({ type: "clear", seq: this.seq, ids: this.clearing });
    if (this.finishing) this.write({ type: "final", seq: this.seq });
  }

  write(message) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  // Send the present state of the call; returns the number of its answer. `caret` is the end of an unfinished word.
  send(call, caret = null) {
    this.state = { call, caret };
    this.finishing = false;
    return this.next({ type: "call", ...this.state });
  }

  // Request the final answer.
  finish() {
    this.state.caret = null;
    this.finishing = true;
    return this.next({ type: "final" }, 0);
  }

  // Clear held vetoes by their ids.
  clear(ids) {
    this.clearing = [...this.clearing, ...ids];
    return this.next({ type: "clear", ids }, 0);
  }

  next(message, pause = PAUSE_MS) {
    this.seq += 1;
    if (this.ready) this.write({ ...message, seq: this.seq });
    else this.ask(pause);
    return this.seq;
  }

  // Without a socket: one request after another, each with the newest state.
  ask(pause = PAUSE_MS) {
    if (this.seq === 0 || this.ended || this.timer) return;
    this.timer = setTimeout(() => this.request(), pause);
  }

  async request() {
    const seq = this.seq;
    try {
      const answer = await this.post();
      if (this.ended || this.ready) return;
      this.onState("slow");
      this.take(answer);
      this.timer = null;
      if (seq !== this.seq) this.ask();
    } catch {
      if (this.ended || this.ready) return;
      this.onState("dead");
      this.timer = setTimeout(() => this.request(), 1000);
    }
  }

  async post() {
    const answer = await fetch(`/v1/stream${this.query}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ seq: this.seq, final: this.finishing, clear: this.clearing, session: this.session, ...this.state }),
      signal: AbortSignal.timeout(REQUEST_MS),
    });
    if (!answer.ok) throw new Error(String(answer.status));
    return answer.json();
  }

  end() {
    this.ended = true;
    removeEventListener("online", this.online);
    clearInterval(this.watch);
    clearTimeout(this.timer);
    clearTimeout(this.retry);
    const socket = this.socket;
    this.socket = null;
    socket?.close();
  }
}
