// The three safety questions: Alt with a letter chooses the question, Alt with another letter answers it.

import { el, fill, put, t } from "./texts.js";

const ARMED_MS = 5000;
let armed = null;
let timer = null;

const group = (name) => document.querySelector(`[data-question=${name}]`);

export function arm(name) {
  disarm();
  armed = name;
  group(name).dataset.armed = "true";
  put(el("question-hint"), fill(t.armed, { question: t[name] }));
  timer = setTimeout(disarm, ARMED_MS);
}

export function disarm() {
  clearTimeout(timer);
  if (armed) delete group(armed).dataset.armed;
  armed = null;
  put(el("question-hint"), t.question_hint);
}

// Answer the chosen question; returns whether one was chosen.
export function answer(value) {
  if (!armed) {
    put(el("question-hint"), t.name_question_first);
    return false;
  }
  const input = group(armed).querySelector(`input[value=${value}]`);
  disarm();
  input.checked = true;
  input.dispatchEvent(new Event("input", { bubbles: true }));
  return true;
}
