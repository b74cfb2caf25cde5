"""Starts `trinity serve` with a pool for the suites, and ends it."""

import os
import re
import subprocess
import tempfile
import time
from pathlib import Path

DEMO = ["abacus", "scribe", "hasty", "almanac", "surveyor", "editor", "clerk"]


def demo_members():
  return "".join(f'[[member]]\nname = "{name}"\nkind = "demo"\npersona = "{name}"\ncontext = 32768\n\n'
                 for name in DEMO)


def http_member(name, url, kind="openai", model="upstream", more=""):
  return f'[[member]]\nname = "{name}"\nkind = "{kind}"\nurl = "{url}"\nmodel = "{model}"\n{more}\n'


def slots(others):
  """The first six slots as in the demo pool, all others for one member."""
  named = "".join(f'{n} = "{name}"\n' for n, name in enumerate(DEMO[:6]))
  return f'[slots]\n{named}others = "{others}"\n'


def suite_pool(upstream_port):
  """The demo pool, and one member that calls tools, looks at pictures and writes JSON."""
  more = 'capabilities = ["tools", "vision", "audio", "files", "json", "schema", "choices", "logprobs"]\n'
  return (demo_members() + http_member("upstream", f"http://127.0.0.1:{upstream_port}/v1", more=more) +
          slots("upstream"))


class Failed(Exception):
  """A server that did not start, and what it said."""


class Server:
  """A running `trinity serve` on a free port: `with Server(binary, pool_text) as server: server.url`."""

  def __init__(self, binary, pool, arguments=(), environment=None):
    self.folder = tempfile.TemporaryDirectory()
    path = Path(self.folder.name)
    (path / "pool.toml").write_text(pool)
    self.log = path / "log"
    with self.log.open("w") as log:
      self.process = subprocess.Popen(
          [str(binary), "serve", "--port", "0", "--pool", str(path / "pool.toml"), *arguments],
          stdin=subprocess.DEVNULL, stdout=log, stderr=log,
          env={**os.environ, **(environment or {})})
    self.origin = self._wait()
    self.url = self.origin + "/v1"

  def _wait(self):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and self.process.poll() is None:
      found = re.search(r"serving at (http://\S+)/v1", self.log.read_text())
      if found:
        return found[1]
      time.sleep(0.05)
    said = self.log.read_text()
    self.close()
    raise Failed(f"trinity serve did not start: {said.strip()}")

  @property
  def port(self):
    return int(self.origin.rsplit(":", 1)[1])

  def said(self):
    """What it wrote to its log so far."""
    return self.log.read_text(errors="replace")

  def is_alive(self):
    return self.process.poll() is None

  def close(self):
    if self.process.poll() is None:
      self.process.terminate()
      try:
        self.process.wait(20)
      except subprocess.TimeoutExpired:
        self.process.kill()
        self.process.wait()
    self.folder.cleanup()

  def __enter__(self):
    return self

  def __exit__(self, *_):
    self.close()
