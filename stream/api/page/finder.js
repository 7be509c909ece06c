// Who changes now, or who is searched for.

import { get } from "./api.js";
import { $, h, number, percent, show } from "./dom.js";

const SHOWN = 40;
const known = new Map(); // user -> what the list shows, the newest last
let searched = null;
let choose = () => {};
let chosen = null;

export function startFinder(onChoose) {
  choose = onChoose;
  let timer = null;
  $("search").addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(search, 150);
  });
  $("search").addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    choose($("search").value.trim() || [...known.keys()].at(-1)); // any id, also one that the index does not know
  });
}

export function mark(user) {
  chosen = user;
  draw();
}

export function noteUpdate(update) {
  remember(update, true);
  if (searched?.has(update.user)) searched.set(update.user, known.get(update.user));
}

export async function loadLatest() {
  const answer = await get(`v1/users?limit=${SHOWN}`);
  for (const user of answer.users.reverse()) if (!known.has(user.user)) remember(user, false);
  draw();
  return answer;
}

async function search() {
  const text = $("search").value.trim();
  searched = text ? new Map() : null;
  if (text) {
    const answer = await get(`v1/users?limit=${SHOWN}&search=${encodeURIComponent(text)}`).catch(() => ({ users: [] }));
    if ($("search").value.trim() !== text) return;
    searched = new Map(answer.users.map((user) => [user.user, user]));
  }
  draw();
}

function remember(user, changed) {
  known.delete(user.user);
  known.set(user.user, { ...user, changed });
  if (known.size > 4 * SHOWN) known.delete(known.keys().next().value);
}

// At most once a second, by main.js: a list that jumps all the time cannot be read, nor clicked.
export function draw() {
  const list = $("found");
  if (list.matches(":hover") || (list.contains(document.activeElement) && !searched)) return refresh(list);
  const users = searched ? [...searched.values()] : [...known.values()].reverse().slice(0, SHOWN);
  const focused = list.contains(document.activeElement) ? document.activeElement.dataset.user : null;
  show(list, users.length ? users.map(row) : h("li", { class: "note" }, searched ? "Nobody by this name." : "Nobody yet."));
  if (focused !== null) find(list, focused)?.focus();
}

function refresh(list) {
  for (const button of list.querySelectorAll("button")) {
    const now = known.get(button.dataset.user);
    if (now) button.querySelector("span").textContent = number(now.events);
    button.setAttribute("aria-current", String(button.dataset.user === chosen));
  }
}

const find = (list, user) => [...list.querySelectorAll("button")].find((button) => button.dataset.user === user);

function row(user) {
  const first = user.interests[0];
  const flash = user.changed;
  user.changed = false;
  const about = first ? `${percent(first.share)} ${first.label}` : "no interest yet";
  return h("li", {}, h("button", {
    type: "button", "data-user": user.user, "aria-current": String(user.user === chosen), class: flash ? "flash" : null,
    onclick: () => choose(user.user),
  }, h("b", {}, user.user), h("span", { title: "events" }, number(user.events)), h("i", {}, about)));
}
