// Earlier calls of the same caller: their number, and the latest with people's decisions and outcomes.

import { day, el, fill, make, put, t } from "./texts.js";

export async function lookUp(key, stillWanted) {
  if (!el("history")) return;
  if (!key) return void (el("history").hidden = true);
  try {
    const answer = await fetch("/v1/callers", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ caller_key: key }),
      signal: AbortSignal.timeout(5000),
    });
    if (!answer.ok || !stillWanted()) return;
    const total = answer.headers.get("X-Total-Calls");
    showHistory(await answer.json(), total === null ? null : Number(total));
  } catch {
    // the badge shows that the service cannot be reached
  }
}

export function hideHistory() {
  if (!el("history")) return;
  el("history").hidden = true;
  el("history").querySelector("tbody").replaceChildren();
}

function showHistory(entries, total) {
  const calls = new Map();
  for (const { content } of entries) {
    const known = calls.get(content.decision_id) ?? {};
    known[content.kind] = content;
    calls.set(content.decision_id, known);
  }
  const rows = [...calls.values()].filter((call) => call.decision).reverse();
  const all = total ?? rows.length;
  el("history").hidden = false;
  put(el("history-count"), all ? fill(all === 1 ? t.history_one : t.history_count, { n: all, shown: rows.length }) : t.history_none);
  el("history").querySelector("table").hidden = !rows.length;
  el("history-flag").hidden = !rows.some((call) => call.decision.care_navigation);
  el("history").querySelector("tbody").replaceChildren(...rows.map(row));
}

function row({ decision, feedback, outcome }) {
  const human = feedback && !feedback.withdrawn ? t[feedback.human] : "–";
  const came = outcome ? [outcome.served ? t.served : t.not_served, told(outcome)].filter(Boolean).join(", ") : "–";
  const cells = [day(new Date(decision.decided_at)), t[decision.recommendation], human, came];
  const line = make("tr");
  line.append(...cells.map((text) => make("td", text)));
  return line;
}

function told(outcome) {
  const code = outcome.adverse_event ?? outcome.unserved_reason;
  return code ? (t[`event_${code}`] ?? t[`reason_${code}`] ?? code.replaceAll("_", " ")) : "";
}
