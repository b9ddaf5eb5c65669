// htmx: the CSRF header, calm errors, and morphing that leaves what a person opened or typed alone.
import { csrfToken } from "./page.js";
import { toast } from "./toasts.js";

let lost = false;

function connection(isLost) {
  if (lost === isLost) return;
  lost = isLost;
  for (const strip of document.querySelectorAll("[data-connection]")) strip.hidden = !isLost;
}

document.addEventListener("htmx:configRequest", (event) => {
  const { verb, headers } = event.detail;
  if (verb !== "get") headers["X-CSRFToken"] = csrfToken();
});

// A session that ended answers a fragment with the sign-in page: show that as a page, not inside this one.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr } = event.detail;
  if (!xhr?.responseURL) return;
  const address = new URL(xhr.responseURL);
  if (address.pathname.startsWith("/sign-in/") && location.pathname !== address.pathname) {
    event.detail.shouldSwap = false;
    location.assign(`/sign-in/?next=${encodeURIComponent(location.pathname + location.search)}`);
  }
});

document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.xhr?.status > 0) connection(false);
});
document.addEventListener("htmx:sendError", (event) => {
  connection(true);
  if (event.detail.requestConfig?.verb !== "get") toast({ tone: "danger", title: "Nothing was sent", text: "The server can't be reached. Try again in a moment." });
});
document.addEventListener("htmx:timeout", () => connection(true));
document.addEventListener("htmx:responseError", (event) => {
  const { xhr, requestConfig } = event.detail;
  const polled = requestConfig?.triggeringEvent == null && requestConfig?.verb === "get";
  if (polled && xhr.status >= 500) { connection(true); return; }
  let text = "";
  try { text = JSON.parse(xhr.responseText).detail ?? ""; } catch { /* an HTML error page */ }
  const words = {
    401: "You are signed out. Reload the page to sign in.",
    403: "You may not do this. Ask an owner of the project for the right role.",
    404: "This is gone, or it is not yours to see. Reload the page.",
    413: "That is larger than this server accepts.",
    429: "Too many requests in a short time. Wait a moment, then try again.",
    503: "The server is starting or busy. Try again in a moment.",
  };
  toast({ tone: "danger", title: "That did not work", text: text || words[xhr.status] || `The server answered ${xhr.status}. Try again; if it stays, look at the system page.` });
});

if (window.Idiomorph) {
  window.Idiomorph.defaults.ignoreActiveValue = true;
  window.Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, element) => {
    if (name === "open" && (element.tagName === "DETAILS" || element.tagName === "DIALOG")) return false;
    if (name === "data-copied" || name === "aria-describedby" && element.hasAttribute("data-tooltip-shown")) return false;
    return true;
  };
  // A list that follows its own end must not jump; a mounted chart or an upload owns what is inside it.
  window.Idiomorph.defaults.callbacks.beforeNodeMorphed = (element) => !(element instanceof Element && element.matches("[data-chart-mounted], [data-upload-progress], .menu:popover-open"));
}
