"""Writes labelled conversations as JSON lines, for inspection and for the held-out sample.

python generate.py --bank heldout --count 200 --seed 7 > sample.jsonl
"""

import argparse
import json
import random
from pathlib import Path

from banks import Bank
from conversations import build

HERE = Path(__file__).parent


def labelled_set(name, count, seed):
    """Single-label examples: the state after the last message of each conversation."""
    bank, rng = Bank(HERE / "banks" / name), random.Random(seed)
    examples = []
    while len(examples) < count:
        c = build(bank, rng, dropout=False)
        agent, role, state = c.labels[-1]
        examples.append(
            {
                "id": "%s_%04d" % (name, len(examples)),
                "messages": c.messages,
                "agent": agent,
                "role": role,
                "state": state,
            }
        )
    return examples


def train_set(count, seed, singles=0, extra=False):
    """`count` walks of any length and `singles` opening questions, which are short and cheap."""
    bank, rng = Bank(HERE / "banks" / "train", extra), random.Random(seed)
    walks = [build(bank, rng, dropout=True) for _ in range(count)]
    return walks + [build(bank, rng, dropout=True, steps=1) for _ in range(singles)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bank", choices=["train", "dev", "heldout"], default="train")
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    if args.bank != "train":
        for example in labelled_set(args.bank, args.count, args.seed):
            print(json.dumps(example, ensure_ascii=False))
        return
    for c in train_set(args.count, args.seed):
        print(json.dumps({"messages": c.messages, "labels": c.labels}, ensure_ascii=False))


if __name__ == "__main__":
    main()
