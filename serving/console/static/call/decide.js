// A person's decision: request the final answer, and record the decision only if the answer is still the one that was shown.

import { page } from "./texts.js";
import { shownOf } from "./state.js";

// Start a decision, which `settle` ends after the final answer; returns whether it could be started.
export function begin(call, { human = null, reason, comment = "" }) {
  if (!call.decidable) return false;
  const shown = shownOf(call.decision, call.held);
  const elapsed = Math.round(Date.now() - (call.firstShownAt ?? Date.now()));
  call.pending = { human: human ?? shown, reason, comment, shown, elapsed: Math.min(Math.max(elapsed, 0), 86_400_000) };
  return true;
}

// End a decision; returns "changed", "not_sent" or "said".
export async function settle(call) {
  const { human, reason, comment, shown, elapsed } = call.pending;
  call.pending = null;
  if (shownOf(call.decision, call.held) !== shown) return "changed";
  const said = {
    id: call.decision.decision_id, human, reason, comment, shown, elapsed, at: Date.now(), vetoed: call.vetoed,
    response: call.decision.response,
  };
  call.said = said;
  call.before = null;
  if (await write(call, said, false)) return "said";
  if (call.said === said) call.said = null;
  return "not_sent";
}

export async function takeBackDecision(call) {
  if (!call.said) return false;
  const said = call.said;
  if (!(await write(call, said, true))) return false;
  call.said = null;
  return true;
}

// Returns whether an answer after the decision reopens it: another recommendation, another unit, or a new veto.
export function reopens(call) {
  if (!call.said) return false;
  const { shown, vetoed, response } = call.said;
  const now = shownOf(call.decision, call.held);
  return now !== shown || (call.vetoed && !vetoed) || (now === "ELIGIBLE" && call.decision.response !== response);
}

export function reopen(call) {
  call.before = call.said;
  call.said = null;
}

async function write(call, said, withdrawn) {
  if (page.practice || call.practice) return true; // practice is never recorded
  call.entries += 1;
  const body = { human: said.human, reason: withdrawn ? "mistake" : said.reason, elapsed_ms: said.elapsed, withdrawn };
  if (said.comment && !withdrawn) body.comment = said.comment;
  try {
    const answer = await fetch(`/v1/decisions/${said.id}/feedback`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "Idempotency-Key": `${said.id}-${call.entries}` },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(5000),
    });
    return answer.ok;
  } catch {
    return false;
  }
}
