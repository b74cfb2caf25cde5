"""Load of every kind for a long time, from clients that behave and clients that do not, over members that
answer and members that fail: nothing may grow, nothing may be lost, and all counts must agree.

  python3 soak.py [--minutes 30] [--binary build/bin/trinity] [--clients 12]

Memory is the anonymous resident part (RssAnon), read twice a second. After a warm-up, a third of the time
but at most three minutes, a line is laid through the samples (Theil and Sen: the median of slopes between
pairs, which single peaks do not move); what it rises from begin to end may be 2 % of the median. Nothing is
trimmed for it. A run of less than ten minutes ends before the allocator has seen its peaks, so there it may
be 15 %: enough to see what grows with each request, not more.
"""

import argparse
import asyncio
import collections
import json
import os
import random
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path

import raw_http
from environment import ROOT
from faulty_upstream import KINDS, FaultyUpstream
from raw_http import Connection, ask, chat
from results import Found
from server import Server, demo_members, http_member

SUITE_SECONDS = 40
LONG_SECONDS = 600
KEPT = 16  # connections that a pool keeps to its members
GROWTH_LONG, GROWTH_SHORT = 0.02, 0.15
QUESTIONS = ["What is 17 * 23?", "Is 97 prime?", "15% of 80", "Sort: pear, apple, fig",
             "How many days from 2024-02-01 to 2024-03-01?",
             "Convert 5 km to miles", "Tell me of the sea.", "2 + 3 * 4", "2^100"]
TOOLS = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]


def pool(upstream):
  text = demo_members()
  for kind in (*KINDS, "mixed"):
    text += http_member(kind, upstream.url, model=kind, more=(
        'capabilities = ["tools"]\ntimeout_ms = 1500\nidle_timeout_ms = 800\nretries = 1\nmax_waiting = 1000\n'
        'price = { input = 1, output = 2 }\n'))
  slots = enumerate(("abacus", "mixed", "scribe", "tools", "hasty", "fine"))
  return text + "[slots]\n" + "".join(f'{n} = "{name}"\n' for n, name in slots) + 'others = "clerk"\n'


class Seen:
  """What the clients saw."""

  def __init__(self):
    self.answers = collections.Counter()  # by path, status
    self.cancelled = collections.Counter()  # by path
    self.kinds = collections.Counter()
    self.wrong = []

  def note(self, path, answer, streamed=False):
    self.answers[path, answer.status] += 1
    if answer.status == 200:
      if streamed:
        self.check_stream(path, answer)
      elif path != "/healthz":
        answer.json()
      return
    error = answer.json()["error"]
    if not error.get("message") or not error.get("type"):
      self.wrong.append(f"an error without type or message: {answer.body[:200]!r}")

  def check_stream(self, path, answer):
    events = answer.events()
    if not events:
      self.wrong.append(f"an empty stream of {path}")
      return
    ended = events[-1] == "[DONE]" or '"error"' in events[-1] or "message_stop" in events[-1] or (
        "response.completed" in events[-1] or "response.failed" in events[-1] or "response.incomplete" in events[-1])
    if not ended:
      self.wrong.append(f"a stream of {path} that ended in {events[-1][:120]}")


