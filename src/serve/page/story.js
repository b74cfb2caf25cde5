// One run from its first decision to its end, in a panel of its own.
import { getJson } from "./api.js";
import { bar, byId, clarity, count, counted, el, ending, foreign, margin, ms, role, shares, status, terms, time, usd }
  from "./draw.js";

let shown = null;  // id of the run
let related = () => [];
let timer = 0;

/// `others(run)`: further runs of the same conversation.
export function startStory(others) {
  related = others;
  byId("close-story").addEventListener("click", () => byId("story").close());
  byId("story").addEventListener("click", (event) => {
    if (event.target === byId("story")) byId("story").close();  // beside the panel
  });
  byId("story").addEventListener("close", () => {
    shown = null;
    if (location.hash.startsWith("#run=")) history.replaceState(null, "", location.pathname + location.search);
  });
  const follow = () => {
    if (location.hash.startsWith("#run=")) openStory(decodeURIComponent(location.hash.slice(5)));
  };
  addEventListener("hashchange", follow);
  follow();
}

export async function openStory(id) {
  shown = id;
  if (!byId("story").open) byId("story").showModal();
  byId("story-body").replaceChildren(el("p", { class: "fine" }, "…"));
  history.replaceState(null, "", `#run=${encodeURIComponent(id)}`);
  await load(id);
  byId("story-title").focus();
  byId("story").scrollTop = 0;
}

/// A run changed; the panel follows when it shows that one.
export function storyChanged(id) {
  if (shown !== id) return;
  clearTimeout(timer);
  timer = setTimeout(() => load(id), 150);
}

async function load(id) {
  try {
    const story = await getJson(`v1/trinity/runs/${encodeURIComponent(id)}`);
    if (shown === id) draw(story);
  } catch (error) {
    if (shown === id) byId("story-body").replaceChildren(el("p", { class: "bad" }, error.message));
  }
}

function draw({ run, turns }) {
  const [text, kind] = ending(run);
  const left = run.turns - turns.length;
  const others = related(run);
  byId("story-body").replaceChildren(
    el("p", { class: "lead" }, status(text, kind)),
    run.error ? el("p", { class: "bad", dir: "auto" }, run.error) : "",
    terms([
      ["Began", time(run.began_ms)],
      ["Model", foreign(run.model)],
      ["Rules", run.profile === "member" ? "none: the member was named" : run.profile],
      ["Asked by", run.key === null ? null : foreign(run.key)],
      ["Interface", `${run.dialect}${run.stream ? ", streamed" : ""}`],
      ["Took", ms(run.ms)],
      ["Router", ms(run.router_ms)],
      ["Members", ms(run.upstream_ms)],
      ["Tokens in / out", `${count(run.input_tokens)} / ${count(run.output_tokens)}`],
      ["Cost", usd(run.cost_usd)],
    ]),
    terms([
      ["Run", el("code", null, foreign(run.id, 44))],
      ["Conversation", run.conversation_id === null ? null : el("code", null, foreign(run.conversation_id, 44))],
    ], "wide"),
    el("h3", null, "Turns"),
    turns.length ? el("ol", { class: "timeline" }, turns.map((turn) => drawTurn(turn, run, turns.length <= 3)))
      : el("p", { class: "fine" }, "No member was asked yet."),
    left > 0 ? el("p", { class: "fine" }, `${counted(left, "further turn")} were not kept.`) : "",
    others.length ? el("h3", null, "In the same conversation") : "",
    others.length ? el("ul", { class: "others" }, others.map((other) => el("li", null,
      el("button", { class: "quiet", type: "button", onclick: () => openStory(other.id) },
        time(other.began_ms), ` · ${ending(other)[0]}`)))) : "",
    el("p", { class: "fine" }, "Prompts and answers are not kept, only what was decided and what it cost."));
}

const states = { running: ["at work", "busy"], failed: ["failed", "bad"], cancelled: ["cancelled", "warn"] };
const verdicts = { accepted: ["accepted", "good"], revised: ["asks for revision", "warn"], unknown: ["no verdict", "warn"] };

function drawTurn(turn, run, open) {
  const mark = states[turn.state] || verdicts[turn.verdict] || ["answered", "good"];
  const notes = [
    turn.pinned ? "The member that called the tool went on; the router's choice did not count." : null,
    turn.role && turn.router_role !== turn.role && run.profile !== "fast" && !turn.pinned
      ? `A Thinker had asked for this role; the router chose ${turn.router_role}.` : null,
    ...(turn.fallbacks || []).map((one) => ["Failed and was replaced: ", foreign(one, 160)]),
    ...turn.passed_over.map((one) => ["Passed over: ", foreign(one.reason, 300)]),
    turn.suggested_role ? ["Suggests for the next turn: ", foreign(turn.suggested_role)] : null,
    turn.error ? [el("span", { class: "bad" }, foreign(turn.error, 500))] : null,
  ].filter(Boolean);
  return el("li", { "data-role": turn.role },
    el("h4", null, `Turn ${turn.turn + 1}: `, foreign(turn.member), turn.role ? " as " : "", role(turn.role) || "",
      " ", status(...mark)),
    terms([
      ["Model", foreign(turn.model)],
      ["Took", turn.ms === undefined ? null : ms(turn.ms)],
      [`Tokens in / out${turn.estimated ? ", estimated" : ""}`, turn.ms === undefined ? null
        : `${count(turn.input_tokens)} / ${count(turn.output_tokens)}`],
      ["Cost", turn.ms === undefined ? null : usd(turn.cost_usd)],
    ]),
    notes.length ? el("ul", { class: "notes" }, notes.map((note) => el("li", null, note))) : "",
    turn.agents.length ? decision(turn, open) : "");
}

/// How the router weighed members and roles, as it decided.
function decision(turn, open) {
  const agents = shares(turn.agents.map((one) => one.logit));
  const roles = shares(turn.roles.map((one) => one.logit));
  const row = (name, share, logit, chosen, note) => el("tr", { class: chosen ? "chosen" : null },
    el("th", { scope: "row" }, name, chosen ? el("span", { class: "sr" }, " (chosen)") : "",
      note ? el("span", { class: "fine" }, ` ${note}`) : ""),
    el("td", { class: "grow" }, bar(share)),
    el("td", { class: "number" }, `${(share * 100).toFixed(0)} %`),
    el("td", { class: "number fine" }, logit.toFixed(2)));
  const table = (caption, title, rows) => el("table", { class: "weights" },
    el("caption", null, caption),
    el("thead", { class: "sr" }, el("tr", null, [title, "Bar", "Share", "Logit"].map((head) => el("th", { scope: "col" }, head)))),
    el("tbody", null, rows));
  const summary = turn.margin === null ? "How the router decided"
    : ["How the router decided: margin ", margin(turn.margin), turn.runner_up ? " over " : "", turn.runner_up ? foreign(turn.runner_up) : ""];
  return el("details", { open }, el("summary", null, summary,
    turn.margin === null ? "" : bar(clarity(turn.margin), "margin")),
    table("Members, by slot", "Member", turn.agents.map((one, n) => row(
      [`${one.agent_id} `, foreign(one.member || "nobody", 24)], agents[n], one.logit, one.agent_id === turn.agent_id))),
    table("Roles", "Role", turn.roles.map((one, n) => row(
      foreign(one.role, 24), roles[n], one.logit, one.role === turn.router_role, one.masked ? "could not be chosen yet" : ""))));
}
