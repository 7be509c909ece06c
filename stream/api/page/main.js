// Asks, follows, and draws again what changed.

import { follow, get, Problem, signIn } from "./api.js";
import { $, number, tone } from "./dom.js";
import { drawDrift } from "./drift.js";
import { draw as drawFinder, loadLatest, mark, noteUpdate, startFinder } from "./finder.js";
import { drawHealth, verdict } from "./health.js";
import { drawLearning, drawModels } from "./models.js";
import { change, openProfile, redraw, refresh, shown, startProfile } from "./profile.js";
import { drawTrends } from "./trends.js";

let health = null;
let drift = null;
let problem = null;

function theme() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const apply = (name) => document.documentElement.setAttribute("data-theme", name);
  const kept = localStorage.getItem("profilestream-theme");
  apply(kept ?? (dark.matches ? "dark" : "light"));
  dark.addEventListener("change", () => localStorage.getItem("profilestream-theme") ?? apply(dark.matches ? "dark" : "light"));
  $("theme").addEventListener("click", () => {
    const next = document.documentElement.getAttribute("data-theme") === "dark" ? "light" : "dark";
    localStorage.setItem("profilestream-theme", next);
    apply(next);
  });
}

function judge() {
  const [name, title, text] = verdict(health, drift, problem);
  const box = $("verdict");
  if (box.dataset.said === name + title + text) return; // said again, it would be read out again
  box.dataset.said = name + title + text;
  tone(box, name);
  box.querySelector("strong").textContent = title;
  box.querySelector("span").textContent = text;
  document.title = name === "alarm" ? `⚠ ${title}` : "profilestream";
}

async function choose(user) {
  if (!user) return;
  history.replaceState(null, "", `#user=${encodeURIComponent(user)}`);
  mark(user);
  await openProfile(user);
}

// Each part is asked for at its own pace, and not while nobody looks.
function every(seconds, work) {
  const turn = async () => {
    if (!document.hidden) await attempt(work);
    setTimeout(turn, 1000 * seconds);
  };
  return turn();
}

async function attempt(work) {
  try {
    await work();
    problem = null;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (error.status === 401) {
      if (await signIn(error.message)) location.reload();
      else problem = "A token is needed: use the button at the top.";
    } else if (error.status === 0) problem = error.message;
  }
  judge();
}

const models = async () => drawModels(await get("v1/models"), models);

async function start() {
  theme();
  startFinder(choose);
  startProfile(choose);
  $("sign").addEventListener("click", async () => (await signIn("It is kept until this tab is closed.")) && location.reload());
  await every(2, async () => {
    health = await get("v1/stream");
    drawHealth(health);
  });
  if (problem) return every(3, async () => (await get("v1/stream")) && location.reload());
  every(5, async () => {
    drift = await get("v1/drift");
    drawDrift(drift);
  });
  every(4, async () => {
    const latest = await loadLatest();
    $("users").textContent = number(latest.indexed);
    $("users-note").textContent = latest.complete ? "known to this page" : "known so far";
    if (!shown() && latest.users.length) await choose(wanted() ?? latest.users.reduce((a, b) => (b.events > a.events ? b : a)).user);
  });
  every(10, models);
  every(15, async () => drawTrends(await get("v1/trends?hours=24")));
  every(30, async () => drawLearning(await get("v1/learning")));
  setInterval(() => {
    drawFinder();
    refresh();
  }, 1000);
  addEventListener("resize", () => {
    redraw();
    drawDrift();
  });
  follow((update) => {
    noteUpdate(update);
    change(update);
  }, live);
}

function wanted() {
  const found = /^#user=(.+)$/.exec(location.hash);
  return found ? decodeURIComponent(found[1]) : null;
}

function live(open) {
  tone($("live"), open ? "ok" : "warn");
  $("live").textContent = open ? "live" : "reconnecting";
}

start();
