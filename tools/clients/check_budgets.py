"""Budgets under pressure: two hundred requests at once against a cap of each kind, in one process and in two
replicas that share a Redis; a process that is killed; a Redis that is gone.

What was spent is counted by the upstream, not by the server: every answer costs 30 tokens.
"""

import asyncio
import collections
import shutil
import sqlite3
import subprocess
import tempfile
import time
from pathlib import Path

import raw_http
from environment import Unavailable
from faulty_upstream import USAGE, FaultyUpstream
from raw_http import ask, chat
from results import Found, free_port, run_checks
from server import Server, demo_members, http_member

PARALLEL = 200
TOKENS = USAGE["total_tokens"]
USD = TOKENS * 1000 / 1e6  # at 1,000 USD for a million tokens
MODEL = "fine"
# More letters than the upstream counts tokens, so that what is reserved is more than what it comes to.
QUESTION = "How long is the coast of an island whose map is as large as the island itself? " * 2
CAPS = {"calls": (50, "50calls"), "tokens": (50 * TOKENS, f"{50 * TOKENS}tokens"), "money": (50, f"{50 * USD:g}usd")}


def pool(upstream):
  return demo_members() + http_member(MODEL, upstream.url, model=MODEL, more=(
      "price = { input = 1000, output = 1000 }\nmax_parallel = 64\nmax_waiting = 1000\nretries = 0\n")) + (
          f'[slots]\nothers = "{MODEL}"\n')


async def burst(ports, count=PARALLEL):
  """Statuses of so many requests at once; 0 for one that was cut."""
  async def one(n):
    try:
      answer = await ask(ports[n % len(ports)], "/v1/chat/completions", chat(MODEL, QUESTION, max_tokens=25))
      code = answer.code() if answer.status != 200 else ""
      return answer.status, code
    except (OSError, raw_http.Broken, asyncio.TimeoutError):
      return 0, "cut"
  return collections.Counter(await asyncio.gather(*[one(n) for n in range(count)]))


def check_cap(kind, ports, upstream):
  """Never one too many at once, nor afterwards one after the other."""
  before = upstream.calls[MODEL]
  first = asyncio.run(burst(ports))
  granted = first[200, ""]
  assert set(first) <= {(200, ""), (402, "budget_exceeded")}, dict(first)
  assert upstream.calls[MODEL] - before == granted, f"{upstream.calls[MODEL] - before} calls for {granted} answers"
  for _ in range(60):
    if asyncio.run(burst(ports, len(ports)))[200, ""] == 0:
      break
  total = upstream.calls[MODEL] - before
  assert total <= 50, f"{total} calls where 50 were allowed ({kind})"
  assert granted > 0 and total >= (50 if kind == "calls" else 48), f"{granted} at once, {total} in all"
  print(f"  {kind}: {granted} of {PARALLEL} at once, {total} in all", flush=True)


def one_process(binary, kind):
  with FaultyUpstream(answer_seconds=0.05) as upstream, tempfile.TemporaryDirectory() as folder:
    database = Path(folder) / "ledger.db"
    arguments = ["--budget", f"all={CAPS[kind][1]}/total", "--ledger", str(database)]
    with Server(binary, pool(upstream), arguments) as server:
      check_cap(kind, [server.port], upstream)
    ended = rows(database)
    assert ended["settled"][0] == upstream.calls[MODEL], (ended, upstream.calls[MODEL])
    assert ended["settled"][1] == upstream.calls[MODEL] * TOKENS, ended


def each_key(binary):
  """key:*: each key has the cap for itself, and one without requests loses nothing."""
  with FaultyUpstream(answer_seconds=0.02) as upstream, tempfile.TemporaryDirectory() as folder:
    keys = Path(folder) / "keys"
    keys.write_text("alice = alices-long-secret-key\nbob = bobs-long-secret-key\n")
    with Server(binary, pool(upstream), ["--api-keys", str(keys), "--budget", "key:*=20calls/total"]) as server:
      async def of(name):
        return [await asyncio.gather(*[ask(server.port, "/v1/chat/completions", chat(MODEL, QUESTION, max_tokens=25),
                                           [("x-api-key", f"{name}-long-secret-key")]) for _ in range(60)])]
      async def both():
        return await asyncio.gather(of("alices"), of("bobs"))
      for answers in asyncio.run(both()):
        granted = sum(answer.status == 200 for answer in answers[0])
        assert granted == 20, f"{granted} calls where 20 were allowed"


