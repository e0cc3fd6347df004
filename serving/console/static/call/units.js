// The units on duty in the zone of the call, requested when the zone changes and every half minute.

import { fill, t } from "./texts.js";

const REFRESH_MS = 30_000;
let zone = null;
let known = new Map();

export async function askUnits(wanted, onChange) {
  zone = wanted;
  try {
    const answer = await fetch(`/console/units?zone=${encodeURIComponent(wanted)}`, { signal: AbortSignal.timeout(3000) });
    if (!answer.ok || wanted !== zone) return;
    const { units } = await answer.json();
    known = new Map(units.map((unit) => [unit.unit, unit]));
    onChange();
  } catch {
    // the last answer stays; the badge shows that the service cannot be reached
  }
}

export function keepAsking(onChange) {
  setInterval(() => zone !== null && askUnits(zone, onChange), REFRESH_MS);
}

// Returns the suggested unit with its present availability.
export function unitLine(decision) {
  if (!decision.response) return "";
  const name = t[decision.response];
  const unit = known.get(decision.response);
  if (!unit) return name;
  if (unit.available) return fill(t.unit_on_duty, { unit: name });
  if (unit.in_zone === false) return withStandIn(fill(t.unit_out_of_zone, { unit: name }), unit);
  if (unit.available === null) return fill(t.unit_duty_unknown, { unit: name });
  const until = unit.next ? fill(t.unit_off_duty, { unit: name, when: when(unit.next) }) : fill(t.unit_off_duty_always, { unit: name });
  return withStandIn(until, unit);
}

const withStandIn = (text, unit) => (unit.stand_in ? fill(t.until_then, { text, unit: t[unit.stand_in] }) : text);

export function when({ day, weekday, time }) {
  if (day === 0) return time;
  return `${day === 1 ? t.tomorrow : t.weekdays.split(" ")[weekday]} ${time}`;
}
