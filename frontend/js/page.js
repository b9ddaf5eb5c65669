// What the page tells its scripts: the CSRF token and the addresses of files that are fetched when needed.
const script = document.getElementById("app-script");
const pending = new Map();

export const csrfToken = () => document.querySelector('meta[name="csrf-token"]')?.content ?? "";

export function icon(name, size = "") {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", `icon${size ? ` icon-${size}` : ""}`);
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `${script?.dataset.icons ?? "/static/portal/icons.svg"}#${name}`);
  svg.append(use);
  return svg;
}

// `name` is a data attribute of the script element: "uplot" or "tus".
export function library(name) {
  if (!pending.has(name)) {
    pending.set(name, new Promise((resolve, reject) => {
      const element = document.createElement("script");
      element.src = script.dataset[name];
      element.addEventListener("load", resolve);
      element.addEventListener("error", () => { pending.delete(name); reject(new Error(`${name} could not be loaded`)); });
      document.head.append(element);
    }));
  }
  return pending.get(name);
}

export function make(tag, className = "", text = "") {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}
