// Native dialogs opened by data-dialog-open (browsers with command/commandfor do it without this file).
import { mount, on } from "./mount.js";

const native = "commandForElement" in HTMLButtonElement.prototype;
const closesItself = "closedBy" in HTMLDialogElement.prototype;

on("click", "[data-dialog-open]", (event, opener) => {
  const dialog = document.getElementById(opener.dataset.dialogOpen);
  opener.closest("[popover]")?.hidePopover();
  if (native && opener.hasAttribute("commandfor")) return;
  if (dialog && !dialog.open) dialog.showModal();
});
on("click", "[data-dialog-close]", (event, closer) => {
  if (native && closer.hasAttribute("commandfor")) return;
  closer.closest("dialog")?.close();
});
if (!closesItself) {
  document.addEventListener("click", (event) => {
    const dialog = event.target;
    if (!(dialog instanceof HTMLDialogElement) || dialog.getAttribute("closedby") !== "any") return;
    const box = dialog.getBoundingClientRect();
    const inside = event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
    if (!inside) dialog.close();
  });
}

// Typed confirmation: the button wakes up when the text is there. Without this file `pattern` refuses instead.
mount("input[data-typed]", (input) => {
  const button = input.form?.querySelector('button[type="submit"]');
  const check = () => { if (button) button.disabled = input.value !== input.dataset.typed; };
  input.addEventListener("input", check);
  check();
});
// A dialog[data-dialog-auto] in a page that came back with errors opens by itself.
mount("dialog[data-dialog-auto]", (dialog) => dialog.showModal());
