// The stream now: throughput, lag, workers, servers.

import { spark } from "./charts.js";
import { $, age, h, number, show } from "./dom.js";

const NAMES = { kafka: "Kafka", redis: "Redis", triton: "Triton" };

export function drawHealth(health) {
  const samples = health.samples.slice(-150);
  $("rate").textContent = number(health.events_per_second);
  $("lag").textContent = number(health.lag);
  show($("rate-spark"), spark(samples.map((one) => one.events_per_second), "Events a second over the last minutes"));
  show($("lag-spark"), spark(samples.map((one) => one.lag), "Waiting events over the last minutes"));
  $("workers").textContent = number(health.workers.length);
  $("workers-note").textContent = workersNote(health.workers);
  show($("servers"), Object.entries(health.services).map(([name, service]) =>
    h("li", { class: service.up ? "ok" : "alarm", title: service.detail ?? `since ${new Date(service.since).toLocaleString()}` },
      `${NAMES[name] ?? name}${service.up ? "" : " is down"}`)));
}

function workersNote(workers) {
  if (!workers.length) return "none runs";
  const memory = Math.max(...workers.map((worker) => worker.memory_bytes)) / 2 ** 20;
  const partitions = workers.reduce((sum, worker) => sum + worker.partitions, 0);
  return `${partitions} partitions, ${number(memory)} MiB`;
}

// One sentence: may the profiles be trusted now? The worst first.
export function verdict(health, drift, problem) {
  if (problem) return ["alarm", "The API does not answer", problem];
  if (!health) return ["quiet", "Connecting…", ""];
  const down = Object.entries(health.services).filter(([, service]) => !service.up);
  if (down.length) {
    const names = down.map(([name]) => NAMES[name] ?? name).join(" and ");
    const since = age((health.time - Math.min(...down.map(([, service]) => service.since))) / 1000);
    return ["alarm", `${names} ${down.length > 1 ? "are" : "is"} down`, `For ${since}. Events wait and nothing is lost; profiles are as they were.`];
  }
  if (drift?.state === "alarm") return ["alarm", "The stream has drifted", drift.summary];
  if (health.state === "starting") return ["quiet", "Looking at the stream…", ""];
  if (health.state === "no workers") return ["warn", "No worker runs", "Profiles can be read but do not change: start one with “profilestream worker”."];
  if (health.state === "stuck") return ["warn", "Events wait and nothing moves", "A worker has made no progress for 10 s; its log says why."];
  if (drift?.state === "collecting") return ["ok", "The stream is well", `Drift is watched as soon as the reference is complete: ${number(drift.reference)} of ${number(drift.wanted)} texts.`];
  if (drift?.state === "calm") return ["ok", "All is well", "Events flow, and the stream is what the models know: the profiles can be trusted."];
  return ["ok", "The stream is well", drift ? "Nobody watches for drift." : ""];
}
