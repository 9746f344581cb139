// Shows a chosen theme at once; the server remembers it in a cookie, from which every page is made.
const root = document.documentElement;
const form = document.getElementById("theme");
const hint = document.querySelector('meta[name="color-scheme"]');

form.addEventListener("click", ({ target }) => {
  const chosen = target.closest("button");
  if (!chosen) return;
  if (chosen.value === "system") delete root.dataset.theme;
  else root.dataset.theme = chosen.value;
  hint.content = root.dataset.theme ?? "light dark";
  for (const button of form.querySelectorAll("[aria-pressed]")) {
    button.setAttribute("aria-pressed", button === chosen);
  }
});
