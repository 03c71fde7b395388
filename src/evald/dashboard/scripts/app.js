// Live updates, items opened in place, keyboard and theme. Every page works without this file:
// each thing that it does in place is a link or a form that the server answers too.

const byId = (id) => document.getElementById(id);

// ---- Parts of the page -------------------------------------------------------------------------
// The server sends the page's parts, each an element with an id. What it sent last is kept, so that
// an unchanged part is left alone, with all that the reader opened or selected in it.

const sent = new Map();
for (const part of document.querySelectorAll("[data-part]")) sent.set(part.id, part.outerHTML);

/** Ask for the parts of a page that change, or for its items alone. */
async function fetchParts(address, { which = "1", signal } = {}) {
  const url = new URL(address, location.href);
  url.searchParams.set("fragment", which);
  const answer = await fetch(url, { cache: "no-store", signal });
  if (answer.status === 401) location.reload(); // the session is over: the page leads to the sign-in
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  return partsOf(await answer.text());
}

function partsOf(html) {
  const page = new DOMParser().parseFromString(html, "text/html");
  return [...page.querySelectorAll("[data-part]")];
}

function swapIn(parts) {
  for (const part of parts) {
    const html = part.outerHTML;
    const old = byId(part.id);
    if (!old || sent.get(part.id) === html) continue;
    sent.set(part.id, html);
    keepOpen(old, part);
    keepTyped(old, part);
    const place = placeOfFocus(old);
    old.replaceWith(document.adoptNode(part));
    if (place) focusAgain(part, place);
  }
  showKeys();
  showSection();
}

const FOCUSABLE = "a[href], button, summary, input, select, textarea, [tabindex]";

/** Give where the focus is in a part: the id of the element, and which of those it is that can have it. */
function placeOfFocus(part) {
  const focused = document.activeElement;
  if (!focused || focused === document.body || !part.contains(focused)) return null;
  return { id: focused.id, index: [...part.querySelectorAll(FOCUSABLE)].indexOf(focused) };
}

