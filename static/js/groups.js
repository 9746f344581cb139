// Folds calls that stand together and are over into one line. The calls stay where they are, under a line of their own,
// so that fragments still find them by id.
const LEAST = 3;
const RUNNING = ["planned", "waiting", "started"];
const items = document.getElementById("items");
const opened = new WeakSet();
const closed = new WeakSet();

const isSilent = (item) =>
  item.hidden || (item.matches(".message") && !item.querySelector(".streaming-text, .prose > *, .thoughts"));
const isOver = (item) => item.matches(".step") && !RUNNING.includes(item.dataset.status);

function runs() {
  const found = [];
  let run = [];
  for (const item of items.querySelectorAll(":scope > .item")) {
    if (isSilent(item)) continue;
    if (isOver(item)) run.push(item);
    else if (run.length) found.push(run), (run = []);
  }
  return [...found, run].filter(({ length }) => length >= LEAST);
}

function lineBefore(first) {
  const before = first.previousElementSibling;
  if (before?.matches(".group-line")) return before;
  const line = document.getElementById("group-line").content.firstElementChild.cloneNode(true);
  first.before(line);
  return line;
}

function fold(run) {
  const line = lineBefore(run[0]);
  const failed = run.filter((step) => step.matches(".tone-failed")).length;
  const words = `Used ${run.length} tools${failed ? `, ${failed} failed` : ""}`;
  const label = line.querySelector(".group-words");
  if (label.textContent !== words) label.textContent = words;
  const inUse = run.some((step) => step.open || step.contains(document.activeElement));
  const open = opened.has(run[0]) || (inUse && !closed.has(run[0]));
  line.querySelector("button").setAttribute("aria-expanded", open);
  for (const step of run) step.toggleAttribute("data-folded", !open);
  return line;
}

function group() {
  additions.disconnect();
  const found = runs();
  const lines = new Set(found.map(fold));
  const steps = new Set(found.flat());
  for (const line of items.querySelectorAll(":scope > .group-line")) if (!lines.has(line)) line.remove();
  for (const step of items.querySelectorAll(":scope > [data-folded]")) if (!steps.has(step)) step.removeAttribute("data-folded");
  additions.observe(items, { childList: true });
}

const additions = new MutationObserver(group);
new MutationObserver(group).observe(items, { subtree: true, attributeFilter: ["data-status", "hidden"] });

items.addEventListener("click", ({ target }) => {
  const line = target.closest(".group-line");
  if (!line) return;
  const first = line.nextElementSibling;
  const [into, from] = opened.has(first) || !first.matches("[data-folded]") ? [closed, opened] : [opened, closed];
  into.add(first);
  from.delete(first);
  group();
});

group();