class Client:
  def __init__(self, port, seed, seen):
    self.port, self.seen, self.random = port, seen, random.Random(seed)
    self.kept = Connection(port) if seed % 2 else None

  async def post(self, path, body, streamed=False):
    if self.kept:
      answer = await self.kept.ask(path, body, seconds=40)
    else:
      answer = await ask(self.port, path, body, seconds=40)
    self.seen.note(path, answer, streamed)
    return answer

  def question(self):
    return f"{self.random.choice(QUESTIONS)} ({self.random.randrange(1000)})"

  async def plain(self):
    await self.post("/v1/chat/completions", chat(self.random.choice(["trinity", "trinity:reference"]), self.question()))

  async def stream(self):
    await self.post("/v1/chat/completions", chat("trinity", self.question(), stream=True,
                                                 stream_options={"include_usage": True}), True)

  async def fast(self):
    streamed = self.random.random() < 0.5
    await self.post("/v1/chat/completions", chat("trinity:fast", self.question(), stream=streamed), streamed)

  async def direct(self):
    streamed = self.random.random() < 0.5
    model = self.random.choice([*KINDS, "abacus", "scribe", "mixed"])
    if model == "stall" and self.random.random() < 0.8:
      model = "fine"
    await self.post("/v1/chat/completions", chat(model, self.question(), stream=streamed), streamed)

  async def tools(self):
    body = {**chat("trinity", self.question()), "tools": TOOLS}
    answer = await self.post("/v1/chat/completions", body)
    if answer.status == 200:
      message = answer.json()["choices"][0]["message"]
      if message.get("tool_calls"):
        call = message["tool_calls"][0]["id"]
        body["messages"] += [message, {"role": "tool", "tool_call_id": call, "content": "seen"}]
        await self.post("/v1/chat/completions", body)

  async def messages(self):
    streamed = self.random.random() < 0.5
    await self.post("/v1/messages", {**chat("trinity", self.question(), stream=streamed), "max_tokens": 200}, streamed)

  async def responses(self):
    streamed = self.random.random() < 0.5
    await self.post("/v1/responses", {"model": "trinity", "input": self.question(), "stream": streamed}, streamed)

  async def route(self):
    await self.post("/v1/route", {"inputs": [{"messages": [{"role": "user", "content": self.question()}]}]})

  async def bad(self):
    path = self.random.choice(["/v1/chat/completions", "/v1/messages", "/v1/responses"])
    nobody = {**chat("nobody", "x"), "max_tokens": 5, "input": "x"}
    body = self.random.choice([b"{", b"[]", nobody, b'{"model":"trinity","messages":5,"input":5,"max_tokens":"x"}',
                               b"\xff", b"[" * 5000])
    await self.post(path, body)

  async def cancel(self):
    """Goes away after a moment, whole or streamed, in the midst of whatever happens."""
    body = chat(self.random.choice(["trinity", "slow_bytes", "stall", "mixed", "trinity:fast"]), self.question(),
                stream=self.random.random() < 0.7)
    one = Connection(self.port)
    asking = asyncio.create_task(one.ask("/v1/chat/completions", body, seconds=40))
    await asyncio.wait({asking}, timeout=self.random.random() * 0.15)
    if asking.done():
      self.seen.note("/v1/chat/completions", asking.result(), body["stream"])
    else:
      self.seen.cancelled["/v1/chat/completions"] += 1
      asking.cancel()
      await asyncio.gather(asking, return_exceptions=True)
    one.close()

  async def run(self, end):
    ways = [(self.plain, 4), (self.stream, 4), (self.fast, 3), (self.direct, 4), (self.tools, 2), (self.messages, 2),
            (self.responses, 2), (self.route, 2), (self.bad, 2), (self.cancel, 3)]
    while time.monotonic() < end:
      way = self.random.choices([way for way, _ in ways], [weight for _, weight in ways])[0]
      self.seen.kinds[way.__name__] += 1
      try:
        await way()
      except (OSError, raw_http.Broken, asyncio.TimeoutError, ValueError, KeyError) as error:
        self.seen.wrong.append(f"{way.__name__}: {type(error).__name__}: {str(error)[:150]}")
        if self.kept:
          self.kept.close()
      await asyncio.sleep(0.02 + self.random.random() * 0.06)
    if self.kept:
      self.kept.close()


def memory_kib(pid):
  for line in Path(f"/proc/{pid}/status").read_text().splitlines():
    if line.startswith("RssAnon:"):
      return int(line.split()[1])
  return 0


def counts_of(pid):
  return len(os.listdir(f"/proc/{pid}/fd")), len(os.listdir(f"/proc/{pid}/task"))