function focusAgain(part, { id, index }) {
  const next = id ? byId(id) : part.querySelectorAll(FOCUSABLE)[index];
  (next ?? part.querySelector(FOCUSABLE))?.focus({ preventScroll: true });
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
// The server tells how it goes on, and sends the parts that change. The rows of items are none of them:
// they stay in place until the reader asks for the new ones. Where no events come, the page is asked.

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30_000;
const MOST_MISSES = 3; // the browser connects again by itself, and tells the server what it has
const LONGEST_PRESS_MS = 2000;
const AS_THEY_ARE = ["items", "drawer"];

let events = null;
let misses = 0;
let waitMs = FIRST_WAIT_MS;
let waitTimer = 0;
let late = [];
let loading = false;
let pressedAt = -Infinity;

const isSettled = () => byId("progress")?.dataset.settled !== "false";
const doneIn = (parts) => Number(parts.find((part) => part.dataset.done)?.dataset.done ?? 0);
const progressNow = () => [...document.querySelectorAll("#progress")];

let itemsOf = doneIn(progressNow()); // how many items there were when the rows were loaded

function follow() {
  clearTimeout(waitTimer);
  const address = byId("progress")?.dataset.live;
  if (!address || events || isSettled() || document.hidden) return;
  events = new EventSource(`${address}?fragment=1`);
  events.addEventListener("parts", (event) => {
    misses = 0;
    waitMs = FIRST_WAIT_MS;
    take(partsOf(event.data));
  });
  events.addEventListener("end", leave);
  events.addEventListener("gone", () => {
    leave();
    location.reload();
  });
  events.addEventListener("error", () => {
    misses += 1;
    if (events.readyState !== EventSource.CLOSED && misses < MOST_MISSES) return;
    leave();
    askLater();
  });
}

function leave() {
  clearTimeout(waitTimer);
  events?.close();
  events = null;
}

function askLater() {
  waitTimer = setTimeout(async () => {
    const address = location.href;
    try {
      const parts = await fetchParts(address);
      if (location.href === address && !visit) take(parts);
    } catch {
      // It is asked again, after a longer wait.
    }
    follow();
  }, waitMs);
  waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
}

/** Show what has changed, but for what the reader has a finger on or has selected: that comes later. */
function take(parts) {
  const changing = parts.filter((part) => !AS_THEY_ARE.includes(part.id));
  late = changing.filter((part) => isHeld(byId(part.id)));
  swapIn(changing.filter((part) => !late.includes(part)));
  announce(byId("progress").dataset.announce);
  showNews();
}

function isHeld(part) {
  if (performance.now() - pressedAt < LONGEST_PRESS_MS) return true;
  const selection = getSelection();
  return part !== null && !selection.isCollapsed && selection.containsNode(part, true);
}

function takeLate() {
  if (late.length) take(late);
}

function showNews() {
  const count = doneIn(progressNow()) - itemsOf;
  if (itemsOf === 0 && count > 0) {
    loadFirstRows();
    return;
  }
  const link = byId("new-items");
  if (!link) return;
  link.hidden = count <= 0;
  link.setAttribute("href", location.pathname + location.search + location.hash);
  link.textContent = `Show ${count.toLocaleString("en")} new ${count === 1 ? "item" : "items"}`;
}

/** Show the first rows by themselves: there is none yet that they could move. */
async function loadFirstRows() {
  if (loading || visit) return;
  loading = true;
  try {
    const parts = await fetchParts(location.href, { which: "items" });
    if (visit || itemsOf > 0) return;
    itemsOf = doneIn(parts);
    swapIn(parts.filter((part) => part.id === "items"));
  } catch {
    // The next event leads here again.
  } finally {
    loading = false;
  }
}

addEventListener("pointerdown", () => (pressedAt = performance.now()), true);
for (const end of ["pointerup", "pointercancel"]) {
  addEventListener(end, () => {
    setTimeout(() => {
      pressedAt = -Infinity; // after the click that this press becomes
      takeLate();
    });
  });
}

document.addEventListener("selectionchange", () => {
  if (getSelection().isCollapsed) takeLate();
});

document.addEventListener("visibilitychange", () => {
  if (document.hidden) leave();
  else follow();
});

addEventListener("pagehide", leave);
addEventListener("pageshow", follow);

// ---- Links within the report -------------------------------------------------------------------

let visit = null;

/** An address without its section, and that of what the page shows. */
const pageOf = (address) => new URL(address, location.href).href.split("#")[0];
let shown = pageOf(location.href);

/** The columns that an address names: links in other parts of the page keep them. */
const columnsOf = (address) => String(new URL(address, location.href).searchParams.getAll("columns"));

async function go(address, { remember }) {
  visit?.abort();
  const mine = (visit = new AbortController());
  const leftItem = new URL(location.href).searchParams.get("item");
  const isForNews = document.activeElement === byId("new-items");
  try {
    const which = columnsOf(address) === columnsOf(shown) ? "items" : "1";
    const parts = await fetchParts(address, { which, signal: mine.signal });
    const written = addressOf(parts, address);
    if (remember) history.pushState(null, "", written);
    shown = pageOf(remember ? written : location.href);
    late = [];
    itemsOf = doneIn(parts);
    swapIn(parts);
    showNews();
  } catch (error) {
    if (error.name !== "AbortError") location.assign(address);
    return;
  } finally {
    if (visit === mine) visit = null;
  }
  if (showDrawer()) return;
  const section = remember && byId(new URL(address, location.href).hash.slice(1));
  if (section) section.scrollIntoView();
  const row = leftItem ? byId(`open-${leftItem}`) : isForNews ? document.querySelector("a.open") : null;
  row?.focus({ preventScroll: true });
  if (!leftItem) announce(byId("range")?.textContent ?? "");
}

addEventListener("popstate", () => {
  // Links to a section of the page come here too.
  if (byId("drawer") && pageOf(location.href) !== shown) go(location.href, { remember: false });
});

document.addEventListener("click", (event) => {
  if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = event.target.closest("a[data-go]") ?? linkOfRow(event.target);
  if (!link) return;
  event.preventDefault();
  go(link.href, { remember: link.href !== location.href });
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

// ---- Sections of the report, and what can be copied ---------------------------------------------

/** Mark the section that the address leads to, or the first one. */
function showSection() {
  const links = [...document.querySelectorAll("#sections a")];
  const current =
    links.find((link) => link.href === location.href) ??
    links.find((link) => link.getAttribute("href") === location.hash) ??
    links[0];
  for (const link of links) link.removeAttribute("aria-current");
  current?.setAttribute("aria-current", "true");
}

addEventListener("hashchange", showSection);

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy], [data-copy-from]");
  if (!button) return;
  const text = await textToCopy(button.dataset);
  const done = await isCopied(text);
  announce(done ? "Copied" : "The browser does not allow it");
  const label = button.textContent;
  if (!done || label === "Copied") return;
  button.textContent = "Copied";
  setTimeout(() => (button.textContent = label), 1500);
});

/** Give the text of an element, or what an address answers, or the address of the page. */
async function textToCopy({ copy, copyFrom }) {
  if (copyFrom) return (await fetch(copyFrom)).text();
  const source = byId(copy);
  return source ? (source.value ?? source.textContent) : location.href;
}

