// The state of one call on this page: what was typed, its answer, and the person's decision.

import { Freshness } from "./freshness.js";

export class CallState {
  constructor(saved = {}) {
    this.key = saved.key ?? crypto.randomUUID?.() ?? `${Date.now()}-${Math.random().toString(36).slice(2, 12)}`;
    this.openedAt = saved.opened_at ?? Date.now() / 1000;
    this.fields = saved.fields ?? {};
    this.note = saved.note ?? "";
    this.held = saved.held ?? [];
    this.said = saved.said ?? null; // {id, human, reason, shown, vetoed, response, at, elapsed} of the person's present decision
    this.before = saved.before ?? null; // the decision that a change of the answer reopened
    this.closed = saved.closed ?? false;
    this.practice = saved.practice ?? false;
    this.savedShown = saved.shown ?? "waiting";
    this.session = saved.session ?? null;
    this.firstShownAt = saved.first_shown_at ?? null;
    this.entries = saved.entries ?? 0;
    this.cadNotes = saved.cad_notes ?? null; // how many notes of the linked incident this call holds
    this.cadFields = saved.cad_fields ?? {}; // the fields as CAD last sent them
    this.fresh = new Freshness();
    this.line = null;
    this.connection = "slow";
    this.asked = 0;
    this.decision = null;
    this.vetoes = []; // the vetoes of the decision that is shown
    this.standing = [];
    this.marks = [];
    this.markText = [];
    this.texts = new Map(); // the note's characters for each number without an answer
    this.pending = null; // a person's decision that waits for the final answer
    this.refused = "";
    this.unfinished = false; // whether the only veto is a word that is still being typed
  }

  get incident() {
    return (this.fields.call_id ?? "").trim();
  }

  get empty() {
    return !this.note.trim() && !Object.values(this.fields).some((value) => String(value ?? "").trim());
  }

  // What the strip shows: the recommendation, NOT_ELIGIBLE for a held veto, "hidden", "waiting", or "stale".
  get shown() {
    if (this.fresh.stale || this.refused) return "stale";
    if (!this.decision) return this.closed ? this.savedShown : "waiting";
    return shownOf(this.decision, this.held);
  }

  get vetoed() {
    return this.held.length > 0 || this.vetoes.length > 0;
  }

  // Whether the person may decide now: the newest state is answered, shown, and not decided yet.
  get decidable() {
    return Boolean(this.decision) && Boolean(this.note.trim()) && this.fresh.current && !this.unfinished && !this.refused && !this.said && !this.pending && !this.closed;
  }

  toSaved() {
    return {
      key: this.key, incident: this.incident, shown: this.decision ? shownOf(this.decision, this.held) : this.savedShown,
      closed: this.closed, practice: this.practice, opened_at: this.openedAt, fields: this.closed ? { call_id: this.incident } : this.fields,
      note: this.closed ? "" : this.note, held: this.held, said: this.said, before: this.before,
      session: this.line?.session ?? this.session, first_shown_at: this.firstShownAt, entries: this.entries,
      cad_notes: this.closed ? null : this.cadNotes, cad_fields: this.closed ? {} : this.cadFields,
    };
  }
}

export function shownOf(decision, held) {
  if (held.length) return "NOT_ELIGIBLE";
  return decision.reasons.some((reason) => reason.code === "suggestion_hidden") ? "hidden" : decision.recommendation;
}
