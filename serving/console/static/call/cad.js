// Copies two lines for the CAD incident to the clipboard: the answer with its unit, and the reasons.

import { clock, fill, page, t } from "./texts.js";
import { chosen, sentence } from "./reasons.js";
import { unitLine } from "./units.js";

export function cadLines(call) {
  const decided = call.said ? fill(call.said.reason === "agree" ? t.cad_agreed : t.cad_overrode, { what: t[call.said.human], person: page.person }) : t.cad_undecided;
  const answer = [call.incident, t[call.shown] ?? t.REVIEW, call.decision ? unitLine(call.decision) : ""].filter(Boolean).join(" · ");
  const why = call.decision ? chosen(call.decision, call.vetoes).first.map(sentence).join(" ") : "";
  return `HEARTLINE ${clock(Date.now())} · ${answer} · ${decided}\n${why || t.treat_as_review}`;
}

export async function copyForCad(call) {
  const text = cadLines(call);
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyByHand(text);
  }
}

// Without access to the clipboard, as on a page without TLS: select the text and copy it.
function copyByHand(text) {
  const box = document.createElement("textarea");
  const before = document.activeElement;
  box.value = text;
  box.className = "unseen";
  document.body.append(box);
  box.select();
  const copied = document.execCommand("copy");
  box.remove();
  before?.focus();
  return copied;
}
