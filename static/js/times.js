// Times in the person's own zone and words, and the seconds of what is running.
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const hour = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });

function localise(root) {
  for (const time of root.querySelectorAll("time[datetime]:not([data-local])")) {
    const moment = new Date(time.dateTime);
    const today = moment.toDateString() === new Date().toDateString();
    time.textContent = (today && !("withDay" in time.dataset) ? hour : day).format(moment);
    time.title = moment.toLocaleString();
    time.dataset.local = "";
  }
}

function count() {
  for (const clock of document.querySelectorAll("[data-since]")) {
    const seconds = Math.max(0, Math.round((Date.now() - Date.parse(clock.dataset.since)) / 1000));
    clock.textContent = seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  }
}

localise(document);
count();
setInterval(count, 1000);
document.addEventListener("htmx:after:swap", () => {
  localise(document);
  count();
});
