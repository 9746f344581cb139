// Tells a person who looks elsewhere: a mark before the title and on the icon while something waits or has finished.
const icon = document.querySelector('link[rel="icon"]');
const plain = icon.href;
const announcer = document.getElementById("announcer");
let finished = false;

function show() {
  const waits = document.querySelector(".waiting-bar") !== null;
  const address = waits ? icon.dataset.waiting : finished ? icon.dataset.finished : plain;
  if (icon.getAttribute("href") !== address) icon.href = address;
  const title = document.title.replace(/^✓ /, "");
  const wanted = finished && !waits ? `✓ ${title}` : title;
  if (document.title !== wanted) document.title = wanted;
}

// Only what is announced counts: a run that has ended, or a question.
new MutationObserver(() => {
  finished ||= document.hidden && announcer.textContent !== "";
  show();
}).observe(announcer, { childList: true });

document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  finished = false;
  show();
});
document.addEventListener("htmx:after:swap", show);
show();
