// The words of the reasons, marked behind the note. Places count characters; JavaScript counts some of these as two.

import { el, make } from "./texts.js";
import { isVeto } from "./vetoes.js";

const RANK = { against: 1, for: 1, doubt: 2, screening: 3, pending: 4, veto: 5 };

export function kindOf(reason) {
  if (reason.pending) return "pending";
  if (isVeto(reason)) return "veto";
  const code = reason.code ?? "";
  if (code.startsWith("score_")) return "score";
  if (code.startsWith("screening") || ["near_miss", "negated_violence"].includes(code)) return "screening";
  if (code.endsWith("_for")) return "for";
  return code.endsWith("_against") ? "against" : "doubt";
}

export function showMarks(note, places) {
  const characters = Array.from(note);
  const kinds = new Array(characters.length).fill("");
  for (const one of places) {
    const kind = kindOf(one);
    for (let place = one.start; place < one.end; place += 1) {
      if ((RANK[kind] ?? 0) > (RANK[kinds[place]] ?? 0)) kinds[place] = kind;
    }
  }
  const parts = [];
  for (let start = 0; start < characters.length; ) {
    let end = start + 1;
    while (end < characters.length && kinds[end] === kinds[start]) end += 1;
    parts.push(make(kinds[start] ? "mark" : "span", characters.slice(start, end).join(""), kinds[start]));
    start = end;
  }
  el("marks").replaceChildren(...parts);
  el("marks").scrollTop = el("note").scrollTop;
}

// Move the caret to a word of the note and show it.
export function jumpTo(reason) {
  const note = el("note");
  const characters = Array.from(note.value);
  const offset = (place) => characters.slice(0, place).join("").length;
  note.focus();
  note.setSelectionRange(offset(reason.start), offset(reason.end));
  note.scrollTop = Math.max(0, (note.scrollHeight * reason.start) / (characters.length || 1) - note.clientHeight / 2);
}

// Returns the place of the caret, in characters, where it ends an unfinished word, or else null.
export function unfinishedAt(note) {
  if (document.activeElement !== note || note.selectionStart !== note.selectionEnd) return null;
  const before = note.value.slice(0, note.selectionStart);
  return /[\p{L}\p{N}'’*@$]$/u.test(before) ? Array.from(before).length : null;
}
