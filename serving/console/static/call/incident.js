// The incident of a CAD system: its fields and notes fill the call, and what CAD adds later follows while the call is open.

import { checkField } from "./fields.js";
import { el } from "./texts.js";

const EVERY_MS = 2000;
const form = el("form");

// The number that the page's address asks for.
export const askedIncident = () => (new URLSearchParams(location.search).get("incident") ?? "").trim();

// Take what CAD knows of a call's incident and this page does not; return whether anything came, or null without such an incident.
export async function follow(call, isShown) {
  const number = call.incident;
  const after = call.cadNotes ?? 0;
  const answer = await fetch(`/console/incident?number=${encodeURIComponent(number)}&after=${after}`, { signal: AbortSignal.timeout(3000) });
  if (answer.status === 404) return null;
  if (!answer.ok) throw new Error(String(answer.status));
  const { fields, notes, count } = await answer.json();
  if (call.closed || call.incident !== number || (call.cadNotes ?? 0) !== after) return false; // changed while CAD was asked
  const changed = takeFields(call, fields, isShown());
  call.cadNotes = count;
  if (notes.length) takeNotes(call, notes, isShown());
  return changed || notes.length > 0;
}

// Ask again and again for every open call that is linked.
export function keepFollowing(calls, { isShown, onChange }) {
  setInterval(async () => {
    for (const call of calls()) {
      if (call.closed || call.cadNotes === null) continue;
      try {
        if (await follow(call, () => isShown(call))) onChange(call);
      } catch {
        // the strip tells when the service does not answer
      }
    }
  }, EVERY_MS);
}

// A field follows CAD until a person writes something else into it.
function takeFields(call, fields, shown) {
  let changed = false;
  for (const [name, value] of Object.entries(fields)) {
    const text = String(value);
    const own = String(call.fields[name] ?? "").trim();
    const before = call.cadFields[name] ?? "";
    if (before === text || (own && own !== before)) continue;
    call.fields[name] = text;
    changed = true;
    if (shown) show(name, text);
  }
  call.cadFields = Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, String(value)]));
  return changed;
}

function show(name, text) {
  const input = form.elements[name];
  if (!input) return;
  input.value = text; // a list of radio buttons takes a value too
  if (["call_type", "zone", "calls_30d"].includes(name)) checkField(name);
}

// New notes come below what stands; the caret stays where it was.
function takeNotes(call, notes, shown) {
  call.note = [call.note, ...notes].filter((text) => text).join("\n");
  if (!shown) return;
  const note = el("note");
  const caret = [note.selectionStart, note.selectionEnd];
  const empty = !note.value;
  note.value = call.note;
  note.setSelectionRange(...(empty ? [call.note.length, call.note.length] : caret));
}
