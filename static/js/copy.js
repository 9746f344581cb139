// Copies a block of code or an answer and says so for a moment; wraps long lines of code.
const SHOWN_MS = 1_600;
const announcer = document.getElementById("announcer");

// Without HTTPS browsers have no clipboard to write to, but still the old command.
function copyTheOldWay(text) {
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "visually-hidden";
  const focused = document.activeElement;
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  focused?.focus({ preventScroll: true });
  return done;
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyTheOldWay(text);
  }
}

function tell(button, done) {
  const words = done ? "Copied" : "Not copied";
  const isCode = button.classList.contains("copy-code");
  button.classList.toggle("is-done", done);
  if (isCode) button.textContent = words;
  announcer.textContent = `${words}.`;
  setTimeout(() => {
    button.classList.remove("is-done");
    if (isCode) button.textContent = "Copy";
  }, SHOWN_MS);
}

document.addEventListener("click", async ({ target }) => {
  const button = target.closest(".copy-code, .copy-answer, .wrap-code");
  if (!button) return;
  const code = button.closest(".code, .copyable")?.querySelector("pre");
  if (button.classList.contains("wrap-code")) {
    button.setAttribute("aria-pressed", button.getAttribute("aria-pressed") !== "true");
  } else {
    tell(button, await copy(button.dataset.text ?? code.textContent.replace(/\n$/, "")));
  }
});
