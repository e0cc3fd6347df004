// After the call: what a clinician writes down of what happened, for the decision that stands.

import { el, put, t } from "./texts.js";

let target = null;

// Offer the form for a call that was decided; hide it for others.
export function offerOutcome(call) {
  if (!el("outcome")) return;
  target = call?.said && !call.practice ? call : null;
  el("outcome").hidden = !target;
  put(el("outcome-told"), target?.outcome ? t.outcome_saved : "");
}

function body() {
  const given = new FormData(el("outcome-form"));
  const flag = (name) => ({ yes: true, no: false })[given.get(name)];
  const served = given.get("served") === "yes";
  const sent = { served };
  if (served) {
    if (given.get("unit")) sent.unit = given.get("unit");
    if (given.get("adverse_event")) sent.adverse_event = given.get("adverse_event");
    for (const name of ["felt_safe", "resolved", "transported"]) if (flag(name) !== undefined) sent[name] = flag(name);
  } else sent.unserved_reason = given.get("unserved_reason") || "other";
  return sent;
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
