"""Writes a Qwen3 Hugging Face folder as a GGUF file (BF16 or Q8_0) with the `gguf` package.

Matrices take the requested type, norm weights stay f32. The file says it has no vocabulary
(`tokenizer.ggml.model` = no_vocab, only a size): the benchmark feeds token ids, never text.
Tensor names follow the GGUF convention for the architecture `qwen3`.
"""

import argparse
import os
from pathlib import Path

import common

LAYER_NAMES = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def gguf_name(name, tied):
  """GGUF name of a Hugging Face tensor; None for one that the file does not need."""
  if name == "model.embed_tokens.weight":
    return "token_embd.weight"
  if name == "model.norm.weight":
    return "output_norm.weight"
  if name == "lm_head.weight":
    return None if tied else "output.weight"
  if not name.startswith("model.layers."):
    return None  # a router head beside the model, for example
  layer, _, rest = name.removeprefix("model.layers.").partition(".")
  return f"blk.{int(layer)}.{LAYER_NAMES[rest.removesuffix('.weight')]}.weight"


def rope_theta(config):
  return config.get("rope_theta") or config["rope_parameters"]["rope_theta"]


def write_gguf(folder, path, precision):
  import gguf
  import torch
  from safetensors import safe_open

  config = common.read_config(folder)
  head_dim = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
  matrix_type = {"bf16": gguf.GGMLQuantizationType.BF16,
                 "q8_0": gguf.GGMLQuantizationType.Q8_0}[precision]

  partial = path.with_name("partial-" + path.name)
  writer = gguf.GGUFWriter(partial, "qwen3")
  writer.add_file_type({"bf16": gguf.LlamaFileType.MOSTLY_BF16,
                        "q8_0": gguf.LlamaFileType.MOSTLY_Q8_0}[precision])
  writer.add_block_count(config["num_hidden_layers"])
  writer.add_context_length(config["max_position_embeddings"])
  writer.add_embedding_length(config["hidden_size"])
  writer.add_feed_forward_length(config["intermediate_size"])
  writer.add_head_count(config["num_attention_heads"])
  writer.add_head_count_kv(config["num_key_value_heads"])
  writer.add_key_length(head_dim)
  writer.add_value_length(head_dim)
  writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
  writer.add_rope_freq_base(float(rope_theta(config)))
  writer.add_tokenizer_model("no_vocab")
  writer.add_vocab_size(config["vocab_size"])

  for file in sorted(folder.glob("*.safetensors")):
    with safe_open(file, framework="pt") as tensors:
      for name in tensors.keys():
        target = gguf_name(name, config.get("tie_word_embeddings", False))
        if target is None:
          continue
        values = tensors.get_tensor(name).to(torch.float32).numpy()
        kind = matrix_type if values.ndim == 2 else gguf.GGMLQuantizationType.F32
        writer.add_tensor(target, gguf.quants.quantize(values, kind), raw_dtype=kind)
  writer.write_header_to_file()
  writer.write_kv_data_to_file()
  writer.write_tensors_to_file()
  writer.close()
  os.replace(partial, path)


if __name__ == "__main__":
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument("--model", required=True, type=Path, help="Hugging Face folder")
  parser.add_argument("--out", required=True, type=Path)
  parser.add_argument("--precision", choices=["bf16", "q8_0"], default="bf16")
  arguments = parser.parse_args()
  write_gguf(arguments.model, arguments.out, arguments.precision)
