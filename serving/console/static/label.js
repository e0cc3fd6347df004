// The labelling page: one call, one key for each answer, Enter for the next. Nothing of a call is stored in the browser.

const t = JSON.parse(document.getElementById("words").textContent);
const main = document.querySelector("main.label");
const disputes = main.dataset.disputes === "true";
const el = (id) => document.getElementById(id);
const form = el("answers");

const RADIOS = { e: "eligible", n: "not_eligible", u: "unsure" };
const BOXES = { w: "weapon", v: "violence", m: "medical", s: "self_harm" };

let item = null;
let since = 0; // when the call was last shown, by performance.now
let spent = 0; // milliseconds for which it was shown before that
let busy = false;

const query = (more = {}) => new URLSearchParams({ disputes: String(disputes), ...more });
const make = (tag, text) => Object.assign(document.createElement(tag), { textContent: text });

function tell(text) {
  el("told").textContent = text;
}

async function load(back = false) {
  busy = true;
  try {
    const answer = await fetch(`/console/label/next?${query({ back: String(back) })}`, { signal: AbortSignal.timeout(10_000) });
    if (!answer.ok) throw new Error(String(answer.status));
    const { item: given, progress } = await answer.json();
    showProgress(progress);
    if (back && !given) return tell(t.l_no_back);
    show(given, back);
  } catch {
    tell(t.not_loaded);
  } finally {
    busy = false;
    document.body.dataset.item = item ? String(item.id) : "none";
  }
}

function show(given, back) {
  item = given;
  form.reset();
  for (const id of ["task", "answers"]) el(id).hidden = !item;
  tell(item ? "" : disputes ? t.l_no_disputes : t.l_done);
  if (!item) return;
  el("fields").replaceChildren(...Object.entries(item.fields).map(([name, value]) => {
    const row = document.createElement("div");
    row.append(make("dt", t[name] ?? t[`l_${name}`] ?? name), make("dd", value));
    return row;
  }));
  el("note").textContent = item.note || t.l_empty;
  if (back && item.said.length) fill(item.said.at(-1).choices);
  showSaid();
  [since, spent] = [performance.now(), 0];
  el("note").focus();
}

// The labels of others and the model's answer are shown to adjudicators only.
function showSaid() {
  el("said").hidden = !disputes;
  if (!disputes) return;
  const said = item.said.map(({ choices }, place) => make("p", `${t.l_labeller} ${place + 1}: ${choices.map(words).join(", ")}`));
  const model = item.model.map(({ choices, score }) => make("p", `${t.l_model}: ${choices.map(words).join(", ")}${score === null ? "" : ` (${score.toFixed(2)})`}`));
  el("said").replaceChildren(...said, ...model);
}

const words = (choice) => t[`l_${choice}`] ?? choice.replace("type:", `${t.l_type}: `);

function fill(choices) {
  for (const choice of choices) {
    if (choice.startsWith("type:")) form.elements.call_type.value = choice.slice(5);
    else if (Object.values(BOXES).includes(choice)) form.elements[choice].checked = true;
    else form.elements.eligible.value = choice;
  }
}

function showProgress({ own, complete, calls, disputed, twice, kappa, seconds }) {
  const parts = [`${t.l_own} ${own}`, `${t.l_complete} ${complete}/${calls}`, `${t.l_in_dispute} ${disputed}`, `${t.l_twice} ${twice}`, `${t.l_kappa} ${kappa ?? "–"}`, `${t.l_time} ${seconds === null ? "–" : `${seconds} s`}`];
  el("progress").textContent = parts.join(" · ");
}

async function save() {
  if (!item || busy) return;
  const said = form.elements.eligible.value;
  if (!said) return tell(t.l_choose);
  busy = true;
  const body = { eligible: { eligible: true, not_eligible: false, unsure: null }[said], call_type: form.elements.call_type.value, seconds: (spent + performance.now() - since) / 1000 };
  for (const name of Object.values(BOXES)) body[name] = form.elements[name].checked;
  try {
    const answer = await fetch(`/console/label/${item.id}?${query()}`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), signal: AbortSignal.timeout(10_000) });
    if (answer.status === 422) tell(t.l_taken); // others have finished this call: load the next one
    else if (!answer.ok) throw new Error(String(answer.status));
  } catch {
    busy = false;
    return tell(t.not_sent);
  }
  await load();
}

// One key for each answer; while the call type is being typed, letters belong to it.
function press(event) {
  if (event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
  const writing = event.target === form.elements.call_type;
  if (event.key === "Escape" && writing) return el("note").focus();
  const onButton = event.target.tagName === "BUTTON" || event.target.tagName === "A";
  if (event.key === "Enter" && !onButton) {
    event.preventDefault();
    if (writing) el("note").focus();
    else save();
    return;
  }
  const key = event.key.toLowerCase();
  if (!item || busy || writing || !does[key]) return;
  event.preventDefault();
  does[key]();
}

const does = { t: () => form.elements.call_type.focus(), b: () => !disputes && load(true) };
for (const [key, value] of Object.entries(RADIOS)) does[key] = () => (form.elements.eligible.value = value);
for (const [key, name] of Object.entries(BOXES)) does[key] = () => (form.elements[name].checked = !form.elements[name].checked);

// The time in which the page is not visible does not count.
function looked() {
  if (document.hidden) spent += performance.now() - since;
  since = performance.now();
}

if (main.dataset.ready === "true") {
  addEventListener("keydown", press);
  document.addEventListener("visibilitychange", looked);
  addEventListener("pageshow", (event) => event.persisted && location.reload());
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    save();
  });
  if (el("back")) el("back").onclick = () => load(true);
  load();
}
