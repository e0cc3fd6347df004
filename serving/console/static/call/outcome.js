// The form for the outcome of a call, which a clinician fills in after the decision.

import { el, put, t } from "./texts.js";

let target = null;

// Show the form for a decided call; hide it for others.
export function offerOutcome(call) {
  if (!el("outcome")) return;
  target = call?.said && !call.practice ? call : null;
  el("outcome").hidden = !target;
  put(el("outcome-told"), target?.outcome ? t.outcome_saved : "");
}

function body() {
  const form = new FormData(el("outcome-form"));
  const flag = (name) => ({ yes: true, no: false })[form.get(name)];
  const served = form.get("served") === "yes";
  const outcome = { served };
  if (served) {
    if (form.get("unit")) outcome.unit = form.get("unit");
    if (form.get("adverse_event")) outcome.adverse_event = form.get("adverse_event");
    for (const name of ["felt_safe", "resolved", "transported"]) if (flag(name) !== undefined) outcome[name] = flag(name);
  } else outcome.unserved_reason = form.get("unserved_reason") || "other";
  return outcome;
}

async function send(event) {
  event.preventDefault();
  if (!target || !new FormData(el("outcome-form")).get("served")) return put(el("outcome-told"), t.outcome_choose);
  const call = target;
  try {
    const answer = await fetch(`/v1/decisions/${call.said.id}/outcome`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "Idempotency-Key": `outcome-${call.said.id}-${Date.now()}` },
      body: JSON.stringify(body()),
      signal: AbortSignal.timeout(5000),
    });
    if (!answer.ok) throw new Error(String(answer.status));
    call.outcome = true;
    put(el("outcome-told"), t.outcome_saved);
    el("outcome-form").reset();
    showParts();
  } catch {
    put(el("outcome-told"), t.not_sent);
  }
}

function showParts() {
  const served = new FormData(el("outcome-form")).get("served");
  el("outcome-served").disabled = served !== "yes";
  el("outcome-unserved").disabled = served !== "no";
}

el("outcome-form")?.addEventListener("submit", send);
el("outcome-form")?.addEventListener("input", showParts);
