// Charts as SVG, drawn for the width that there is, so that text stays readable on a phone.

import { h, moment, percent, s } from "./dom.js";

const path = (points) => points.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
const most = (values) => values.reduce((a, b) => (b > a ? b : a), 0);

function svg(width, height, label, ...children) {
  return s("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, height, role: "img", "aria-label": label }, ...children);
}

// A small area without axes.
export function spark(values, label, limit = null) {
  const drawn = values.map((value) => value ?? 0);
  const high = most([...drawn, limit ?? 0]) || 1;
  const at = drawn.map((value, i) => [(100 * i) / Math.max(drawn.length - 1, 1), 31 - (29 * value) / high]);
  const line = drawn.length > 1 ? path(at) : "M0 31L100 31";
  const y = limit === null ? null : 31 - (29 * limit) / high;
  return s("svg", { class: "chart", viewBox: "0 0 100 32", preserveAspectRatio: "none", role: "img", "aria-label": label },
    s("path", { class: "area", d: `${line}L100 32L0 32Z` }), s("path", { class: "line", d: line }),
    y === null ? null : s("line", { class: "limit", x1: 0, x2: 100, y1: y, y2: y, "vector-effect": "non-scaling-stroke" }));
}

// Shares over time: `series` is [{ label, points: [[time, share], ...] }], the most important first.
export function timeline(width, series, label) {
  const height = 170, left = 38, bottom = 22, top = 8, right = 12;
  const times = series.flatMap((one) => one.points.map(([time]) => time));
  const low = Math.min(...times), span = Math.max(...times) - low;
  const high = Math.min(1, Math.max(0.2, Math.ceil(5 * most(series.flatMap((one) => one.points.map((p) => p[1])))) / 5));
  const x = (time) => left + (span ? ((time - low) / span) * (width - left - right) : (width - left - right));
  const y = (share) => top + (1 - share / high) * (height - top - bottom);
  const rules = [0, high / 2, high].map((share) => [
    s("line", { class: share ? "grid" : "base", x1: left, x2: width - right, y1: y(share), y2: y(share) }),
    s("text", { x: left - 6, y: y(share) + 4, "text-anchor": "end" }, percent(share)),
  ]);
  const lines = series.map((one, i) => [
    s("path", { class: `line k${i}`, d: path(one.points.map(([time, share]) => [x(time), y(share)])) }),
    s("circle", { class: `dot k${i}`, r: 3.5, cx: x(one.points.at(-1)[0]), cy: y(one.points.at(-1)[1]) }),
  ]).reverse();
  const ends = span
    ? [s("text", { x: left, y: height - 4 }, moment(low)), s("text", { x: width - right, y: height - 4, "text-anchor": "end" }, moment(low + span))]
    : [s("text", { x: width - right, y: height - 4, "text-anchor": "end" }, moment(low))];
  return svg(width, height, label, ...rules.flat(), ...ends, ...lines.flat());
}

// Reference as filled steps, current as a line over it.
export function histogram(width, edges, reference, current, label) {
  const height = 170, bottom = 22, top = 8;
  const high = most([...reference, ...current]) || 1;
  const low = edges[0], span = edges.at(-1) - low || 1;
  const x = (value) => ((value - low) / span) * width;
  const y = (share) => top + (1 - share / high) * (height - top - bottom);
  const steps = (shares) => shares.flatMap((share, i) => [[x(edges[i]), y(share)], [x(edges[i + 1]), y(share)]]);
  const ticks = [0, 0.5, 1].map((part) =>
    s("text", { x: part * width, y: height - 4, "text-anchor": ["start", "middle", "end"][2 * part] }, (low + part * span).toFixed(2)));
  return svg(width, height, label,
    s("path", { class: "reference", d: `${path([[x(low), y(0)], ...steps(reference), [x(low + span), y(0)]])}Z` }),
    s("line", { class: "base", x1: 0, x2: width, y1: y(0), y2: y(0) }),
    s("path", { class: "current", d: path(steps(current)) }), ...ticks);
}

// What moved: for each code its share before (grey) and now.
export function moved(width, codes, label) {
  const row = 26, name = 64, height = codes.length * row + 4;
  const high = most(codes.flatMap((code) => [code.reference, code.current])) || 1;
  const room = width - name - 56;
  const rows = codes.map((code, i) => {
    const y = i * row + 4, was = (code.reference / high) * room, now = (code.current / high) * room;
    return [
      s("text", { x: 0, y: y + 14 }, code.name),
      s("rect", { class: "reference", x: name, y, width: Math.max(was, 1), height: 8, rx: 3 }),
      s("rect", { class: "now", x: name, y: y + 10, width: Math.max(now, 1), height: 8, rx: 3 }),
      s("text", { x: name + Math.max(was, now) + 6, y: y + 14 }, percent(code.current)),
    ];
  });
  return svg(width, height, label, ...rows.flat());
}

// Scores over time against their threshold, with a marker where another model began.
export function scores(width, times, series, markers, label) {
  const height = 190, left = 30, bottom = 22, top = 10, right = 8;
  const low = times[0], span = times.at(-1) - low || 1;
  const high = Math.max(1.5, Math.min(6, most(series.flatMap((one) => one.values.map((v) => v ?? 0)))));
  const x = (time) => left + ((time - low) / span) * (width - left - right);
  const y = (score) => top + (1 - Math.min(score, high) / high) * (height - top - bottom);
  const lines = series.map((one, i) => s("path", { class: `line k${i % 6}`,
    d: path(one.values.map((v, at) => [v, times[at]]).filter(([v]) => v !== null).map(([v, time]) => [x(time), y(Math.max(v, 0))])) }));
  const marks = markers.filter((m) => m.since > low && m.since <= low + span).map((m) => [
    s("line", { class: "marker", x1: x(m.since), x2: x(m.since), y1: top, y2: y(0) }),
    s("text", { x: x(m.since) + 4, y: top + 9 }, m.model),
  ]);
  return svg(width, height, label,
    s("line", { class: "base", x1: left, x2: width - right, y1: y(0), y2: y(0) }),
    s("text", { x: left - 6, y: y(0) + 4, "text-anchor": "end" }, "0"),
    s("line", { class: "limit", x1: left, x2: width - right, y1: y(1), y2: y(1) }),
    s("text", { x: left - 6, y: y(1) + 4, "text-anchor": "end" }, "1"),
    ...marks.flat(), ...lines,
    s("text", { x: left, y: height - 4 }, moment(low)), s("text", { x: width - right, y: height - 4, "text-anchor": "end" }, moment(low + span)));
}

export function legend(entries) {
  return h("p", { class: "legend" }, entries.map(([text, name]) => h("span", { class: name, title: text }, h("em", {}, text))));
}
