// The supervisor's board renews itself, unless nobody looks at it or somebody reads on with the keyboard.

const EVERY_MS = 15_000;

setInterval(() => {
  const reading = document.activeElement && document.activeElement !== document.body;
  if (!document.hidden && !reading) location.reload();
}, EVERY_MS);
