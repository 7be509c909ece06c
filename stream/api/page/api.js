// Asking the API: a token where one is needed, and live updates over fetch, as EventSource cannot send one.

import { $ } from "./dom.js";

const KEY = "profilestream-token";
let token = sessionStorage.getItem(KEY);
let asking = null;

export class Problem extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

export async function get(path) {
  return ask(path, {}, token);
}

export async function post(path, withToken) {
  return ask(path, { method: "POST" }, withToken);
}

async function ask(path, options, withToken) {
  const answer = await send(path, options, withToken);
  return answer.json();
}

async function send(path, options, withToken) {
  const headers = withToken ? { Authorization: `Bearer ${withToken}` } : {};
  let answer;
  try {
    answer = await fetch(path, { ...options, headers, cache: "no-store" });
  } catch {
    throw new Problem(0, "The API does not answer.");
  }
  if (answer.ok) return answer;
  const told = await answer.json().catch(() => ({}));
  throw new Problem(answer.status, told.detail || answer.statusText);
}

// One dialog at a time; resolves to a token, or null where none is given.
export function askToken(title, why, yes = "Use it") {
  asking ??= new Promise((resolve) => {
    $("ask-title").textContent = title;
    $("ask-why").textContent = why;
    $("ask-yes").textContent = yes;
    $("ask-token").value = "";
    const done = (value) => {
      asking = null;
      $("ask").close();
      resolve(value);
    };
    $("ask-form").onsubmit = (event) => {
      event.preventDefault();
      done($("ask-token").value.trim() || null);
    };
    $("ask-no").onclick = () => done(null);
    $("ask").oncancel = () => done(null);
    $("ask").showModal();
  });
  return asking;
}

export async function signIn(why) {
  const given = await askToken("A token is needed", why);
  if (!given) return false;
  token = given;
  sessionStorage.setItem(KEY, given);
  return true;
}

// Calls `take` with each update and `state` with whether the stream is open; begins again when it ends.
export async function follow(take, state) {
  let wait = 1;
  for (;;) {
    try {
      const answer = await send("v1/updates", {}, token);
      wait = 1;
      state(true);
      await read(answer.body.getReader(), take);
    } catch (problem) {
      if (!(problem instanceof Problem) && !(problem instanceof TypeError)) throw problem;
    }
    state(false);
    await new Promise((resolve) => setTimeout(resolve, 1000 * wait));
    wait = Math.min(2 * wait, 15);
  }
}

async function read(reader, take) {
  const decoder = new TextDecoder();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const events = (rest + decoder.decode(value, { stream: true })).split("\n\n");
    rest = events.pop();
    for (const event of events) {
      const data = /^data: (.*)$/m.exec(event);
      if (data && event.startsWith("event: profile")) take(JSON.parse(data[1]));
    }
  }
}
