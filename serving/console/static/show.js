// Put an answer on the page. Nothing here decides anything.

export const t = JSON.parse(document.getElementById("words").textContent);
export const el = (id) => document.getElementById(id);
export const fill = (text, words) => text.replace(/\{(\w+)\}/g, (_, name) => words[name] ?? "");

const SHAPES = {
  ELIGIBLE: "M24 2a22 22 0 1 0 0 44 22 22 0 0 0 0-44zm-4 32-9-9 4-4 5 5 13-13 4 4z",
  NOT_ELIGIBLE: "M15 2h18l13 13v18L33 46H15L2 33V15zm0 9-4 4 9 9-9 9 4 4 9-9 9 9 4-4-9-9 9-9-4-4-9 9z",
  REVIEW: "M24 2 47 45H1zm-3 14v15h6V16zm0 19v6h6v-6z",
  hidden: "M4 20h40v8H4z",
  waiting: "",
};

const item = (text, kind) => {
  const made = document.createElement("li");
  made.textContent = text;
  if (kind) made.className = kind;
  return made;
};

const sentence = (reason) => {
  const own = t.reasons?.[reason.code];
  if (!own) return reason.sentence;
  const told = fill(own, { words: reason.words ?? "" });
  return reason.read_as ? `${told} ${fill(t.read_as, { words: reason.read_as })}` : told;
};

const isVeto = (reason) => ["veto_weapon", "veto_violence", "weapons_answer", "violence_answer"].includes(reason.code);
const percent = (value) => `${(value * 100).toFixed(value < 0.1 ? 1 : 0)} %`;

export function shownOf(decision, held) {
  if (decision.reasons.some((reason) => reason.code === "suggestion_hidden")) return held.length ? "NOT_ELIGIBLE" : "hidden";
  return held.length ? "NOT_ELIGIBLE" : decision.recommendation;
}

export function showWaiting() {
  el("answer").dataset.shown = "waiting";
  el("shape").setAttribute("d", "");
  el("word").textContent = t.waiting;
  for (const id of ["unit", "duty", "risk"]) el(id).textContent = "";
  for (const id of ["care", "ask", "held", "veto", "stale"]) el(id).hidden = true;
  for (const id of ["why", "figures", "ask-list", "held-list", "marks"]) el(id).replaceChildren();
}

export function showAnswer(decision, held, note, onTakeBack) {
  const shown = shownOf(decision, held);
  el("answer").dataset.shown = shown;
  el("shape").setAttribute("d", SHAPES[shown]);
  el("word").textContent = t[shown];
  const vetoes = decision.reasons.filter(isVeto);
  el("veto").hidden = !vetoes.length && !held.length;
  el("veto-words").textContent = [...new Set([...vetoes.map(sentence), ...(vetoes.length ? [] : held.map((one) => one.words))])].join(" ");
  el("unit").textContent = decision.response && !(held.length && !vetoes.length) ? t[decision.response] : "";
  el("duty").textContent = decision.availability && shown === "ELIGIBLE" ? duty(decision.availability) : "";
  showRisk(decision, shown);
  el("care").hidden = !decision.care_navigation || shown === "NOT_ELIGIBLE";
  const asks = decision.reasons.filter((reason) => reason.code.startsWith("ask_") || reason.code.startsWith("confirm_"));
  el("ask").hidden = !asks.length;
  el("ask-list").replaceChildren(...asks.map((reason) => item(sentence(reason))));
  el("why").replaceChildren(
    ...decision.reasons.filter((reason) => !reason.code.startsWith("ask_")).map((reason) => item(sentence(reason), kindOf(reason))),
  );
  showHeld(vetoes.length ? [] : held, onTakeBack);
  showFigures(decision);
  showMarks(note, decision.reasons);
}

function duty(availability) {
  if (availability.available) return t.on_duty;
  if (availability.in_zone === false) return t.out_of_zone;
  if (availability.available === null) return t.duty_unknown;
  const next = availability.next_on_duty_at;
  return fill(t.off_duty, { when: next ? next.slice(0, 16).replace("T", " ") : "?" });
}

function showRisk(decision, shown) {
  if (shown === "hidden" || shown === "NOT_ELIGIBLE") return (el("risk").textContent = "");
  const interval = decision.risk_interval;
  const range = interval ? ` (${fill(t.risk_interval, { low: percent(interval[0]), high: percent(interval[1]) })})` : "";
  el("risk").textContent = `${t.risk}: ${t[`risk_${decision.risk_band}`]}${range}`;
}