/** Copy a text and say whether that worked. */
async function isCopied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // There is no clipboard on plain http, but for this machine itself. What is selected can be copied.
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "sr";
    const focused = document.activeElement;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    focused?.focus();
    return done;
  }
}

// ---- Acts on a run -----------------------------------------------------------------------------
// Of the questions beside the title one is open at a time. Esc or a click elsewhere closes it.

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

// What was done is told once: a page that is loaded again says nothing of it.
const here = new URL(location.href);
if (here.searchParams.has("did")) {
  here.searchParams.delete("did");
  history.replaceState(history.state, "", here);
}

// ---- Go to an eval or a run --------------------------------------------------------------------

document.addEventListener("keydown", (event) => {
  const field = document.querySelector(".go input");
  if (!field || event.key !== "k" || event.altKey || event.shiftKey) return;
  if (!event.ctrlKey && !event.metaKey) return;
  event.preventDefault();
  field.focus();
  field.select();
});

// ---- Runs to compare ---------------------------------------------------------------------------
// The list has the newest run first, and the older one is what others are compared with.

const compare = byId("compare");

function chosenRuns() {
  return [...compare.querySelectorAll("input[name=run]:checked")].map((box) => box.value).reverse();
}

function showChosen() {
  const button = byId("compare-runs");
  if (!button) return;
  const number = chosenRuns().length;
  button.disabled = number < 2;
  button.textContent = number ? `Compare ${number}` : "Compare";
  button.title = number < 2 ? "Choose two runs or more" : "";
}

compare?.addEventListener("change", showChosen);
compare?.addEventListener("submit", (event) => {
  event.preventDefault();
  const address = new URL(compare.action);
  for (const run of chosenRuns()) address.searchParams.append("run", run);
  location.assign(address);
});
if (compare) showChosen();
addEventListener("pageshow", () => compare && showChosen()); // a browser keeps what was checked

// ---- A comparison that is being made -----------------------------------------------------------

const LOOK_AGAIN_MS = 1000;

async function lookAgain() {
  try {
    const answer = await fetch(location.href, { cache: "no-store" });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const still = page.getElementById("comparing");
    if (!still) {
      location.reload();
      return;
    }
    byId("comparing").replaceWith(document.adoptNode(still));
  } catch {
    // The server is away: it is asked again.
  }
  setTimeout(lookAgain, LOOK_AGAIN_MS);
}

if (byId("comparing")) setTimeout(lookAgain, LOOK_AGAIN_MS);

// ---- Search, filter and columns of the items ---------------------------------------------------
// The forms are sent by GET. Here their answer is swapped in, under the address that the server says.

/** Give an address of items as the server writes it: without the empty fields of a form. */
function addressOf(parts, asked) {
  const written = parts.find((part) => part.id === "items")?.dataset.address;
  return written ? written + new URL(asked, location.href).hash : asked;
}

document.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-go]");
  if (!form) return;
  event.preventDefault();
  const address = new URL(form.action);
  address.search = new URLSearchParams(new FormData(form));
  form.reset(); // what was typed is in the answer, and not to be kept beside it
  shut(form.closest("details.menu"));
  go(address.href, { remember: true });
});

/** Keep what the reader has typed and not sent yet, when a part of the page is renewed. */
function keepTyped(old, fresh) {
  for (const field of old.querySelectorAll("form[id] input, form[id] select")) {
    const same = field.id && fresh.querySelector(`#${CSS.escape(field.id)}`);
    if (!same) continue;
    const first = [...(field.options ?? [])].find((option) => option.defaultSelected)?.value ?? "";
    if (field.value !== (field.options ? first : field.defaultValue)) same.value = field.value;
  }
  const boxes = [...old.querySelectorAll("input[type=checkbox]")];
  for (const box of boxes.filter((each) => each.checked !== each.defaultChecked)) {
    const same = fresh.querySelector(`input[value="${CSS.escape(box.value)}"]`);
    if (same) same.checked = box.checked;
  }
}

document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.metaKey || event.ctrlKey || event.altKey) return;
  if (event.target.matches("input, textarea, select") || byId("drawer")?.open) return;
  const search = byId("search");
  if (!search) return;
  event.preventDefault();
  search.focus();
  search.select();
});

// Esc closes an open menu, and so does a click beside it.
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") shut(event.target.closest("details.menu[open]"));
});

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target) || event.target.closest("a")) menu.removeAttribute("open");
  }
});

function shut(menu) {
  menu?.removeAttribute("open");
  menu?.querySelector("summary").focus();
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

document.documentElement.classList.add("scripted");
showKeys();
showSection();
showDrawer();
follow();
