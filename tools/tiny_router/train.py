"""Trains the tiny router: fresh conversations every shard, labels at every message boundary.

  python train.py --out ../../models/tiny

Order of work: vocabulary (train_tokenizer.py), then `--shards` shards of `--shard-size` generated
conversations, one pass over each, AdamW with a warm-up and cosine schedule, exponential moving average of the weights,
finally rounded to bf16. The hidden vector of a conversation that ends with message k sits on the token
before the last one of its transcript; causal attention lets one sequence serve all its boundaries.
"""

import argparse
import json
import math
import os
import random
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from tokenizers import Tokenizer

from banks import Bank
from conversations import build
from generate import HERE, labelled_set, train_set
from model import AGENTS, CONFIG, Router
from train_tokenizer import train_tokenizer
from conversations import transcript

IGNORE = -100


def encode(conversations, tokenizer, tokenizer_dropout, rng, max_tokens):
    """-> list of (ids, targets); a target is (position, agent, role, weight)."""
    texts = [transcript(c.messages) for c in conversations]
    noisy = [rng.random() < 0.35 for _ in texts]
    plain = tokenizer.encode_batch([t for t, n in zip(texts, noisy) if not n])
    dropped = tokenizer_dropout.encode_batch([t for t, n in zip(texts, noisy) if n])
    plain, dropped = iter(plain), iter(dropped)
    out = []
    for c, text, n in zip(conversations, texts, noisy):
        e = next(dropped) if n else next(plain)
        starts = [s for s, _ in e.offsets]
        targets, begin = [], 0
        for k, (m, label) in enumerate(zip(c.messages, c.labels)):
            end = begin + len(m["role"]) + 2 + len(m["content"])
            first = bisect(starts, begin)
            last = bisect(starts, end - 1 + 1) - 1  # token that holds the message's last character
            begin = end + 1
            if label is None or last - 1 >= max_tokens:
                continue
            agent, role, _ = label
            final = k == len(c.messages) - 1
            targets.append((max(last - 1, 0), agent, role, 1.0 if final else 0.7))
            if last - first > 8:  # robustness of the read-out position
                targets.append((last, agent, role, 0.25))
                targets.append((last - 2, agent, role, 0.25))
            if last - first > 10:  # topic and kind of a message show before its end
                user = m["role"] == "user"
                for _ in range(min(6, (last - first) // 5)):
                    targets.append((rng.randrange(first + 6 if user else first + 9, last), agent,
                                    IGNORE if user else role, 0.12))
        out.append((e.ids[:max_tokens], targets))
    return [x for x in out if x[1]]


def bisect(starts, char):
    """Number of tokens that start before `char`."""
    low, high = 0, len(starts)
    while low < high:
        mid = (low + high) // 2
        if starts[mid] < char:
            low = mid + 1
        else:
            high = mid
    return low


def batches(examples, budget, rng):
    """Batches of similar length with at most `budget` padded tokens, in random order."""
    order = sorted(range(len(examples)), key=lambda i: (len(examples[i][0]) // 8, rng.random()))
    groups, group, longest = [], [], 0
    for i in order:
        longest_new = max(longest, len(examples[i][0]))
        if group and longest_new * (len(group) + 1) > budget:
            groups.append(group)
            group, longest_new = [], len(examples[i][0])
        group.append(i)
        longest = longest_new
    groups.append(group)
    rng.shuffle(groups)
    for g in groups:
        width = max(len(examples[i][0]) for i in g)
        ids = torch.zeros(len(g), width, dtype=torch.long)
        rows, positions, agents, roles, weights = [], [], [], [], []
        for r, i in enumerate(g):
            ids[r, :len(examples[i][0])] = torch.tensor(examples[i][0])
            for p, a, o, w in examples[i][1]:
                rows.append(r), positions.append(p), agents.append(a), roles.append(o), weights.append(w)
        yield (ids, torch.tensor(rows), torch.tensor(positions), torch.tensor(agents), torch.tensor(roles),
               torch.tensor(weights))


@torch.no_grad()
def predict(router, tokenizer, message_lists):
    """f32 logits [n, 10], read at token T-2 of each plain transcript."""
    router.eval()
    encoded = [e.ids for e in tokenizer.encode_batch([transcript(m) for m in message_lists])]
    order = sorted(range(len(encoded)), key=lambda i: len(encoded[i]))
    result = torch.zeros(len(encoded), 10)
    for s in range(0, len(order), 32):
        chunk = order[s:s + 32]
        ids = torch.zeros(len(chunk), max(len(encoded[i]) for i in chunk), dtype=torch.long)
        for r, i in enumerate(chunk):
            ids[r, :len(encoded[i])] = torch.tensor(encoded[i])
        hidden = router(ids)
        at = torch.tensor([max(len(encoded[i]) - 2, 0) for i in chunk])
        result[chunk] = router.logits(hidden[torch.arange(len(chunk)), at])
    return result


def score(router, tokenizer, examples):
    logits = predict(router, tokenizer, [e["messages"] for e in examples])
    a, r = logits[:, :AGENTS].argmax(1), logits[:, AGENTS:].argmax(1)
    ta, tr = torch.tensor([e["agent"] for e in examples]), torch.tensor([e["role"] for e in examples])
    return [(a == ta).float().mean().item(), (r == tr).float().mean().item(),
            ((a == ta) & (r == tr)).float().mean().item()]


def save(router, weights, out):
    """Rounds `weights` to bf16 and writes config, backbone and head."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "config.json").write_text(json.dumps(router.config, indent=2) + "\n")
    body = {k: v.to(torch.bfloat16).contiguous() for k, v in weights.items() if k.startswith("model.")}
    save_file(body, out / "model.safetensors")
    save_file({"trinity_router_head": weights["trinity_router_head"].float().contiguous()},
              out / "router_head.safetensors")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--shards", type=int, default=12)
    p.add_argument("--shard-size", type=int, default=2500)
    p.add_argument("--vocab", type=int, default=4000)
    p.add_argument("--hidden", type=int, default=128)
    p.add_argument("--ffn", type=int, default=320)
    p.add_argument("--layers", type=int, default=3)
    p.add_argument("--head-dim", type=int, default=32)
    p.add_argument("--lr", type=float, default=2e-3)
    p.add_argument("--dropout", type=float, default=0.1)
    p.add_argument("--token-dropout", type=float, default=0.08)
    p.add_argument("--smoothing", type=float, default=0.05)
    p.add_argument("--lm-weight", type=float, default=0.0)
    p.add_argument("--tokens", type=int, default=1024, help="padded tokens a batch")
    p.add_argument("--max-tokens", type=int, default=448)
    p.add_argument("--seed", type=int, default=20)
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--bf16", action="store_true", help="autocast the matrix products")
    p.add_argument("--pid-file", type=Path)
    args = p.parse_args()
    if args.pid_file:
        args.pid_file.write_text(str(os.getpid()))
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    rng = random.Random(args.seed)
    began = time.time()

    args.out.mkdir(parents=True, exist_ok=True)
    texts = [transcript(c.messages) for c in train_set(30000, 11)]
    base, total = train_tokenizer(texts, args.vocab, args.out / "tokenizer.json")
    tokenizer = Tokenizer.from_file(str(args.out / "tokenizer.json"))
    document = json.loads((args.out / "tokenizer.json").read_text())
    document["model"]["dropout"] = 0.1
    tokenizer_dropout = Tokenizer.from_str(json.dumps(document))

    eos = base + 2
    config = dict(CONFIG, hidden_size=args.hidden, intermediate_size=args.ffn, num_hidden_layers=args.layers,
                  head_dim=args.head_dim, max_window_layers=args.layers, vocab_size=total,
                  bos_token_id=base, eos_token_id=eos)
    router = Router(config, args.dropout)
    print("parameters", sum(q.numel() for q in router.parameters()), flush=True)
    decay = [q for n, q in router.named_parameters() if q.dim() == 2]
    plain = [q for n, q in router.named_parameters() if q.dim() != 2]
    optimizer = torch.optim.AdamW([{"params": decay, "weight_decay": 0.05}, {"params": plain, "weight_decay": 0.0}],
                                  lr=args.lr, betas=(0.9, 0.98), fused=True)
    ema = {k: v.detach().clone() for k, v in router.state_dict().items()}
    familiar = [dict(messages=c.messages, agent=c.labels[-1][0], role=c.labels[-1][1])
                for c in (build(Bank(HERE / "banks" / "train"), random.Random(900 + i), False) for i in range(300))]
    dev = labelled_set("dev", 600, 77)

    steps_total, step = None, 0
    for shard in range(args.shards):
        examples = encode(train_set(args.shard_size, args.seed * 1000 + shard), tokenizer, tokenizer_dropout,
                          rng, args.max_tokens)
        pack = list(batches(examples, args.tokens, rng))
        steps_total = steps_total or len(pack) * args.shards
        router.train()
        sums, count = [0.0, 0.0], 0
        for ids, rows, positions, agents, roles, weights in pack:
            rate = args.lr * min(1.0, (step + 1) / 150) * (
                0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, step / steps_total))))
            for group in optimizer.param_groups:
                group["lr"] = rate
            noised = ids
            if args.token_dropout:
                mask = torch.rand(ids.shape) < args.token_dropout * (torch.rand(ids.shape[0], 1) < 0.5)
                noised = torch.where(mask, torch.randint(0, total - 5, ids.shape), ids)
                noised[rows, positions] = ids[rows, positions]
            with torch.autocast("cpu", torch.bfloat16, enabled=args.bf16):
                hidden = router(noised)
            logits = router.logits(hidden[rows, positions])
            loss_a = F.cross_entropy(logits[:, :AGENTS], agents, reduction="none", label_smoothing=args.smoothing)
            loss_r = F.cross_entropy(logits[:, AGENTS:], roles, reduction="none", ignore_index=IGNORE,
                                     label_smoothing=args.smoothing)
            loss = (weights * (loss_a + loss_r)).sum() / weights.sum()
            if args.lm_weight:
                keep = torch.nonzero(torch.rand(ids.shape[0], ids.shape[1] - 1) < 0.3, as_tuple=True)
                keep = tuple(k[ids[keep[0], keep[1] + 1] != 0] for k in keep)
                with torch.autocast("cpu", torch.bfloat16, enabled=args.bf16):
                    words = hidden[keep] @ router.model.embed_tokens.weight.to(hidden.dtype).t()
                loss = loss + args.lm_weight * F.cross_entropy(words.float(), ids[keep[0], keep[1] + 1])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(router.parameters(), 1.0)
            optimizer.step()
            keep_rate = min(0.998, (step + 1) / (step + 10))
            with torch.no_grad():
                for k, v in router.state_dict().items():
                    ema[k].lerp_(v, 1 - keep_rate)
            step += 1
            sums[0] += loss_a.mean().item()
            sums[1] += loss_r.mean().item() if loss_r.numel() else 0.0
            count += 1
        if (shard + 1) % 4 and shard + 1 < args.shards:
            print("shard %d step %d time %.0f s loss %.3f %.3f" % (
                shard, step, time.time() - began, sums[0] / count, sums[1] / count), flush=True)
            continue
        current = {k: v.detach().clone() for k, v in router.state_dict().items()}
        rounded = {k: v.to(torch.bfloat16).float() if k.startswith("model.") else v for k, v in ema.items()}
        router.load_state_dict(rounded)
        f, h = score(router, tokenizer, familiar), score(router, tokenizer, dev)
        save(router, ema, args.out)
        router.load_state_dict(current)
        print("shard %d step %d time %.0f s loss %.3f %.3f | familiar %.3f %.3f %.3f | dev %.3f %.3f %.3f"
              % (shard, step, time.time() - began, sums[0] / count, sums[1] / count, *f, *h), flush=True)


if __name__ == "__main__":
    main()
