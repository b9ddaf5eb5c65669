// uPlot in the colours of the page. JSON: {"x": [...], "time": true, "unit": "ms", "kind": "line" | "area" | "bars", "stacked": false, "step": seconds of a bar, "series": [{"label", "values", "tone"}]}.
import { mount } from "./mount.js";
import { library } from "./page.js";

const TONES = ["accent", "success", "warning", "info", "danger"];
const LINES = { accent: "--accent-text", success: "--success", warning: "--warning", danger: "--danger", info: "--info", neutral: "--control" };

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const withAlpha = (value, alpha) => `color-mix(in srgb, ${value} ${alpha * 100}%, transparent)`;

function short(number) {
  if (number == null) return "–";
  const size = Math.abs(number);
  if (size >= 1e9) return `${+(number / 1e9).toPrecision(3)}G`;
  if (size >= 1e6) return `${+(number / 1e6).toPrecision(3)}M`;
  if (size >= 1e4) return `${+(number / 1e3).toPrecision(3)}k`;
  return String(+number.toPrecision(4));
}

function read(figure) {
  const element = figure.dataset.chartSource ? document.getElementById(figure.dataset.chartSource) : figure.querySelector('script[type="application/json"]');
  const text = element?.textContent ?? figure.dataset.chart;
  return text ? JSON.parse(text) : null;
}

// Bars on top of each other: each is drawn as high as it and those beneath it, tallest first.
function stack(content) {
  const sums = content.x.map(() => 0);
  return content.series.map((series) => ({ ...series, shown: series.values, values: series.values.map((value, at) => (sums[at] += value ?? 0)) })).reverse();
}

// A stretch of time that was dragged over, or the bar that was clicked: the page opens with `since` and `until`.
function selectTime(figure, content, plot) {
  const { left, width } = plot.select;
  let from, until;
  if (width > 3) [from, until] = [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")];
  else if (plot.cursor.idx != null) [from, until] = [content.x[plot.cursor.idx], content.x[plot.cursor.idx] + (content.step ?? 0)];
  else return;
  const address = new URL(figure.dataset.chartSelect, location.href);
  address.searchParams.delete("last");
  for (const [name, at] of [["since", from], ["until", until]]) address.searchParams.set(name, new Date(Math.round(at) * 1000).toISOString().replace(".000", ""));
  location.assign(address);
}

function draw(figure, area, content, width) {
  const { uPlot } = window;
  const unit = content.unit ? ` ${content.unit}` : "";
  const grid = { stroke: colour("--line"), width: 1 };
  const axis = { stroke: colour("--subtle"), font: `11px ${getComputedStyle(document.body).fontFamily}`, grid, ticks: { show: false } };
  const drawn = content.stacked ? stack(content) : content.series;
  const selects = Boolean(figure.dataset.chartSelect);
  const bars = content.kind === "bars" ? uPlot.paths.bars(content.step ? { size: [0.85, 60], align: 1 } : { size: [0.6, 48], radius: 0.15 }) : undefined;
  const plot = new uPlot({
    width, height: Number(figure.dataset.chartHeight) || 200, padding: [10, 8, 0, 0],
    cursor: { y: false, points: { size: 7 }, drag: { x: selects, y: false, setScale: false } },
    hooks: selects ? { setSelect: [(made) => { if (made.select.width > 3) selectTime(figure, content, made); }] } : {},
    legend: { live: true },
    scales: { x: { time: content.time === true, ...(content.step && content.x.length ? { range: () => [content.x[0], content.x.at(-1) + content.step] } : {}) }, y: { range: (plot, low, high) => (low == null ? [0, 1] : content.kind === "line" && content.zero === false ? [low - (high - low || 1) * 0.1, high + (high - low || 1) * 0.1] : [Math.min(0, low), high > 0 ? high * 1.1 : 1]) } },
    axes: [{ ...axis, size: content.time ? 40 : 28, grid: { show: false } }, { ...axis, size: 60, values: (plot, marks) => marks.map((mark) => (mark == null ? "" : short(mark) + unit)) }],
    series: [{ label: content.x_label ?? (content.time ? "Time" : "") }, ...drawn.map((series, at) => {
      const stroke = colour(LINES[series.tone] ?? LINES[TONES[at % TONES.length]]);
      return { label: series.label, stroke, width: 1.75, paths: bars, points: { show: content.x.length < 3 }, fill: bars ? (content.stacked ? stroke : withAlpha(stroke, 0.75)) : content.kind === "area" ? withAlpha(stroke, 0.14) : undefined, value: (plot, value, seriesAt, at) => { const told = series.shown && at != null ? series.shown[at] : value; return short(told) + (told == null ? "" : unit); }, spanGaps: true };
    })],
  }, [content.x, ...drawn.map((series) => series.values)], area);
  if (selects) plot.over.addEventListener("click", () => { if (plot.select.width <= 3) selectTime(figure, content, plot); });
  return plot;
}

mount("[data-chart]", async (figure) => {
  const area = figure.querySelector("[data-chart-area]");
  let content = null;
  try { content = read(figure); await library("uplot"); } catch { content = null; }
  if (!content || !area || !window.uPlot) return;
  figure.setAttribute("data-chart-mounted", "");
  let plot = null;
  const redraw = () => { plot?.destroy(); plot = area.clientWidth ? draw(figure, area, content, area.clientWidth) : null; };
  redraw();
  document.addEventListener("theme:changed", () => { if (figure.isConnected) redraw(); });
  new ResizeObserver(() => {
    if (!area.clientWidth) return;
    if (plot) plot.setSize({ width: area.clientWidth, height: Number(figure.dataset.chartHeight) || 200 }); else redraw();
  }).observe(figure);
  // A live page may send new numbers: figure.dispatchEvent(new CustomEvent("chart:update", { detail: content })).
  figure.addEventListener("chart:update", (event) => { content = event.detail; redraw(); });
});
