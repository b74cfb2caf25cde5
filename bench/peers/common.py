"""What every peer script shares: arguments, fixed token ids, timing and the output lines.

A peer is an object with `describe() -> dict` (fields added to `params`), `prepare(tokens)` (what
depends on the length but is paid once, such as compiling), `prefill(ids)` (the measured call) and
`last_hidden(ids)` (the final-norm hidden vector of the last token as a list of floats, for the
numerical check).

One line a measurement, the form that `trinity bench --json` prints:
  {"name", "params": {"tokens", "state", "batch", …}, "unit": "ms", "min", "median", "runs"}
The check that a peer computes the same model is a line of the same form, with the unit `cosine`.

`--serve` turns a script into a co-process: the model is loaded once, then each line on stdin
({"tokens": T, "runs": N, "warmup": W, "check": bool}) is answered by one line with all samples.
`run_peers.py` uses it to take turns between peers without reloading anything.
"""

import argparse
import hashlib
import json
import math
import random
import statistics
import sys
import time
from pathlib import Path

DEFAULT_TOKENS = [3, 15, 26, 65, 256, 1024]
IDS_SEED = 20240607


def base_parser(description, precisions):
  parser = argparse.ArgumentParser(description=description)
  parser.add_argument("--model", required=True, type=Path, help="Hugging Face folder")
  parser.add_argument("--precision", choices=precisions, default=precisions[0])
  parser.add_argument("--tokens", default=",".join(map(str, DEFAULT_TOKENS)),
                      help="comma-separated sequence lengths (8192 works too, but takes long)")
  parser.add_argument("--runs", type=int, default=5)
  parser.add_argument("--warmup", type=int, default=2)
  parser.add_argument("--threads", type=int, default=2)
  parser.add_argument("--work", type=Path, default=Path("build/peers"),
                      help="folder for converted models, reused by later runs")
  parser.add_argument("--reference", type=Path, help="hidden vectors to compare with (JSON)")
  parser.add_argument("--write-reference", type=Path, help="write this run's hidden vectors")
  parser.add_argument("--json", action="store_true", help="JSON lines instead of a readable line")
  parser.add_argument("--serve", action="store_true", help="answer requests from stdin")
  return parser


def read_config(folder):
  return json.loads((folder / "config.json").read_text())


def fingerprint(folder):
  """A short name for a model folder's content, so that a converted copy is never stale."""
  digest = hashlib.sha256((folder / "config.json").read_bytes())
  for path in sorted(folder.glob("*.safetensors")):
    stat = path.stat()
    digest.update(f"{path.name} {stat.st_size} {stat.st_mtime_ns}".encode())
  return digest.hexdigest()[:12]


def token_ids(tokens, vocab_size):
  """The same `tokens` ids for every peer, uniform over the vocabulary."""
  return random.Random(IDS_SEED).choices(range(vocab_size), k=tokens)


def cosine(a, b):
  dot = math.fsum(x * y for x, y in zip(a, b, strict=True))
  return dot / (math.hypot(*a) * math.hypot(*b))


def measure(call, runs, warmup):
  """Milliseconds of `runs` calls after `warmup` unmeasured ones."""
  for _ in range(warmup):
    call()
  samples = []
  for _ in range(runs):
    start = time.perf_counter()
    call()
    samples.append((time.perf_counter() - start) * 1e3)
  return samples


def line(name, params, unit, samples):
  return {"name": name, "params": params, "unit": unit, "min": min(samples),
          "median": statistics.median(samples), "runs": len(samples)}


def run(name, peer, args):
  """Measures `peer` at every length, or serves requests until stdin closes."""
  vocab_size = read_config(args.model)["vocab_size"]
  reference = json.loads(args.reference.read_text()) if args.reference else {}
  written = {}

  def params(tokens):
    return {"tokens": tokens, "state": "cold", "batch": 1, "precision": args.precision,
            "threads": args.threads, **peer.describe()}

  def check(tokens, ids):
    """Cosine against the reference, or None where the reference has no such length."""
    if args.write_reference:
      written[str(tokens)] = peer.last_hidden(ids)
      args.write_reference.write_text(json.dumps(written))
    if str(tokens) not in reference:
      return None
    return cosine(peer.last_hidden(ids), reference[str(tokens)])

  if args.serve:
    print(json.dumps({"ready": name, "params": params(0)}), flush=True)
    for text in sys.stdin:
      request = json.loads(text)
      tokens = request["tokens"]
      ids = token_ids(tokens, vocab_size)
      peer.prepare(tokens)
      reply = {"samples": measure(lambda: peer.prefill(ids), request["runs"], request["warmup"])}
      if request.get("check"):
        reply["cosine"] = check(tokens, ids)
      print(json.dumps({**reply, "params": params(tokens)}), flush=True)
    return

  for tokens in map(int, args.tokens.split(",")):
    ids = token_ids(tokens, vocab_size)
    peer.prepare(tokens)
    samples = measure(lambda: peer.prefill(ids), args.runs, args.warmup)
    lines = [line(name, params(tokens), "ms", samples)]
    agreement = check(tokens, ids)
    if agreement is not None:
      lines.append(line(name + "_check", params(tokens), "cosine", [agreement]))
    for entry in lines:
      if args.json:
        print(json.dumps(entry), flush=True)
      else:
        print(f"{entry['name']} {args.precision} tokens={tokens}: min {entry['min']:.4f} "
              f"median {entry['median']:.4f} {entry['unit']}", flush=True)
