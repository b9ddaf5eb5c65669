// Copy buttons. Served over plain http (no Clipboard API) they select and copy the old way.
import { on } from "./mount.js";
import { toast } from "./toasts.js";

const SHOWN_MS = 1600;

function linesOf(element) {
  const items = element.matches("ol, ul") ? [...element.children] : [];
  return items.length ? items.map((item) => item.textContent.trim().replace(/\s+/g, " ")).join("\n") + "\n" : element.textContent.trim();
}

async function copy(text, button) {
  try {
    if (navigator.clipboard) {
      await navigator.clipboard.writeText(text);
    } else {
      const area = document.createElement("textarea");
      area.value = text;
      area.setAttribute("readonly", "");
      area.className = "sr-only";
      (button.closest("dialog[open]") ?? document.body).append(area);
      area.select();
      const copied = document.execCommand("copy");
      area.remove();
      button.focus();
      if (!copied) throw new Error("refused");
    }
    button.dataset.copied = "";
    setTimeout(() => delete button.dataset.copied, SHOWN_MS);
    toast({ tone: "success", text: "Copied" });
  } catch {
    toast({ tone: "danger", title: "Not copied", text: "The browser refused. Select the text and copy it by hand." });
  }
}

on("click", "[data-copy]", (event, button) => copy(button.dataset.copy, button));
on("click", "[data-copy-sibling]", (event, button) => copy(button.parentElement.querySelector(button.dataset.copySibling).textContent, button));
on("click", "[data-copy-from]", (event, button) => {
  const source = document.querySelector(button.dataset.copyFrom);
  if (source) copy(linesOf(source), button);
});
on("click", "[data-save-from]", (event, button) => {
  const source = document.querySelector(button.dataset.saveFrom);
  if (!source) return;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([linesOf(source)], { type: "text/plain" }));
  link.download = button.dataset.saveAs;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
});
