"""Reading, writing and running a checkpoint folder (config.json, tokenizer.json, safetensors)."""

import json

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer

from conversations import transcript
from model import AGENTS, Router


@torch.no_grad()
def predict(router, tokenizer, message_lists):
    """f32 logits [n, 10], read at token T-2 of each plain transcript."""
    router.eval()
    encoded = [e.ids for e in tokenizer.encode_batch([transcript(m) for m in message_lists])]
    order = sorted(range(len(encoded)), key=lambda i: len(encoded[i]))
    result = torch.zeros(len(encoded), 10)
    for s in range(0, len(order), 32):
        chunk = order[s : s + 32]
        ids = torch.zeros(len(chunk), max(len(encoded[i]) for i in chunk), dtype=torch.long)
        for r, i in enumerate(chunk):
            ids[r, : len(encoded[i])] = torch.tensor(encoded[i])
        hidden = router(ids)
        at = torch.tensor([max(len(encoded[i]) - 2, 0) for i in chunk])
        result[chunk] = router.logits(hidden[torch.arange(len(chunk)), at])
    return result


def score(router, tokenizer, examples):
    """-> (agent, role, joint) accuracy."""
    logits = predict(router, tokenizer, [e["messages"] for e in examples])
    a, r = logits[:, :AGENTS].argmax(1), logits[:, AGENTS:].argmax(1)
    ta, tr = torch.tensor([e["agent"] for e in examples]), torch.tensor(
        [e["role"] for e in examples]
    )
    return (
        (a == ta).float().mean().item(),
        (r == tr).float().mean().item(),
        ((a == ta) & (r == tr)).float().mean().item(),
    )


def rounded(weights):
    """The weights as they are shipped: backbone rounded to bf16, head f32."""
    return {
        k: v.to(torch.bfloat16).float() if k.startswith("model.") else v
        for k, v in weights.items()
    }


def save(router, weights, out):
    """Writes config, backbone (bf16) and head (f32) into the folder `out`."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "config.json").write_text(json.dumps(router.config, indent=2) + "\n")
    body = {
        k: v.to(torch.bfloat16).contiguous() for k, v in weights.items() if k.startswith("model.")
    }
    head = {"trinity_router_head": weights["trinity_router_head"].float().contiguous()}
    save_file(body, out / "model.safetensors")
    save_file(head, out / "router_head.safetensors")
    for path in out.glob("*.safetensors"):
        path.chmod(0o644)


def load(folder):
    """-> (router with the weights of the folder, tokenizer)."""
    router = Router(json.loads((folder / "config.json").read_text()))
    weights = {k: v.float() for k, v in load_file(folder / "model.safetensors").items()}
    weights.update(load_file(folder / "router_head.safetensors"))
    router.load_state_dict(weights)
    return router, Tokenizer.from_file(str(folder / "tokenizer.json"))
