"""Replicas of the server behind nginx, haproxy and Envoy, with the files of examples/scale_out.

For each front: conversations stay on their replica; when a replica is killed those of the others stay and
nobody sees an error; a stream is passed on as it comes; a replica that is told to end leaves without a
lost request. Replicas are told apart by a member whose upstream answers with the name of the replica.
"""

import asyncio
import json
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import environment
import raw_http
from environment import Unavailable
from faulty_upstream import TEXT, FaultyUpstream
from raw_http import chat
from results import Found, free_port, run_checks
from server import Server, demo_members, http_member, slots

EXAMPLES = environment.ROOT / "examples" / "scale_out"
CONVERSATIONS = 60
NOTICE_SECONDS = 3
STREAM_PIECE_SECONDS = 0.2  # six pieces: more than a second


class Fleet:
  """Three replicas, each with a member `who` that says which one it is, and the upstream of all."""

  def __init__(self, binary, count=3):
    self.upstream = FaultyUpstream(piece_seconds=STREAM_PIECE_SECONDS)
    self.folder = tempfile.TemporaryDirectory()
    secret = Path(self.folder.name) / "secret"
    secret.write_text("a secret that all replicas share")
    self.replicas = []
    try:
      for n in range(count):
        place = f"http://127.0.0.1:{self.upstream.port}/replica-{n}"
        pool = (demo_members() + http_member("who", place, model="fine") +
                http_member("upstream", self.upstream.url, model="tools",
                            more='capabilities = ["tools"]\n') + slots("upstream"))
        self.replicas.append(Server(binary, pool, ["--replica-secret", str(secret), "--notice-seconds",
                                                   str(NOTICE_SECONDS), "--drain-seconds", "20"]))
    except BaseException:
      self.close()
      raise

  def close(self):
    for replica in self.replicas:
      if replica.is_alive():
        replica.process.kill()
      replica.close()
    self.upstream.close()
    self.folder.cleanup()

  def __enter__(self):
    return self

  def __exit__(self, *_):
    self.close()


def filled(name, fleet, port):
  """A configuration of the examples with the ports of this run."""
  text = (EXAMPLES / name).read_text()
  for n, replica in enumerate(fleet.replicas):
    old = str(8081 + n)
    assert text.count(old) >= 1, f"{name} does not name port {old}"
    text = text.replace(old, str(replica.port))
  assert text.count("8080") == 1, f"{name} names port 8080 {text.count('8080')} times"
  return text.replace("8080", str(port))


class Front:
  """A running proxy: `with Front(command, name, fleet) as port`."""

  def __init__(self, program, command, name, fleet):
    self.folder = tempfile.TemporaryDirectory()
    self.port = free_port()
    path = Path(self.folder.name) / name
    path.write_text(filled(name, fleet, self.port))
    self.log = open(Path(self.folder.name) / "front.log", "w+")
    arguments = [part.format(file=path, folder=self.folder.name) for part in command]
    self.process = subprocess.Popen([program, *arguments], stdin=subprocess.DEVNULL, stdout=self.log,
                                    stderr=self.log, cwd=self.folder.name)

  def __enter__(self):
    end = time.monotonic() + 20
    while time.monotonic() < end and self.process.poll() is None:
      try:
        answer = asyncio.run(raw_http.ask(self.port, "/readyz", seconds=2))
        if answer.status == 200:
          return self.port
      except (OSError, raw_http.Broken, asyncio.TimeoutError):
        pass
      time.sleep(0.1)
    self.log.seek(0)
    said = self.log.read().strip().splitlines()[-5:]
    self.__exit__()
    raise RuntimeError(f"the front did not start: {' | '.join(said)}")

  def __exit__(self, *_):
    self.process.terminate()
    try:
      self.process.wait(5)
    except subprocess.TimeoutExpired:
      self.process.kill()
      self.process.wait()
    self.log.close()
    self.folder.cleanup()


async def who(port, conversation):
  """The replica that answered, or what went wrong."""
  try:
    answer = await raw_http.ask(port, "/v1/chat/completions", chat("who", "Who are you?"),
                                [("x-conversation-id", conversation)], seconds=30)
    if answer.status != 200:
      return f"error {answer.status} {answer.body[:150]!r}"
    if answer.fields.get("x-conversation-id") != conversation:
      return "error: another conversation"
    return answer.json()["choices"][0]["message"]["content"]
  except (OSError, raw_http.Broken, asyncio.TimeoutError) as error:
    return f"error {type(error).__name__}"


def names():
  return [f"conversation-{n}" for n in range(CONVERSATIONS)]


async def ask_all(port):
  limit = asyncio.Semaphore(20)

  async def one(name):
    async with limit:
      return await who(port, name)
  return await asyncio.gather(*[one(name) for name in names()])


def is_error(said):
  return said.startswith("error")


async def affinity(port, _):
  rounds = [await ask_all(port) for _ in range(3)]
  errors = [said for answers in rounds for said in answers if is_error(said)]
  assert not errors, f"{len(errors)} of {3 * CONVERSATIONS} failed: {errors[0]}"
  moved = sum(len(set(answers)) != 1 for answers in zip(*rounds))
  assert moved == 0, f"{moved} of {CONVERSATIONS} conversations moved"
  used = set(rounds[0])
  assert len(used) == 3, f"only {sorted(used)} were asked"


