// What people talk about, and how they feel about it.

import { spark } from "./charts.js";
import { $, empty, h, moment, number, show, signed } from "./dom.js";

export function drawTrends(trends) {
  const series = trends.series.filter((one) => one.topic !== "" && sum(one.texts) > 0);
  $("trends-note").textContent = series.length ? "The last 24 hours" : "";
  if (!series.length) {
    show($("trends-body"), empty("Nothing was said in the last 24 hours."));
    return;
  }
  const surges = new Map(trends.alarms.filter((one) => one.time >= trends.times[0]).map((one) => [one.topic, one]));
  show($("trends-body"),
    h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Table of topics" }, h("table", {},
      h("thead", {}, h("tr", {}, ["Topic", "Texts", "Over time", "Negative to positive", "Mood"].map((name, i) => h("th", { class: i === 1 || i === 4 ? "num" : null, scope: "col" }, name)))),
      h("tbody", {}, series.slice(0, 10).map((one) => row(one, surges.get(one.topic)))))));
}

const sum = (values) => values.reduce((a, b) => a + b, 0);

function row(one, surge) {
  const texts = sum(one.texts), negative = sum(one.negative), positive = sum(one.positive);
  const told = one.sentiment.map((value, i) => [value, one.texts[i]]).filter(([value]) => value !== null);
  const mean = told.length ? sum(told.map(([value, count]) => value * count)) / sum(told.map(([, count]) => count)) : null;
  const part = (count) => `${(100 * count) / (texts || 1)}%`;
  return h("tr", {},
    h("td", { class: "name", title: one.topic }, one.topic, surge ? h("span", { class: "pill alarm", title: surge.summary }, `turned negative ${moment(surge.time)}`) : null),
    h("td", { class: "num" }, number(texts)),
    h("td", {}, h("div", { class: "inline" }, spark(one.texts, `Texts about ${one.topic} over time`))),
    h("td", {}, h("div", { class: "split", role: "img", "aria-label": `${negative} negative, ${positive} positive of ${texts}` },
      h("i", { class: "neg", style: { width: part(negative) } }), h("i", { style: { width: part(texts - negative - positive) } }), h("i", { class: "pos", style: { width: part(positive) } }))),
    h("td", { class: "num" }, signed(mean)));
}
