// The call page: what is typed goes out, the newest answer comes in, and one key says what the person decided.

import { Line } from "./line.js";
import { el, fill, moved, showAnswer, showHistory, showMarks, showWaiting, shownOf, t } from "./show.js";

const UNDO_MS = 10_000;
const STALE_MS = 2_000;
const form = el("form");
const note = el("note");

let call; // what is known of the present call; made anew for each, and held nowhere else
const fresh = () => ({ asked: 0, answered: 0, decision: null, held: [], standing: [], marks: [], text: null, shownAt: null, pending: null, said: null, closed: false, entries: 0 });

const line = new Line({ onAnswer: answered, onState: connected, onRefused: () => stale(true) });

function connected(state) {
  el("connection").textContent = t[state];
  el("connection").dataset.state = state;
  if (state === "dead") stale(true);
}

function read() {
  const given = new FormData(form);
  const told = { narrative: note.value };
  for (const [name, value] of given) {
    if (name === "narrative" || !String(value).trim()) continue;
    told[name] = name === "calls_30d" ? Number(value) : String(value).trim();
  }
  return told;
}

function typed() {
  if (!call) start();
  const text = Array.from(note.value);
  call.marks = moved(call.marks, call.markText ?? [], text).kept; // until the next answer the words stay marked where they went
  call.markText = text;
  showMarks(note.value, call.marks);
  call.asked = line.send(read());
  call.pending = null;
  waitFor(call.asked);
}

function waitFor(seq) {
  el("agree").disabled = el("override").disabled = true;
  clearTimeout(call.staleTimer);
  call.staleTimer = setTimeout(() => call && call.answered < seq && stale(true), STALE_MS);
}

function stale(is) {
  el("stale").hidden = !is || !call?.decision;
  el("answer").classList.toggle("old", is);
}

function answered({ seq, final, decision, held }) {
  if (!call || seq !== call.asked) return;
  const before = call.decision && shownOf(call.decision, call.held);
  call.answered = seq;
  call.marks = decision.reasons.filter((reason) => reason.start !== null);
  call.markText = Array.from(note.value);
  call.decision = decision;
  call.held = merged(held, decision);
  call.shownAt ??= performance.now();
  stale(false);
  showAnswer(decision, call.held, note.value, takeBack);
  const shown = shownOf(decision, call.held);
  announce(before, shown);
  const open = call.said === null;
  el("agree").disabled = !open || shown === "hidden";
  el("override").disabled = !open;
  if (final && call.pending) settle(shown);
}

// A veto whose words are gone stays until a person takes it back. The server keeps them; this page keeps them too, for when
// the line is cut and the server has forgotten the call. A word that grows into another one is not gone.
function merged(told, decision) {
  const text = Array.from(note.value);
  const { kept } = moved(call.standing, call.text ?? [], text);
  const gone = call.standing.filter((one) => !kept.some((other) => other.rule_id === one.rule_id && other.words === one.words));
  call.text = text;
  call.standing = decision.reasons.filter((reason) => reason.code.startsWith("veto_") && reason.start !== null);
  const name = (one) => `${one.rule_id}|${one.words.toLowerCase()}`;
  const all = new Map([...call.held, ...gone, ...(told ?? [])].map((one) => [name(one), { rule_id: one.rule_id, words: one.words }]));
  for (const one of call.standing) all.delete(name(one));
  return [...all.values()];
}

function takeBack(words) {
  call.held = call.held.filter((one) => one.words !== words);
  call.asked = line.clear([words]);
  waitFor(call.asked);
  note.focus();
}

function announce(before, shown) {
  if (before === shown) return;
  const veto = !el("veto").hidden;
  clearTimeout(announce.timer);
  if (veto) el("urgent").textContent = `${t.veto}. ${el("veto-words").textContent}`;
  else {
    el("urgent").textContent = "";
    announce.timer = setTimeout(() => (el("polite").textContent = t[shown] ?? ""), 700); // not at every letter
  }
}

// One key: ask for the final answer, and write the decision down only if it is still the one that was seen.
function decide(human, reason) {
  if (!call?.decision || call.said || call.answered !== call.asked || call.pending) return;
  const shown = shownOf(call.decision, call.held);
  call.pending = { human: human ?? shown, reason, shown, elapsed: Math.round(performance.now() - call.shownAt) };
  closeChoice();
  call.asked = line.finish();
  waitFor(call.asked);
}

async function settle(shown) {
  const { human, reason, shown: seen, elapsed } = call.pending;
  call.pending = null;
  if (shown !== seen) return tell(t.changed, false);
  call.said = { id: call.decision.decision_id, human, reason, elapsed };
  const written = await say(call.said, false);
  if (!call) return;
  if (!written) {
    call.said = null;
    el("agree").disabled = el("override").disabled = false;
    return tell(t.not_sent, false);
  }
  el("agree").disabled = el("override").disabled = true;
  tell(fill(reason === "agree" ? t.agreed_with : t.overrode_to, { what: t[human] }), true);
}

