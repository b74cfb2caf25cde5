// The page: what the server does now, what it did, and who does it.
import { getJson, hasKey, NeedsKey, setKey, watch } from "./api.js";
import { setModels, startAsk } from "./ask.js";
import { bar, byId, clarity, count, counted, el, ending, foreign, margin, ms, role, span, status, terms, time, usd }
  from "./draw.js";
import { openStory, startStory, storyChanged } from "./story.js";

const STATUS_EVERY = 5000;
const RUNS_AT_ONCE = 10;

const runs = new Map();  // id -> {run, item, button}
let shownRuns = RUNS_AT_ONCE;
let session = null;  // AbortController of what is asked with the key in use

// ---- runs

function drawRun(entry) {
  const { run, button } = entry;
  const steps = run.path.slice(-6);
  button.replaceChildren(
    el("span", { class: "run-head" }, status(...ending(run)), el("span", { class: "run-model" }, foreign(run.model, 28)),
      el("span", { class: "fine" }, time(run.began_ms))),
    el("span", { class: "path" },
      steps.length < run.path.length ? el("span", { class: "fine" }, `${run.path.length - steps.length} more, `) : "",
      steps.map((step) => el("span", { class: "step", "data-role": step.role },
        el("span", { class: "step-name" }, foreign(step.member, 18)),
        step.role ? el("span", null, el("span", { class: "sr" }, " as "), role(step.role),
          step.margin === null ? "" : el("span", { class: "fine" }, el("span", { class: "sr" }, ", margin "), ` ${margin(step.margin)}`)) : "",
        step.margin === null ? "" : bar(clarity(step.margin), "margin")))),
    el("span", { class: "fine run-facts" }, [counted(run.turns, "turn"),
      run.state === "running" ? null : ms(run.ms),
      run.state === "running" ? null : `${count(run.input_tokens + run.output_tokens)} tokens`,
      run.cost_usd === null ? null : usd(run.cost_usd),
      run.fallbacks ? counted(run.fallbacks, "fallback") : null].filter(Boolean).join(" · ")));
}

function putRun(run) {
  let entry = runs.get(run.id);
  if (!entry) {
    const button = el("button", { type: "button", class: "run", onclick: () => openStory(run.id) });
    entry = { button, item: el("li", null, button) };
    runs.set(run.id, entry);
    const later = [...byId("runs").children].find((item) => item.began <= run.began_ms);
    entry.item.began = run.began_ms;
    byId("runs").insertBefore(entry.item, later || null);
  } else if (entry.run.state === "ended" && run.state === "running") {
    return;  // told late
  }
  entry.run = run;
  drawRun(entry);
}

function limitRuns() {
  const items = [...byId("runs").children];
  items.forEach((item, n) => { item.hidden = n >= shownRuns; });
  byId("more-runs").hidden = items.length <= shownRuns;
  byId("no-runs").hidden = items.length > 0;
}

/// Those that the server has forgotten go here, too.
function setRuns(list) {
  const known = new Set(list.map((run) => run.id));
  for (const [id, entry] of runs) {
    if (known.has(id)) continue;
    entry.item.remove();
    runs.delete(id);
  }
  for (const run of [...list].reverse()) putRun(run);
  limitRuns();
}

const sameConversation = (run) => run.conversation_id === null ? []
  : [...runs.values()].map((entry) => entry.run)
    .filter((one) => one.id !== run.id && one.conversation_id === run.conversation_id)
    .sort((a, b) => b.began_ms - a.began_ms).slice(0, 20);

// ---- the server

function drawStatus(now) {
  const { totals, router, loop } = now;
  byId("facts").replaceChildren(
    `${router.tiny_router ? "demonstration router" : `router ${router.profile}`} · rules ${loop.profile}, at most ${counted(loop.max_turns, "turn")} · up ${span(now.uptime_seconds)} · version ${now.version}`,
    ...(now.key === null ? [] : [" · key ", foreign(now.key, 24)]));
  const number = (term, value, below) => el("div", null, el("dt", null, term),
    el("dd", null, value, el("span", { class: "fine" }, below)));
  byId("numbers").replaceChildren(
    number("Under way", count(totals.active), `${counted(totals.runs, "run")} of the loop ended`),
    number("Router", ms(router.p50_ms), router.decisions ? `99 % within ${ms(router.p99_ms)}` : "no decision yet"),
    number("Calls", count(totals.calls), totals.calls === totals.calls_answered
      ? (totals.calls ? "all answered" : "none yet") : `${count(totals.calls - totals.calls_answered)} failed, ${counted(totals.fallbacks, "fallback")}`),
    number("Tokens", count(totals.input_tokens + totals.output_tokens), `${count(totals.input_tokens)} in, ${count(totals.output_tokens)} out`),
    number("Cost", usd(totals.cost_usd), "of members with a price"));
  drawPool(now.pool);
  drawBudgets(now.budgets);
  setModels(["trinity", "trinity:fast", ...now.pool.members.map((member) => member.name)]);
}

const memberStates = { ready: "good", busy: "busy", resting: "bad" };

let drawnPool = "";

