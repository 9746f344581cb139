// Keeps the end of the thread in sight until the person scrolls away, and tells when a question is out of sight.
const scroller = document.getElementById("content");
const thread = document.getElementById("thread");
const jump = document.getElementById("jump");
const NEAR = 48;
let following = true, lastTop = 0;

const distance = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight;
const toEnd = () => scroller.scrollTo({ top: scroller.scrollHeight });

function follow(on) {
  following = on;
  jump.hidden = on;
}

function look() {
  const frame = scroller.getBoundingClientRect();
  const seen = [...document.querySelectorAll("[data-question]")].some((card) => {
    const box = card.getBoundingClientRect();
    return box.top < frame.bottom - NEAR && box.bottom > frame.top + NEAR;
  });
  document.body.classList.toggle("question-in-view", seen);
}

// Only a person scrolls up: growing text moves the end away, never the top.
scroller.addEventListener("scroll", () => {
  if (scroller.scrollTop < lastTop - 1 && distance() > NEAR) follow(false);
  else if (distance() <= NEAR) follow(true);
  lastTop = scroller.scrollTop;
  look();
}, { passive: true });

new ResizeObserver(() => {
  if (following) toEnd();
  else jump.hidden = distance() <= NEAR;
  look();
}).observe(thread);
new ResizeObserver(() => following && toEnd()).observe(scroller);

jump.addEventListener("click", () => {
  follow(true);
  toEnd();
});

document.addEventListener("click", ({ target }) => {
  if (target.closest(".waiting-bar")) follow(false);
});

// Live output is followed to its end too; earlier messages come in without moving what is read.
const tails = new MutationObserver((records) => {
  for (const output of new Set(records.map(({ target }) => target.closest?.(".terminal")))) {
    if (output) output.scrollTop = output.scrollHeight;
  }
});
tails.observe(thread, { childList: true, subtree: true });

let fromEnd = 0;
thread.addEventListener("htmx:before:request", ({ target }) => {
  if (target.closest(".older")) fromEnd = scroller.scrollHeight - scroller.scrollTop;
});
document.addEventListener("htmx:after:swap", ({ detail }) => {
  if (fromEnd && detail.ctx.target?.id === "older") {
    scroller.scrollTop = scroller.scrollHeight - fromEnd;
    fromEnd = 0;
  }
});

if (location.hash) follow(false);
else toEnd();
