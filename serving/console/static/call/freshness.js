// The age of the answer, and whether it is to what is typed now. Another keystroke never makes an old answer look newer.

export const STALE_MS = 1000;

export class Freshness {
  constructor() {
    this.waiting = []; // [number, when asked] of changes without an answer, oldest first
    this.answeredAt = null;
    this.lost = false; // whether the service cannot be reached
  }

  asked(seq) {
    this.waiting.push([seq, performance.now()]);
  }

  answered(seq) {
    this.waiting = this.waiting.filter(([number]) => number > seq);
    this.answeredAt = performance.now();
  }

  // Milliseconds since the first keystroke without an answer; 0 where all have one.
  get unanswered() {
    return this.waiting.length ? performance.now() - this.waiting[0][1] : 0;
  }

  get current() {
    return this.answeredAt !== null && !this.waiting.length && !this.lost;
  }

  get stale() {
    return this.unanswered >= STALE_MS || (this.lost && this.answeredAt !== null);
  }

  get age() {
    return this.answeredAt === null ? null : performance.now() - this.answeredAt;
  }
}