function showHeld(held, onTakeBack) {
  el("held").hidden = !held.length;
  el("held-list").replaceChildren(
    ...held.map((one) => {
      const made = item(`${fill(t.veto_held, { words: one.words })} `);
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = fill(t.take_back, { words: one.words });
      button.onclick = () => onTakeBack(one.words);
      made.append(button);
      return made;
    }),
  );
}

function showFigures(decision) {
  const rows = [
    [t.probability, decision.eligible_probability === null ? "–" : decision.eligible_probability.toFixed(3)],
    ...Object.entries(decision.versions),
    ["id", decision.decision_id],
  ];
  el("figures").replaceChildren(
    ...rows.flatMap(([name, value]) => {
      const [term, told] = [document.createElement("dt"), document.createElement("dd")];
      term.textContent = name;
      told.textContent = value;
      return [term, told];
    }),
  );
}

function kindOf(reason) {
  if (isVeto(reason)) return "veto";
  if (reason.code.startsWith("score_")) return "score";
  if (reason.code.startsWith("screening") || reason.code === "near_miss") return "screening";
  if (reason.code === "word_for" || reason.code === "field_for") return "for";
  return reason.code === "word_against" || reason.code === "field_against" ? "against" : "doubt";
}

// Mark the words that decided, under the note itself. Places count characters; a browser counts half an emoji as one.
export function showMarks(note, reasons) {
  const characters = Array.from(note);
  const kinds = new Array(characters.length).fill("");
  const rank = { against: 1, for: 1, doubt: 2, screening: 3, veto: 4 };
  for (const reason of reasons) {
    if (reason.start === null) continue;
    const kind = kindOf(reason);
    for (let place = reason.start; place < reason.end; place += 1) {
      if ((rank[kind] ?? 0) > (rank[kinds[place]] ?? 0)) kinds[place] = kind;
    }
  }
  const parts = [];
  for (let start = 0; start < characters.length; ) {
    let end = start + 1;
    while (end < characters.length && kinds[end] === kinds[start]) end += 1;
    const made = document.createElement(kinds[start] ? "mark" : "span");
    if (kinds[start]) made.className = kinds[start];
    made.textContent = characters.slice(start, end).join("");
    parts.push(made);
    start = end;
  }
  el("marks").replaceChildren(...parts);
}

// Where words of an older text stand in a newer one; those that were deleted or written over are not kept.
export function moved(places, old, text) {
  const least = Math.min(old.length, text.length);
  let ahead = 0;
  while (ahead < least && old[ahead] === text[ahead]) ahead += 1;
  let behind = 0;
  while (behind < least - ahead && old[old.length - 1 - behind] === text[text.length - 1 - behind]) behind += 1;
  const shift = text.length - old.length;
  const kept = places
    .filter((one) => one.end <= ahead || one.start >= old.length - behind)
    .map((one) => (one.end <= ahead ? one : { ...one, start: one.start + shift, end: one.end + shift }));
  return { kept };
}

export function showHistory(entries) {
  const box = el("history");
  if (!box) return;
  const calls = new Map();
  for (const { content } of entries) {
    const known = calls.get(content.decision_id) ?? {};
    known[content.kind] = content;
    calls.set(content.decision_id, known);
  }
  const rows = [...calls.values()].filter((call) => call.decision).reverse();
  box.hidden = false;
  el("history-none").hidden = rows.length > 0;
  box.querySelector("table").hidden = !rows.length;
  el("history-flag").hidden = !rows.some((call) => call.decision.care_navigation);
  box.querySelector("tbody").replaceChildren(
    ...rows.map(({ decision, feedback, outcome }) => {
      const came = outcome ? [outcome.served ? t.served : t.not_served, outcome.adverse_event ?? outcome.unserved_reason ?? ""] : [];
      const human = feedback && !feedback.withdrawn ? t[feedback.human] : "–";
      const row = document.createElement("tr");
      for (const text of [decision.decided_at.slice(0, 16).replace("T", " "), t[decision.recommendation], human, came.join(", ") || "–"]) {
        const cell = document.createElement("td");
        cell.textContent = text;
        row.append(cell);
      }
      return row;
    }),
  );
}
