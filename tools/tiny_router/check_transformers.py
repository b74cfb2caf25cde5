"""Compares the shipped model with the Qwen3 of the `transformers` package (optional).

pip install transformers; python check_transformers.py --model ../../models/tiny
"""

import argparse
import json
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import Qwen3Config, Qwen3Model

from checkpoint import load


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--model", type=Path, required=True)
    args = p.parse_args()
    router, tokenizer = load(args.model)
    router.eval()
    config = {
        k: v
        for k, v in json.loads((args.model / "config.json").read_text()).items()
        if k not in ("architectures", "model_type", "torch_dtype")
    }
    other = Qwen3Model(Qwen3Config(**config, attn_implementation="eager")).float().eval()
    weights = {
        k.removeprefix("model."): v.float()
        for k, v in load_file(args.model / "model.safetensors").items()
    }
    other.load_state_dict(weights)
    worst = 0.0
    for text in (
        "user: What is 17 + 25?",
        "user: hi",
        "system: Be brief.\nuser: Plan a picnic.\nassistant: Step 1: food.",
    ):
        ids = torch.tensor([tokenizer.encode(text).ids])
        with torch.no_grad():
            worst = max(worst, (router(ids) - other(ids).last_hidden_state).abs().max().item())
    print("largest difference of the final hidden state: %.2e" % worst)
    if worst > 1e-4:
        raise SystemExit("the two implementations disagree")


if __name__ == "__main__":
    main()
