// Held vetoes, whose words were deleted from the note. The server keeps them; the page keeps them too, for a lost connection
// after which the server no longer has the call.

export const VETO_CODES = ["veto_weapon", "veto_violence", "weapons_answer", "violence_answer"];
export const isVeto = (reason) => VETO_CODES.includes(reason.code);
const name = (one) => `${one.rule_id}|${one.words.toLowerCase()}`;

// Returns every mention that vetoes, in the note, the call type or an answer, with whether its word is still being typed.
export function vetoesOf({ decision, pending }) {
  const unfinished = pending.map((place) => decision.reasons[place]).filter(Boolean);
  const touched = (one) => one.start !== null && unfinished.some((other) => other.start < one.end && other.end > one.start);
  const known = new Map();
  for (const one of [...decision.reasons, ...(decision.hits ?? [])].filter(isVeto)) {
    known.set(`${one.code}|${one.rule_id}|${one.start}`, { ...one, pending: touched(one) });
  }
  return [...known.values()];
}

// Returns the places of an older text in a newer one, without those that were deleted or overwritten.
export function moved(places, old, text) {
  const least = Math.min(old.length, text.length);
  let ahead = 0;
  while (ahead < least && old[ahead] === text[ahead]) ahead += 1;
  let behind = 0;
  while (behind < least - ahead && old[old.length - 1 - behind] === text[text.length - 1 - behind]) behind += 1;
  const shift = text.length - old.length;
  return places
    .filter((one) => one.end <= ahead || one.start >= old.length - behind)
    .map((one) => (one.end <= ahead ? one : { ...one, start: one.start + shift, end: one.end + shift }));
}

// Returns the vetoes held after an answer: the server's list where it saw every state of the note, else the union.
export function heldAfter({ held, standing, text, answer, answerText }) {
  const now = answer.vetoes.filter((reason) => reason.start !== null && !reason.pending);
  if (answer.held && answer.remembered) return { held: answer.held, standing: now };
  const kept = moved(standing, text, answerText);
  const gone = standing.filter((one) => !kept.some((other) => name(other) === name(one)));
  const known = [...held, ...gone, ...(answer.held ?? [])];
  const all = new Map(known.map((one) => [name(one), { id: one.id, rule_id: one.rule_id, words: one.words }]));
  for (const one of now) all.delete(name(one));
  return { held: [...all.values()], standing: now };
}

// Returns the held vetoes by word: one entry for each word, however many rules it matched.
export function byWords(held) {
  const groups = new Map();
  for (const one of held) {
    const key = one.words.toLowerCase();
    groups.set(key, { words: one.words, ids: [...(groups.get(key)?.ids ?? []), one.id].filter(Boolean) });
  }
  return [...groups.values()];
}
