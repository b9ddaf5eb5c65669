// Keeps `<time data-relative>` true while the page stays open, in the words of the `ago` filter;
// `<time data-elapsed>` counts up from its datetime.
const STEPS = [[31_557_600, "year"], [2_629_800, "month"], [86_400, "day"], [3_600, "hour"], [60, "minute"]];

function ago(at) {
  const seconds = (Date.now() - at) / 1000;
  for (const [length, unit] of STEPS) {
    const count = Math.floor(Math.abs(seconds) / length);
    if (count) return seconds > 0 ? `${count} ${unit}${count === 1 ? "" : "s"} ago` : `in ${count} ${unit}${count === 1 ? "" : "s"}`;
  }
  return "just now";
}

export function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

function tick() {
  if (document.hidden) return;
  for (const time of document.querySelectorAll("time[data-relative], time[data-elapsed]")) {
    const at = Date.parse(time.dateTime);
    if (Number.isNaN(at)) continue;
    const text = time.hasAttribute("data-elapsed") ? duration((Date.now() - at) / 1000) : ago(at);
    if (time.textContent !== text) time.textContent = text;
  }
}

setInterval(tick, 1000);
document.addEventListener("visibilitychange", tick);
