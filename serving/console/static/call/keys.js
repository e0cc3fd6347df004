// The keys, by the table that the server sends. A letter without Alt always goes to the note.

import { el, page } from "./texts.js";

const table = new Map(page.keys.map(({ command, key, alt }) => [`${alt ? "alt+" : ""}${key.toLowerCase()}`, command]));
const TEXT = "input:not([type=radio]):not([type=checkbox]), textarea, select";

// Returns the name of a pressed key in the table; a letter by what is printed on the key, not by its position.
function nameOf(event) {
  if (event.altKey && event.key === "?") return "alt+/"; // on keyboards with both on one key
  const letter = /^Key[A-Z]$/.test(event.code) && !/^[a-z]$/i.test(event.key) ? event.code.slice(3) : event.key;
  return `${event.altKey ? "alt+" : ""}${letter.toLowerCase()}`;
}

// commands: by name. inChoice(event): whether a key inside the choice was used. onPlain(): a plain letter goes to the note.
export function listen(commands, { choiceOpen, choiceKey, onPlain }) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.isComposing) return;
    const command = table.get(nameOf(event));
    if (command && command in commands) {
      event.preventDefault();
      if (!event.repeat) commands[command](event);
      return;
    }
    if (event.altKey) return;
    if (event.key === "Escape") return void commands.escape(event);
    const inDialog = event.target.closest?.("dialog, #outcome, nav, #sign-out");
    if (choiceOpen() && event.target.closest("#choice") && choiceKey(event)) return;
    if (event.key === "?" && !event.target.closest(TEXT)) {
      event.preventDefault();
      return void commands.keys(event);
    }
    if (event.key.length === 1 && event.key !== " " && !event.target.closest(TEXT) && !inDialog) onPlain();
  });
}
