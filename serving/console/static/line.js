// The line to the service: a WebSocket while there is one, single requests while there is none. It never hands on an answer
// that is not for the newest state of the call.

const RETRY_MS = [250, 500, 1000, 2000, 5000];
const SLOW_MS = 300;

export class Line {
  // onAnswer({seq, final, decision, held}), onState("live" | "slow" | "dead"), onRefused(seq)
  constructor({ onAnswer, onState, onRefused }) {
    Object.assign(this, { onAnswer, onState, onRefused });
    this.seq = 0;
    this.tries = 0;
    this.timer = null;
    this.begin();
  }

  begin() {
    this.session = null;
    this.finishing = false;
    this.call = { narrative: "" };
    this.open();
  }

  open() {
    this.resuming = false;
    this.socket?.close();
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = (this.socket = new WebSocket(`${scheme}://${location.host}/v1/stream`));
    socket.onopen = () => {
      if (socket !== this.socket) return;
      this.tries = 0;
    };
    socket.onmessage = (event) => socket === this.socket && this.read(JSON.parse(event.data));
    socket.onclose = () => {
      if (socket !== this.socket) return;
      this.ready = false;
      this.onState("slow");
      setTimeout(() => socket === this.socket && this.open(), RETRY_MS[Math.min(this.tries++, RETRY_MS.length - 1)]);
      if (this.seq > 0) this.ask(this.finishing);
    };
  }

  up() {
    this.ready = true;
    this.onState("live");
    clearTimeout(this.timer);
    if (this.seq === 0) return;
    this.write({ type: "call", seq: this.seq, call: this.call });
    if (this.finishing) this.write({ type: "final", seq: this.seq });
  }

  read(message) {
    if (message.type === "session") {
      if (this.session && !this.resuming) {
        this.resuming = true; // the greeting of a new connection: ask for the call that was being typed
        return this.write({ type: "resume", session: this.session });
      }
      this.session = message.session;
      return this.up();
    }
    if (message.seq !== this.seq) return;
    if (message.type === "decision") {
      this.onAnswer({ seq: message.seq, final: message.final, decision: message.decision, held: message.held_vetoes });
    } else {
      this.onRefused(message.seq);
    }
  }

  write(message) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  // Send the call as it stands; return the number that its answer will bear.
  send(call) {
    this.call = call;
    this.finishing = false;
    this.seq += 1;
    if (this.ready) this.write({ type: "call", seq: this.seq, call });
    else this.ask(false);
    return this.seq;
  }

  // Ask for the answer that stands at the end of typing.
  finish() {
    this.finishing = true;
    this.seq += 1;
    if (this.ready) this.write({ type: "final", seq: this.seq });
    else this.ask(true);
    return this.seq;
  }

  clear(words) {
    this.seq += 1;
    if (this.ready) this.write({ type: "clear", seq: this.seq, words });
    else this.ask(false);
    return this.seq;
  }

  // Without a socket: one request, not before typing has paused.
  ask(final) {
    clearTimeout(this.timer);
    this.timer = setTimeout(async () => {
      const seq = this.seq;
      try {
        const answer = await fetch(`/v1/decisions?final=${final}`, {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify(this.call),
        });
        if (!answer.ok) throw new Error(String(answer.status));
        const decision = await answer.json();
        if (!this.ready) this.onState("slow");
        if (seq === this.seq) this.onAnswer({ seq, final, decision, held: null });
      } catch {
        if (!this.ready && seq === this.seq) {
          this.onState("dead");
          this.timer = setTimeout(() => this.ask(final), 2000);
        }
      }
    }, final ? 0 : SLOW_MS);
  }

  // End the call: the server forgets it once it is final, and this browser at once.
  end() {
    clearTimeout(this.timer);
    this.seq = 0;
    this.ready = false;
    this.begin();
  }
}