function drawPool(pool) {
  const text = JSON.stringify(pool);
  if (text === drawnPool) return;  // somebody may be reading or copying it
  drawnPool = text;
  byId("pool").replaceChildren(...pool.members.map((member) => el("li", { class: "card member" },
    el("div", { class: "member-head" }, el("h3", null, foreign(member.name, 32)),
      status(member.state === "resting" ? `rests for ${span(Math.ceil(member.rests_for_ms / 1000))}` : member.state,
        memberStates[member.state])),
    el("p", { class: "fine" }, foreign(member.model, 40), ` · ${member.kind}`,
      member.slots.length ? ` · slot ${member.slots.join(", ")}` : " · no slot"),
    el("div", { class: "load" }, bar(member.in_flight / member.max_parallel, "busy"),
      el("span", { class: "fine" }, `${member.in_flight} of ${member.max_parallel} places taken`,
        member.waiting ? `, ${count(member.waiting)} wait` : "")),
    terms([
      ["Calls", [count(member.calls), member.failed ? el("span", { class: "bad" }, `, ${counted(member.failed, "failure")}`) : ""]],
      ["Mean time", ms(member.mean_ms)],
      ["Cost", usd(member.cost_usd)],
      ["Tokens in / out", `${count(member.input_tokens)} / ${count(member.output_tokens)}`],
      ["Context", member.context === null ? "not known" : count(member.context)],
      ["Price a million", member.price_usd_per_million === null ? "–"
        : `$${member.price_usd_per_million.input} / $${member.price_usd_per_million.output}`],
    ], "close"),
    member.last_failure ? el("p", { class: "fine bad" }, "Last failure: ", foreign(member.last_failure, 200)) : "")));
}

function drawBudgets(budgets) {
  byId("budgets-card").hidden = budgets.length === 0;
  const amount = (budget, value) => budget.unit === "usd" ? usd(value) : `${count(value)} ${budget.unit}`;
  byId("budgets").replaceChildren(...budgets.map((budget) => {
    const used = budget.limit > 0 ? (budget.spent + budget.held) / budget.limit : 1;
    return el("li", { class: "card" },
      el("h3", null, foreign(budget.subject, 32), el("span", { class: "fine" }, budget.period === "total" ? " in all" : ` a ${budget.period}`)),
      el("div", { class: "load" }, bar(used, used >= 1 ? "bad" : used > 0.8 ? "warn" : "margin"),
        el("span", null, `${amount(budget, budget.left)} left of ${amount(budget, budget.limit)}`)));
  }));
}

// ---- staying in touch

function connection(state, text) {
  byId("connection").dataset.state = state;
  byId("connection").textContent = text;
}

function askForKey() {
  session?.abort();
  byId("key-error").textContent = hasKey() ? "The server does not know this key." : "";
  setKey("");
  byId("key-card").hidden = false;
  byId("content").hidden = byId("forget-key").hidden = true;
  connection("waiting", "needs a key");
  byId("key").value = "";
  byId("key").focus();
}

let refresh = async () => {};
let refreshing = false;

/// Numbers follow what happens, at most once in a while.
function refreshSoon() {
  if (refreshing) return;
  refreshing = true;
  setTimeout(() => {
    refreshing = false;
    refresh().catch(() => { /* the next regular one tells */ });
  }, 400);
}

const sleep = (time, signal) => new Promise((resolve) => {
  const timer = setTimeout(resolve, time);
  signal.addEventListener("abort", () => { clearTimeout(timer); resolve(); });
});

/// Runs `work` again and again until the session ends; an error is waited out.
async function keep(signal, work, pause) {
  for (let failures = 0; !signal.aborted;) {
    try {
      await work();
      failures = 0;
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof NeedsKey) return askForKey();
      ++failures;
      connection("away", "no connection, trying again");
    }
    await sleep(failures ? Math.min(15000, 500 * 2 ** failures) : pause, signal);
  }
}

function start() {
  session?.abort();
  session = new AbortController();
  const { signal } = session;
  runs.clear();
  byId("runs").replaceChildren();
  refresh = async () => {
    if (document.hidden) return;
    const now = await getJson("v1/trinity/status");
    if (signal.aborted) return;
    byId("key-card").hidden = true;
    byId("content").hidden = false;
    byId("forget-key").hidden = !hasKey();
    drawStatus(now);
  };
  keep(signal, refresh, STATUS_EVERY);
  keep(signal, async () => {
    let listed = Promise.resolve();
    const opened = () => {
      connection("live", "live");
      listed = getJson("v1/trinity/runs").then((list) => setRuns(list.runs));
    };
    for await (const event of watch(signal, opened)) {
      await listed;
      putRun(event.run);
      limitRuns();
      storyChanged(event.run.id);
      refreshSoon();
    }
  }, 500);
}

byId("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  setKey(byId("key").value.trim());
  start();
});
byId("forget-key").addEventListener("click", () => {
  setKey("");
  askForKey();
});
byId("more-runs").addEventListener("click", () => {
  shownRuns += RUNS_AT_ONCE;
  limitRuns();
});
startAsk(askForKey);
startStory(sameConversation);
start();