async function say(said, withdrawn) {
  call.entries += 1;
  try {
    const answer = await fetch(`/v1/decisions/${said.id}/feedback`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "Idempotency-Key": `${said.id}-${call.entries}` },
      body: JSON.stringify({ human: said.human, reason: withdrawn ? "mistake" : said.reason, elapsed_ms: said.elapsed, withdrawn }),
    });
    return answer.ok;
  } catch {
    return false;
  }
}

function tell(what, undoable) {
  el("said").hidden = false;
  el("said-what").textContent = what;
  el("undo").hidden = !undoable;
  clearTimeout(tell.timer);
  if (undoable) tell.timer = setTimeout(() => (el("undo").hidden = true), UNDO_MS);
}

async function undo() {
  if (el("undo").hidden || !call?.said) return;
  el("undo").hidden = true;
  if (!(await say(call.said, true))) return tell(t.not_sent, true);
  call.said = null;
  call.asked = line.send(read()); // typing goes on, as a call that is not yet decided
  waitFor(call.asked);
  tell(t.undone, false);
}

function openChoice() {
  if (el("override").disabled) return;
  const shown = shownOf(call.decision, call.held);
  const vetoed = !el("veto").hidden;
  const others = [];
  for (const input of el("targets").querySelectorAll("input")) {
    const barred = input.value === shown || (vetoed && input.value === "ELIGIBLE"); // a veto is not overridden from here
    input.disabled = barred;
    input.parentElement.hidden = barred;
    input.checked = false;
    if (!barred) others.push(input);
  }
  if (others.length === 1) others[0].checked = true;
  el("choice").hidden = false;
  el("override").setAttribute("aria-expanded", "true");
  el("choice").focus();
}

function closeChoice() {
  if (el("choice").hidden) return;
  el("choice").hidden = true;
  el("override").setAttribute("aria-expanded", "false");
  note.focus();
}

function choose(reason) {
  const human = el("targets").querySelector("input:checked")?.value;
  if (!human) return tell(t.choose_decision, false);
  decide(human, reason);
}

function start() {
  call = fresh();
}

// Nothing of a call stays in the browser once it is closed.
function next() {
  clearTimeout(call?.staleTimer);
  clearTimeout(announce.timer);
  call = undefined;
  form.reset();
  note.value = "";
  closeChoice();
  showWaiting();
  el("said").hidden = true;
  el("polite").textContent = el("urgent").textContent = "";
  el("agree").disabled = el("override").disabled = true;
  if (el("history")) {
    el("history").hidden = true;
    el("history").querySelector("tbody").replaceChildren();
  }
  line.end();
  note.focus();
}

async function lookUp() {
  const key = form.elements.caller_key.value.trim();
  if (!key || !el("history")) return;
  try {
    const answer = await fetch("/v1/callers", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ caller_key: key }),
    });
    if (answer.ok && form.elements.caller_key.value.trim() === key) showHistory(await answer.json());
  } catch {
    // the badge says that the line is cut
  }
}

const KEYS = {
  F2: () => decide(null, "agree"),
  F3: next,
  F4: openChoice,
  F7: () => toQuestion("weapons"),
  F8: () => toQuestion("violence"),
  F9: () => toQuestion("medical"),
  F10: undo,
};

function toQuestion(name) {
  const inputs = [...document.querySelectorAll(`[data-question=${name}] input`)];
  (inputs.find((input) => input.checked) ?? inputs[0]).focus();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
  const does = KEYS[event.key];
  if (does) {
    event.preventDefault();
    if (event.key === "F2" && el("agree").disabled) return;
    does();
    return;
  }
  if (event.key === "Escape") return closeChoice();
  const group = event.target.closest?.("[data-question], #choice");
  const aimed = group?.querySelector(`[data-key="${CSS.escape(event.key.toUpperCase())}"]:not(:disabled)`);
  if (!aimed) return;
  event.preventDefault();
  aimed.click();
  if (group.id !== "choice") note.focus();
});

form.addEventListener("input", typed);
form.addEventListener("submit", (event) => event.preventDefault());
form.elements.caller_key.addEventListener("change", lookUp);
note.addEventListener("scroll", () => (el("marks").scrollTop = note.scrollTop));
el("agree").onclick = () => decide(null, "agree");
el("override").onclick = () => (el("choice").hidden ? openChoice() : closeChoice());
el("next").onclick = next;
el("undo").onclick = undo;
el("cancel").onclick = closeChoice;
for (const button of el("choice").querySelectorAll("[data-reason]")) button.onclick = () => choose(button.dataset.reason);
el("theme").onclick = () => {
  const dark = getComputedStyle(document.documentElement).colorScheme === "dark";
  const theme = dark ? "light" : "dark";
  document.documentElement.dataset.theme = theme;
  document.cookie = `heartline-theme=${theme}; path=/; max-age=31536000; samesite=strict`;
};
addEventListener("pagehide", () => {
  form.reset();
  note.value = "";
});
showWaiting();