def rows(database):
  """state -> (reservations, tokens) of the ledger."""
  with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
    names = [row[1] for row in connection.execute("PRAGMA table_info(reservation)")]
    tokens = next(name for name in ("cost_tokens", "actual_tokens", "tokens") if name in names)
    calls = tokens.replace("tokens", "calls")
    return collections.defaultdict(lambda: (0, 0, 0), {
        state: (count, total or 0, called or 0) for state, count, total, called in connection.execute(
            f"SELECT state, count(*), sum({tokens}), sum({calls}) FROM reservation GROUP BY state")})


def killed(binary):
  """kill -9 under load, then a new start: what the upstream was asked is charged, and the cap holds for both."""
  with FaultyUpstream(answer_seconds=0.1) as upstream, tempfile.TemporaryDirectory() as folder:
    database = Path(folder) / "ledger.db"
    arguments = ["--budget", f"all={300 * USD:g}usd/total", "--ledger", str(database)]
    server = Server(binary, pool(upstream), arguments)

    async def under_load():
      asking = asyncio.create_task(burst([server.port], 80))
      while upstream.answered[MODEL] < 10:
        await asyncio.sleep(0.005)
      server.process.kill()
      return await asking

    first = asyncio.run(under_load())
    server.process.wait()
    server.close()
    time.sleep(0.3)  # what the upstream still works on
    before = upstream.calls[MODEL]
    assert first[0, "cut"] > 0, f"nothing was cut: {dict(first)}"
    with Server(binary, pool(upstream), arguments) as again:
      found = rows(database)
      counted = found["settled"][0] + found["abandoned"][0]
      assert found["abandoned"][0] > 0, f"no reservation was abandoned: {dict(found)}"
      assert before <= counted, f"the upstream was asked {before} times, {counted} are charged"
      for _ in range(3):
        asyncio.run(burst([again.port]))
    after = upstream.calls[MODEL]
    assert before < after <= 300, f"{before} and then {after} calls where 300 were allowed"
    print(f"  killed: upstream {before}, settled {found['settled'][0]}, abandoned {found['abandoned'][0]}, "
          f"in all {upstream.calls[MODEL]} of 300", flush=True)


