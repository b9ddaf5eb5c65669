// Ctrl K: search and go anywhere. A combobox over a listbox; the focus stays in the input.
import { on } from "./mount.js";
import { icon, make } from "./page.js";

const WAIT_MS = 120;
const dialog = document.querySelector("dialog[data-palette]");

if (dialog) {
  const input = dialog.querySelector("[data-palette-input]");
  const list = dialog.querySelector("[data-palette-list]");
  const status = dialog.querySelector("[data-palette-status]");
  let options = [];
  let chosen = -1;
  let timer = 0;
  let request = null;

  const say = (text, hidden = false) => { status.textContent = text; status.classList.toggle("sr-only", hidden); };

  function choose(index) {
    options[chosen]?.setAttribute("aria-selected", "false");
    chosen = options.length ? (index + options.length) % options.length : -1;
    const option = options[chosen];
    if (option) {
      option.setAttribute("aria-selected", "true");
      option.scrollIntoView({ block: "nearest" });
      input.setAttribute("aria-activedescendant", option.id);
    } else {
      input.removeAttribute("aria-activedescendant");
    }
  }

  function show(groups) {
    list.replaceChildren();
    options = [];
    groups.forEach((group, at) => {
      if (!group.items?.length) return;
      const box = make("div");
      box.setAttribute("role", "group");
      const title = make("div", "palette-group", group.label);
      title.id = `palette-group-${at}`;
      box.setAttribute("aria-labelledby", title.id);
      box.append(title);
      for (const item of group.items) {
        const option = make("a", "palette-item");
        option.href = item.url;
        option.id = `palette-option-${options.length}`;
        option.tabIndex = -1;
        option.setAttribute("role", "option");
        option.setAttribute("aria-selected", "false");
        option.append(icon(item.icon || "arrow-right"), make("span", "label", item.label));
        if (item.sub) option.append(make("span", "sub", item.sub));
        box.append(option);
        options.push(option);
      }
      list.append(box);
    });
    list.hidden = !options.length;
    if (options.length) say(`${options.length} result${options.length === 1 ? "" : "s"}`, true);
    else say(input.value.trim() ? `Nothing found for “${input.value.trim()}”. Try a name, a digest or a page.` : "Type to search");
    choose(0);
  }

  async function search() {
    request?.abort();
    request = new AbortController();
    try {
      const answer = await fetch(`${dialog.dataset.palette}?q=${encodeURIComponent(input.value.trim())}`, { headers: { Accept: "application/json" }, signal: request.signal });
      if (!answer.ok) throw new Error(String(answer.status));
      show((await answer.json()).groups ?? []);
    } catch (problem) {
      if (problem.name === "AbortError") return;
      list.replaceChildren();
      list.hidden = true;
      options = [];
      say("Search doesn't answer right now. Try again in a moment.");
    }
  }

  function open() {
    if (dialog.open) return;
    for (const other of document.querySelectorAll("[popover]:popover-open")) other.hidePopover();
    input.value = "";
    dialog.showModal();
    input.focus();
    search();
  }

  input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(search, WAIT_MS); });
  input.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) { event.preventDefault(); choose(chosen + step); }
    if (event.key === "Enter" && options[chosen]) {
      event.preventDefault();
      if (event.ctrlKey || event.metaKey) window.open(options[chosen].href, "_blank", "noopener");
      else options[chosen].click();
    }
  });
  list.addEventListener("pointermove", (event) => {
    const at = options.indexOf(event.target.closest?.(".palette-item"));
    if (at >= 0 && at !== chosen) choose(at);
  });
  list.addEventListener("click", (event) => { if (event.target.closest(".palette-item")) dialog.close(); });
  on("click", "[data-palette-open]", open);
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
    event.preventDefault();
    if (dialog.open) dialog.close(); else open();
  });
}

if (/Mac|iPhone|iPad/.test(navigator.platform)) for (const hint of document.querySelectorAll("[data-mod-key]")) hint.textContent = "⌘ K";
