// The reasons of an answer: at most three in the panel, each with its kind; all of them under Details.

import { el, fill, make, put, t } from "./texts.js";
import { jumpTo, kindOf } from "./marks.js";

const SHOWN = 3;
const percent = (value) => `${(value * 100).toFixed(value < 0.1 ? 1 : 0)} %`;

export function sentence(reason) {
  const signal = reason.code.startsWith("signal_") ? t.signals?.[reason.rule_id] : null;
  if (signal) return fill(t[`said_${reason.annotation}`] ?? "{what}", { what: signal });
  const own = t.reasons?.[reason.code];
  return own ? fill(own, { words: reason.words ?? "" }) : reason.sentence;
}

// Returns the reasons for the panel, strongest first as the server sends them, and the number of others; equal words once.
export function chosen(decision, vetoes) {
  const seen = new Set();
  const told = [...vetoes, ...decision.reasons].filter((reason) => {
    const key = `${kindOf(reason)}|${(reason.words ?? reason.code).toLowerCase()}`;
    return !reason.code.startsWith("ask_") && !seen.has(key) && seen.add(key);
  });
  return { first: told.slice(0, SHOWN), more: told.length - SHOWN + (decision.more_reasons ?? 0) };
}

export function showReasons(decision, vetoes = []) {
  const { first, more: others } = decision ? chosen(decision, vetoes) : { first: [], more: 0 };
  el("why").replaceChildren(...Array.from({ length: SHOWN }, (_, place) => slot(first[place])));
  put(el("more"), others > 0 ? fill(t.and_more, { n: others }) : "");
  showDetails(decision);
}

// One of three slots of fixed height, so that nothing moves.
function slot(reason) {
  const item = make("li", "", "reason");
  if (!reason) return item;
  const kind = kindOf(reason);
  item.dataset.kind = kind;
  item.append(make("span", t[`kind_${kind}`], "kind"), words(reason));
  return item;
}

function words(reason) {
  if (reason.start === null || reason.start === undefined) return make("span", sentence(reason), "told");
  const button = make("button", sentence(reason), "told");
  button.type = "button";
  button.onclick = () => jumpTo(reason);
  return button;
}

function showDetails(decision) {
  const rows = decision ? figures(decision) : [];
  el("figures").replaceChildren(...rows.flatMap(([name, value]) => [make("dt", name), make("dd", value)]));
  el("all-reasons").replaceChildren(...(decision ? decision.reasons.map(row) : []));
}

function row(reason) {
  const item = make("li", "", "reason");
  item.append(make("span", t[`kind_${kindOf(reason)}`], "kind"), words(reason));
  return item;
}

function figures(decision) {
  const shown = (value, interval) => (value === null ? "–" : `${percent(value)}${interval ? ` (${percent(interval[0])} – ${percent(interval[1])})` : ""}`);
  const risks = ["danger", "medical", "self_harm"]
    .filter((name) => decision[`${name}_probability`] !== undefined)
    .map((name) => [t[`risk_of_${name}`], shown(decision[`${name}_probability`], decision[`${name}_interval`])]);
  const parts = (decision.contributions ?? []).slice(0, 40).map((one) => [`${one.kind}: ${one.name}`, one.weight.toFixed(2)]);
  return [
    [t.probability, shown(decision.eligible_probability)],
    [t.risk, shown(decision.risk_probability, decision.risk_interval)],
    ...risks,
    ...Object.entries(decision.versions).map(([name, value]) => [name, typeof value === "string" ? value : JSON.stringify(value)]),
    ["id", decision.decision_id],
    ...parts,
  ];
}
