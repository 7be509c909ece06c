// Models: what is in use, what happened, back to the one before; and what training kept.

import { askToken, post } from "./api.js";
import { $, empty, h, moment, number, show } from "./dom.js";

export function drawModels(models, again) {
  const back = h("button", { type: "button", disabled: models.rollback_to === null, onclick: () => rollback(models, again) },
    models.rollback_to === null ? "Nothing to roll back to" : `Roll back to ${models.rollback_to}`);
  show($("models-body"),
    h("div", { class: "champion" }, h("span", { class: "note" }, "Encoder in use"), h("b", {}, models.champion ?? "none"), back),
    models.heads.length ? h("p", { class: "chips" }, models.heads.map((head) => h("span", { class: "chip", title: head.labels.join(", ") }, `${head.task} v${head.version}, ${number(head.labels.length)} labels`))) : null,
    h("p", { id: "rollback-said", class: "note", role: "status" }),
    h("h3", {}, "Timeline"),
    models.timeline.length ? h("ol", { class: "log" }, models.timeline.slice(0, 12).map((one) =>
      h("li", {}, h("time", {}, moment(one.time)), h("div", {}, h("span", { class: one.kind === "encoder" ? "model" : null }, one.kind === "head" ? `${one.name} head v${one.version}` : one.name), ` ${one.detail}`))))
      : h("p", { class: "note" }, "No model was published yet."));
}

async function rollback(models, again) {
  const given = await askToken(`Back to ${models.rollback_to}?`, `Workers will use ${models.rollback_to} in place of ${models.champion} within seconds. Needs a token with the scope admin.`, "Roll back");
  if (!given) return;
  let said;
  try {
    said = `${(await post("v1/models/rollback", given)).champion} is in use again.`;
  } catch (problem) {
    said = problem.message;
  }
  await again();
  $("rollback-said").textContent = said;
}

export function drawLearning(report) {
  $("learning-note").textContent = report.source ? `${report.source}, ${moment(report.time)}` : "";
  if (!report.tasks.length) {
    show($("learning-body"), empty("No encoder was trained yet. The matrix shows what each training learned and what it kept."));
    return;
  }
  show($("learning-body"),
    h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Accuracy matrix" }, h("table", { class: "matrix" },
      h("caption", { class: "hidden" }, "Accuracy on each task (columns) after learning each task (rows)"),
      h("thead", {}, h("tr", {}, h("td", {}), report.tasks.map((task) => h("th", { scope: "col" }, task)))),
      h("tbody", {}, report.accuracy.map((row, i) => h("tr", {}, h("th", { scope: "row" }, `after ${report.tasks[i] ?? i + 1}`), row.map(cell)))))),
    h("p", { class: "chips summary" }, Object.entries(report.summary).map(([name, value]) => h("span", { class: "chip" }, `${name.replaceAll("_", " ")} ${value.toFixed(3)}`))));
}

function cell(accuracy) {
  if (accuracy === null) return h("td", {});
  return h("td", { style: { background: `color-mix(in srgb, var(--ok) ${Math.round(55 * accuracy ** 2)}%, var(--card))` } }, String(Math.round(100 * accuracy)));
}
