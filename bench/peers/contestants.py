"""The two kinds of contestant that `run_peers.py` lets take turns.

`Peer` is a script of this folder kept running as a co-process (`--serve`, see common.py), so that a
turn costs the measured runs only. `OwnEngine` is the binary: a process a turn, which loads the
model before it starts its clock. Both answer `turn(tokens, runs, warmup, round_index)` with a
`Turn` in milliseconds, or None for a length that they do not measure.
"""

import json
import os
import statistics
import subprocess
from typing import NamedTuple

import common
from environment import HERE, Unavailable, last_line, python_of

PROFILES = {"bf16": "cpu_bf16", "int8": "cpu_int8", "f32": "cpu_f32"}
QUIET = {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1", "PYTHONWARNINGS": "ignore",
         "TRANSFORMERS_VERBOSITY": "error"}


class Turn(NamedTuple):
  min: float
  median: float
  runs: int


class Peer:
  def __init__(self, name, precision, settings):
    self.name, self.precision = name, precision
    self.cosines = {}
    self.params = {}
    self.log = settings.work / f"{name}-{precision}.log"
    command = [str(python_of(settings.venv)), str(HERE / f"{name}_prefill.py"), "--serve",
               "--model", str(settings.model), "--work", str(settings.work),
               "--precision", precision, "--threads", str(settings.threads),
               "--reference", str(settings.reference)]
    with open(self.log, "w", encoding="utf-8") as log:
      self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=log, text=True, env={**os.environ, **QUIET})
    self._answer()  # the "ready" line

  def _answer(self):
    """The next line that is an answer; libraries may print lines of their own in between."""
    for text in self.process.stdout:
      if text.startswith("{"):
        return json.loads(text)
    self.process.wait()
    raise Unavailable(f"{last_line(self.log.read_text())} (exit {self.process.returncode})")

  def turn(self, tokens, runs, warmup, round_index):
    request = {"tokens": tokens, "runs": runs, "warmup": warmup, "check": round_index == 0}
    try:
      self.process.stdin.write(json.dumps(request) + "\n")
      self.process.stdin.flush()
    except BrokenPipeError:
      pass  # the reason is in its log, which the missing answer brings out
    answer = self._answer()
    self.params[tokens] = answer["params"]
    if answer.get("cosine") is not None:
      self.cosines[tokens] = answer["cosine"]
    samples = answer["samples"]
    return Turn(min(samples), statistics.median(samples), len(samples))

  def close(self):
    self.process.stdin.close()
    try:
      self.process.wait(timeout=30)
    except subprocess.TimeoutExpired:
      self.process.kill()
      self.process.wait()


class OwnEngine:
  def __init__(self, precision, settings):
    self.name, self.precision = "trinity", precision
    self.binary, self.model = settings.binary, settings.model
    self.profile = PROFILES[precision]
    self.cosines = {}
    self.params = {}
    self.threads = settings.threads
    self._check(json.loads(settings.reference.read_text()))

  def _run(self, *arguments, stdin=None):
    done = subprocess.run([self.binary, *arguments, "--model", self.model, "--profile",
                           self.profile, "--threads", str(self.threads), "--json"],
                          input=stdin, capture_output=True, text=True)
    if done.returncode != 0:
      raise Unavailable(f"{' '.join(arguments)}: {last_line(done.stderr or done.stdout)}")
    return [json.loads(text) for text in done.stdout.splitlines() if text.startswith("{")]

  def _check(self, reference):
    vocab_size = common.read_config(self.model)["vocab_size"]
    for tokens, vector in reference.items():
      ids = common.token_ids(int(tokens), vocab_size)
      answer = self._run("extract", "--all-positions", stdin=json.dumps({"ids": ids}) + "\n")
      self.cosines[int(tokens)] = common.cosine(answer[0]["hidden"][-1], vector)

  def turn(self, tokens, runs, warmup, round_index):
    # The command warms up by one run of its own.
    lines = self._run("bench", "prefill", "--tokens", str(tokens), "--runs", str(runs))
    for line in lines:
      params = line["params"]
      if (params["tokens"] == tokens and params.get("state", "cold") == "cold"
          and params.get("batch", 1) == 1):
        self.params[tokens] = {**params, "peer": "trinity", "precision": self.precision}
        return Turn(line["min"], line["median"], line["runs"])
    return None

  def close(self):
    pass
