"""What a stranger can do to a running server, and what it tells: the suite `security`.

One server with keys, a budget database, a trace and a pool with keys of its own is asked well and badly,
through every kind of failure. Then all that it said or wrote is searched for keys and for texts of messages.
Another one without keys is sent what parsers stumble over, and held by slow clients meanwhile.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import security_shapes as shapes
import slow_clients
from faulty_upstream import FaultyUpstream
from raw_http import ask, chat, send_bytes
from results import Found, run_checks
from server import Server, demo_members, http_member, slots

CLIENT_KEYS = {"alice": "alices-key-5d2f81c09ab7", "bob": "bobs-key-77e1d30bfa42"}
WRONG_KEY = "stolen-key-90ab12cd34ef"
ENVIRONMENT = {"TRINITY_TEST_KEY": "sk-upstream-environment-31c9e8", "TRINITY_TEST_HEADER": "header-secret-c04f17",
               "TRINITY_TEST_RELOADED": "sk-upstream-reloaded-b7d2"}
FILE_KEY = "sk-upstream-file-88b1c2"
MARK = "zebra-marker-4471"  # stands in every message
SECRETS = [*CLIENT_KEYS.values(), WRONG_KEY, *ENVIRONMENT.values(), FILE_KEY]
KINDS = ("fine", "refused", "broken", "busy", "garbage", "not_json", "reset", "half_chunk", "no_finish", "tools")


def keyed(name):
  return [("Authorization", f"Bearer {CLIENT_KEYS[name]}")]


def pool_text(upstream, key_file, key="env:TRINITY_TEST_KEY"):
  members = demo_members()
  for n, kind in enumerate(KINDS):
    where = f"file:{key_file}" if n % 2 else key
    members += http_member(kind, upstream.url, model=kind, more=(
        f'key = "{where}"\nretries = 0\ncapabilities = ["tools"]\nprice = {{ input = 1, output = 1 }}\n'
        'headers = { x-tenant = "env:TRINITY_TEST_HEADER" }\n'))
  return members + '[slots]\n0 = "refused"\n1 = "broken"\n2 = "fine"\n3 = "garbage"\n4 = "tools"\nothers = "abacus"\n'


class Collected:
  """Everything that the server said: heads with the reason, bodies of errors."""

  def __init__(self):
    self.texts = []
    self.statuses = {}

  def add(self, what, answer):
    self.statuses[answer.status] = self.statuses.get(answer.status, 0) + 1
    self.texts.append((f"header of {what}", repr(answer.fields)))
    if answer.status >= 400:
      self.texts.append((f"error of {what}", answer.body.decode(errors="replace")))
    for data in answer.events():
      if '"error"' in data:
        self.texts.append((f"error in the stream of {what}", data))

  def search(self, needles):
    return [f"{needle} in {what}" for what, text in self.texts for needle in needles if needle in text]


async def mixed_run(port, collected):
  """Good and bad requests of all kinds, each with the mark in its message."""
  text = f"What is 2 + 2? {MARK}"
  for model in ("trinity", "trinity:fast", "abacus", "nobody", *KINDS):
    for stream in (False, True):
      body = chat(model, text, stream=stream, user=MARK)
      collected.add(f"chat of {model}", await ask(port, "/v1/chat/completions", body, keyed("alice")))
    anthropic = {**chat(model, text), "max_tokens": 100}
    collected.add(f"messages of {model}", await ask(port, "/v1/messages", anthropic,
                                                    [("x-api-key", CLIENT_KEYS["bob"])]))
    collected.add(f"responses of {model}", await ask(port, "/v1/responses", {"model": model, "input": text},
                                                     keyed("bob")))
  tools = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]
  collected.add("tools", await ask(port, "/v1/chat/completions", {**chat("tools", text), "tools": tools}, keyed("bob")))
  route = {"inputs": [{"messages": [{"role": "user", "content": text}]}]}
  collected.add("route", await ask(port, "/v1/route", route, keyed("alice")))
  for path in ("/v1/chat/completions", "/v1/messages", "/metrics", "/v1/models", "/nothing"):
    body = chat("trinity", text) if "/v1/c" in path or "/v1/me" in path else None
    collected.add(f"a wrong key at {path}", await ask(port, path, body, [("Authorization", f"Bearer {WRONG_KEY}")]))
    collected.add(f"a key in the query at {path}", await ask(port, f"{path}?key={WRONG_KEY}", body))
  for name, body in shapes.BODIES.items():
    answer = await ask(port, "/v1/chat/completions", body.replace(b"2+2", MARK.encode()), keyed("alice"))
    collected.add(name, answer)


def written_files(folder):
  """All that the server wrote: log, trace, database and what SQLite keeps beside it."""
  return [path for path in Path(folder).rglob("*") if path.is_file()]


def secrets(binary):
  with FaultyUpstream() as upstream, tempfile.TemporaryDirectory() as folder:
    path, private = Path(folder), tempfile.TemporaryDirectory()
    keys, key_file = Path(private.name) / "keys.txt", Path(private.name) / "upstream"
    keys.write_text("".join(f"{name} = {key}\n" for name, key in CLIENT_KEYS.items()))
    key_file.write_text(FILE_KEY + "\n")
    arguments = ["--api-keys", str(keys), "--ledger", str(path / "ledger.db"), "--trace", str(path / "trace.jsonl"),
                 "--budget", "key:*=100usd/day", "--budget", "key:bob=40calls/day"]
    collected = Collected()
    server = Server(binary, pool_text(upstream, key_file), arguments, ENVIRONMENT)
    try:
      asyncio.run(mixed_run(server.port, collected))
      # Another key comes with a reload; it is as secret.
      (Path(server.folder.name) / "pool.toml").write_text(pool_text(upstream, key_file, "env:TRINITY_TEST_RELOADED"))
      server.process.send_signal(signal.SIGHUP)
      deadline = time.monotonic() + 20
      while "in use now" not in server.said():
        assert time.monotonic() < deadline, f"the pool was not read anew: {server.said()[-300:]}"
        time.sleep(0.05)
      asyncio.run(mixed_run(server.port, collected))
      for path_said in ("/metrics", "/v1/models", "/"):
        answer = asyncio.run(ask(server.port, path_said, None, keyed("alice")))
        collected.texts.append((path_said, answer.body.decode()))
      budget = collected.statuses.get(402, 0)
      server.process.terminate()
      assert server.process.wait(30) == 0, server.said()[-300:]
      collected.texts.append(("the log", server.said()))
    finally:
      server.close()
    sizes = {}
    for file in written_files(folder):
      sizes[file.name] = file.stat().st_size
      collected.texts.append((file.name, file.read_bytes().decode("latin-1")))
    private.cleanup()
    assert budget, f"no budget ended: {collected.statuses}"
    assert sizes.get("trace.jsonl", 0) > 10_000 and sizes.get("ledger.db", 0) > 0, sizes
    assert {200, 400, 401, 404} <= set(collected.statuses), collected.statuses
    found = collected.search([*SECRETS, MARK])
    assert not found, f"{len(found)} finds: {found[:5]}"


async def refused(port, data, statuses, patience=8):
  got, closed = await send_bytes(port, data, patience)
  line = got.split(b"\r\n")[0].decode("latin-1")
  answers = got.count(b"HTTP/1.1 ") - got.count(b" HTTP/1.1 ")
  assert answers == 1, f"{answers} answers: {got[:200]!r}"
  status = int(line.split(" ")[1])
  assert status in statuses, f"answered {line}"
  assert closed, f"{line}, and the connection stayed open"


async def paths(port):
  """Without a key nothing but liveness is answered, however a path is written, whatever the method."""
  wrong = []
  for path in shapes.PATHS:
    for method in shapes.METHODS:
      data = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n".encode()
      got, _ = await send_bytes(port, data + b"", 0.15)
      status = int(got.split(b" ")[1]) if got.startswith(b"HTTP/1.1 ") else 0
      # The page is the same for everybody; what it shows is asked for with a key.
      refusals = (200, 400, 401, 405) if path == "/" else (400, 401)
      if status not in refusals or b"trinity_" in got or b'"object":"list"' in got:
        wrong.append(f"{method} {path}: {status}")
  for path in ("/v1/trinity/status", "/v1/trinity/runs", "/v1/trinity/runs/x", "/v1/trinity/events"):
    if (await ask(port, path)).status != 401:
      wrong.append(path)
  assert not wrong, f"{len(wrong)}: {wrong[:6]}"
  for path in shapes.ONLY_LIVENESS:
    assert (await ask(port, path)).status == 200


async def hosts(port):
  for host in shapes.FOREIGN_HOSTS:
    for path in ("/healthz", "/v1/models", "/metrics"):
      got, _ = await send_bytes(port, f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode(), 5)
      assert got.split(b" ")[1] in (b"403", b"400"), f"{path} for {host}: {got[:60]!r}"
  answer = await ask(port, "/v1/models", None, [("Host", "box.example:1")])
  assert answer.status == 200, answer.status


async def origins(port):
  allowed, foreign = "https://chat.example", "https://evil.example"
  preflight = [("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Headers", "authorization")]
  answer = await ask(port, "/v1/chat/completions", None, [("Origin", allowed), *preflight], "OPTIONS")
  assert answer.status == 204, answer.status
  assert answer.fields["access-control-allow-origin"] == allowed, answer.fields
  assert "authorization" in answer.fields["access-control-allow-headers"], answer.fields
  assert "credentials" not in repr(answer.fields), answer.fields
  for origin in (foreign, "null", "https://chat.example.evil.example", "http://chat.example", "https://CHAT.example",
                 "https://chat.example:8443"):
    for method, path, fields in (("OPTIONS", "/v1/chat/completions", preflight), ("POST", "/v1/chat/completions", []),
                                 ("GET", "/v1/models", []), ("GET", "/healthz", []), ("GET", "/metrics", [])):
      body = b"{}" if method == "POST" else None
      answer = await ask(port, path, body, [("Origin", origin), *fields], method)
      assert answer.status == 403, f"{method} {path} of {origin}: {answer.status}"
      assert "access-control-allow-origin" not in answer.fields, answer.fields
  answer = await ask(port, "/v1/models", None, [("Origin", allowed)])
  assert answer.status == 200 and answer.fields["access-control-allow-origin"] == allowed
  assert "origin" in answer.fields.get("vary", "").lower()


def typed(answer, what):
  """A refusal in the interface's words."""
  assert 400 <= answer.status < 500, f"{what}: {answer.status} {answer.body[:100]!r}"
  error = answer.json()["error"]
  assert error["type"] and error["message"], f"{what}: {answer.body[:200]!r}"
  answer.body.decode("utf-8")  # whatever came in, what goes out is well-formed


