// One user's profile: interests now and over time, mood, habits, who is alike, and why.

import { get } from "./api.js";
import { legend, timeline } from "./charts.js";
import { $, empty, h, moment, number, percent, show, signed } from "./dom.js";

const LINES = 6;
const POINTS = 400;
let user = null;
let profile = null;
let points = []; // [time, Map(label -> share)]
let alike = [];
let stale = false;
let loading = false;
let open = () => {};

export function startProfile(onOpen) {
  open = onOpen;
  show($("profile"), empty("Choose a user to see what they care about, and why."));
}

export const shown = () => user;

export async function openProfile(wanted) {
  user = wanted;
  profile = null;
  points = [];
  alike = [];
  const id = encodeURIComponent(wanted);
  const path = `v1/profiles/${id}`;
  try {
    const [found, history, similar] = await Promise.all([get(path), get(`${path}/history`).catch(() => null), get(`${path}/similar?limit=6`).catch(() => null)]);
    if (user !== wanted) return;
    profile = found;
    points = (history?.points ?? []).map((point) => [point.time, shares(point.interests)]);
    alike = (similar?.users ?? []).filter((one) => one.similarity > 0.05);
    add(found.last_seen, found.interests);
    draw();
  } catch (problem) {
    if (user !== wanted) return;
    show($("profile"), empty(problem.status === 404 ? `There is no profile of “${wanted}” yet.` : problem.message));
  }
}

// A change that was streamed: shown at once; the rest of the profile is asked for at most once a second.
export function change(update) {
  if (update.user !== user || !profile || update.revision <= profile.revision) return;
  profile = { ...profile, revision: update.revision, events: update.events, interests: update.interests, recent_interests: update.recent_interests, sentiment: update.sentiment, evidence: update.evidence, last_seen: update.time };
  add(update.time, update.interests);
  stale = true;
  draw();
  $("changed").textContent = `The profile of ${user} changed: ${number(update.events)} events.`;
}

export async function refresh() {
  if (!stale || loading || !user) return;
  stale = false;
  loading = true;
  const found = await get(`v1/profiles/${encodeURIComponent(user)}`).catch(() => null);
  loading = false;
  if (found && found.user === user && found.revision >= profile.revision) {
    profile = found;
    draw();
  }
}

export function redraw() {
  if (profile) draw();
}

const shares = (interests) => new Map(interests.map((one) => [one.label, one.share]));

function add(time, interests) {
  const last = points.at(-1);
  if (last && last[0] >= time) points.pop();
  points.push([Math.max(time, last?.[0] ?? 0), shares(interests)]);
  if (points.length > POINTS) points = points.filter((_, i) => i % 2 || i === points.length - 1);
}

function draw() {
  const leading = profile.interests.slice(0, LINES).map((one) => one.label);
  const tint = (label) => (leading.includes(label) ? `k${leading.indexOf(label)}` : "");
  show($("profile"),
    h("div", { class: "who" }, h("h3", {}, profile.user),
      h("span", { class: "note" }, `${number(profile.events)} ${profile.events === 1 ? "event" : "events"}, ${span(profile.first_seen, profile.last_seen)}`),
      h("span", { class: "note" }, `revision ${number(profile.revision)}, ${number(profile.bytes)} bytes`)),
    h("div", { class: "facets" },
      facet("Interests", bars(profile.interests, tint)),
      facet("Lately", bars(profile.recent_interests, tint)),
      facet("Interests over time", overTime(leading), "wide"),
      facet("Mood", mood()),
      facet("Active hours, UTC", hours()),
      facet("Why", reasons(tint), "wide"),
      facet("Does", chips(profile.types)),
      facet("Users like this", similar())));
}

const span = (first, last) => (first === last ? moment(first) : `${moment(first)} to ${moment(last)}`);
const facet = (title, content, kind = null) => h("div", { class: kind }, h("h3", {}, title), content);

function bars(interests, tint) {
  if (!interests.length) return h("p", { class: "note" }, "Nothing was said yet that tells an interest.");
  return h("ul", { class: "bars" }, interests.map((one) =>
    h("li", { class: `bar ${tint(one.label)}` }, h("span", { title: one.label }, one.label), h("span", {}, percent(one.share)),
      h("span", { class: "track" }, h("i", { class: "fill", style: { width: `${100 * one.share}%` } })))));
}

function overTime(leading) {
  if (!leading.length) return h("p", { class: "note" }, "No interest yet.");
  const series = leading.map((label) => ({ label, points: points.map(([time, at]) => [time, at.get(label) ?? 0]) }));
  const width = Math.max(260, $("profile").clientWidth);
  const told = series.map((one) => `${one.label} ${percent(one.points.at(-1)[1])}`).join(", ");
  return h("div", {}, timeline(width, series, `Shares of interests over time; now ${told}`), legend(leading.map((label, i) => [label, `k${i}`])));
}

function mood() {
  if (profile.sentiment === null) return h("p", { class: "note" }, "Nothing was said yet.");
  const spot = (value, name) => (value === null ? null : h("i", { class: name, style: { left: `${50 + 50 * value}%` } }));
  return h("div", { class: "mood" }, h("div", { class: "scale", "aria-hidden": "true" }, spot(profile.sentiment, ""), spot(profile.recent_sentiment, "recent")),
    h("p", {}, `${signed(profile.sentiment)} on the whole, ${signed(profile.recent_sentiment)} lately`),
    h("p", { class: "note" }, `from −1 to +1, spread ${profile.sentiment_spread?.toFixed(2) ?? "–"}`));
}

function hours() {
  const high = Math.max(...profile.hours) || 1;
  const busiest = profile.hours.indexOf(high);
  return h("div", { role: "img", "aria-label": `Activity by hour of the day, most at ${busiest} h UTC` },
    h("div", { class: "hours" }, profile.hours.map((share) => h("i", { style: { height: `${(100 * share) / high}%` } }))),
    h("div", { class: "axis" }, ["0", "6", "12", "18", "24"].map((text) => h("span", {}, text))));
}

function reasons(tint) {
  if (!profile.evidence.length) return h("p", { class: "note" }, "No event speaks for an interest yet.");
  return h("ul", { class: "quotes" }, profile.evidence.map((one) =>
    h("li", { class: tint(one.label) }, h("q", {}, one.excerpt), h("small", {}, `${one.label}, ${percent(one.confidence)} sure, ${moment(one.time)}`))));
}

const chips = (types) => h("p", { class: "chips" }, Object.entries(types).map(([name, share]) => h("span", { class: "chip" }, `${name} ${percent(share)}`)));

function similar() {
  if (!alike.length) return h("p", { class: "note" }, "The index knows nobody alike yet.");
  return h("p", { class: "chips" }, alike.map((one) =>
    h("button", { type: "button", class: "chip", title: one.interests.map((i) => i.label).join(", "), onclick: () => open(one.user) }, `${one.user} ${one.similarity.toFixed(2)}`)));
}
