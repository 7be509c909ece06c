// Can the profiles be trusted today? Reference against current, scores against their thresholds, alarms.

import { histogram, legend, moved, scores, spark } from "./charts.js";
import { $, empty, h, moment, number, percent, show, tone } from "./dom.js";

const KINDS = { mix: "Other topics than before", content: "Content that is new to the model", labels: "Labels disagree", model: "The model changed", sentiment: "Sentiment about a topic" };
const STATES = { empty: ["quiet", "not watched"], collecting: ["quiet", "learning what is usual"], calm: ["ok", "calm"], alarm: ["alarm", "alarm"] };
let drift = null;

export function drawDrift(found = drift) {
  if (!found) return;
  drift = found;
  const [name, text] = STATES[drift.state];
  tone($("drift-state"), name);
  $("drift-state").textContent = text;
  $("drift").classList.toggle("alarmed", drift.state === "alarm");
  $("drift-note").textContent = drift.state === "empty" ? "" : note();
  if (drift.state === "empty") {
    show($("drift-body"), empty("No drift is watched yet: workers begin with their first texts."));
    return;
  }
  const width = Math.max(260, ($("drift-body").clientWidth - (innerWidth > 736 ? 32 : 0)) / (innerWidth > 736 ? 2 : 1));
  show($("drift-body"),
    drift.state === "collecting" ? collecting() : null,
    drift.statistics.length ? h("ul", { class: "signals" }, drift.statistics.map(signal)) : null,
    h("div", { class: "sides" }, scoreSide(), noveltySide(width), codesSide(width), alarms()));
}

function collecting() {
  const share = Math.min(1, drift.reference / (drift.wanted || 1));
  return h("p", { class: "bar collecting" }, h("span", {}, "Reference"), h("span", {}, percent(share)),
    h("span", { class: "track" }, h("i", { class: "fill", style: { width: `${100 * share}%` } })));
}

function note() {
  const texts = `${number(drift.events)} texts of ${drift.model} seen`;
  return drift.state === "collecting" ? `${texts}; ${number(drift.reference)} of ${number(drift.wanted)} for the reference` : `${texts}. ${drift.summary}`;
}

function signal(one) {
  const high = one.score !== null && one.score > 1;
  const past = (drift.history.scores[one.name] ?? []).slice(-60);
  const state = one.score === null ? "–" : high ? `${one.score.toFixed(1)}× its limit` : `${Math.round(100 * Math.max(one.score, 0))} % of its limit`;
  const usual = one.usual === null ? "" : `, usually ${figure(one.usual)}`;
  return h("li", { class: `signal ${high ? "alarm" : "ok"}` }, h("header", {}, h("b", {}, one.title || one.name), h("span", {}, state)),
    h("p", {}, one.value === null ? "not measured yet" : `${figure(one.value)}${usual}`),
    past.length > 1 ? h("div", { class: "spark" }, spark(past, `${one.title || one.name} over time, its limit dashed`, 1)) : null);
}

const figure = (value) => (value && Math.abs(value) < 0.001 ? value.toExponential(1) : Math.abs(value) < 100 ? value.toPrecision(3) : number(value));
const side = (title, content, kind = null) => h("div", { class: kind }, h("h3", {}, title), content);

function scoreSide() {
  const { times, scores: all } = drift.history;
  if (times.length < 2) return null;
  const titles = Object.fromEntries(drift.statistics.map((one) => [one.name, one.title || one.name]));
  const series = Object.entries(all).map(([name, values]) => ({ name: titles[name] ?? name, values }));
  const told = series.map((one) => `${one.name} ${(one.values.at(-1) ?? 0).toFixed(1)}`).join(", ");
  return side("Scores over time; above 1 speaks for a change", h("div", {},
    scores(Math.max(260, $("drift-body").clientWidth), times, series, drift.models, `Scores in units of their thresholds; now ${told}`),
    legend(series.map((one, i) => [one.name, `k${i % 6}`]))), "wide");
}

function noveltySide(width) {
  const { edges, reference, current } = drift.novelty;
  if (edges.length < 2 || !current.length) return null;
  return side("How new texts are to the model", h("div", {},
    histogram(width, edges, reference, current, "Novelty of texts, reference against current"), legend([["reference", "was"], ["current", ""]])));
}

function codesSide(width) {
  const { reference, current } = drift.codes;
  if (!current.length) return null;
  const codes = current.map((now, code) => ({ name: `topic ${code}`, reference: reference[code] ?? 0, current: now }));
  codes.sort((a, b) => Math.abs(b.current - b.reference) - Math.abs(a.current - a.reference));
  return side("What moved most", h("div", {}, moved(width, codes.slice(0, 6), "Share of topics, reference against current"), legend([["reference", "was"], ["current", ""]])));
}

function alarms() {
  const switches = drift.models.map((one) => ({ time: one.since, model: one.model }));
  const entries = [...drift.alarms, ...switches].sort((a, b) => b.time - a.time).slice(0, 12);
  return side("Alarms and models", drift.alarms.length ? h("ol", { class: "log" }, entries.map(entry)) : h("p", { class: "note" }, `No alarm since ${moment(drift.since)}, when ${drift.model} began.`), "wide");
}

function entry(one) {
  if (!one.kind) return h("li", {}, h("time", {}, moment(one.time)), h("div", {}, h("span", { class: "model" }, one.model), " began to be watched"));
  const over = one.state === "over";
  return h("li", {}, h("time", {}, moment(one.time)), h("div", {},
    h("p", {}, h("span", { class: over ? "" : "alarm" }, over ? `Over: ${KINDS[one.kind]}` : KINDS[one.kind]), ` (${one.model})`), h("p", {}, one.summary),
    one.words.length ? h("p", { class: "chips" }, one.words.slice(0, 8).map((word) => h("span", { class: "chip" }, word))) : null,
    over ? null : one.examples.slice(0, 3).map((text) => h("q", {}, text))));
}