async def bodies(port):
  """Bodies that no reader likes; some are fine for some endpoint, but none brings another status."""
  accepted = []
  for path in shapes.ENDPOINTS:
    for name, body in shapes.BODIES.items():
      answer = await ask(port, path, body)
      if answer.status == 200:
        accepted.append(f"{name} at {path}")
      else:
        typed(answer, f"{name} at {path}")
  return accepted


def strict_bodies(port):
  """What is ill-formed is refused by all, and not only survived."""
  # Fine for an endpoint that does not look at it, or that estimates only.
  lenient = ("a number beyond", "tokens", "stream that", "a picture", "tools that", "no messages", "messages that",
             "a role that", "a model that", "content ")
  accepted = [one for one in asyncio.run(bodies(port)) if not one.startswith(lenient)]
  assert not accepted, f"accepted: {accepted[:8]} and {max(0, len(accepted) - 8)} more"


def listens_where(process):
  """Addresses that a process listens on, from /proc."""
  inodes = set()
  for link in Path(f"/proc/{process.pid}/fd").iterdir():
    try:
      target = os.readlink(link)
    except OSError:
      continue
    if target.startswith("socket:["):
      inodes.add(target[8:-1])
  found = []
  for table in ("tcp", "tcp6"):
    for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
      cells = line.split()
      if cells[3] == "0A" and cells[9] in inodes:
        found.append(cells[1].split(":")[0])
  return found


