// Follows one session: a cursor, reconnects with jitter, a watchdog for silence, and waking up with the page.
const QUIET_MS = 2_000, SLOWEST_MS = 5_000, STALLED_MS = 45_000, DOUBTFUL_MS = 25_000, RELOAD_MS = 30_000;
const SIGNED_OUT = 4401, GONE = 4404, TOO_MANY = 4429;

const page = document.querySelector("[data-socket]");
const line = document.getElementById("connection");
let cursor = Number(page.dataset.seq);
let socket, attempts = 0, heardAt = 0, retry = 0, quiet = 0;

function connect() {
  clearTimeout(retry);
  if (socket) {
    socket.onclose = socket.onmessage = null;
    socket.close();
  }
  const address = new URL(page.dataset.socket, location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  address.searchParams.set("after", cursor);
  heardAt = Date.now();
  socket = new WebSocket(address);
  socket.onopen = connected;
  socket.onmessage = ({ data }) => {
    heardAt = Date.now();
    attempts = 0;
    apply(JSON.parse(data));
  };
  socket.onclose = ({ code }) => {
    if (code === SIGNED_OUT && mayReload()) location.reload();
    else if (code !== GONE) lost(code); // what was typed in a session that is gone stays on the page
  };
}

// To sign in again, but not over and over.
function mayReload() {
  const before = Number(sessionStorage.getItem("reloaded-at"));
  sessionStorage.setItem("reloaded-at", Date.now());
  return Date.now() - before > RELOAD_MS;
}

function connected() {
  clearTimeout(quiet);
  quiet = 0;
  line.hidden = true;
}

function lost(code) {
  if (!quiet) quiet = setTimeout(() => (line.hidden = false), QUIET_MS);
  const slowest = code === TOO_MANY ? SLOWEST_MS : Math.min(SLOWEST_MS, 250 * 2 ** attempts++);
  clearTimeout(retry);
  retry = setTimeout(connect, slowest * (0.5 + Math.random() / 2));
}

// An item that the page has is put in its place, a new one at the end; text tails are appended.
function apply({ seq, content, target, swap }) {
  if (content !== undefined) {
    const isNew = target.startsWith("#item-") && !document.querySelector(target);
    if (isNew) htmx.swap({ sourceElement: document.body, text: content, target: "#items", swap: "beforeend" });
    else if (document.querySelector(target)) htmx.swap({ sourceElement: document.body, text: content, target, swap });
  }
  cursor = seq;
}

function wake() {
  if (document.visibilityState === "hidden") return;
  const live = socket.readyState <= WebSocket.OPEN;
  if (!live || Date.now() - heardAt > DOUBTFUL_MS) connect();
}

document.addEventListener("visibilitychange", wake);
addEventListener("pageshow", wake);
addEventListener("online", wake);
setInterval(() => Date.now() - heardAt > STALLED_MS && lost(0), SLOWEST_MS);
connect();
