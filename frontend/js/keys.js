// Single-key shortcuts. They can be switched off (WCAG 2.1.4) and never act while somebody types.
const OFF = "deployhub.shortcuts.off";
const WAIT_MS = 1200;
let goUntil = 0;

const isOff = () => { try { return localStorage.getItem(OFF) === "1"; } catch { return false; } };
const typing = (target) => target instanceof Element && target.closest("input, textarea, select, [contenteditable='true']");
const rows = () => [...document.querySelectorAll("main a.row-link")].filter((link) => link.getClientRects().length);

function move(step) {
  const links = rows();
  if (!links.length) return false;
  const now = links.indexOf(document.activeElement);
  const to = links[Math.max(0, Math.min(links.length - 1, now < 0 ? (step > 0 ? 0 : links.length - 1) : now + step))];
  to.focus();
  to.scrollIntoView({ block: "nearest" });
  return true;
}

function go(key) {
  const links = [...document.querySelectorAll(".nav-item")];
  const link = links.find((item) => item.dataset.go === key) ?? links.find((item) => item.textContent.trim().toLowerCase().startsWith(key));
  link?.click();
  return Boolean(link);
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || isOff() || document.querySelector("dialog[open]")) return;
  const key = event.key.toLowerCase();
  let done = false;
  if (Date.now() < goUntil) {
    goUntil = 0;
    done = go(key);
  } else if (key === "g") {
    goUntil = Date.now() + WAIT_MS;
    done = true;
  } else if (key === "/") {
    const search = document.querySelector("[data-page-search]");
    if (search) { search.focus(); search.select(); } else document.querySelector("[data-palette-open]")?.click();
    done = true;
  } else if (key === "j" || key === "k") {
    done = move(key === "j" ? 1 : -1);
  } else if (key === "?") {
    const dialog = document.getElementById("shortcuts");
    dialog?.showModal();
    done = Boolean(dialog);
  }
  if (done) event.preventDefault();
});

const box = document.querySelector("[data-shortcuts-switch]");
if (box) {
  box.checked = !isOff();
  box.addEventListener("change", () => { try { if (box.checked) localStorage.removeItem(OFF); else localStorage.setItem(OFF, "1"); } catch { /* private mode: holds for this page only */ } });
}
