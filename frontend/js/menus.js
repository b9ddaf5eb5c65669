// Popover menus: placed beside their button, arrow keys inside.
import { mount } from "./mount.js";

const GAP_PX = 4;

function place(menu, button) {
  const at = button.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = menu;
  const below = at.bottom + GAP_PX + height <= innerHeight || at.top - GAP_PX - height < 0;
  let left = menu.dataset.align === "start" ? at.left : at.right - width;
  left = Math.max(GAP_PX * 2, Math.min(left, innerWidth - width - GAP_PX * 2));
  menu.style.setProperty("margin", "0");
  menu.style.setProperty("left", `${left}px`);
  menu.style.setProperty("top", `${below ? Math.min(at.bottom + GAP_PX, innerHeight - height - GAP_PX) : at.top - GAP_PX - height}px`);
  if (menu.dataset.align === "start") menu.style.setProperty("min-width", `${Math.max(at.width, 192)}px`);
}

mount("[data-menu]", (menu) => {
  const opener = () => document.querySelector(`[popovertarget="${CSS.escape(menu.id)}"]:not([popovertargetaction])`);
  const close = () => menu.hidePopover();
  menu.addEventListener("toggle", (event) => {
    const button = opener();
    if (event.newState === "open") {
      if (button) place(menu, button);
      if (menu.dataset.keyboard !== undefined) menu.querySelector(".menu-item")?.focus();
      addEventListener("resize", close);
    } else {
      removeEventListener("resize", close);
    }
    delete menu.dataset.keyboard;
  });
  menu.addEventListener("keydown", (event) => {
    const items = [...menu.querySelectorAll(".menu-item:not(:disabled)")];
    const now = items.indexOf(document.activeElement);
    const to = { ArrowDown: (now + 1) % items.length, ArrowUp: (now - 1 + items.length) % items.length, Home: 0, End: items.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    items[to]?.focus();
  });
});
document.addEventListener("keydown", (event) => {
  const button = event.target instanceof Element ? event.target.closest("[popovertarget]") : null;
  const menu = button && document.getElementById(button.getAttribute("popovertarget"));
  if (!menu?.matches("[data-menu]") || !["ArrowDown", "Enter", " "].includes(event.key)) return;
  menu.dataset.keyboard = "";
  if (event.key === "ArrowDown") { event.preventDefault(); menu.showPopover({ source: button }); }
});
