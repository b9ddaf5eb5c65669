// Behaviours that need an element of their own: run once for each, now and after every swap.
const behaviours = [];

export function mount(selector, start) {
  behaviours.push({ selector, start, seen: new WeakSet() });
}

export function mountAll(root = document) {
  for (const { selector, start, seen } of behaviours) {
    for (const element of root.querySelectorAll(selector)) {
      if (seen.has(element)) continue;
      seen.add(element);
      start(element);
    }
  }
}

export function on(type, selector, act) {
  document.addEventListener(type, (event) => {
    const element = event.target instanceof Element ? event.target.closest(selector) : null;
    if (element) act(event, element);
  });
}

document.addEventListener("htmx:afterSettle", () => mountAll());
