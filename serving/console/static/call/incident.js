// The incident of a CAD system: its fields and notes fill the call, also those that CAD adds while the call is open.

import { checkField } from "./fields.js";
import { el } from "./texts.js";

const EVERY_MS = 2000;
const form = el("form");

// Returns the incident number in the page's URL.
export const askedIncident = () => (new URLSearchParams(location.search).get("incident") ?? "").trim();

// Take over the new fields and notes of a call's incident; returns whether there were any, or null without such an incident.
export async function follow(call, isShown) {
  const number = call.incident;
  const after = call.cadNotes ?? 0;
  const answer = await fetch(`/console/incident?number=${encodeURIComponent(number)}&after=${after}`, { signal: AbortSignal.timeout(3000) });
  if (answer.status === 404) return null;
  if (!answer.ok) throw new Error(String(answer.status));
  const { fields, notes, count } = await answer.json();
  if (call.closed || call.incident !== number || (call.cadNotes ?? 0) !== after) return false; // the call was changed meanwhile
  const changed = takeFields(call, fields, isShown());
  call.cadNotes = count;
  if (notes.length) takeNotes(call, notes, isShown());
  return changed || notes.length > 0;
}

// Poll for every open call that is linked.
export function keepFollowing(calls, { isShown, onChange }) {
  setInterval(async () => {
    for (const call of calls()) {
      if (call.closed || call.cadNotes === null) continue;
      try {
        if (await follow(call, () => isShown(call))) onChange(call);
      } catch {
        // the strip shows when the service does not answer
      }
    }
  }, EVERY_MS);
}

// A field takes CAD's values until a person enters another one.
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

// Append new notes below the text; the caret does not move.
function takeNotes(call, notes, shown) {
  call.note = [call.note, ...notes].filter((text) => text).join("\n");
  if (!shown) return;
  const note = el("note");
  const caret = [note.selectionStart, note.selectionEnd];
  const empty = !note.value;
  note.value = call.note;
  note.setSelectionRange(...(empty ? [call.note.length, call.note.length] : caret));
}
