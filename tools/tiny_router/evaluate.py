"""Measures the shipped files: held-out accuracy, confusion, margins, demo, baseline.

  python evaluate.py --model ../../models/tiny [--baseline 20000]

Reads config.json, tokenizer.json and the two safetensors files, so the numbers are those of the
bytes on disk (bf16 weights, computed in f32).
"""

import argparse
import json
from collections import Counter
from pathlib import Path

import numpy as np
import torch

from banks import ROLES, SKILLS
from checkpoint import load, predict
from conversations import transcript
from generate import labelled_set
from model import AGENTS

HELDOUT_COUNT, HELDOUT_SEED = 2800, 4242


def margins(logits):
    top = np.sort(logits, 1)
    return top[:, -1] - top[:, -2]


def confusion(truth, guess, names):
    print("| true \\ routed | " + " | ".join(names) + " | recall |")
    print("|---" * (len(names) + 2) + "|")
    for i, name in enumerate(names):
        row = [int(((truth == i) & (guess == j)).sum()) for j in range(len(names))]
        print("| %s | %s | %.3f |" % (name, " | ".join(map(str, row)), row[i] / max(1, sum(row))))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--model", type=Path, required=True)
    p.add_argument(
        "--baseline", type=int, default=0, help="training conversations of the baseline; 0 = skip"
    )
    p.add_argument("--errors", type=int, default=0, help="print this many wrong examples")
    p.add_argument("--bank", choices=["dev", "heldout"], default="heldout")
    args = p.parse_args()
    torch.set_num_threads(1)
    router, tokenizer = load(args.model)
    examples = labelled_set(args.bank, HELDOUT_COUNT, HELDOUT_SEED)
    ta = np.array([e["agent"] for e in examples])
    tr = np.array([e["role"] for e in examples])
    logits = predict(router, tokenizer, [e["messages"] for e in examples]).numpy()
    a, r = logits[:, :AGENTS].argmax(1), logits[:, AGENTS:].argmax(1)
    ok_a, ok_r = a == ta, r == tr
    print("| %s, n = %d | agent | role | joint |\n|---|---|---|---|" % (args.bank, len(examples)))
    print(
        "| tiny router | %.3f | %.3f | %.3f |" % (ok_a.mean(), ok_r.mean(), (ok_a & ok_r).mean())
    )
    joint = Counter(zip(ta, tr)).most_common(1)[0][1] / len(ta)
    print(
        "| majority class | %.3f | %.3f | %.3f |"
        % (np.bincount(ta).max() / len(ta), np.bincount(tr).max() / len(tr), joint)
    )
    if args.baseline:
        from baseline import fit_baseline

        guess_a, guess_r = fit_baseline(args.baseline, 123)([e["messages"] for e in examples])
        print(
            "| bag of words | %.3f | %.3f | %.3f |"
            % (
                (guess_a == ta).mean(),
                (guess_r == tr).mean(),
                ((guess_a == ta) & (guess_r == tr)).mean(),
            )
        )
    print(
        "\nBy state:\n\n| state | n | agent | role |"
        + (" role, bag of words |" if args.baseline else "")
    )
    print("|---|---|---|---|" + ("---|" if args.baseline else ""))
    states = np.array([e["state"] for e in examples])
    for state, n in Counter(states).most_common():
        m = states == state
        line = "| %s | %d | %.3f | %.3f |" % (state, n, ok_a[m].mean(), ok_r[m].mean())
        print(line + (" %.3f |" % (guess_r[m] == tr[m]).mean() if args.baseline else ""))
    print("\nAgents:\n")
    confusion(ta, a, SKILLS)
    print("\nRoles:\n")
    confusion(tr, r, ROLES)
    for name, part, ok in (
        ("agent", logits[:, :AGENTS], ok_a),
        ("role", logits[:, AGENTS:], ok_r),
    ):
        g = margins(part)
        print(
            "\n%s margin: median %.2f if right, %.2f if wrong; %.1f %% of the right ones exceed 1"
            % (
                name,
                np.median(g[ok]),
                np.median(g[~ok]) if (~ok).any() else 0,
                100 * (g[ok] > 1).mean(),
            )
        )
    demo = args.model / "demo.jsonl"
    if demo.exists():
        print("\nDemo:\n")
        cases = [json.loads(line) for line in demo.read_text(encoding="utf-8").splitlines()]
        d = predict(router, tokenizer, [c["messages"] for c in cases]).numpy()
        for c, row in zip(cases, d):
            ga, gr = row[:AGENTS].argmax(), row[AGENTS:].argmax()
            print(
                "| %s | %s / %s | %.2f / %.2f | %s |"
                % (
                    c["id"],
                    SKILLS[ga],
                    ROLES[gr],
                    margins(row[None, :AGENTS])[0],
                    margins(row[None, AGENTS:])[0],
                    (
                        "right"
                        if (ga, gr) == (c["agent"], c["role"])
                        else "WRONG, wanted %s / %s" % (SKILLS[c["agent"]], ROLES[c["role"]])
                    ),
                )
            )
    shown = 0
    for i, e in enumerate(examples):
        if shown < args.errors and not (ok_a[i] and ok_r[i]):
            shown += 1
            print(
                "\n### wanted %s/%s got %s/%s (%s)\n%s"
                % (
                    SKILLS[ta[i]],
                    ROLES[tr[i]],
                    SKILLS[a[i]],
                    ROLES[r[i]],
                    states[i],
                    transcript(e["messages"]),
                )
            )


if __name__ == "__main__":
    main()
