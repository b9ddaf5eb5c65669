// Log viewers follow their end until a person scrolls up; the switch and the scroll agree.
import { mount } from "./mount.js";

const NEAR_PX = 24;

mount("[data-log]", (log) => {
  const body = log.querySelector("[data-log-body]");
  const follow = log.querySelector("[data-log-follow]");
  if (!body || !follow) return;
  const atEnd = () => body.scrollHeight - body.scrollTop - body.clientHeight < NEAR_PX;
  const toEnd = () => { body.scrollTop = body.scrollHeight; };
  let height = body.scrollHeight;
  body.addEventListener("scroll", () => {
    // Growth moves the end away without anybody scrolling.
    if (body.scrollHeight === height) follow.checked = atEnd();
    height = body.scrollHeight;
  }, { passive: true });
  follow.addEventListener("change", () => { if (follow.checked) toEnd(); });
  new MutationObserver(() => { if (follow.checked) toEnd(); height = body.scrollHeight; }).observe(body, { childList: true, subtree: true, characterData: true });
  toEnd();
});
