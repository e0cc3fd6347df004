// Open calls are stored on the server, encrypted for this browser's session; the browser stores nothing of a call.

const SAVE_MS = 300;
const CLAIM_MS = 500;
const KEEPALIVE_BYTES = 60_000; // browsers refuse larger keepalive requests
const timers = new Map();

// Returns the calls of this browser that no other tab has claimed; closed ones are shown in every tab.
export async function loadCalls() {
  const answer = await fetch("/console/calls", { signal: AbortSignal.timeout(5000) });
  if (!answer.ok) throw new Error(String(answer.status));
  const { calls } = await answer.json();
  const free = await Promise.all(calls.map((call) => call.closed || claim(call.key)));
  return calls.filter((_, place) => free[place]);
}

// Claim a call for this tab until its page is closed; returns whether no other tab has it. It waits a moment, because a page
// that reloads releases its calls late. Browsers have these locks on https and on localhost only.
export function claim(key) {
  if (!navigator.locks) return Promise.resolve(true);
  return new Promise((resolve) => {
    const taken = () => {
      resolve(true);
      return new Promise(() => {});
    };
    navigator.locks.request(`heartline-call-${key}`, { signal: AbortSignal.timeout(CLAIM_MS) }, taken).catch(() => resolve(false));
  });
}

// Save soon; several changes within a moment are one request.
export function saveSoon(call) {
  clearTimeout(timers.get(call.key));
  timers.set(call.key, setTimeout(() => saveNow(call), SAVE_MS));
}

export async function saveNow(call) {
  clearTimeout(timers.get(call.key));
  timers.delete(call.key);
  if (call.empty && !call.closed) return true;
  const body = JSON.stringify(call.toSaved());
  try {
    const answer = await fetch(`/console/calls/${call.key}`, {
      method: "PUT",
      headers: { "Content-Type": "application/json" },
      body,
      keepalive: body.length < KEEPALIVE_BYTES,
    });
    return answer.ok;
  } catch {
    return false;
  }
}

// Returns the calls with changes that were not sent yet.
export const unsaved = (calls) => calls.filter((call) => timers.has(call.key));

export async function forget(call) {
  clearTimeout(timers.get(call.key));
  timers.delete(call.key);
  try {
    await fetch(`/console/calls/${call.key}`, { method: "DELETE", keepalive: true });
  } catch {
    // the server deletes it at the end of the shift
  }
}