async def without_id(port, _):
  """Requests without the header are spread and not all for one replica."""
  answers = await asyncio.gather(*[raw_http.ask(port, "/v1/chat/completions", chat("who", f"Who? {n}"))
                                   for n in range(30)])
  assert all(answer.status == 200 for answer in answers), [answer.status for answer in answers]
  said = {answer.json()["choices"][0]["message"]["content"] for answer in answers}
  assert len(said) > 1, f"all of 30 went to {said}"
  assert all(answer.fields.get("x-conversation-id", "").startswith("conv_") for answer in answers)


async def stream(port, _):
  answer = await raw_http.ask(port, "/v1/chat/completions", chat("upstream", "Hello", stream=True),
                              [("x-conversation-id", "streaming")])
  assert answer.status == 200, answer.status
  text = "".join(json.loads(data)["choices"][0]["delta"].get("content") or ""
                 for data in answer.events() if '"delta"' in data)
  assert text == TEXT, text
  assert answer.events()[-1] == "[DONE]"
  assert answer.seconds > 1.0, f"the stream took {answer.seconds:.2f} s only"
  assert answer.first_piece < 0.5, f"its first byte came after {answer.first_piece:.2f} of {answer.seconds:.2f} s"


async def tool_on_another(port, fleet):
  """A call that one replica passed on is taken up by any other, because they share a secret."""
  tools = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]
  first = await raw_http.ask(fleet.replicas[0].port, "/v1/chat/completions",
                             {**chat("upstream", "Look."), "tools": tools})
  question = {**chat("trinity", "Look at the thing."), "tools": tools}
  for _ in range(3):
    first = await raw_http.ask(fleet.replicas[0].port, "/v1/chat/completions", question)
    message = first.json()["choices"][0]["message"]
    if message.get("tool_calls"):
      break
  assert message.get("tool_calls"), f"no tool was called: {message}"
  question["messages"] += [message, {"role": "tool", "tool_call_id": message["tool_calls"][0]["id"],
                                     "content": "I saw it."}]
  pinned = []
  for replica in fleet.replicas:
    answer = await raw_http.ask(replica.port, "/v1/chat/completions", question)
    pinned.append((answer.status, answer.fields.get("x-trinity-pinned")))
  assert pinned == [(200, "tool_result")] * len(fleet.replicas), pinned


async def drain(port, fleet):
  """SIGTERM for one replica while twenty clients ask without a pause."""
  leaving = fleet.replicas[2]
  said, end = [], asyncio.Event()

  async def client(n):
    count = 0
    while not end.is_set():
      said.append(await who(port, f"drained-{n}-{count}"))
      count += 1

  clients = [asyncio.create_task(client(n)) for n in range(10)]
  await asyncio.sleep(0.5)
  leaving.process.send_signal(signal.SIGTERM)
  ready = await raw_http.ask(leaving.port, "/readyz")
  for _ in range(20):
    if ready.status == 503:
      break
    await asyncio.sleep(0.02)
    ready = await raw_http.ask(leaving.port, "/readyz")
  assert ready.status == 503, f"/readyz said {ready.status} after SIGTERM"
  code = await asyncio.get_running_loop().run_in_executor(None, lambda: leaving.process.wait(30))
  after = len(said)
  await asyncio.sleep(0.7)
  end.set()
  await asyncio.gather(*clients)
  print(f"  drain: {len(said)} requests, {after} of them until the replica had ended", flush=True)
  errors = [one for one in said if is_error(one)]
  assert not errors, f"{len(errors)} of {len(said)} requests were lost: {sorted(set(errors))}"
  assert code == 0, f"the replica ended with {code}: {leaving.said()[-300:]}"
  assert "replica-2" in said[:after] and "replica-2" not in said[after + 10:], "the replica was asked after its end"


async def kill(port, fleet):
  """kill -9 of one replica: conversations of the others stay where they are."""
  before = await ask_all(port)
  dead = fleet.replicas[1]
  dead.process.kill()
  dead.process.wait()
  after = await ask_all(port)
  errors = [one for one in after if is_error(one)]
  assert not errors, f"{len(errors)} of {CONVERSATIONS} failed: {sorted(set(errors))}"
  survivors = [(old, new) for old, new in zip(before, after) if old != "replica-1"]
  stayed = sum(old == new for old, new in survivors)
  assert stayed == len(survivors), f"{stayed} of {len(survivors)} conversations of the others stayed"
  assert "replica-1" not in after
  print(f"  kill: {stayed} of {len(survivors)} conversations of the others stayed", flush=True)


FRONTS = {
    "nginx": ("nginx.conf", ["-p", "{folder}", "-c", "{file}", "-e", "stderr"]),
    "haproxy": ("haproxy.cfg", ["-db", "-f", "{file}"]),
    "envoy": ("envoy.yaml", ["-c", "{file}", "--log-level", "error", "--concurrency", "1", "--use-dynamic-base-id"]),
}


def program_of(front):
  if front == "envoy":
    return environment.envoy()
  found = shutil.which(front, path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
  if not found:
    raise Unavailable(f"{front} is not installed")
  return found


def scale_out(binary):
  """Three replicas behind each of three fronts."""
  found = Found()
  for front, (name, command) in FRONTS.items():
    try:
      program = program_of(front)
    except Unavailable as reason:
      found.deselected += 1
      found.reasons.append(f"SKIPPED {front}: {reason}")
      print(f"SKIPPED {front}: {reason}", flush=True)
      continue
    print(f"  {front}", flush=True)
    with Fleet(binary) as fleet, Front(program, command, name, fleet) as port:
      # The order matters: the last two end replicas.
      checks = (affinity, without_id, stream, tool_on_another, drain, kill)
      run_checks(found, [(check.__name__, lambda check=check: check(port, fleet)) for check in checks], f"{front} ")
  return found
