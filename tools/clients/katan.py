"""llm-katan as an upstream of the kinds openai, anthropic and gemini, in good order and with faults."""

import contextlib
import os
import shutil
import subprocess
import tempfile

from environment import HERE, venv
from results import Found, free_port
from running import checks, wait_for
from server import Server, demo_members, http_member, slots

START_SECONDS = 120

# Name of the process: what makes it fail. It lets one request through before those of `after`.
FAULTS = {
    "good": (),
    "limited": ("--rate-limit-after", "1"),
    "late": ("--timeout-after", "1"),
    "broken": ("--error-rate", "1"),
    "narrow": ("--max-inflight", "1", "--latency-ms", "4000"),
}
KINDS = {"openai": "v1", "anthropic": "v1", "gemini": "v1beta"}
# llm-katan takes any key, but wants one, and for Gemini where Vertex has it.
KEY = 'key = "env:TRINITY_CLIENTS_KEY"\n'
BEARER = 'headers = { Authorization = "env:TRINITY_CLIENTS_BEARER" }\n'


def start(program, folder, name, arguments):
  port = free_port()
  command = [program / "llm-katan", "-m", "echo", "-n", "echo", "--backend", "echo", "-h", "127.0.0.1", "-p", port,
             "--disable-dashboard", "--providers", "openai,anthropic,vertexai", "--stats-file",
             f"{folder}/{name}.json", *arguments]
  process = subprocess.Popen([str(one) for one in command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
  return process, port


def certificate(folder):
  """Signed by nobody but itself."""
  if not shutil.which("openssl"):
    return None
  subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
                  "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", f"{folder}/key.pem", "-out",
                  f"{folder}/cert.pem"], check=True, capture_output=True)
  return ("--tls-cert", f"{folder}/cert.pem", "--tls-key", f"{folder}/key.pem")


def members(name, port):
  more = f'capabilities = ["tools"]\ncontext = 32768\nmax_output = 512\nretries = 0\n{KEY}'
  return "".join(
      http_member(f"{name}-{kind}", f"http://127.0.0.1:{port}/{path}", kind, "echo",
                  more + (BEARER if kind == "gemini" else ""))
      for kind, path in KINDS.items())


def katan(binary):
  """Answers of three kinds, plain, streamed and with tools; then faults, told apart and answered by others."""
  program = venv("katan")
  client = venv("openai") / "python"
  os.environ.setdefault("TRINITY_CLIENTS_KEY", "any")
  os.environ.setdefault("TRINITY_CLIENTS_BEARER", "Bearer any")
  found = Found()
  with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as ending:
    faults = dict(FAULTS)
    secure = certificate(folder)
    if secure:
      faults["secure"] = secure
    else:
      found.deselected += 1
      found.reasons.append("an upstream with a certificate of its own: there is no openssl here")
    running = {}
    for name, arguments in faults.items():
      process, port = start(program, folder, name, arguments)
      ending.callback(lambda process=process: (process.kill(), process.wait()))
      running[name] = (process, port)
    for process, port in running.values():
      wait_for(port, process, START_SECONDS)
    pool = demo_members() + "".join(members(name, port) for name, (_, port) in running.items() if name != "secure")
    if secure:
      pool += http_member("secure-openai", f"https://127.0.0.1:{running['secure'][1]}/v1", "openai", "echo",
                          f"retries = 0\n{KEY}")
    with Server(binary, pool + slots("good-openai")) as server:
      found.add(checks(client, [HERE / "check_upstreams.py", server.url, *(f"good-{kind}" for kind in KINDS)], 300))
      found.add(checks(client, [HERE / "check_faults.py", server.url, *running], 300))
    # Every slot but one leads to a member that fails.
    failing = demo_members() + members("broken", running["broken"][1]) + \
        '[slots]\n2 = "abacus"\nothers = "broken-openai"\n'
    with Server(binary, failing) as server:
      found.add(checks(client, [HERE / "check_faults.py", server.url, "replaced"], 300))
  return found
