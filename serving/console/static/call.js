// The call page: sends what is typed, shows the newest answer, and records the person's decision.

import { copyForCad } from "./call/cad.js";
import { choiceKey, choiceOpen, closeChoice, openChoice } from "./call/choice.js";
import { begin, reopen, reopens, settle, takeBackDecision } from "./call/decide.js";
import { checkField, fillFields, offerSeen, readFields, toCall } from "./call/fields.js";
import { hideHistory, lookUp } from "./call/history.js";
import { askedIncident, follow, keepFollowing } from "./call/incident.js";
import { listen } from "./call/keys.js";
import { Line } from "./call/line.js";
import { refreshList, showList } from "./call/list.js";
import { showMarks, unfinishedAt } from "./call/marks.js";
import { offerOutcome } from "./call/outcome.js";
import { answer as answerQuestion, arm, disarm } from "./call/questions.js";
import { showReasons } from "./call/reasons.js";
import { CallState } from "./call/state.js";
import { claim, forget, loadCalls, saveNow, saveSoon, unsaved } from "./call/store.js";
import { paintStrip, paintTimes } from "./call/strip.js";
import { el, fill, page, put, t } from "./call/texts.js";
import { askUnits, keepAsking } from "./call/units.js";
import { byWords, heldAfter, isVeto, moved, vetoesOf } from "./call/vetoes.js";

const WORD_MS = 700; // a word without a change for so long counts as finished
const TICK_MS = 100;
const MOST_OPEN = 6;
const form = el("form");
const note = el("note");

let calls = [];
let call = null; // the one that is on the page
let wordTimer = null;

// ---- typing ----

function typed() {
  if (call.closed) return;
  call.note = note.value;
  call.fields = readFields();
  const text = Array.from(note.value);
  call.marks = moved(call.marks, call.markText, text); // until the next answer the marks follow their words
  call.markText = text;
  showMarks(note.value, call.marks);
  disarm();
  send(call);
}

function send(one) {
  const caret = one === call ? unfinishedAt(note) : null;
  startLine(one);
  ask(one, one.line.send(toCall(one.fields, one.note), caret));
  clearTimeout(wordTimer);
  if (caret !== null) wordTimer = setTimeout(() => one === call && finishWord(one), WORD_MS);
  saveSoon(one);
}

// After a pause the word under the caret counts as finished: send the note without a caret.
function finishWord(one) {
  if (one.note !== note.value) return;
  ask(one, one.line.send(toCall(one.fields, one.note)));
}

function ask(one, seq) {
  one.asked = seq;
  one.texts.set(seq, Array.from(one.note));
  one.fresh.asked(seq);
  one.pending = null;
  if (one === call) paintStrip(one);
}

// ---- answers ----

function startLine(one) {
  if (one.line) return;
  one.line = new Line({
    session: one.session,
    practice: one.practice,
    onAnswer: (reply) => answered(one, reply),
    onState: (state) => connected(one, state),
    onRefused: (seq, detail) => refused(one, seq, detail),
  });
  one.line.seq = one.asked;
}

function answered(one, reply) {
  const text = one.texts.get(reply.seq);
  if (!text) return; // older than the present answer
  for (const seq of one.texts.keys()) if (seq <= reply.seq) one.texts.delete(seq);
  one.refused = "";
  one.fresh.answered(reply.seq);
  const vetoes = vetoesOf(reply);
  Object.assign(one, heldAfter({ held: one.held, standing: one.standing, text: one.answeredText ?? [], answer: { ...reply, vetoes }, answerText: text }));
  one.answeredText = text;
  one.unfinished = vetoes.length > 0 && vetoes.every((veto) => veto.pending) && !one.held.length;
  if (!one.unfinished) Object.assign(one, { decision: reply.decision, vetoes }); // an unfinished word changes nothing yet
  one.firstShownAt ??= Date.now();
  const places = [...reply.decision.reasons, ...vetoes].filter((reason) => reason.start !== null && !(isVeto(reason) && reason.pending === undefined));
  one.marks = moved(places, text, Array.from(one.note));
  one.markText = Array.from(one.note);
  if (!one.unfinished && reopens(one)) reopen(one);
  if (one === call) show(one);
  if (reply.final && reply.seq === one.asked && one.pending) return settled(one);
  saveSoon(one);
}

function refused(one, seq, detail) {
  if (seq !== null && seq !== undefined && seq < one.asked) return;
  one.refused = detail || t.unreadable;
  one.pending = null;
  if (one === call) show(one);
}

function connected(one, state) {
  one.connection = state;
  one.fresh.lost = state === "dead";
  if (one === call) badge();
}

// ---- showing ----

function show(one) {
  paintStrip(one);
  showReasons(one.shown === "stale" ? null : one.decision, one.vetoes);
  showMarks(note.value, one.marks);
  offerOutcome(one);
  refreshList(calls);
  announce(one);
}

function badge() {
  const state = call.shown === "stale" && call.connection === "live" ? "slow" : call.connection;
  el("connection").dataset.state = state;
  put(el("connection"), call.shown === "stale" ? t.badge_stale : t[`badge_${state}`]);
}

