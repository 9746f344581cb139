// The field to write in: Enter sends, the draft outlives a reload, and a message that could not be sent comes back.
const form = document.getElementById("composer");
const field = form?.querySelector("textarea");
const problem = () => document.getElementById("composer-problem");
const key = `draft:${form?.dataset.draft}`;
const touch = matchMedia("(pointer: coarse)").matches;
const count = document.getElementById("composer-count");
const UNREACHABLE = "The site could not be reached. Your message is kept here: send it again.";
let sent = "";

const keep = () => (field.value ? localStorage.setItem(key, field.value) : localStorage.removeItem(key));
const newCommand = () => (form.elements.cmd_id.value = crypto.getRandomValues(new Uint32Array(4)).join("-"));

function countDown() {
  const left = field.maxLength - field.value.length;
  count.hidden = left > field.maxLength / 10;
  if (!count.hidden) count.textContent = `${left.toLocaleString()} characters left`;
}

// On an empty line "up" brings back what was said last.
function recall(event) {
  const said = [...document.querySelectorAll(".user:not(.is-withdrawn) .bubble")].at(-1);
  if (field.value || !said) return;
  event.preventDefault();
  field.value = said.textContent;
  typed();
  newCommand();
}

function grow() {
  if (CSS.supports("field-sizing", "content")) return;
  field.rows = Math.min(10, field.value.split("\n").length);
}

function typed() {
  keep();
  grow();
  countDown();
}

if (field) {
  field.value ||= localStorage.getItem(key) ?? "";
  typed();
  if (!touch) field.focus({ preventScroll: true });
  // A command's id stands for one text: another text is another command.
  field.addEventListener("input", () => (typed(), newCommand()));
  field.addEventListener("keydown", (event) => {
    const composing = event.isComposing || event.keyCode === 229;
    if (event.key === "ArrowUp" && !composing) recall(event);
    if (event.key !== "Enter" || event.shiftKey || event.altKey || composing || touch) return;
    event.preventDefault();
    if (field.value.trim()) form.requestSubmit();
  });
  form.addEventListener("submit", () => form.hasAttribute("hx-post") || localStorage.removeItem(key));
  form.addEventListener("htmx:before:request", () => {
    sent = field.value;
    field.value = "";
    problem().replaceChildren();
    typed();
  });
  form.addEventListener("htmx:finally:request", ({ detail }) => {
    if (detail.ctx.response?.status < 300) return newCommand();
    field.value = field.value ? `${sent}\n${field.value}` : sent;
    typed();
    if (!detail.ctx.response) problem().textContent = UNREACHABLE;
  });
}

document.querySelector("select[data-submit]")?.addEventListener("change", ({ target }) => target.form.submit());
