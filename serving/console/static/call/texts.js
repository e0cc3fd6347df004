// The texts of the page in its reader's language, the server's values for the page, and the formats of times.

const read = (id) => JSON.parse(document.getElementById(id).textContent);

export const t = read("words");
export const page = read("page"); // {time_zone, lang, person, practice, clinician, keys, zones, call_types}
export const el = (id) => document.getElementById(id);
export const fill = (text, words) => text.replace(/\{(\w+)\}/g, (_, name) => words[name] ?? "");

export const make = (tag, text, className) => {
  const node = document.createElement(tag);
  if (text) node.textContent = text;
  if (className) node.className = className;
  return node;
};

// Set a text only where it differs, so that nothing is repainted or announced twice.
export const put = (node, text) => {
  if (node.textContent !== text) node.textContent = text;
};

const stamp = (options) => new Intl.DateTimeFormat(page.lang, { timeZone: page.time_zone, hourCycle: "h23", ...options });
const clockFormat = stamp({ hour: "2-digit", minute: "2-digit", second: "2-digit", timeZoneName: "short" });
const dayFormat = stamp({ year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" });
const minuteFormat = stamp({ hour: "2-digit", minute: "2-digit" });

export const clock = (at) => clockFormat.format(at);
export const day = (at) => dayFormat.format(at);
export const minute = (at) => minuteFormat.format(at);

// Returns a duration as "4:05" or "1:04:05".
export function span(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

// Returns an age as "0.3 s", "12 s" or "4 min".
export function age(ms) {
  if (ms < 10_000) return `${(Math.floor(ms / 100) / 10).toFixed(1)} s`;
  return ms < 120_000 ? `${Math.floor(ms / 1000)} s` : `${Math.floor(ms / 60_000)} min`;
}
