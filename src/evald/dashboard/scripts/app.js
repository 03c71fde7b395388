// Live updates, items opened in place, keyboard and theme. Every page works without this file:
// each thing that it does in place is a link or a form that the server answers too.

const POLL_MS = 1000;
const SLOWEST_POLL_MS = 30_000;

const byId = (id) => document.getElementById(id);

// ---- Parts of the page -------------------------------------------------------------------------
// The server sends the page's parts, each an element with an id. What it sent last is kept, so that
// an unchanged part is left alone, with all that the reader opened or selected in it.

const sent = new Map();
for (const part of document.querySelectorAll("[data-part]")) sent.set(part.id, part.outerHTML);

async function fetchParts(address, signal) {
  const url = new URL(address, location.href);
  url.searchParams.set("fragment", "1");
  const answer = await fetch(url, { cache: "no-store", signal });
  if (answer.status === 401) location.reload(); // the session is over: the page leads to the sign-in
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  return [...page.querySelectorAll("[data-part]")];
}

function swapIn(parts) {
  const focused = document.activeElement?.id;
  for (const part of parts) {
    const html = part.outerHTML;
    if (sent.get(part.id) === html) continue;
    sent.set(part.id, html);
    const old = byId(part.id);
    keepOpen(old, part);
    old.replaceWith(document.adoptNode(part));
  }
  if (focused && document.activeElement?.id !== focused) byId(focused)?.focus({ preventScroll: true });
  showKeys();
}

function keepOpen(old, fresh) {
  for (const details of old.querySelectorAll("details[open][id]")) {
    fresh.querySelector(`#${details.id}`)?.setAttribute("open", "");
  }
}

function announce(text) {
  const place = byId("announce");
  if (place.textContent !== text) place.textContent = text;
}

// ---- A run that goes on ------------------------------------------------------------------------

let pollTimer = 0;
let pollMs = POLL_MS;
let polling = false;

const isFinal = () => byId("head")?.dataset.final !== "false";

function pollSoon() {
  clearTimeout(pollTimer);
  if (!isFinal() && !document.hidden) pollTimer = setTimeout(poll, pollMs);
}

async function poll() {
  if (polling) return;
  polling = true;
  const address = location.href;
  try {
    const parts = await fetchParts(address);
    pollMs = POLL_MS;
    // A reader who went on meanwhile sees another page; these parts are of the old one.
    if (location.href === address && !visit) {
      // The open item does not change, and swapping it would scroll it back.
      swapIn(parts.filter((part) => part.id !== "drawer"));
      announce(byId("progress").dataset.announce);
    }
  } catch {
    pollMs = Math.min(pollMs * 2, SLOWEST_POLL_MS);
  } finally {
    polling = false;
  }
  pollSoon();
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) clearTimeout(pollTimer);
  else if (!isFinal()) poll();
});

// ---- Links within the report -------------------------------------------------------------------

let visit = null;

async function go(address, { remember }) {
  visit?.abort();
  const mine = (visit = new AbortController());
  const leftItem = new URL(location.href).searchParams.get("item");
  try {
    const parts = await fetchParts(address, mine.signal);
    if (remember) history.pushState(null, "", address);
    swapIn(parts);
  } catch (error) {
    if (error.name !== "AbortError") location.assign(address);
    return;
  } finally {
    if (visit === mine) visit = null;
  }
  if (showDrawer()) return;
  if (leftItem) byId(`open-${leftItem}`)?.focus({ preventScroll: true });
  else announce(byId("range")?.textContent ?? "");
}

addEventListener("popstate", () => {
  if (byId("drawer")) go(location.href, { remember: false });
});

document.addEventListener("click", (event) => {
  if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = event.target.closest("a[data-go]") ?? linkOfRow(event.target);
  if (!link) return;
  event.preventDefault();
  go(link.href, { remember: true });
});

function linkOfRow(target) {
  // A click that ends a selection means to copy, not to open.
  if (target.closest("a") || !getSelection().isCollapsed) return null;
  return target.closest(".items tbody tr")?.querySelector("a.open") ?? null;
}

// ---- The open item -----------------------------------------------------------------------------

/** Turn the drawer that the server opened into a modal one. Say whether there is one. */
function showDrawer() {
  const drawer = byId("drawer");
  if (!drawer?.hasAttribute("open")) return false;
  if (!drawer.matches(":modal")) {
    const focused = document.activeElement;
    drawer.removeAttribute("open");
    drawer.showModal();
    if (drawer.contains(focused)) focused.focus();
  }
  return true;
}

// Esc closes the dialog by itself; the address then follows. `close` does not bubble: catch it early.
document.addEventListener(
  "close",
  (event) => {
    const link = event.target.id === "drawer" && event.target.querySelector("#close-item");
    if (link) go(link.href, { remember: true });
  },
  true,
);

// A click beside the drawer lands on its backdrop, which is the dialog itself.
document.addEventListener("click", (event) => {
  if (event.target.id === "drawer" && event.target.matches(":modal")) {
    const box = event.target.getBoundingClientRect();
    if (event.clientX < box.left) event.target.close();
  }
});

// ---- Keyboard ----------------------------------------------------------------------------------

document.addEventListener("keydown", (event) => {
  if (event.metaKey || event.ctrlKey || event.altKey) return;
  if (event.target.matches("input, textarea, select")) return;
  if (event.key === "j") move(1);
  if (event.key === "k") move(-1);
});

function move(step) {
  if (byId("drawer")?.open) {
    byId(step > 0 ? "next-item" : "previous-item")?.click();
    return;
  }
  const links = [...document.querySelectorAll(".items a.open")];
  const place = links.indexOf(document.activeElement);
  const next = place < 0 ? 0 : Math.max(0, Math.min(links.length - 1, place + step));
  links[next]?.focus();
}

function showKeys() {
  const keys = document.querySelector(".keys");
  if (keys) keys.hidden = false;
}

// ---- Acts on a run -----------------------------------------------------------------------------
// Of the questions beside the title one is open at a time. Esc or a click elsewhere closes it.

document.documentElement.classList.add("with-script");

function closeQuestion() {
  const question = document.querySelector(".acts details[open]");
  question?.removeAttribute("open");
  return question;
}

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || byId("drawer")?.open) return;
  closeQuestion()?.querySelector("summary").focus();
});

document.addEventListener("click", (event) => {
  if (!event.target.closest(".acts details[open]")) closeQuestion();
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  const field = button && byId(button.dataset.copy);
  if (!field) return;
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
    announce("Copied");
    button.classList.add("done");
    setTimeout(() => button.classList.remove("done"), 1500);
  } catch {
    announce("Selected, to be copied"); // over http from another machine there is no clipboard
  }
});

// What was done is told once: a page that is loaded again says nothing of it.
const here = new URL(location.href);
if (here.searchParams.has("did")) {
  here.searchParams.delete("did");
  history.replaceState(history.state, "", here);
}

// ---- Theme -------------------------------------------------------------------------------------

const themeButton = byId("theme");
themeButton.hidden = false;
themeButton.addEventListener("click", () => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  root.dataset.theme = (root.dataset.theme ?? system) === "dark" ? "light" : "dark";
  document.cookie = `theme=${root.dataset.theme}; path=/; max-age=31536000; samesite=lax`;
});

showKeys();
showDrawer();
pollSoon();
