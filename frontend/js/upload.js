// Resumable uploads (tus 1.0) for <form data-upload data-endpoint="/api/v1/uploads/">. The file goes up in pieces;
// then the form is posted with a hidden `upload` field that names it. Without this file the form posts the file itself.
import { duration } from "./clock.js";
import { mount } from "./mount.js";
import { csrfToken, library } from "./page.js";

const CHUNK_BYTES = 8 * 1024 * 1024;
const RETRY_MS = [0, 1000, 3000, 5000, 10_000, 20_000];
const SMOOTHING = 0.3;
const UNITS = ["B", "KiB", "MiB", "GiB"];

export function size(bytes) {
  let number = bytes;
  let unit = 0;
  while (number >= 1024 && unit < UNITS.length - 1) { number /= 1024; unit += 1; }
  return `${unit ? number.toFixed(1) : number} ${UNITS[unit]}`;
}

// The server's own sentence when it sent one (problem+json), else ours.
function reason(error) {
  const body = error?.originalResponse?.getBody?.() ?? "";
  try {
    const { detail, title } = JSON.parse(body);
    if (detail || title) return detail || title;
  } catch { /* not JSON */ }
  const status = error?.originalResponse?.getStatus?.();
  if (status === 413) return "This file is larger than the server accepts.";
  if (status === 401 || status === 403) return "You may not upload here, or you are signed out. Reload the page to sign in again.";
  if (status === 507) return "The server has no room left. Nothing was kept; tell an administrator.";
  if (status) return `The server answered ${status}. Try again; what is already there is kept.`;
  return "The connection was lost. What is already there is kept; try again and it goes on from there.";
}

class Upload {
  constructor(form, input, panel) {
    Object.assign(this, { form, input, panel, tus: null, file: null, speed: 0, last: null });
    const part = (name) => panel.querySelector(`[data-upload-${name}]`);
    this.parts = Object.fromEntries(["name", "size", "clear", "bar", "words", "detail", "problem", "controls", "pause", "resume", "retry"].map((name) => [name, part(name)]));
    this.bar = panel.querySelector("progress");
    input.addEventListener("change", () => this.choose(input.files[0]));
    this.parts.clear.addEventListener("click", () => this.clear());
    this.parts.pause.addEventListener("click", () => this.pause());
    for (const name of ["resume", "retry"]) this.parts[name].addEventListener("click", () => this.start());
    form.addEventListener("submit", (event) => this.submitted(event), true);
    addEventListener("online", () => { if (panel.dataset.state === "failed") this.start(); });
    addEventListener("beforeunload", (event) => { if (panel.dataset.state === "sending") event.preventDefault(); });
    if (input.files[0]) this.choose(input.files[0]);
  }

  state(name, words = "", detail = "") {
    const { parts, panel } = this;
    panel.dataset.state = name;
    parts.bar.hidden = name === "ready";
    parts.controls.hidden = !["sending", "paused", "failed"].includes(name);
    parts.pause.hidden = name !== "sending";
    parts.resume.hidden = name !== "paused";
    parts.retry.hidden = name !== "failed";
    parts.clear.hidden = name === "done" || name === "sending";
    parts.problem.hidden = name !== "failed";
    parts.words.textContent = words;
    parts.detail.textContent = detail;
    for (const button of this.form.querySelectorAll('button[type="submit"]')) {
      button.toggleAttribute("aria-busy", false);
      if (name === "sending" || name === "done") button.setAttribute("aria-busy", "true");
    }
  }

  choose(file) {
    if (!file) { this.clear(); return; }
    this.file = file;
    this.tus = null;
    this.panel.hidden = false;
    this.parts.name.textContent = file.name;
    this.parts.size.textContent = size(file.size);
    this.state("ready");
    this.form.dispatchEvent(new CustomEvent("upload:chosen", { bubbles: true, detail: { file } }));
  }