def loopback_only(server):
  found = listens_where(server.process)
  assert found == ["0100007F"], f"it listens on {found}"


def others_need_keys(binary):
  for host in ("0.0.0.0", "::", "0.0.0.0 ", "192.0.2.1"):
    done = subprocess.run([str(binary), "serve", "--host", host, "--port", "0"], capture_output=True, text=True,
                          timeout=30, stdin=subprocess.DEVNULL)
    assert done.returncode != 0, f"--host {host} without keys was taken"
    assert "keys" in done.stderr, done.stderr


async def slow(server):
  """Five hundred slow clients at once: each is closed by its deadline, and others are served meanwhile."""
  port = server.port
  ordinary = await asyncio.create_subprocess_exec(sys.executable, slow_clients.__file__, str(port), "35",
                                                  stdout=asyncio.subprocess.PIPE)
  tools = [asyncio.create_task(slow_clients.slowhttptest(port, way, 20)) for way in ("-H", "-X")]
  groups = await slow_clients.all_groups(port)
  said = await asyncio.gather(*tools)
  meanwhile = json.loads((await ordinary.communicate())[0])
  for group in groups:
    print(f"  {group.name}: {group.connections} connections, the last closed after {group.last_seconds:.1f} s",
          flush=True)
  print(f"  others meanwhile: {meanwhile['count']} answers, half within {meanwhile['median'] * 1e3:.0f} ms, the "
        f"slowest in {meanwhile['longest'] * 1e3:.0f} ms", flush=True)
  held = [f"{group.name}: {group.open} of {group.connections} not closed" for group in groups if group.open]
  assert not held, held
  assert not meanwhile["wrong"], meanwhile
  # Wide, because a machine of tests has other things to do.
  assert meanwhile["median"] < 0.5 and meanwhile["longest"] < 8.0 and meanwhile["count"] > 50, meanwhile
  assert said[0] is None or "No open connections left" in said[0], f"slowhttptest -H: {said[0]}"