class Redis:
  def __init__(self):
    self.program = shutil.which("redis-server")
    if not self.program:
      raise Unavailable("redis-server is not installed")
    self.port = free_port()
    self.folder = tempfile.TemporaryDirectory()
    self.start()

  def start(self):
    self.process = subprocess.Popen(
        [self.program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
         "--dir", self.folder.name, "--daemonize", "no"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    end = time.monotonic() + 10
    while time.monotonic() < end:
      try:
        asyncio.run(self.ping())
        return
      except OSError:
        time.sleep(0.05)
    raise RuntimeError("redis-server did not start")

  async def ping(self):
    _, writer = await asyncio.open_connection("127.0.0.1", self.port)
    writer.close()

  def stop(self):
    self.process.kill()
    self.process.wait()

  def __enter__(self):
    return self

  def __exit__(self, *_):
    self.stop()
    self.folder.cleanup()


class Replicas:
  def __init__(self, binary, upstream, redis, budget):
    self.folder = tempfile.TemporaryDirectory()
    self.databases = [Path(self.folder.name) / f"ledger-{n}.db" for n in range(2)]
    self.servers = [Server(binary, pool(upstream), [
        "--budget", budget, "--ledger", str(database), "--ledger", f"redis://127.0.0.1:{redis.port}"])
                    for database in self.databases]

  @property
  def ports(self):
    return [server.port for server in self.servers]

  def __enter__(self):
    return self

  def __exit__(self, *_):
    for server in self.servers:
      server.close()
    self.folder.cleanup()


def shared(binary, kind):
  with FaultyUpstream(answer_seconds=0.05) as upstream, Redis() as redis, \
      Replicas(binary, upstream, redis, f"all={CAPS[kind][1]}/total") as replicas:
    check_cap(kind, replicas.ports, upstream)


def one_replica_killed(binary):
  """The calls of a replica that dies stay charged; the other goes on and the cap holds for both."""
  with FaultyUpstream(answer_seconds=0.1) as upstream, Redis() as redis, \
      Replicas(binary, upstream, redis, f"all={200 * USD:g}usd/total") as replicas:
    async def under_load():
      asking = asyncio.create_task(burst(replicas.ports, 80))
      while upstream.answered[MODEL] < 10:
        await asyncio.sleep(0.005)
      replicas.servers[1].process.kill()
      return await asking
    first = asyncio.run(under_load())
    assert first[0, "cut"] > 0, f"nothing was cut: {dict(first)}"
    for _ in range(4):
      asyncio.run(burst(replicas.ports[:1], 60))
    assert 80 <= upstream.calls[MODEL] <= 200, f"{upstream.calls[MODEL]} calls where 200 were allowed"
    print(f"  one replica killed: {upstream.calls[MODEL]} of 200 calls", flush=True)


def redis_gone(binary):
  """Money is refused with a sentence that says why; calls are let through; all is well when it is back."""
  with FaultyUpstream() as upstream, Redis() as redis:
    with Replicas(binary, upstream, redis, f"all={100 * USD:g}usd/total") as replicas:
      assert asyncio.run(burst(replicas.ports, 4))[200, ""] == 4
      redis.stop()
      answer = asyncio.run(ask(replicas.ports[0], "/v1/chat/completions", chat(MODEL, QUESTION, max_tokens=25)))
      assert answer.status == 503, f"{answer.status} {answer.body[:200]!r}"
      assert "redis" in answer.json()["error"]["message"].lower(), answer.body
      assert answer.seconds < 10, f"it took {answer.seconds:.1f} s"
      asked = upstream.calls[MODEL]
      assert asked == 4, f"{asked} calls were made"
      redis.start()
      end = time.monotonic() + 15
      while asyncio.run(burst(replicas.ports, 2))[200, ""] < 2:
        assert time.monotonic() < end, "it did not come back"
        time.sleep(0.2)
    with Replicas(binary, upstream, redis, "all=1000calls/total") as replicas:
      assert asyncio.run(burst(replicas.ports, 4))[200, ""] == 4
      redis.stop()
      statuses = asyncio.run(burst(replicas.ports, 10))
      assert statuses[200, ""] == 10, dict(statuses)


def knows_redis(binary):
  said = subprocess.run([str(binary), "serve", "--help"], capture_output=True, text=True, stdin=subprocess.DEVNULL)
  return "redis" in said.stdout.lower()


def budgets(binary):
  """Caps of each kind under two hundred requests at once, a killed process; with Redis, two replicas."""
  found = Found()
  run_checks(found, [(f"one process, {kind}", lambda kind=kind: one_process(binary, kind)) for kind in CAPS])
  run_checks(found, [("each key", lambda: each_key(binary)), ("killed", lambda: killed(binary))])
  if not knows_redis(binary) or not shutil.which("redis-server"):
    reason = "this server cannot be told of a Redis" if not knows_redis(binary) else "redis-server is not installed"
    found.deselected += 1
    found.reasons.append(f"SKIPPED replicas that share a budget: {reason}")
    print(f"SKIPPED replicas that share a budget: {reason}", flush=True)
    return found
  run_checks(found, [(f"two replicas, {kind}", lambda kind=kind: shared(binary, kind)) for kind in CAPS])
  run_checks(found, [("one replica killed", lambda: one_replica_killed(binary)),
                     ("Redis gone", lambda: redis_gone(binary))])
  return found
