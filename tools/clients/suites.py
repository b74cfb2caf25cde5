"""The suites: what each runs, and how its result is read. run_suites.py runs them and shows the table."""

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
import xml.etree.ElementTree
from dataclasses import dataclass, field
from pathlib import Path

import upstream
from environment import HERE, Unavailable, conformance_folder, promtool, source_tests, venv
from server import Server, demo_members, http_member, slots, suite_pool

TEST_SECONDS = 120  # of one test; a server that never answers fails it


@dataclass
class Found:
  passed: int = 0
  deselected: int = 0
  failures: list = field(default_factory=list)
  reasons: list = field(default_factory=list)  # why something is deselected

  @property
  def failed(self):
    return len(self.failures)

  def add(self, other):
    self.passed += other.passed
    self.deselected += other.deselected
    self.failures += other.failures
    self.reasons += [reason for reason in other.reasons if reason not in self.reasons]


class Running:
  """A server whose pool has the upstream of these tests as its member `upstream`."""

  def __init__(self, binary, *arguments):
    self.upstream = upstream.start()
    self.server = Server(binary, suite_pool(self.upstream.server_address[1]), arguments)

  def __enter__(self):
    return self.server

  def __exit__(self, *_):
    self.server.close()
    self.upstream.shutdown()


def run(arguments, seconds, **options):
  """(output, seconds ran out)"""
  try:
    done = subprocess.run([str(one) for one in arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=seconds, **options)
    return done.stdout, False
  except subprocess.TimeoutExpired as cut:
    return (cut.stdout or b"").decode(errors="replace"), True


def checks(program, arguments, seconds):
  """Counts the PASS and FAIL lines of a checking script; SKIP lines are deselected with their reason."""
  output, cut = run([program, "-u", *arguments], seconds)
  found = Found()
  for line in output.splitlines():
    word, _, rest = line.partition(" ")
    if word == "PASS":
      found.passed += 1
    elif word == "FAIL":
      found.failures.append(rest)
    elif word == "SKIP":
      found.deselected += 1
      found.reasons.append(rest)
  if cut:
    found.failures.append(f"not finished after {seconds} s")
  elif not found.passed and not found.failures:
    found.failures.append("the script ended early: " + (output.strip().splitlines() or ["no output"])[-1][:200])
  return found


# llm-comply names two events otherwise than the Open Responses specification that it carries.
COMPLY_IGNORES = "unknown SSE event type: response.reasoning_summary_text"
COMPLY = {
    "openai-chat": [],
    "open-responses": ["-i", COMPLY_IGNORES],
    "anthropic": ["--auth-header", "x-api-key", "--no-bearer", "-H", "anthropic-version:2023-06-01"],
}


def comply(binary):
  """llm-comply: three dialects, through the loop and straight to a member."""
  program = venv("comply") / "llm-comply"
  found = Found(reasons=[f'comply ignores "{COMPLY_IGNORES}...": the specification has these events'])
  with Running(binary) as server:
    for model in ("trinity", "upstream"):
      for form, more in COMPLY.items():
        done = subprocess.run(
            [program, "--format", form, "-u", server.url, "-k", "key", "-m", model, "--json", *more],
            capture_output=True, text=True, timeout=600)
        for result in json.loads(done.stdout)["results"]:
          label = f"{form} {model} {result['id']}"
          if result["status"] == "passed":
            found.passed += 1
          elif result["status"] == "skipped":
            found.deselected += 1
            found.add(Found(reasons=[f"{result['id']}: by llm-comply, for other model names"]))
          else:
            found.failures.append(f"{label}: {'; '.join(dict.fromkeys(result.get('errors') or ['?']))[:300]}")
  return found


def pytest(program, folder, files, chosen, url, seconds, ignored=(), plugins=()):
  """A part of an SDK's own test suite; `ignored`: (word of a test's name, reason)."""
  without = "".join(f" and not {word}" for word, _ in ignored)
  with tempfile.TemporaryDirectory() as temporary:
    report = Path(temporary) / "report.xml"
    output, cut = run(
        ["env", f"TEST_API_BASE_URL={url}", f"PYTHONPATH={HERE}", program / "python", "-m", "pytest", "-n0", "-q",
         *(f"-p{plugin}" for plugin in ("no:cacheprovider", *plugins)), "--timeout", TEST_SECONDS, "--junitxml",
         report, *files,
         "-k", f"({chosen}){without}"], seconds, cwd=folder)
    if cut or not report.exists():
      return Found(failures=[f"pytest did not finish: {output.strip()[-300:]}"])
    found = Found()
    for case in xml.etree.ElementTree.parse(report).iter("testcase"):
      wrong = case.find("failure") if case.find("failure") is not None else case.find("error")
      if wrong is not None:
        found.failures.append(f"{case.get('classname')}.{case.get('name')}: {(wrong.get('message') or '')[:200]}")
      elif case.find("skipped") is not None:
        found.deselected += 1
        found.reasons.append(f"{case.get('name')}: {(case.find('skipped').get('message') or '')[:100]}")
      else:
        found.passed += 1
    for word in output.split(", "):
      if word.strip().endswith("deselected"):
        found.deselected += int(word.split()[0])
  found.reasons = list(dict.fromkeys(found.reasons)) + [f"{word}: {reason}" for word, reason in ignored]
  return found


STORED = "this server stores no completions and no responses"


def openai(binary):
  """The tests of OpenAI's SDK that ask what this server answers."""
  program, folder = venv("openai"), source_tests("openai", "openai")
  found = Found()
  with Running(binary, "--unknown-model", "trinity") as server:
    found.add(pytest(program, folder, ["tests/api_resources/chat/test_completions.py"], "create", server.url,
                     1200, [("list", STORED), ("update", STORED), ("delete", STORED)]))
    found.add(pytest(program, folder, ["tests/api_resources/test_models.py"], "list", server.url, 600,
                     [("retrieve", "asks for a model of OpenAI's by name"),
                      ("delete", "models are members of the pool")]))
    found.add(pytest(program, folder, ["tests/api_resources/test_responses.py"], "create", server.url, 1200,
                     [("retrieve", STORED), ("delete", STORED), ("cancel", STORED)]))
  return found


def anthropic(binary):
  """The tests of Anthropic's SDK of Messages and of counting tokens."""
  program, folder = venv("anthropic"), source_tests("anthropic", "anthropic")
  with Running(binary, "--unknown-model", "trinity") as server:
    return pytest(program, folder, ["tests/api_resources/test_messages.py"], "create or count_tokens",
                  server.origin, 1200, [("batch", "there are no batches here")])


def schema(binary):
  """Every body and every event against the published descriptions."""
  folder = conformance_folder()
  with Running(binary) as server:
    return checks(venv("openai") / "python", [HERE / "check_schema.py", server.url, folder], 900)


def matrix(binary):
  """Clients that people use: plain, streamed, a streamed tool call, usage."""
  program = venv("matrix") / "python"
  found = Found()
  with Running(binary) as server:
    for client in ("openai", "langchain", "pydantic_ai", "agents", "llm", "instructor", "sse", "anthropic"):
      found.add(checks(program, [HERE / "check_clients.py", server.origin, client], 300))
  return found


def metrics(binary):
  """promtool on /metrics after a few requests."""
  program = promtool()
  with Running(binary) as server:
    for model in ("trinity", "upstream"):
      body = json.dumps({"model": model, "messages": [{"role": "user", "content": "What is 2 + 2?"}]}).encode()
      urllib.request.urlopen(urllib.request.Request(server.url + "/chat/completions", body)).read()
    text = urllib.request.urlopen(server.origin + "/metrics").read()
  done = subprocess.run([program, "check", "metrics"], input=text, capture_output=True)
  found = Found(passed=int(done.returncode == 0))
  if done.returncode != 0:
    found.failures.append((done.stdout + done.stderr).decode()[-300:])
  samples = {line.split("{")[0] for line in text.decode().splitlines() if not line.startswith("#")}
  for name in ("trinity_requests_total", "trinity_turns_total", "trinity_runs_total"):
    if name in samples:
      found.passed += 1
    else:
      found.failures.append(f"{name} counts nothing")
  return found


def katan(binary):
  """llm-katan as an upstream of three kinds: members of kind openai, anthropic and gemini."""
  program = venv("katan")
  os.environ.setdefault("TRINITY_CLIENTS_KEY", "any")
  with tempfile.TemporaryDirectory() as temporary:
    port = free_port()
    process = subprocess.Popen(
        [program / "llm-katan", "-m", "echo", "-n", "echo", "--backend", "echo", "-h", "127.0.0.1", "-p", str(port),
         "--providers", "openai,anthropic,vertexai", "--stats-file", f"{temporary}/stats.json"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
      wait_for(port, process)
      origin = f"http://127.0.0.1:{port}"
      key = 'key = "env:TRINITY_CLIENTS_KEY"\n'  # llm-katan takes any, but wants one
      pool = (demo_members() +
              http_member("katan-openai", f"{origin}/v1", "openai", "echo", key) +
              http_member("katan-anthropic", f"{origin}/v1", "anthropic", "echo", key) +
              http_member("katan-gemini", f"{origin}/v1beta", "gemini", "echo", key) +
              slots("katan-openai"))
      with Server(binary, pool) as server:
        return checks(venv("openai") / "python",
                      [HERE / "check_upstreams.py", server.url, "katan-openai", "katan-anthropic", "katan-gemini"], 300)
    finally:
      process.terminate()
      process.wait()


def real(binary):
  """llama.cpp's own server, with a tiny model of random weights, as a member."""
  program = venv("real") / "python"
  with tempfile.TemporaryDirectory() as temporary:
    port = free_port()
    process = subprocess.Popen([program, HERE / "llama_server.py", str(port), temporary], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
      wait_for(port, process, 120)
      origin = f"http://127.0.0.1:{port}"
      # 2048 tokens for four slots: 512 each.
      more = 'forward = ["ignore_eos"]\n'
      pool = demo_members() + http_member("llama", f"{origin}/v1", "openai", "tiny", more) + slots("llama")
      with Server(binary, pool) as server:
        return checks(program, [HERE / "check_real.py", server.url, origin], 300)
    finally:
      process.kill()
      process.wait()


def page(binary):
  """The page at / in a browser, by keyboard, in light, dark and narrow windows."""
  if not any(shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")):
    raise Unavailable("there is no browser: install Debian's chromium")
  return checks(venv("page") / "python", [HERE / "check_page.py", binary], 900)


def free_port():
  with socket.socket() as one:
    one.bind(("127.0.0.1", 0))
    return one.getsockname()[1]


def wait_for(port, process, seconds=60):
  end = time.monotonic() + seconds
  while time.monotonic() < end and process.poll() is None:
    try:
      socket.create_connection(("127.0.0.1", port), 1).close()
      return
    except OSError:
      time.sleep(0.1)
  raise RuntimeError("an upstream did not start")


SUITES = {"comply": comply, "schema": schema, "metrics": metrics, "matrix": matrix, "openai": openai,
          "anthropic": anthropic, "katan": katan, "page": page, "real": real}
QUICK = [name for name in SUITES if name != "real"]
