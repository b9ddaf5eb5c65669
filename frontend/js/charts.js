// uPlot in the colours of the page. JSON: {"x": [...], "time": true, "unit": "ms", "kind": "line" | "area" | "bars", "series": [{"label", "values", "tone"}]}.
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

function draw(figure, area, content, width) {
  const { uPlot } = window;
  const unit = content.unit ? ` ${content.unit}` : "";
  const grid = { stroke: colour("--line"), width: 1 };
  const axis = { stroke: colour("--subtle"), font: `11px ${getComputedStyle(document.body).fontFamily}`, grid, ticks: { show: false } };
  const bars = content.kind === "bars" ? uPlot.paths.bars({ size: [0.6, 48], radius: 0.15 }) : undefined;
  return new uPlot({
    width, height: Number(figure.dataset.chartHeight) || 200, padding: [10, 8, 0, 0],
    cursor: { y: false, points: { size: 7 } },
    legend: { live: true },
    scales: { x: { time: content.time === true }, y: { range: (plot, low, high) => (low == null ? [0, 1] : content.kind === "line" && content.zero === false ? [low - (high - low || 1) * 0.1, high + (high - low || 1) * 0.1] : [Math.min(0, low), high > 0 ? high * 1.1 : 1]) } },
    axes: [{ ...axis, size: 28, grid: { show: false } }, { ...axis, size: 60, values: (plot, marks) => marks.map((mark) => (mark == null ? "" : short(mark) + unit)) }],
    series: [{ label: content.x_label ?? (content.time ? "Time" : "") }, ...content.series.map((series, at) => {
      const stroke = colour(LINES[series.tone] ?? LINES[TONES[at % TONES.length]]);
      return { label: series.label, stroke, width: 1.75, paths: bars, points: { show: content.x.length < 3 }, fill: bars ? withAlpha(stroke, 0.75) : content.kind === "area" ? withAlpha(stroke, 0.14) : undefined, value: (plot, value) => short(value) + (value == null ? "" : unit), spanGaps: true };
    })],
  }, [content.x, ...content.series.map((series) => series.values)], area);
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
