"""The suites: what each runs, and how its result is read. run_suites.py runs them and shows the table."""

import json
import re
import shutil
import subprocess
import tempfile
import urllib.request
import xml.etree.ElementTree
from pathlib import Path

from check_budgets import budgets
from check_scale_out import scale_out
from check_security import security
from environment import HERE, Unavailable, conformance_folder, promtool, source_tests, venv
from fuzzed import fuzzed
from katan import katan
from llama import real, smollm2
from results import Found
from running import Running, beside_each_other, checks, run
from soak import soak

TEST_SECONDS = 120  # of one test; a server that never answers fails it

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
    found.deselected += sum(int(count) for count in re.findall(r"(\d+) deselected", output))
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
                     [("retrieve", STORED), ("delete", STORED), ("cancel", STORED)], ["stateless_requests"]))
    found.reasons.append("conversations that the server remembers: left out of Responses, see stateless_requests.py")
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


CLIENTS = {
    "matrix": ("openai", "langchain", "langchain_anthropic", "pydantic_ai", "agents", "llm", "instructor", "sse",
               "anthropic"),
    "matrix2": ("openai2", "litellm"),
}


def matrix(binary):
  """Clients that people use: plain, streamed, a streamed tool call and its result, usage."""
  asked = [(venv(name) / "python", client) for name, clients in CLIENTS.items() for client in clients]
  found = Found()
  with Running(binary) as server:
    def ask(program, client):
      return checks(program, [HERE / "check_clients.py", server.origin, client], 300)
    for one in beside_each_other(ask, asked):
      found.add(one)
  return found


def parsers(binary):
  """Mutated requests, read by ours and by h11."""
  with Running(binary) as server:
    return checks(venv("openai") / "python", [HERE / "check_parsers.py", server.origin], 300)


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


def otlp(binary):
  """The spans of a few requests, read by OpenTelemetry's own description of them."""
  return checks(venv("otlp") / "python", [HERE / "check_otlp.py", binary], 300)


def page(binary):
  """The page at / in a browser, by keyboard, in light, dark and narrow windows."""
  if not any(shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")):
    raise Unavailable("there is no browser: install Debian's chromium")
  return checks(venv("page") / "python", [HERE / "check_page.py", binary], 900)


# In this order: what is quick to tell comes first.
SUITES = {"comply": comply, "schema": schema, "metrics": metrics, "parsers": parsers, "real": real, "katan": katan,
          "budgets": budgets, "scale_out": scale_out, "security": security, "soak": soak, "anthropic": anthropic,
          "openai": openai, "otlp": otlp, "matrix": matrix, "page": page, "fuzzed": fuzzed, "smollm2": smollm2}
SLOW = ("smollm2",)
QUICK = [name for name in SUITES if name not in SLOW]
