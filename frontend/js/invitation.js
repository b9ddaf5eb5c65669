// The code of an invitation stands behind the #, which no browser sends: put it into the form, out of the address, and send it.
import { mount } from "./mount.js";

mount("input[data-from-fragment]", (input) => {
  const code = decodeURIComponent(location.hash.slice(1));
  if (!code || input.value) return;
  history.replaceState(history.state, "", location.pathname + location.search);
  input.value = code;
  input.form.requestSubmit();
});
