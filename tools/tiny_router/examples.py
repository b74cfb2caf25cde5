"""Conversations -> training batches: token ids and labelled read-out positions.

The hidden vector of a conversation that ends with message k sits on the token before the last one
of its transcript. Attention is causal, so one sequence serves all its message boundaries; further
positions inside long messages get small weights.
"""

import torch

from conversations import transcript

IGNORE = -100


def encode(conversations, tokenizer, variant, rng, max_tokens):
    """-> list of (ids, targets); a target is (position, agent, role, weight, begin): `begin` is
    the first token of the user message that the position lies in, -1 in other messages."""
    texts = [transcript(c.messages) for c in conversations]
    noisy = [rng.random() < 0.35 for _ in texts]
    plain = tokenizer.encode_batch([t for t, n in zip(texts, noisy) if not n])
    dropped = variant.encode_batch([t for t, n in zip(texts, noisy) if n])
    plain, dropped = iter(plain), iter(dropped)
    out = []
    for c, text, n in zip(conversations, texts, noisy):
        e = next(dropped) if n else next(plain)
        starts = [s for s, _ in e.offsets]
        targets, begin = [], 0
        for k, (m, label) in enumerate(zip(c.messages, c.labels)):
            end = begin + len(m["role"]) + 2 + len(m["content"])
            first = bisect(starts, begin)
            last = bisect(starts, end) - 1  # the token of the message's last character
            begin = end + 1
            if label is None or last >= max_tokens:
                continue
            agent, role, _ = label
            user = m["role"] == "user"
            start = first if user else -1
            final = k == len(c.messages) - 1
            targets.append((max(last - 1, 0), agent, role, 1.0 if final else 0.7, start))
            if last - first > 8:  # robustness of the read-out position
                targets.append((last, agent, role, 0.25, start))
                targets.append((last - 2, agent, role, 0.25, start))
            if last - first > 6:  # topic and kind of a message show before its end
                low = first + (4 if user else 9)
                for _ in range(min(8, (last - low) // 3)):
                    position = rng.randrange(low, last)
                    targets.append((position, agent, IGNORE if user else role, 0.12, start))
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
        targets = [(r, *t) for r, i in enumerate(g) for t in examples[i][1]]
        for r, i in enumerate(g):
            ids[r, : len(examples[i][0])] = torch.tensor(examples[i][0])
        rows, positions, agents, roles, weights, begins = (torch.tensor(x) for x in zip(*targets))
        yield ids, rows, positions, agents, roles, weights, begins
