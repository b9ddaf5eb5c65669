// Passkeys: the server wrote the options into the form; the browser's answer goes back in it, as JSON.
import { mount } from "./mount.js";

const SAID = {
  NotAllowedError: "Nothing was chosen, or it took too long. Try again.",
  InvalidStateError: "This device holds a passkey for your account already.",
  SecurityError: "The browser does not allow passkeys at this address.",
  NotSupportedError: "This device cannot make such a passkey.",
};

mount("form[data-passkey]", (form) => {
  const said = form.querySelector("[data-passkey-said]");
  const button = form.querySelector("[data-passkey-start]");
  const say = (text) => { said.textContent = text; said.hidden = !text; };
  if (!globalThis.PublicKeyCredential?.parseRequestOptionsFromJSON) {
    say("This browser does not know passkeys.");
    button.disabled = true;
    return;
  }
  button.addEventListener("click", async () => {
    const options = JSON.parse(form.dataset.options);
    say("");
    button.disabled = true;
    try {
      const credential = form.dataset.passkey === "create"
        ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })
        : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
      form.elements.credential.value = JSON.stringify(credential);
      form.requestSubmit();
    } catch (error) {
      say(SAID[error.name] ?? "The passkey could not be used. Try again.");
      button.disabled = false;
    }
  });
});
