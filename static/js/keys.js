// The keyboard map. Ctrl stands for Cmd on a Mac. Esc only closes; nothing here answers a question that is out of sight.
const mac = /Mac|iPhone|iPad/.test(navigator.platform);
const help = document.getElementById("help");
const sidebar = document.getElementById("sidebar");
const composer = () => document.querySelector("#composer textarea");

function search() {
  const isDrawer = getComputedStyle(sidebar).position === "fixed";
  if (isDrawer && !sidebar.matches(":popover-open")) sidebar.showPopover();
  document.getElementById("search").select();
}

function toggleHelp() {
  if (help.open) return help.close();
  for (const popover of document.querySelectorAll(".menu:popover-open")) popover.hidePopover();
  help.showModal();
}

// The card that is meant: the focused one, or the only one. When it is out of sight it is shown first.
function answer(decision) {
  const open = [...document.querySelectorAll(".approval")];
  const card = document.activeElement.closest(".approval") ?? (open.length === 1 ? open[0] : null);
  if (!card) return;
  const box = card.getBoundingClientRect();
  const frame = document.getElementById("content").getBoundingClientRect();
  const button = card.querySelector(`button[value="${decision}"]`);
  if (box.bottom <= frame.bottom + 1 && box.top >= frame.top - 1) {
    if (button && !button.disabled) button.form.requestSubmit(button);
  } else {
    card.scrollIntoView({ block: "end" });
  }
}

function closeDecision() {
  const decision = document.activeElement.closest("details.decision[open]");
  if (!decision) return;
  decision.open = false;
  decision.querySelector("summary").focus();
}

const MAP = {
  "mod+k": search,
  "mod+shift+o": () => document.querySelector(".new-session").click(),
  "mod+/": toggleHelp,
  "shift+escape": () => composer()?.focus({ preventScroll: true }),
  "escape": closeDecision,
  "mod+alt+enter": () => answer("approve"),
  "mod+alt+backspace": () => answer("reject"),
};
const QUIET = ["escape", "shift+escape"];

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.repeat || (mac ? event.ctrlKey : event.metaKey)) return;
  const held = [(mac ? event.metaKey : event.ctrlKey) && "mod", event.altKey && "alt", event.shiftKey && "shift"];
  const slash = event.key === "?" || event.code === "Slash" ? "/" : event.key.toLowerCase();
  const pressed = [...held.filter(Boolean), slash].join("+").replace("mod+shift+/", "mod+/");
  const act = MAP[pressed];
  if (!act || (help.open && pressed !== "mod+/")) return;
  if (!QUIET.includes(pressed)) event.preventDefault();
  act();
});

document.addEventListener("click", ({ target }) => target.closest("[data-help]") && toggleHelp());
help.addEventListener("click", ({ target }) => target === help && help.close());
if (mac) for (const key of help.querySelectorAll("kbd")) if (key.textContent === "Ctrl") key.textContent = "⌘";