// Announce a change once to screen readers: an urgent one at once, any other after a pause in typing.
function announce(one) {
  const state = `${one.key} ${one.shown} ${one.vetoed}`;
  if (announce.last === state) return;
  announce.last = state;
  clearTimeout(announce.timer);
  if (one.shown === "stale") return put(el("urgent"), t.stale_said);
  if (one.vetoed && one.shown === "NOT_ELIGIBLE") return put(el("urgent"), `${t.veto}. ${el("unit").textContent}`);
  put(el("urgent"), "");
  announce.timer = setTimeout(() => put(el("polite"), `${t[one.shown] ?? ""}. ${el("unit").textContent}`), 700);
}

// Repaint the times; repaint everything where the answer has become stale.
function tick() {
  if (call.shown !== tick.shown) show(call);
  else paintTimes(call);
  tick.shown = call.shown;
  badge();
  if (tick.count++ % 10 === 0) refreshList(calls);
}
tick.count = 0;

function tell(text) {
  put(el("told"), text);
  clearTimeout(tell.timer);
  tell.timer = setTimeout(() => put(el("told"), ""), 8000);
}

// ---- deciding ----

function decide(chosen) {
  closeChoice();
  if (!begin(call, chosen)) return;
  const seq = call.line.finish();
  const pending = call.pending;
  ask(call, seq);
  call.pending = pending;
  paintStrip(call);
}

async function settled(one) {
  const result = await settle(one);
  if (result === "changed") tell(t.changed);
  if (result === "not_sent") tell(t.not_sent);
  if (result === "said") one.finalText = one.answeredText.join("");
  if (result === "said" && page.practice) tell(t.practice_said);
  saveNow(one);
  if (one === call) show(one);
  list();
}

function agree() {
  if (!el("agree").disabled) decide({ reason: "agree" });
}

function override() {
  if (choiceOpen()) return closeChoice();
  if (el("override").disabled) return;
  openChoice({ shown: call.shown, vetoed: call.vetoed }, decide);
}

async function undo() {
  if (!call.said) return;
  const one = call;
  if (!(await takeBackDecision(one))) return tell(t.not_sent);
  one.before = null;
  tell(t.undone);
  send(one); // the call is open again, without a decision
  show(one);
  list();
}

// Clear the held veto of one deleted word; each further word needs another press of the key.
function takeBack() {
  const [first] = byWords(call.held);
  if (!first || call.shown === "stale") return;
  call.held = call.held.filter((one) => one.words.toLowerCase() !== first.words.toLowerCase());
  ask(call, call.line.clear(first.ids));
  note.focus();
}

// ---- several calls ----

function list() {
  showList(calls, call, { onPick: pick, onClose: askToClose });
}

function pick(one) {
  if (one === call) return note.focus();
  if (call && !call.closed) saveNow(call);
  put(el("told"), "");
  closeChoice();
  call = one;
  fillFields(one.fields);
  note.value = one.note;
  note.readOnly = one.closed;
  note.setSelectionRange(note.value.length, note.value.length);
  hideHistory();
  if (!one.closed) startLine(one);
  if (!one.closed && !one.empty && !one.asked) send(one);
  askUnits(one.fields.zone ?? "", () => paintStrip(call));
  show(one);
  badge();
  list();
  note.focus();
}

function open() {
  const fresh = new CallState({ practice: page.practice });
  claim(fresh.key);
  calls.push(fresh);
  startLine(fresh);
  if (!page.practice) offerSeen();
  pick(fresh);
}

// Open the next call: a decided call is closed, an undecided one stays in the list, an empty one is used again.
function next() {
  const last = call;
  if (last.empty && !last.closed) return note.focus();
  if (last.said) close(last);
  const held = calls.filter((one) => !one.closed && !one.empty);
  if (held.length >= MOST_OPEN) return tell(fill(t.too_many_open, { n: MOST_OPEN }));
  open();
  if (!last.closed) tell(fill(t.held_open, { number: last.incident || t.no_number }));
}

function close(one) {
  const shown = one.decision ? one.shown : one.savedShown;
  if (one.said && one.line && one.answeredText?.join("") !== one.finalText) one.line.finish(); // record the last note too
  one.savedShown = shown === "stale" ? "REVIEW" : shown;
  one.closed = true;
  saveNow(one);
  const line = one.line;
  setTimeout(() => line?.end(), 1000);
  Object.assign(one, { line: null, note: "", decision: null, vetoes: [], marks: [], markText: [], answeredText: null, held: [] });
  one.fields = { call_id: one.incident };
  one.texts.clear();
}

function askToClose(one) {
  el("close-dialog").returnValue = "";
  put(el("close-what"), fill(t.close_undecided, { number: one.incident || t.no_number }));
  el("close-dialog").onclose = () => {
    if (el("close-dialog").returnValue !== "close") return;
    if (one.said) close(one);
    else {
      one.line?.end();
      forget(one);
      calls = calls.filter((other) => other !== one);
    }
    list();
  };
  el("close-dialog").showModal();
}

