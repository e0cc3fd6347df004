// The choice of another decision and its reason. Arrows choose, Enter saves; a letter closes it and goes to the note.

import { el, put, t } from "./texts.js";

let onChosen = null;

export const choiceOpen = () => !el("choice").hidden;

export function openChoice({ shown, vetoed }, chosen) {
  onChosen = chosen;
  const open = [];
  for (const input of el("targets").querySelectorAll("input")) {
    const barred = input.value === shown || (vetoed && input.value === "ELIGIBLE"); // a veto cannot be overridden to ELIGIBLE here
    input.disabled = barred;
    input.parentElement.hidden = barred;
    input.checked = false;
    if (!barred) open.push(input);
  }
  for (const input of el("reason-list").querySelectorAll("input")) input.checked = false;
  el("comment").value = "";
  put(el("choice-told"), "");
  showComment();
  el("choice").hidden = false;
  el("override").setAttribute("aria-expanded", "true");
  open[0].checked = open.length === 1;
  (open.length === 1 ? el("reason-list").querySelector("input") : open[0]).focus();
}

export function closeChoice() {
  if (!choiceOpen()) return false;
  el("choice").hidden = true;
  el("override").setAttribute("aria-expanded", "false");
  el("note").focus();
  return true;
}

const picked = (id) => el(id).querySelector("input:checked")?.value;

function confirm() {
  const [human, reason, comment] = [picked("targets"), picked("reason-list"), el("comment").value.trim()];
  if (!human) return put(el("choice-told"), t.choose_decision);
  if (!reason) return put(el("choice-told"), t.choose_reason);
  if (reason === "other" && !comment) {
    put(el("choice-told"), t.say_why);
    return el("comment").focus();
  }
  closeChoice();
  onChosen({ human, reason, comment });
}

// The comment is always shown, so that nothing moves, and is enabled for "Other" only.
function showComment() {
  el("comment").disabled = picked("reason-list") !== "other";
}

// Keys inside the choice; returns whether the key was used.
export function choiceKey(event) {
  if (event.key === "Enter" && event.target.tagName !== "BUTTON") {
    event.preventDefault();
    confirm();
    return true;
  }
  return event.target === el("comment");
}

el("reason-list").addEventListener("input", showComment);
el("confirm").onclick = confirm;
el("cancel").onclick = closeChoice;