def many_members():
  """A list of models that is long enough to fill what the system keeps for a client that does not read."""
  return "".join(f'[[member]]\nname = "spare-{n}"\nkind = "demo"\npersona = "abacus"\n\n' for n in range(100))


def security(binary):
  """Keys, texts, parsers, paths, hosts, origins, limits, slow clients."""
  found = Found()
  with FaultyUpstream() as upstream, tempfile.TemporaryDirectory() as folder:
    keys = Path(folder) / "keys.txt"
    keys.write_text(f"alice = {CLIENT_KEYS['alice']}\n")
    pool = demo_members() + http_member("upstream", upstream.url, model="fine") + slots("upstream")
    more = ["--origin", "https://chat.example", "--host-name", "box.example"]
    with Server(binary, pool, more) as server, Server(binary, pool, ["--api-keys", str(keys)]) as closed, \
        Server(binary, many_members() + pool) as held:
      port = server.port
      # Half a minute that is spent on waiting; the rest goes on beside it.
      slow_found = Found()
      waiting = threading.Thread(target=run_checks, args=(slow_found, [("slow clients", lambda: slow(held))]))
      waiting.start()
      run_checks(found, [(f"smuggling: {name}", lambda data=data: refused(port, data, (400, 415, 417, 501, 505)))
                         for name, data in shapes.SMUGGLING.items()])
      run_checks(found, [(f"limit: {name}", lambda data=data, status=status: refused(port, data, (status,)))
                         for name, (status, data) in shapes.LIMITS.items()])
      run_checks(found, [
          ("keys and texts stay inside", lambda: secrets(binary)),
          ("paths without a key", lambda: paths(closed.port)),
          ("foreign hosts", lambda: hosts(port)),
          ("foreign origins", lambda: origins(port)),
          ("bodies", lambda: strict_bodies(port)),
          ("listens on loopback", lambda: loopback_only(server)),
          ("other addresses need keys", lambda: others_need_keys(binary)),
      ])
      waiting.join()
      found.add(slow_found)
      servers = (("the server", server), ("the one with keys", closed), ("the held one", held))
      run_checks(found, [(f"{name} still answers", lambda one=one: ask(one.port, "/healthz")) for name, one in servers])
  return found
