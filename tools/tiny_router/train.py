"""Trains the tiny router: fresh conversations every shard, labels at every message boundary.

  python train.py --out ../../models/tiny

Order of work: vocabulary (train_tokenizer.py), then `--shards` shards of `--shard-size` generated
conversations, one pass over each. AdamW with warm-up and cosine schedule, moving average of the
weights, which are rounded to bf16 before they are measured and written.
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
from tokenizers import Tokenizer

from banks import Bank
from checkpoint import load, rounded, save, score
from conversations import build, transcript
from examples import IGNORE, batches, encode
from generate import HERE, labelled_set, train_set
from model import AGENTS, CONFIG, Router
from train_tokenizer import ADDED, train_tokenizer


def parse_args():
    p = argparse.ArgumentParser()
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--shards", type=int, default=18)
    p.add_argument("--shard-size", type=int, default=1800, help="conversations a shard")
    p.add_argument("--singles", type=int, default=1000, help="further opening questions a shard")
    p.add_argument("--bag", type=float, default=0.4, help="weight of the bag-of-tokens loss")
    p.add_argument("--vocab", type=int, default=4000, help="base vocabulary")
    p.add_argument("--hidden", type=int, default=128)
    p.add_argument("--ffn", type=int, default=384)
    p.add_argument("--layers", type=int, default=4)
    p.add_argument("--head-dim", type=int, default=32)
    p.add_argument("--lr", type=float, default=2e-3)
    p.add_argument("--dropout", type=float, default=0.1)
    p.add_argument("--token-dropout", type=float, default=0.08)
    p.add_argument("--smoothing", type=float, default=0.05)
    p.add_argument("--tokens", type=int, default=1024, help="padded tokens a batch")
    p.add_argument("--max-tokens", type=int, default=448)
    p.add_argument("--seed", type=int, default=20)
    p.add_argument("--threads", type=int, default=1)
    p.add_argument(
        "--second-phase", action="store_true", help="go on from --out, with *_extra banks"
    )
    p.add_argument("--pid-file", type=Path)
    return p.parse_args()


def make_tokenizers(args, rng):
    """-> (tokenizer as shipped, variants with missing merges, base vocabulary, whole vocabulary).

    The variants split words in other ways (BPE dropout, but reproducible): each lacks a random
    part of the merges.
    """
    args.out.mkdir(parents=True, exist_ok=True)
    path = args.out / "tokenizer.json"
    if not args.second_phase:
        texts = [transcript(c.messages) for c in train_set(30000, 11)]
        train_tokenizer(texts, args.vocab, path)
    base = len(json.loads(path.read_text(encoding="utf-8"))["model"]["vocab"])
    total = base + len(ADDED)
    variants = []
    for _ in range(12):
        document = json.loads(path.read_text(encoding="utf-8"))
        merges = document["model"]["merges"]
        rate = rng.choice([0.03, 0.06, 0.12])
        document["model"]["merges"] = [m for m in merges if rng.random() > rate]
        variants.append(Tokenizer.from_str(json.dumps(document)))
    return Tokenizer.from_file(str(path)), variants, base, total


def make_router(args, base, total):
    config = dict(
        CONFIG,
        hidden_size=args.hidden,
        intermediate_size=args.ffn,
        num_hidden_layers=args.layers,
        head_dim=args.head_dim,
        max_window_layers=args.layers,
        vocab_size=total,
        bos_token_id=base,
        eos_token_id=base + 2,
    )
    return Router(config, args.dropout)


def make_optimizer(router, topics, args):
    decay = [p for p in router.parameters() if p.dim() == 2] + [topics]
    plain = [p for p in router.parameters() if p.dim() != 2]
    groups = [{"params": decay, "weight_decay": 0.05}, {"params": plain, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=args.lr, betas=(0.9, 0.98), fused=True)


def learning_rate(args, step, steps):
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, step / steps)))
    return args.lr * min(1.0, (step + 1) / 150) * (0.02 + 0.98 * cosine)


def disturb(ids, rows, positions, total, rate):
    """Random tokens in half of the sequences; the read-out positions stay."""
    mask = torch.rand(ids.shape) < rate * (torch.rand(ids.shape[0], 1) < 0.5)
    noised = torch.where(mask, torch.randint(0, total - 5, ids.shape), ids)
    noised[rows, positions] = ids[rows, positions]
    return noised


def bag_loss(router, topics, ids, rows, positions, agents, begins):
    """Agent loss of a linear bag-of-tokens reader of the embeddings, in user messages only.

    It only shapes the embeddings: words that tell the topic become linearly readable, which the
    layers above then average. `topics` [7, hidden] is thrown away after training.
    """
    votes = router.model.embed_tokens(ids) @ topics.t()
    sums = F.pad(votes.cumsum(1), (0, 0, 1, 0))
    inside = begins >= 0
    r, first, last = rows[inside], begins[inside], positions[inside]
    length = (last + 1 - first).unsqueeze(1)
    logits = (sums[r, last + 1] - sums[r, first]) / length.float().sqrt()
    return (
        F.cross_entropy(logits, agents[inside], label_smoothing=0.1) if len(r) else sums.sum() * 0
    )


def losses(router, topics, batch, args, total):
    """-> (weighted loss to minimise, mean agent loss, mean role loss) of one batch."""
    ids, rows, positions, agents, roles, weights, begins = batch
    noised = disturb(ids, rows, positions, total, args.token_dropout)
    hidden = router(noised)
    logits = router.logits(hidden[rows, positions])
    options = dict(reduction="none", label_smoothing=args.smoothing)
    agent = F.cross_entropy(logits[:, :AGENTS], agents, **options)
    role = F.cross_entropy(logits[:, AGENTS:], roles, ignore_index=IGNORE, **options)
    loss = (weights * (agent + role)).sum() / weights.sum()
    bag = bag_loss(router, topics, noised, rows, positions, agents, begins)
    return loss + args.bag * bag, agent.mean(), role.mean()


def main():
    args = parse_args()
    if args.pid_file:
        args.pid_file.write_text(str(os.getpid()))
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    rng = random.Random(args.seed)
    began = time.time()
    tokenizer, variants, base, total = make_tokenizers(args, rng)
    router = make_router(args, base, total)
    if args.second_phase:
        router.load_state_dict(load(args.out)[0].state_dict())
    print("parameters", sum(p.numel() for p in router.parameters()), flush=True)
    topics = torch.nn.Parameter(torch.zeros(AGENTS, args.hidden))
    optimizer = make_optimizer(router, topics, args)
    average = {k: v.detach().clone() for k, v in router.state_dict().items()}
    familiar, bank = [], Bank(HERE / "banks" / "train")
    for i in range(300):
        c = build(bank, random.Random(900 + i), dropout=False)
        familiar.append(dict(messages=c.messages, agent=c.labels[-1][0], role=c.labels[-1][1]))
    dev = labelled_set("dev", 600, 77)

    steps, step = None, 0
    for shard in range(args.shards):
        conversations = train_set(
            args.shard_size, args.seed * 1000 + shard, args.singles, args.second_phase
        )
        examples = encode(conversations, tokenizer, rng.choice(variants), rng, args.max_tokens)
        pack = list(batches(examples, args.tokens, rng))
        steps = steps or len(pack) * args.shards
        router.train()
        agent_sum = role_sum = 0.0
        for batch in pack:
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(args, step, steps)
            loss, agent_loss, role_loss = losses(router, topics, batch, args, total)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(router.parameters(), 1.0)
            optimizer.step()
            with torch.no_grad():
                for k, v in router.state_dict().items():
                    average[k].lerp_(v, 1 - min(0.998, (step + 1) / (step + 10)))
            step += 1
            agent_sum += agent_loss.item()
            role_sum += role_loss.item()
        line = "shard %d step %d time %.0f s loss %.3f %.3f" % (
            shard,
            step,
            time.time() - began,
            agent_sum / len(pack),
            role_sum / len(pack),
        )
        if (shard + 1) % 6 == 0 or shard + 1 == args.shards:
            current = {k: v.detach().clone() for k, v in router.state_dict().items()}
            save(router, average, args.out)
            router.load_state_dict(rounded(average))
            line += " | familiar %.3f %.3f %.3f" % score(router, tokenizer, familiar)
            line += " | dev %.3f %.3f %.3f" % score(router, tokenizer, dev)
            router.load_state_dict(current)
        print(line, flush=True)


if __name__ == "__main__":
    main()
