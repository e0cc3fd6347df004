// The supervisor's board reloads itself, unless it is not visible or an element of it has the focus.

const EVERY_MS = 15_000;

setInterval(() => {
  const reading = document.activeElement && document.activeElement !== document.body;
  if (!document.hidden && !reading) location.reload();
}, EVERY_MS);
