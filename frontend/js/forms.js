// Forms: one submit at a time, words while it runs, codes that submit themselves, passwords that can be looked at.
import { mount, on } from "./mount.js";

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.hasAttribute("hx-get") || form.hasAttribute("hx-post") || form.target === "_blank" || form.method === "dialog") return;
  if (form.dataset.sent !== undefined) { event.preventDefault(); return; }
  form.dataset.sent = "";
  const button = event.submitter;
  if (button?.matches(".btn")) button.setAttribute("aria-busy", "true");
});
// Coming back with the browser's Back button, and downloads that leave the page in place.
function release() {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll('[aria-busy="true"]')) button.removeAttribute("aria-busy");
  }
}
addEventListener("pageshow", release);
addEventListener("focus", () => setTimeout(release, 4000));

on("click", "[data-reveal]", (event, button) => {
  const input = document.getElementById(button.dataset.reveal);
  if (!input) return;
  const shown = input.type === "password";
  input.type = shown ? "text" : "password";
  button.setAttribute("aria-pressed", String(shown));
  button.setAttribute("aria-label", shown ? "Hide" : "Show");
});

mount("input[data-otp]", (input) => {
  const length = Number(input.dataset.otp);
  input.addEventListener("input", () => {
    const digits = input.value.replace(/\D/g, "").slice(0, length);
    if (input.value !== digits) input.value = digits;
    if (digits.length === length && input.form?.hasAttribute("data-otp-submit")) input.form.requestSubmit();
  });
});

mount("[data-focus-on-load]", (element) => element.focus({ preventScroll: false }));

// A form that only waits to be sent: what was typed before a step-up.
mount("form[data-submit-now]", (form) => form.requestSubmit());

// <input data-check-all="name"> ticks every box of that name.
on("change", "[data-check-all]", (event, box) => {
  for (const other of document.querySelectorAll(`input[type="checkbox"][name="${CSS.escape(box.dataset.checkAll)}"]`)) other.checked = box.checked;
});

// data-unsaved: a form that would lose what was typed asks first.
let touched = false;
on("input", "form[data-unsaved]", () => { touched = true; });
document.addEventListener("submit", () => { touched = false; });
addEventListener("beforeunload", (event) => { if (touched) event.preventDefault(); });
