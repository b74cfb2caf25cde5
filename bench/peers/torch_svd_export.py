"""The same adaptation by PyTorch: torch.svd of every selected matrix, then (U·S')·Vᵀ·norm.

Prints one JSON line per figure, as `trinity bench export --json` does. The embedding serves as LM
head too; it is decomposed once here (`svd-export`), which favours PyTorch: the authors' lane
decomposes every key of the state dict, so its time is given as well (`svd-export-untied`). Nothing
is written to disk. Both sides use the same model folder and the same number of threads:

  trinity bench export --model DIR --json
  python3 bench/peers/torch_svd_export.py --model DIR --layer 26
"""

import argparse
import json
import time
from pathlib import Path

import torch
from safetensors import safe_open


def selected(model, layer):
  names = ["model.embed_tokens.weight"]
  names += [f"model.layers.{layer}.{part}.weight" for part in (
      "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
      "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj")]
  found = {}
  for path in sorted(Path(model).glob("*.safetensors")):
    with safe_open(path, "pt") as file:
      for name in names:
        if name in file.keys():
          found[name] = file.get_tensor(name)
  return [(name, found[name]) for name in names]


def recompose(u, s, v, offsets, dtype):
  scaled = s * (1 + offsets)
  return (((u * scaled) @ v.T) * (s.sum() / scaled.sum())).to(dtype)


def main():
  parser = argparse.ArgumentParser(description=__doc__,
                                   formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument("--model", required=True)
  parser.add_argument("--layer", type=int, default=26)
  parser.add_argument("--threads", type=int, default=2)
  args = parser.parse_args()
  torch.set_num_threads(args.threads)
  generator = torch.Generator().manual_seed(7)
  decompose_ms, embedding_ms, recompose_ms = 0.0, 0.0, 0.0
  for name, weight in selected(args.model, args.layer):
    source = weight.float()
    begin = time.perf_counter()
    u, s, v = torch.svd(source)
    elapsed = (time.perf_counter() - begin) * 1000
    decompose_ms += elapsed
    blocks = 1
    if name == "model.embed_tokens.weight":
      embedding_ms, blocks = elapsed, 2  # the LM head uses the same decomposition
    for _ in range(blocks):
      offsets = 0.097 * torch.randn(s.shape, generator=generator)
      begin = time.perf_counter()
      recompose(u, s, v, offsets, weight.dtype)
      recompose_ms += (time.perf_counter() - begin) * 1000
    del u, s, v
  params = {"peer": "torch " + torch.__version__, "threads": args.threads}
  for figure, value in (("svd-embedding", embedding_ms), ("recompose", recompose_ms),
                        ("svd-export", decompose_ms + recompose_ms),
                        ("svd-export-untied", decompose_ms + embedding_ms + recompose_ms)):
    print(json.dumps({"name": figure, "params": params, "unit": "ms", "min": round(value, 1),
                      "median": round(value, 1), "runs": 1}))


if __name__ == "__main__":
  main()
