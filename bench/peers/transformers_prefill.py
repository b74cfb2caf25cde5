"""Prefill by Hugging Face transformers on PyTorch (CPU).

Measured: `Qwen3Model` (no LM head) on T ids, no KV cache, giving the hidden states of all T tokens
after the final norm. Attention is PyTorch's scaled_dot_product_attention with is_causal, the path
the library takes by itself when there is no padding.
"""

import common


class TransformersPeer:
  def __init__(self, args):
    import torch
    import transformers

    torch.set_num_threads(args.threads)
    self.torch = torch
    self.version = transformers.__version__
    dtype = {"bf16": torch.bfloat16, "f32": torch.float32}[args.precision]
    self.model = transformers.AutoModel.from_pretrained(
        args.model, dtype=dtype, attn_implementation="sdpa").eval()

  def describe(self):
    return {"peer": "transformers", "version": self.version, "torch": self.torch.__version__,
            "variant": "sdpa"}

  def prepare(self, tokens):
    pass

  def prefill(self, ids):
    with self.torch.inference_mode():
      return self.model(input_ids=self.torch.tensor([ids]), use_cache=False).last_hidden_state

  def last_hidden(self, ids):
    return self.prefill(ids)[0, -1].float().tolist()


if __name__ == "__main__":
  arguments = common.base_parser(__doc__, ["bf16", "f32"]).parse_args()
  common.run("transformers_prefill", TransformersPeer(arguments), arguments)
