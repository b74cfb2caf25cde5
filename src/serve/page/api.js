// What the page asks the server for. The key, where there is one, lives in this tab's session only.

const KEY = "trinity-key";
let key = "";
try { key = sessionStorage.getItem(KEY) || ""; } catch { /* a browser that keeps nothing */ }

export class NeedsKey extends Error {}

export const hasKey = () => key !== "";

export function setKey(value) {
  key = value;
  try {
    if (value) sessionStorage.setItem(KEY, value);
    else sessionStorage.removeItem(KEY);
  } catch { /* it lives as long as the page */ }
}

async function ask(path, options = {}) {
  const headers = { ...options.headers };
  if (key) headers.Authorization = `Bearer ${key}`;
  const response = await fetch(path, { ...options, headers, cache: "no-store", credentials: "omit" });
  if (response.status === 401) throw new NeedsKey();
  if (response.ok) return response;
  let message = `the server answered ${response.status}`;
  try { message = (await response.json()).error.message || message; } catch { /* no JSON */ }
  throw new Error(message);
}

export const getJson = async (path) => (await ask(path)).json();

/// The events of a server-sent stream, as they come: {event, data}.
async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  while (true) {
    const { value, done } = await reader.read();
    if (done) return;
    rest += value;
    for (let end; (end = rest.indexOf("\n\n")) >= 0; rest = rest.slice(end + 2)) {
      const one = { event: "", data: "" };
      for (const line of rest.slice(0, end).split("\n")) {
        if (line.startsWith("event: ")) one.event = line.slice(7);
        if (line.startsWith("data: ")) one.data += line.slice(6);
      }
      if (one.data) yield one;
    }
  }
}

/// What happens on the server, until it ends or `signal` stops it.
export async function* watch(signal, opened) {
  const response = await ask("v1/trinity/events", { signal });
  opened();
  for await (const one of events(response)) yield JSON.parse(one.data);
}

/// A prompt, and the chunks of its answer. `begun` is given the id of the run.
export async function* chat(model, prompt, signal, begun) {
  const response = await ask("v1/chat/completions", {
    method: "POST",
    signal,
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({
      model,
      messages: [{ role: "user", content: prompt }],
      stream: true,
      stream_options: { include_usage: true },
      trinity: { events: true },
    }),
  });
  begun(response.headers.get("x-request-id"));
  for await (const one of events(response)) {
    if (one.data === "[DONE]") return;
    const chunk = JSON.parse(one.data);
    if (chunk.error) throw new Error(chunk.error.message);
    yield chunk;
  }
  throw new Error("the stream broke off before its end");
}
