// Light, dark or the system's: kept in a cookie, so that the server writes it into the page and nothing flashes.
import { on } from "./mount.js";

const YEAR_S = 31_536_000;
const IS_TLS = location.protocol === "https:";
const NAME = IS_TLS ? "__Host-theme" : "theme";

on("click", "[data-theme-choice]", (event, button) => {
  const choice = button.dataset.themeChoice;
  document.documentElement.dataset.theme = choice;
  document.cookie = `${NAME}=${choice}; path=/; max-age=${YEAR_S}; samesite=lax${IS_TLS ? "; secure" : ""}`;
  for (const other of document.querySelectorAll("[data-theme-choice]")) other.setAttribute("aria-pressed", String(other.dataset.themeChoice === choice));
  document.dispatchEvent(new CustomEvent("theme:changed"));
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => document.dispatchEvent(new CustomEvent("theme:changed")));
