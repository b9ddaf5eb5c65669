// Messages: those the page brought, and those a response sends with HX-Trigger: {"toast": {"tone", "title", "text"}}.
import { mount } from "./mount.js";
import { icon, make } from "./page.js";

const STAY_MS = 6000;
const ICONS = { success: "circle-check", danger: "circle-alert", warning: "triangle-alert" };

const region = () => document.getElementById("toasts");

function leave(element) {
  element.dataset.leaving = "";
  setTimeout(() => element.remove(), 180);
}

mount("[data-toast]", (element) => {
  element.querySelector("[data-toast-close]")?.addEventListener("click", () => leave(element));
  if (["danger", "warning"].includes(element.dataset.tone) || element.hasAttribute("data-stay")) return;
  let timer = setTimeout(leave, STAY_MS, element);
  const hold = () => clearTimeout(timer);
  const release = () => { clearTimeout(timer); timer = setTimeout(leave, STAY_MS, element); };
  for (const type of ["pointerenter", "focusin"]) element.addEventListener(type, hold);
  for (const type of ["pointerleave", "focusout"]) element.addEventListener(type, release);
});

export function toast({ tone = "info", level, title = "", text = "", message = "" }) {
  const kind = { error: "danger" }[level ?? tone] ?? level ?? tone;
  const element = make("div", `toast tone-${kind}`);
  element.dataset.toast = "";
  element.dataset.tone = kind;
  const body = make("div", "body");
  if (title) body.append(make("p", "title", title));
  if (text || message) body.append(make("p", "", text || message));
  const close = make("button", "copy");
  close.type = "button";
  close.dataset.toastClose = "";
  close.setAttribute("aria-label", "Dismiss");
  close.append(icon("x", "sm"));
  element.append(icon(ICONS[kind] ?? "info"), body, close);
  region()?.append(element);
  document.dispatchEvent(new CustomEvent("htmx:afterSettle"));
}

document.addEventListener("toast", (event) => {
  const detail = event.detail ?? {};
  toast(typeof detail.value === "string" ? { text: detail.value } : detail);
});
