// Elements, numbers and bars. What a model or a client wrote becomes a text node, and nothing else.

export const byId = (id) => document.getElementById(id);

/// el("p", {class: "fine", onclick: f}, "text", child, null)
export function el(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return made;
}

const hidden = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;
const escape = (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;

/// A name that somebody else chose: isolated, its invisible characters shown, cut in its middle.
export function foreign(text, most = 48) {
  const whole = String(text).replace(hidden, escape);
  const letters = [...whole];
  const half = Math.floor((most - 1) / 2);
  const short = letters.length <= most ? whole
    : letters.slice(0, half).join("") + "…" + letters.slice(-half).join("");
  return el("bdi", { dir: "auto", title: short === whole ? null : letters.slice(0, 400).join("") }, short);
}

const whole = new Intl.NumberFormat("en");
export const count = (number) => whole.format(number);
export const counted = (number, noun) => `${count(number)} ${noun}${number === 1 ? "" : "s"}`;

export function ms(value) {
  if (value === null || value === undefined) return "–";
  if (value < 0.05) return "< 0.1 ms";
  if (value < 10) return `${value.toFixed(1)} ms`;
  if (value < 1000) return `${Math.round(value)} ms`;
  if (value < 60000) return `${(value / 1000).toFixed(1)} s`;
  return `${Math.floor(value / 60000)} min ${Math.round(value / 1000) % 60} s`;
}

export function usd(value) {
  if (value === null || value === undefined) return "–";
  if (value === 0) return "$0";
  return value < 0.01 ? `$${value.toFixed(5)}` : `$${value.toFixed(2)}`;
}

export function span(seconds) {
  if (seconds < 90) return `${seconds} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return seconds < 172800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86400)} days`;
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
export const time = (epochMs) =>
  el("time", { datetime: new Date(epochMs).toISOString() }, clock.format(epochMs));

export const margin = (value) => value.toFixed(2);

/// How clear a choice with this margin of logits is, from 0 to 1: against the runner-up alone it
/// has the probability (1 + clarity) / 2.
export const clarity = (value) => Math.tanh(value / 2);

/// Shares of a softmax over logits.
export function shares(logits) {
  const most = Math.max(...logits);
  const powers = logits.map((logit) => Math.exp(logit - most));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

/// A bar for the eye; its number stands beside it as text.
export function bar(fraction, kind = "") {
  const fill = el("span");
  fill.style.width = `${Math.max(0, Math.min(1, fraction)) * 100}%`;
  return el("span", { class: `bar ${kind}`, "aria-hidden": "true" }, fill);
}

export const role = (name) =>
  name ? el("span", { class: "role", "data-role": name }, foreign(name, 20)) : null;

/// Pairs as a list of terms; a pair whose value is null is left out.
export function terms(pairs, kind = "") {
  const kept = pairs.filter(([, value]) => value !== null && value !== undefined);
  return el("dl", { class: `terms ${kind}` },
    kept.map(([term, value]) => el("div", null, el("dt", null, term), el("dd", null, value))));
}

const words = {
  accepted: ["accepted", "good"],
  answered: ["answered", "good"],
  tool_calls: ["waits for its tools", "good"],
  max_turns_latest_worker_response: ["turns over, not verified", "warn"],
  budget_exceeded: ["budget used up", "warn"],
  verifier_failed: ["not verified", "warn"],
  verifier_abstained: ["not verified", "warn"],
  ended_without_response: ["no answer", "warn"],
  cancelled: ["cancelled", "warn"],
};

/// [text, kind] of how a run is or ended.
export function ending(run) {
  if (run.state === "running") return ["at work", "busy"];
  if (words[run.final_status]) return words[run.final_status];
  return run.error ? [String(run.final_status).replaceAll("_", " "), "bad"] : [run.final_status, "warn"];
}

export function status(text, kind) {
  return el("span", { class: "status", "data-kind": kind }, foreign(text, 40));
}

let queue = Promise.resolve();
/// Says something to whoever listens to the page; things said at once are said one after another.
export function announce(text) {
  queue = queue.then(() => new Promise((resolve) => {
    byId("announce").textContent = text;
    setTimeout(resolve, 400);
  }));
}
