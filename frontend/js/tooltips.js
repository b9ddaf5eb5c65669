// One tooltip for the page: shown on hover and focus, stays while pointed at, Esc hides it (WCAG 1.4.13).
import { make } from "./page.js";

const DELAY_MS = 350;
const GAP_PX = 6;
const tip = make("div", "tip");
tip.id = "tip";
tip.setAttribute("role", "tooltip");
tip.setAttribute("popover", "manual");
document.body.append(tip);

let owner = null;
let timer = 0;

function hide() {
  clearTimeout(timer);
  if (owner) {
    if (owner.getAttribute("aria-describedby") === "tip") owner.removeAttribute("aria-describedby");
    owner.removeAttribute("data-tooltip-shown");
  }
  owner = null;
  if (tip.matches(":popover-open")) tip.hidePopover();
}

function show(element) {
  if (!element.isConnected || element === owner) return;
  hide();
  owner = element;
  tip.textContent = element.dataset.tooltip;
  document.body.contains(tip) || document.body.append(tip);
  // Inside a modal dialog only the dialog's own descendants are seen by a screen reader.
  (element.closest("dialog[open]") ?? document.body).append(tip);
  tip.showPopover();
  const at = element.getBoundingClientRect();
  const left = Math.max(GAP_PX, Math.min(at.left + at.width / 2 - tip.offsetWidth / 2, innerWidth - tip.offsetWidth - GAP_PX));
  const above = at.top - tip.offsetHeight - GAP_PX;
  tip.style.setProperty("left", `${left}px`);
  tip.style.setProperty("top", `${above > GAP_PX ? above : at.bottom + GAP_PX}px`);
  element.setAttribute("data-tooltip-shown", "");
  // An icon button is already named by the same words: don't read them twice.
  if (!element.hasAttribute("aria-describedby") && !element.getAttribute("aria-label")?.includes(element.dataset.tooltip)) element.setAttribute("aria-describedby", "tip");
}

const find = (event) => (event.target instanceof Element ? event.target.closest("[data-tooltip]") : null);
document.addEventListener("pointerover", (event) => {
  if (tip.contains(event.target)) { clearTimeout(timer); return; }
  const element = find(event);
  clearTimeout(timer);
  if (element && event.pointerType !== "touch") timer = setTimeout(show, DELAY_MS, element);
  else if (owner && !owner.contains(event.target)) timer = setTimeout(hide, 120);
});
document.addEventListener("focusin", (event) => {
  const element = find(event);
  if (element?.matches(":focus-visible")) show(element);
});
document.addEventListener("focusout", hide);
document.addEventListener("click", (event) => {
  const element = find(event);
  if (element?.matches(".tip-trigger")) show(element); else hide();
});
document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); }, true);
document.addEventListener("scroll", hide, { capture: true, passive: true });
