// Filter bars: addresses without empty parameters, and a word to screen readers when the list has changed.
document.addEventListener("htmx:configRequest", (event) => {
  const form = event.target instanceof Element ? event.target.closest("form[data-filters]") : null;
  if (!form) return;
  const { formData } = event.detail;
  for (const key of [...formData.keys()]) if (formData.getAll(key).every((value) => value === "")) formData.delete(key);
});
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("form[data-filters]") || form.hasAttribute("hx-get")) return;
  for (const input of form.elements) if (input.name && input.value === "") input.disabled = true;
});
