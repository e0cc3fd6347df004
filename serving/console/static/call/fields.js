// The fields of the call: read, filled, and marked where a value cannot be read or is not known.

import { el, fill, page, put, t } from "./texts.js";

const LISTS = { call_type: "types", zone: "zones" };
const NUMBERS = ["calls_30d"];
const form = el("form");
const fold = (text) => (text.toLowerCase().match(/[a-z0-9]+/g) ?? []).join(" ");
const knownTypes = new Set(page.call_types.map(fold));
const knownZones = new Set(page.zones.map((zone) => zone.toLowerCase()));

// Returns the fields of the page as text.
export function readFields() {
  const fields = Object.fromEntries(new FormData(form));
  delete fields.narrative;
  return fields;
}

export function fillFields(fields) {
  form.reset();
  for (const [name, value] of Object.entries(fields)) {
    const input = form.elements[name];
    if (input instanceof RadioNodeList) input.value = value;
    else if (input) input.value = value;
  }
  for (const name of ["call_type", "zone", ...NUMBERS]) checkField(name);
}

// Returns the call as the service reads it; a number that cannot be read is left out, and marked on the page.
export function toCall(fields, note) {
  const call = { narrative: note };
  for (const [name, value] of Object.entries(fields)) {
    const text = String(value).trim();
    if (!text) continue;
    if (!NUMBERS.includes(name)) call[name] = text;
    else if (/^\d{1,6}$/.test(text)) call[name] = Number(text);
  }
  return call;
}

export function checkField(name) {
  const input = form.elements[name];
  const text = input.value.trim();
  if (NUMBERS.includes(name)) return say(name, text && !/^\d{1,6}$/.test(text) ? t.not_a_number : "", true);
  if (name === "zone") return say(name, text && knownZones.size && !knownZones.has(text.toLowerCase()) ? t.zone_unknown : "", true);
  if (name !== "call_type") return;
  if (!text || knownTypes.has(fold(text))) return say(name, "", false);
  askType(text, input);
}

async function askType(text, input) {
  try {
    const answer = await fetch(`/console/call-type?name=${encodeURIComponent(text)}`, { signal: AbortSignal.timeout(3000) });
    if (!answer.ok || input.value.trim() !== text) return;
    const { name, known, guessed } = await answer.json();
    if (!known) say("call_type", t.call_type_unknown, true);
    else say("call_type", guessed ? fill(t.call_type_guessed, { name: name.replaceAll("_", " ") }) : "", false);
  } catch {
    // the answer to the call shows how its type was read
  }
}

function say(name, text, invalid) {
  put(el(`${name}-told`), text);
  form.elements[name].setAttribute("aria-invalid", String(Boolean(text) && invalid));
}

// Suggest the call types and zones that CAD has recently sent, besides those of the program.
export async function offerSeen() {
  try {
    const answer = await fetch("/console/seen", { signal: AbortSignal.timeout(3000) });
    if (!answer.ok) return;
    const seen = await answer.json();
    for (const [name, list] of Object.entries(LISTS)) offer(el(list), seen[name]);
  } catch {
    // the program's own values are still suggested
  }
}

function offer(list, words) {
  const key = (word) => fold(word) || word;
  const known = new Set(Array.from(list.options, (option) => key(option.value)));
  for (const word of words) {
    if (known.has(key(word))) continue;
    known.add(key(word));
    list.append(Object.assign(document.createElement("option"), { value: word }));
  }
}