  clear() {
    // The half-sent file is removed at the server too; failing that it expires there.
    this.tus?.abort(true).catch(() => {});
    this.tus = null;
    this.file = null;
    this.input.value = "";
    this.panel.hidden = true;
    this.form.querySelector('input[type="hidden"][name="upload"]')?.remove();
  }

  submitted(event) {
    if (!this.file || this.panel.dataset.state === "done") return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (this.panel.dataset.state !== "sending") this.start();
  }

  async pause() {
    await this.tus?.abort();
    this.state("paused", "Paused", `${size(this.last?.sent ?? 0)} of ${size(this.file.size)} sent`);
  }

  async start() {
    this.last = null;
    this.speed = 0;
    this.state("sending", "Connecting…");
    this.bar.removeAttribute("value");
    try { await library("tus"); } catch { this.failed(null); return; }
    if (!this.tus) {
      this.tus = new window.tus.Upload(this.file, {
        endpoint: this.form.dataset.endpoint,
        chunkSize: CHUNK_BYTES,
        retryDelays: RETRY_MS,
        removeFingerprintOnSuccess: true,
        metadata: { filename: this.file.name, ...(this.form.dataset.project ? { project: this.form.dataset.project } : {}) },
        onBeforeRequest: (request) => request.setHeader("X-CSRFToken", csrfToken()),
        onProgress: (sent, total) => this.progress(sent, total),
        onError: (error) => this.failed(error),
        onSuccess: () => this.done(),
      });
      const earlier = await this.tus.findPreviousUploads().catch(() => []);
      if (earlier.length) this.tus.resumeFromPreviousUpload(earlier[earlier.length - 1]);
    }
    this.tus.start();
  }

  progress(sent, total) {
    const now = performance.now();
    if (this.last) {
      const seconds = (now - this.last.at) / 1000;
      if (seconds < 0.25 && sent < total) return;
      const current = Math.max(0, sent - this.last.sent) / Math.max(seconds, 0.001);
      this.speed = this.speed ? this.speed * (1 - SMOOTHING) + current * SMOOTHING : current;
    }
    this.last = { at: now, sent };
    this.bar.max = total || 1;
    this.bar.value = sent;
    const left = this.speed > 0 ? `, ${duration((total - sent) / this.speed)} left` : "";
    this.parts.words.textContent = `Uploading, ${Math.floor((sent / (total || 1)) * 100)} %`;
    this.parts.detail.textContent = `${size(sent)} of ${size(total)}${this.speed ? `, ${size(this.speed)}/s` : ""}${left}`;
  }

  failed(error) {
    this.state("failed", "Stopped", this.last ? `${size(this.last.sent)} of ${size(this.file.size)} sent` : "");
    if (!this.bar.hasAttribute("value")) this.bar.value = 0;
    this.parts.problem.textContent = reason(error);
  }

  done() {
    this.bar.max = 1;
    this.bar.value = 1;
    this.state("done", "Uploaded. Checking the file…", size(this.file.size));
    const field = document.createElement("input");
    field.type = "hidden";
    field.name = "upload";
    field.value = new URL(this.tus.url, location.href).pathname.split("/").filter(Boolean).pop();
    this.form.append(field);
    this.input.disabled = true;
    this.form.requestSubmit();
  }
}

mount("[data-drop]", (zone) => {
  const input = zone.querySelector('input[type="file"]');
  for (const type of ["dragenter", "dragover"]) zone.addEventListener(type, () => { zone.dataset.over = ""; });
  for (const type of ["dragleave", "drop"]) zone.addEventListener(type, () => { delete zone.dataset.over; });
  const form = input?.form;
  const panel = zone.parentElement.querySelector("[data-upload-progress]");
  if (form?.hasAttribute("data-upload") && panel) { new Upload(form, input, panel); return; }
  input?.addEventListener("change", () => {
    const title = zone.querySelector(".title");
    if (title && input.files.length) title.textContent = [...input.files].map((file) => `${file.name} (${size(file.size)})`).join(", ");
  });
});
