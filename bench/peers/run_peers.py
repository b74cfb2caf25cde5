"""Measures our engine and its peers on the same weights in one run, and prints one table.

What it does, in this order: makes a virtual environment and installs each peer from exact versions;
makes a random-weight model with our `synth` command; computes the hidden vectors of transformers in
f32 as the reference; starts every contestant; then, for each length, lets all of them take turns
(A B C A B C …), so that a machine which slows down for a while slows all of them alike.

Exit code 0 only if every requested contestant ran and computes the same model as the reference.
Needs nothing but Python's standard library itself. Example:

  python3 bench/peers/run_peers.py --short --skip llama_cpp
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import common
import environment
from contestants import QUIET, OwnEngine, Peer
from environment import HERE, Unavailable, note, python_of
from table import markdown

ROOT = HERE.parent.parent
CONTESTANTS = ["trinity", *environment.PACKAGES]
PRECISIONS = {"trinity": ["bf16", "int8", "f32"], "transformers": ["bf16", "f32"],
              "openvino": ["bf16", "int8", "f32"], "llama_cpp": ["bf16", "int8"]}
MIN_COSINE = 0.98
LONGEST_CHECK = 1024  # the reference in f32 takes minutes beyond this length
SEED = 7
PAUSE_S = 0.05  # between turns: lets the last one's worker threads fall asleep


def model_shape(layers, vocab_size):
  """config.json of the Qwen3-0.6B shape; fewer layers and a smaller vocabulary for short runs."""
  return {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "hidden_act": "silu",
          "hidden_size": 1024, "intermediate_size": 3072, "num_hidden_layers": layers,
          "num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 128,
          "vocab_size": vocab_size, "max_position_embeddings": 40960, "rope_theta": 1000000,
          "rms_norm_eps": 1e-06, "rope_scaling": None, "attention_bias": False,
          "attention_dropout": 0.0, "use_sliding_window": False, "sliding_window": None,
          "tie_word_embeddings": True, "torch_dtype": "bfloat16"}


def parse():
  parser = argparse.ArgumentParser(description=__doc__,
                                   formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument("--short", action="store_true",
                      help="two layers, T = 3 and 26, one round: shows that every peer still runs")
  parser.add_argument("--skip", action="append", default=[], choices=CONTESTANTS,
                      help="leave a contestant out (may be repeated)")
  parser.add_argument("--precisions", default="bf16,int8,f32")
  parser.add_argument("--tokens", help="comma-separated lengths, default 3,15,26,65,256,1024")
  parser.add_argument("--rounds", type=int, help="turns of each contestant at each length")
  parser.add_argument("--threads", type=int, default=2)
  parser.add_argument("--model", type=Path, help="use this folder instead of a synthetic one")
  parser.add_argument("--config", type=Path, help="config.json for the synthetic model")
  parser.add_argument("--binary", type=Path, default=ROOT / "build/bin/trinity")
  parser.add_argument("--venv", type=Path, default=ROOT / ".venv-peers")
  parser.add_argument("--cache", type=Path, default=ROOT / ".cache/peers",
                      help="built wheels, the synthetic model and converted models")
  parser.add_argument("--json", type=Path, help="write the measurements as JSON lines")
  settings = parser.parse_args()
  default = [3, 26] if settings.short else common.DEFAULT_TOKENS
  settings.tokens = list(map(int, settings.tokens.split(","))) if settings.tokens else default
  settings.rounds = settings.rounds or (1 if settings.short else 3)
  settings.precisions = settings.precisions.split(",")
  for name in ("venv", "cache", "binary"):
    setattr(settings, name, getattr(settings, name).absolute())
  settings.work = settings.cache / "work"
  settings.work.mkdir(parents=True, exist_ok=True)
  return settings


def make_model(settings):
  """The folder to measure; synthesised once for each shape."""
  if settings.model:
    return settings.model.absolute()
  shape = model_shape(2, 8192) if settings.short else model_shape(28, 151936)
  config = settings.work / ("short.json" if settings.short else "full.json")
  config.write_text(settings.config.read_text() if settings.config else json.dumps(shape, indent=2))
  name = "short" if settings.short else "full"
  if settings.config:
    name = "custom-" + settings.config.stem
  folder = settings.cache / f"model-{name}"
  if not list(folder.glob("*.safetensors")):
    if not settings.binary.exists():
      raise Unavailable(f"{settings.binary} does not exist: build it, or give --model")
    note(f"making the synthetic model {folder}")
    done = subprocess.run([settings.binary, "synth", "--config", config, "--seed", str(SEED),
                           "--out", folder], capture_output=True, text=True)
    if done.returncode != 0:
      raise Unavailable("synth: " + environment.last_line(done.stderr or done.stdout))
    # Only ids are fed, but our `extract` wants to know a tokenizer.
    shutil.copy(ROOT / "models/tiny/tokenizer.json", folder)
  return folder


def make_reference(settings):
  """Hidden vectors by transformers in f32, kept for each model and set of lengths."""
  lengths = ",".join(str(tokens) for tokens in settings.tokens if tokens <= LONGEST_CHECK)
  name = f"reference-{common.fingerprint(settings.model)}-{lengths.replace(',', '_')}.json"
  path = settings.work / name
  if not path.exists():
    note("computing the reference hidden vectors (transformers, f32)")
    partial = path.with_name("partial-" + name)
    done = subprocess.run([python_of(settings.venv), HERE / "transformers_prefill.py", "--model",
                           settings.model, "--precision", "f32", "--tokens", lengths, "--runs", "1",
                           "--warmup", "0", "--threads", str(settings.threads),
                           "--write-reference", partial],
                          capture_output=True, text=True, env={**os.environ, **QUIET})
    if done.returncode != 0:
      raise Unavailable("reference: " + environment.last_line(done.stderr))
    os.replace(partial, path)
  return path


def runs_of(tokens, short):
  """Measured runs in one turn: many where a run is short."""
  if short:
    return 2
  return 7 if tokens <= 65 else 3 if tokens <= 256 else 1


def start(settings, failures):
  """Installs and starts every requested contestant; what cannot start goes to `failures`."""
  started = []
  for name in CONTESTANTS:
    if name in settings.skip or name in failures:
      continue
    for precision in PRECISIONS[name]:
      if precision not in settings.precisions:
        continue
      note(f"starting {name} {precision}")
      try:
        started.append(OwnEngine(precision, settings) if name == "trinity"
                       else Peer(name, precision, settings))
      except (Unavailable, OSError) as reason:
        failures[f"{name} {precision}"] = str(reason)
  return started


def take_turns(settings, contestants, failures):
  """All turns, by (contestant, precision, T)."""
  turns = {}
  for tokens in settings.tokens:
    for round_index in range(settings.rounds):
      for one in contestants:
        label = f"{one.name} {one.precision}"
        if label in failures:
          continue
        warmup = 1 if round_index == 0 or tokens < 1024 else 0
        try:
          taken = one.turn(tokens, runs_of(tokens, settings.short), warmup, round_index)
        except Unavailable as reason:
          failures[label] = str(reason)
          continue
        if taken:
          turns.setdefault((one.name, one.precision, tokens), []).append(taken)
        time.sleep(PAUSE_S)
    note(f"measured T = {tokens}")
  return turns


def report(settings, contestants, turns, failures):
  best = {key: min(turn.min for turn in taken) for key, taken in turns.items()}
  names = [name for name in CONTESTANTS if name not in settings.skip]
  print(markdown(best, names, settings.precisions, settings.tokens))
  if settings.short:
    print("\nShort mode shows that everything runs; with two layers the ratios mean nothing.")
  print("\nCosine of the last hidden vector against transformers f32 (lowest over T):")
  lines = []
  for one in contestants:
    lowest = min(one.cosines.values(), default=None)
    print(f"- {one.name} {one.precision}: " + ("not checked" if lowest is None
                                              else f"{lowest:.5f}"))
    if lowest is not None and not lowest > MIN_COSINE:
      failures[f"{one.name} {one.precision}"] = f"cosine {lowest:.5f}: computes another model"
    for tokens in settings.tokens:
      taken = turns.get((one.name, one.precision, tokens))
      if taken:
        lines.append({"name": f"{one.name}_prefill", "params": one.params[tokens], "unit": "ms",
                      "min": min(turn.min for turn in taken),
                      "median": statistics.median(turn.median for turn in taken),
                      "runs": sum(turn.runs for turn in taken)})
      if tokens in one.cosines:
        lines.append(common.line(f"{one.name}_prefill_check", one.params.get(tokens, {}), "cosine",
                                 [one.cosines[tokens]]))
  if settings.json:
    settings.json.write_text("".join(json.dumps(line) + "\n" for line in lines))


def main():
  settings = parse()
  failures = {}
  for peer in environment.PACKAGES:
    if peer in settings.skip:
      continue
    try:
      environment.install(peer, settings.venv, settings.cache)
    except Unavailable as reason:
      failures[peer] = str(reason)
  contestants = []
  try:
    settings.model = make_model(settings)
    environment.install("transformers", settings.venv, settings.cache)  # the judge is always needed
    settings.reference = make_reference(settings)
    contestants = start(settings, failures)
    turns = take_turns(settings, contestants, failures)
    report(settings, contestants, turns, failures)
  except Unavailable as reason:
    failures["everything"] = str(reason)
  finally:
    for one in contestants:
      one.close()
  for label, reason in failures.items():
    print(f"\n**{label}: unavailable: {reason}**")
  return 1 if failures else 0


if __name__ == "__main__":
  sys.exit(main())