def rise(samples):
  """(what the line rises over the time, the median), in KiB, of [(seconds, KiB)]."""
  step = max(1, len(samples) // 400)
  few = samples[::step]
  slopes = [(b[1] - a[1]) / (b[0] - a[0]) for n, a in enumerate(few) for b in few[n + 1:]]
  return statistics.median(slopes) * (few[-1][0] - few[0][0]), statistics.median(kib for _, kib in few)


def metrics_of(text):
  """{(name, labels as a frozenset): value}"""
  found = {}
  for line in text.splitlines():
    if line.startswith("#") or not line:
      continue
    series, value = line.rsplit(" ", 1)
    name, _, labels = series.partition("{")
    pairs = frozenset(tuple(part.split("=", 1)) for part in labels.rstrip("}").replace('"', "").split(",") if part)
    found[name, pairs] = float(value)
  return found


def compare_counts(seen, metrics):
  """Each status of each path as often as the clients saw it; those who went may or may not be counted."""
  counted = {}
  for (name, labels), value in metrics.items():
    if name == "trinity_requests_total":
      of = dict(labels)
      counted[of["path"], int(of["status"])] = int(value)
  wrong, spare = [], dict(seen.cancelled)
  for key in sorted(set(counted) | set(seen.answers)):
    path, _ = key
    if path in ("/metrics", "/healthz", "/readyz"):
      continue
    more = counted.get(key, 0) - seen.answers[key]
    if more > 0 and spare.get(path, 0) >= more:
      spare[path] -= more
    elif more != 0:
      wrong.append(f"{path} {key[1]}: counted {counted.get(key, 0)}, seen {seen.answers[key]}")
  return wrong


def read_trace(path):
  """(runs, what is wrong): each run has one begin and one end."""
  begun, ended, broken = collections.Counter(), collections.Counter(), 0
  with open(path, encoding="utf-8") as lines:
    for line in lines:
      try:
        event = json.loads(line)
      except ValueError:
        broken += 1
        continue
      if event["event"] == "run_started":
        begun[event["run_id"]] += 1
      elif event["event"] in ("run_completed", "run_failed"):
        ended[event["run_id"]] += 1
  wrong = [f"{broken} lines are no JSON"] if broken else []
  if begun != ended:
    wrong.append(f"{len(begun)} runs begin and {len(ended)} end; {list((begun - ended) | (ended - begun))[:3]}")
  if any(count != 1 for count in begun.values()):
    wrong.append("a run begins twice")
  return len(begun), wrong


async def load(server, upstream, seconds, clients, seen, samples):
  start = time.monotonic()
  end = start + seconds
  asking = [asyncio.create_task(Client(server.port, n, seen).run(end)) for n in range(clients)]
  pool_file, reloads, next_reload = Path(server.folder.name) / "pool.toml", 0, start + 4
  while any(not one.done() for one in asking):
    await asyncio.sleep(0.5)
    samples.append((time.monotonic() - start, memory_kib(server.process.pid)))
    if not server.is_alive():
      seen.wrong.append(f"the server ended: {server.said()[-400:]}")
      for one in asking:
        one.cancel()
      break
    if time.monotonic() > next_reload:
      pool_file.write_text(pool(upstream))
      server.process.send_signal(signal.SIGHUP)
      reloads, next_reload = reloads + 1, time.monotonic() + 5
  await asyncio.gather(*asking, return_exceptions=True)
  return reloads


async def drained(server, seen):
  """Requests that are under way at the end get their answers."""
  asking = [asyncio.create_task(ask(server.port, "/v1/chat/completions", chat("slow_bytes", "x", stream=n % 2 == 0)))
            for n in range(20)]
  await asyncio.sleep(0.05)
  server.process.terminate()
  for done in await asyncio.gather(*asking, return_exceptions=True):
    if isinstance(done, ConnectionRefusedError):
      continue  # came too late to be taken, and knows it
    if isinstance(done, Exception):
      seen.wrong.append(f"at the end a request was lost: {type(done).__name__}")


def run(binary, seconds, clients):
  """(Found, lines that tell what happened)"""
  found, told, seen, samples = Found(), [], Seen(), []

  def check(name, wrong):
    if wrong:
      found.failures.append(f"{name}: {wrong}")
    else:
      found.passed += 1

  with FaultyUpstream() as upstream, tempfile.TemporaryDirectory() as folder:
    trace = Path(folder) / "trace.jsonl"
    # The prefix cache fills up to its limit, by default a quarter of the free memory: a small one is soon full.
    arguments = ["--prefix-cache", "8", "--trace", str(trace), "--trace-max-mib", "0",
                 "--ledger", str(Path(folder) / "ledger.db"), "--budget", "all=1000000usd/total"]
    with Server(binary, pool(upstream), arguments) as server:
      pid = server.process.pid
      asyncio.run(ask(server.port, "/healthz"))
      base_files, base_threads = counts_of(pid)
      reloads = asyncio.run(load(server, upstream, seconds, clients, seen, samples))
      if not server.is_alive():
        found.failures += seen.wrong[-1:]
        return found, told
      time.sleep(2)  # answers that nobody waits for any more
      files, threads = counts_of(pid)
      metrics = metrics_of(asyncio.run(ask(server.port, "/metrics")).body.decode())
      warm = min(180.0, seconds / 3)
      grown, median = rise([one for one in samples if warm <= one[0] <= seconds])
      told.append(f"{sum(seen.answers.values())} answers, {sum(seen.cancelled.values())} cancelled, {reloads} reloads, "
                  f"{seconds:.0f} s with {clients} clients; by kind {dict(seen.kinds)}")
      statuses = collections.Counter()
      for (_, status), count in seen.answers.items():
        statuses[status] += count
      told.append(f"statuses {dict(sorted(statuses.items()))}; upstream asked {sum(upstream.calls.values())} times")
      told.append(f"memory: median {median / 1024:.1f} MiB, line rises {grown / 1024:+.2f} MiB ({grown / median:+.2%}) "
                  f"in {seconds - warm:.0f} s after {warm:.0f} s of warm-up")
      told.append(f"descriptors {base_files} -> {files}, threads {base_threads} -> {threads}")
      allowed = GROWTH_LONG if seconds >= LONG_SECONDS else GROWTH_SHORT
      check("memory", grown > allowed * median and f"it rises {grown / median:.1%} of {median / 1024:.1f} MiB")
      check("descriptors", files > base_files + KEPT and f"{base_files} before and {files} after")
      check("threads", threads > base_threads + 1 and f"{base_threads} before and {threads} after")
      check("metrics agree with clients", compare_counts(seen, metrics))
      check("reloads", server.said().count("in use now") < reloads * 0.9 and f"{server.said()[-300:]}")
      asyncio.run(drained(server, seen))
      code = server.process.wait(40)
      check("end", (code != 0 or "cut" in server.said()) and f"status {code}: {server.said()[-300:]}")
      check("no request lost", seen.wrong and f"{len(seen.wrong)}: {seen.wrong[:4]}")
      runs, wrong = read_trace(trace)
      counted = int(sum(value for (name, _), value in metrics.items() if name == "trinity_runs_total"))
      told.append(f"trace: {runs} runs, metrics: {counted}")
      check("traces are whole", wrong)
      check("runs of trace and metrics", runs != counted and f"trace {runs}, metrics {counted}")
  return found, told


def soak(binary):
  """A mixed load for less than a minute; soak.py --minutes runs it longer."""
  found, told = run(binary, SUITE_SECONDS, 8)
  for line in told:
    print("  " + line, flush=True)
  return found


def main():
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument("--minutes", type=float, default=30)
  parser.add_argument("--clients", type=int, default=12)
  parser.add_argument("--binary", default=ROOT / "build" / "bin" / "trinity")
  arguments = parser.parse_args()
  os.environ["no_proxy"] = os.environ["NO_PROXY"] = "*"
  found, told = run(arguments.binary, arguments.minutes * 60, arguments.clients)
  failures = [f"FAILED {one}" for one in found.failures]
  print("\n".join([*told, f"{found.passed} passed, {found.failed} failed", *failures]))
  return 1 if found.failures else 0


if __name__ == "__main__":
  sys.exit(main())
