// The calls of this position: the open and the recently closed ones, with number, answer and age.

import { el, fill, make, put, span, t } from "./texts.js";

export function showList(calls, current, { onPick, onClose }) {
  const rows = calls.filter((call) => call === current || call.closed || !call.empty);
  const open = rows.filter((call) => !call.closed);
  const recent = rows.filter((call) => call.closed).slice(-8).reverse();
  el("open-list").replaceChildren(...open.map((call) => row(call, current, onPick, onClose)));
  el("recent-list").replaceChildren(...recent.map((call) => row(call, current, onPick, null)));
  el("recent-title").hidden = !recent.length;
}

// Update the answer and the age in each row.
export function refreshList(calls) {
  for (const item of document.querySelectorAll("#call-list li")) {
    const call = calls.find((one) => one.key === item.dataset.key);
    if (call) fillRow(item, call);
  }
}

function row(call, current, onPick, onClose) {
  const item = make("li");
  item.dataset.key = call.key;
  const button = make("button", "", "pick");
  button.type = "button";
  button.append(make("strong", "", "number"), make("span", "", "row-answer"), make("span", "", "row-age"));
  if (call === current) button.setAttribute("aria-current", "true");
  button.onclick = () => onPick(call);
  item.append(button);
  if (onClose && call !== current) item.append(closer(call, onClose));
  fillRow(item, call);
  return item;
}

function closer(call, onClose) {
  const button = make("button", "✕", "close");
  button.type = "button";
  button.setAttribute("aria-label", fill(t.close_call, { number: call.incident || t.no_number }));
  button.onclick = () => onClose(call);
  return button;
}

function fillRow(item, call) {
  const answer = call.said ? `✓ ${t[call.said.human]}` : (t[`short_${call.shown}`] ?? t[call.shown] ?? "");
  put(item.querySelector(".number"), call.incident || t.no_number);
  put(item.querySelector(".row-answer"), call.before ? `! ${t.decide_again}` : answer);
  put(item.querySelector(".row-age"), span(Date.now() - call.openedAt * 1000));
  item.dataset.shown = call.shown;
}