function step(by) {
  const shown = calls.filter((one) => !one.closed && (one === call || !one.empty));
  const place = shown.indexOf(call);
  if (shown.length > 1) pick(shown[(place + by + shown.length) % shown.length]);
}

async function copy() {
  tell((await copyForCad(call)) ? t.copied : t.not_copied);
}

// Link a call to the incident of its number, where CAD has sent one.
async function link(one) {
  if (page.practice || !one.incident || one.cadNotes !== null) return;
  try {
    const news = await follow(one, () => one === call);
    if (news !== null) tell(t.cad_linked);
    if (news) cadChanged(one);
  } catch {
    tell(t.not_loaded);
  }
}

// CAD has added to a call: send it as if it had been typed.
function cadChanged(one) {
  if (one === call) typed();
  else send(one);
  list();
}

// Open the incident in the page's URL: the call that is open on it, or a new one.
async function openIncident(number) {
  const known = calls.find((one) => !one.closed && one.incident === number);
  if (known) pick(known);
  else {
    const empty = calls.find((one) => !one.closed && one.empty);
    if (empty) pick(empty);
    else open();
    call.fields = { call_id: number };
    fillFields(call.fields);
  }
  await link(call);
  list();
}

// ---- wiring ----

const COMMANDS = {
  agree, override, undo, next, take_back: takeBack, copy_cad: copy,
  previous_call: () => step(-1),
  following_call: () => step(1),
  question_weapons: () => arm("weapons"),
  question_violence: () => arm("violence"),
  question_medical: () => arm("medical"),
  answer_none: () => answerQuestion("none"),
  answer_yes: () => answerQuestion("yes"),
  answer_unknown: () => answerQuestion("unknown"),
  answer_not_asked: () => answerQuestion("not_asked"),
  keys: () => (el("keys-dialog").open ? el("keys-dialog").close() : el("keys-dialog").showModal()),
  escape: () => closeChoice() || disarm(),
};

function wire() {
  listen(COMMANDS, {
    choiceOpen,
    choiceKey,
    onPlain: () => {
      closeChoice();
      note.focus();
    },
  });
  form.addEventListener("input", (event) => {
    if (event.target.name && event.target !== note) fieldChanged(event.target.name);
    typed();
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.elements.caller_key.addEventListener("change", () => {
    const key = form.elements.caller_key.value.trim();
    lookUp(key, () => form.elements.caller_key.value.trim() === key);
  });
  form.elements.call_id.addEventListener("change", () => link(call));
  keepFollowing(() => calls, { isShown: (one) => one === call, onChange: cadChanged });
  note.addEventListener("scroll", () => (el("marks").scrollTop = note.scrollTop));
  const clicks = { agree, override, undo, next, "take-back": takeBack, copy, "show-keys": COMMANDS.keys };
  for (const [id, does] of Object.entries(clicks)) el(id).onclick = does;
  el("theme").onclick = changeTheme;
  for (const leaving of document.querySelectorAll("form[data-leaves]")) leaving.addEventListener("submit", leave);
  addEventListener("pagehide", () => unsaved(calls).forEach(saveNow));
  addEventListener("pageshow", (event) => event.persisted && location.reload());
  setInterval(tick, TICK_MS);
  keepAsking(() => paintStrip(call));
}

function fieldChanged(name) {
  checkField(name);
  if (name === "zone") askUnits(form.elements.zone.value.trim(), () => paintStrip(call));
  if (name === "call_id") list();
}

// A form that leaves the page waits until what was typed is saved.
async function leave(event) {
  const [form, submitter] = [event.target, event.submitter];
  if (form.dataset.saved) return;
  event.preventDefault();
  const waiting = unsaved(calls);
  if (form.dataset.leaves === "sign-out" && calls.some((one) => !one.closed && !one.empty && !one.said)) {
    if (!(await confirmed())) return;
  }
  await Promise.all(waiting.map(saveNow));
  form.dataset.saved = "true";
  setTimeout(() => form.requestSubmit(submitter)); // a form cannot be sent while its own submit event runs
}

function confirmed() {
  const dialog = el("leave-dialog");
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => (dialog.onclose = () => resolve(dialog.returnValue === "leave")));
}

function changeTheme() {
  const dark = getComputedStyle(document.documentElement).colorScheme === "dark";
  const theme = dark ? "light" : "dark";
  document.documentElement.dataset.theme = theme;
  document.cookie = `heartline-theme=${theme}; path=/; max-age=31536000; samesite=strict`;
}

async function start() {
  try {
    const saved = await loadCalls();
    calls = saved.filter((one) => Boolean(one.practice) === page.practice).map((one) => new CallState(one));
  } catch {
    tell(t.not_loaded);
  }
  const last = calls.filter((one) => !one.closed).at(-1);
  if (askedIncident() && !page.practice) await openIncident(askedIncident());
  else if (last) pick(last);
  else open();
  if (last && !page.practice) offerSeen();
  wire();
  document.body.dataset.ready = "true";
}

start();
