// The decision strip, of fixed place and size. It shows the state and decides nothing.

import { age, clock, el, fill, minute, page, put, span, t } from "./texts.js";
import { unitLine } from "./units.js";
import { byWords } from "./vetoes.js";
import { sentence } from "./reasons.js";

const SHAPES = {
  ELIGIBLE: "M24 2a22 22 0 1 0 0 44 22 22 0 0 0 0-44zm-4 32-9-9 4-4 5 5 13-13 4 4z",
  NOT_ELIGIBLE: "M15 2h18l13 13v18L33 46H15L2 33V15zm0 9-4 4 9 9-9 9 4 4 9-9 9 9 4-4-9-9 9-9-4-4-9 9z",
  REVIEW: "M24 2 47 45H1zm-3 14v15h6V16zm0 19v6h6v-6z",
  stale: "M24 2 47 45H1zm-3 14v15h6V16zm0 19v6h6v-6z",
  hidden: "M4 20h40v8H4z",
  waiting: "M4 22h6v4H4zm17 0h6v4h-6zm17 0h6v4h-6z",
};

export function paintStrip(call) {
  const shown = call.shown;
  const vetoed = shown !== "stale" && call.vetoed;
  const strip = el("strip");
  strip.dataset.shown = shown;
  strip.dataset.veto = String(vetoed);
  strip.dataset.said = call.said ? "true" : call.before ? "changed" : "false";
  el("shape").setAttribute("d", SHAPES[shown]);
  put(el("word"), vetoed ? `${t.veto}: ${t.NOT_ELIGIBLE}` : (t[shown] ?? t.waiting));
  const line = [secondLine(call, shown), risk(call, shown)].filter(Boolean).join(" · ");
  put(el("unit"), line);
  el("unit").title = line;
  put(el("incident"), call.incident || "–");
  document.title = `${call.incident || t.no_number} · ${page.practice ? `${t.practice} · ` : ""}${t.title}`;
  el("agree").disabled = !call.decidable || shown === "hidden";
  el("override").disabled = !call.decidable;
  const held = byWords(call.held);
  el("take-back").classList.toggle("absent", !held.length || shown === "stale");
  put(el("take-back-words"), held.length ? fill(t.take_back, { words: held[0].words }) : "");
  el("undo").classList.toggle("absent", !call.said);
  el("override").classList.toggle("absent", Boolean(call.said));
  paintTimes(call);
}

// Update the age of the answer, the call's timer and the clock.
export function paintTimes(call) {
  put(el("age"), thirdLine(call));
  put(el("timer"), span(Date.now() - call.openedAt * 1000));
  put(el("clock"), clock(Date.now()));
}

function secondLine(call, shown) {
  if (shown === "stale") return call.refused ? fill(t.refused, { why: call.refused }) : fill(t.no_answer_for, { age: age(call.fresh.unanswered || call.fresh.age || 0) });
  if (shown === "waiting") return t.suggests;
  if (shown === "hidden") return t.hidden_line;
  if (call.vetoes.length) return vetoLine(call.vetoes);
  if (call.held.length) return fill(t.veto_held, { words: byWords(call.held).map((one) => one.words).join(", ") });
  if (!call.decision) return "";
  if (shown === "REVIEW") {
    const [why] = call.decision.reasons;
    const asks = (call.decision.questions ?? []).map((name) => t[name]);
    if (why && (!asks.length || why.code === "clinician_now")) return sentence(why);
    return asks.length ? fill(t.ask_line, { questions: asks.join(", ") }) : "";
  }
  return [unitLine(call.decision), call.decision.with_ems ? t.with_ems : ""].filter(Boolean).join(", ");
}

function vetoLine(vetoes) {
  const told = [...new Set(vetoes.map(sentence))];
  const more = told.length > 3 ? ` ${fill(t.and_more, { n: told.length - 3 })}` : "";
  return told.slice(0, 3).join(" ") + more;
}

function thirdLine(call) {
  const old = call.fresh.age === null || call.shown === "stale" ? "" : fill(t.answered_ago, { age: age(call.fresh.age) });
  if (call.said) return `${saidLine(call.said)} · ${old}`;
  if (call.before) return fill(call.before.reason === "agree" ? t.changed_since_agreed : t.changed_since_decided, {});
  if (call.shown === "stale" && call.fresh.unanswered) return t.treat_as_review;
  return old || (call.decision || call.shown === "waiting" ? "" : t.treat_as_review);
}

const saidLine = (said) => fill(said.reason === "agree" ? t.agreed_with : t.overrode_to, { what: t[said.human], at: minute(said.at) });

// The risk is shown only where its band is certified.
function risk(call, shown) {
  if (!call.decision || !["ELIGIBLE", "REVIEW"].includes(shown) || call.decision.risk_band === "unknown") return "";
  return `${t.risk}: ${t[`risk_${call.decision.risk_band}`]}`;
}
