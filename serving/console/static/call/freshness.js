// How old the answer is, and whether it still answers what was typed. A key pressed later never makes an old answer younger.

export const STALE_MS = 1000;

export class Freshness {
  constructor() {
    this.waiting = []; // [number, when asked] of what has no answer yet, oldest first
    this.answeredAt = null;
    this.lost = false; // the line is dead: nothing that stands on the page can be confirmed
  }

  asked(seq) {
    this.waiting.push([seq, performance.now()]);
  }

  answered(seq) {
    this.waiting = this.waiting.filter(([number]) => number > seq);
    this.answeredAt = performance.now();
  }

  // Milliseconds since the first keystroke that has no answer; 0 where all have one.
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
