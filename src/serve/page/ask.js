// The box to try a prompt: turns as they begin and end, the answer as it comes, and a way to stop it.
import { chat, NeedsKey } from "./api.js";
import { announce, bar, byId, clarity, count, counted, el, foreign, margin, ms, role, status, usd } from "./draw.js";
import { openStory } from "./story.js";

let stop = null;  // of what is under way
let onNeedsKey = () => {};

export function startAsk(needsKey) {
  onNeedsKey = needsKey;
  byId("ask").addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  byId("prompt").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      byId("ask").requestSubmit();
    }
  });
  byId("stop").addEventListener("click", () => stop?.abort());
}

let models = "";
export function setModels(names) {
  if (models === names.join("\n")) return;  // the list may be open just now
  models = names.join("\n");
  const chosen = byId("model").value;
  byId("model").replaceChildren(...names.map((name) => el("option", { value: name, selected: name === chosen }, name)));
}

/// A turn as it goes on, and its time.
class TurnLine {
  constructor(turn) {
    this.began = performance.now();
    this.item = el("li", { "data-role": turn.role });
    byId("turns").append(this.item);
    this.draw(turn, status("at work", "busy"));
  }
  draw(turn, state, facts = []) {
    this.turn = turn;
    this.item.replaceChildren(
      el("div", { class: "turn-head" }, el("span", { class: "turn-number" }, `${turn.turn + 1}`),
        el("strong", null, foreign(turn.member, 32)), role(turn.role) || "", state),
      turn.margin === null ? "" : el("div", { class: "turn-margin" }, bar(clarity(turn.margin), "margin"),
        el("span", { class: "fine" }, `margin ${margin(turn.margin)}`, turn.runner_up ? " over " : "",
          turn.runner_up ? foreign(turn.runner_up, 24) : "")),
      facts.length ? el("div", { class: "fine" }, facts.join(" · ")) : "",
      (turn.fallbacks || []).map((one) => el("div", { class: "fine" }, "failed and was replaced: ", foreign(one, 120))));
  }
  done(turn) {
    this.draw(turn, status("answered", "good"), [ms(performance.now() - this.began)]);
  }
  paid(turn) {
    this.draw({ ...this.turn, ...turn }, status("answered", "good"), [ms(turn.ms),
      `${count(turn.input_tokens)} tokens in, ${count(turn.output_tokens)} out`, usd(turn.cost_usd)].filter((one) => one !== "–"));
  }
  cut() {
    this.draw(this.turn, status("cut off", "warn"));
  }
}

async function send() {
  const prompt = byId("prompt").value;
  if (stop || !prompt.trim()) return;
  stop = new AbortController();
  const answer = document.createTextNode("");
  const lines = [];
  let run = null, ending = null, usage = null;
  byId("result").hidden = false;
  byId("turns").replaceChildren();
  byId("turns-title").hidden = false;
  byId("answer").replaceChildren(answer);
  byId("answer").classList.add("waiting");
  outcome("The request is under way.");
  busy(true);
  announce("The request is under way.");
  try {
    for await (const chunk of chat(byId("model").value, prompt, stop.signal, (id) => { run = id; })) {
      if (chunk.trinity) follow(chunk.trinity, lines);
      answer.appendData(chunk.choices?.[0]?.delta?.content || "");
      if (chunk.usage) usage = chunk.usage;
    }
    ending = finished(usage, lines);
  } catch (error) {
    if (error instanceof NeedsKey) onNeedsKey();
    lines.at(-1)?.open && lines.at(-1).cut();
    ending = error.name === "AbortError"
      ? ["Stopped. The call that was under way is cancelled."]
      : [el("span", { class: "bad", dir: "auto" }, error.message)];
  }
  stop = null;
  byId("answer").classList.remove("waiting");
  if (!lines.length) byId("turns").replaceChildren(el("li", { class: "fine" }, "No turn: the answer came from the member alone, or there was none."));
  outcome(ending, run);
  busy(false);
  announce(byId("outcome").firstChild.textContent);
}

function follow(event, lines) {
  const said = `Turn ${event.turn + 1}: ${event.member} as ${event.role}`;
  if (event.event === "turn_started") {
    lines.push(new TurnLine(event));
    lines.at(-1).open = true;
    announce(said + (event.margin === null ? "" : `, margin ${margin(event.margin)}`));
  }
  if (event.event === "turn_completed" && lines.length) {
    lines.at(-1).open = false;
    lines.at(-1).done(event);
    announce(`${said} answered.`);
  }
}

/// What the end says: how the run ended, and what it cost.
function finished(usage, lines) {
  const told = usage?.trinity;
  told?.turns?.slice(-lines.length).forEach((turn, n) => lines[n]?.paid(turn));
  const facts = [];
  if (told?.final_status) facts.push(told.verified ? "accepted by a Verifier" : told.final_status.replaceAll("_", " "));
  if (told?.turns) facts.push(counted(told.turns.length, "turn"));
  if (usage) facts.push(`${count(usage.prompt_tokens)} tokens in, ${count(usage.completion_tokens)} out`);
  if (told?.cost_usd) facts.push(usd(told.cost_usd));
  return [`Done${facts.length ? ": " : ""}${facts.join(" · ")}.`];
}

function outcome(parts, run = null) {
  byId("outcome").replaceChildren(el("span", null, parts),
    run ? el("button", { id: "open-story", class: "quiet", type: "button", onclick: () => openStory(run) }, "Its story") : "");
}

function busy(on) {
  const active = document.activeElement;
  byId("stop").hidden = !on;
  byId("send").hidden = on;
  if (active === byId("send") && on) byId("stop").focus();
  if (active === byId("stop") && !on) byId("send").focus();
}
