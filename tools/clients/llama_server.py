"""llama.cpp's own server, on a tiny model of random weights unless a GGUF file is named.

  python llama_server.py PORT FOLDER [MODEL]

The tiny model (two layers, a vocabulary of bytes), which is written into FOLDER, says nonsense, but what it
says comes through a real tokenizer, a real sampler and a real stream. xllamacpp carries the server.
"""

import sys
import threading
from pathlib import Path

import gguf
import numpy
import xllamacpp

WIDTH, INNER, LAYERS, HEADS, KV_HEADS, CONTEXT = 64, 128, 2, 4, 2, 2048
TEMPLATE = ("{% for m in messages %}<|{{ m.role }}|>{{ m.content }}\n{% endfor %}"
            "{% if add_generation_prompt %}<|assistant|>{% endif %}")


def write_model(path):
  random = numpy.random.default_rng(0)
  writer = gguf.GGUFWriter(str(path), "llama")
  writer.add_name("tiny-random")
  writer.add_context_length(CONTEXT)
  writer.add_embedding_length(WIDTH)
  writer.add_block_count(LAYERS)
  writer.add_feed_forward_length(INNER)
  writer.add_head_count(HEADS)
  writer.add_head_count_kv(KV_HEADS)
  writer.add_layer_norm_rms_eps(1e-5)
  writer.add_rope_dimension_count(WIDTH // HEADS)
  tokens = [b"<unk>", b"<s>", b"</s>"] + [b"<0x%02X>" % n for n in range(256)] + ["\u2581".encode()]
  writer.add_vocab_size(len(tokens))
  writer.add_tokenizer_model("llama")
  writer.add_token_list(tokens)
  writer.add_token_scores([0.0] * 3 + [-1000.0] * 256 + [-1.0])
  writer.add_token_types([2, 3, 3] + [6] * 256 + [1])
  writer.add_bos_token_id(1)
  writer.add_eos_token_id(2)
  writer.add_unk_token_id(0)
  writer.add_chat_template(TEMPLATE)

  def matrix(name, *shape):
    writer.add_tensor(name, (random.standard_normal(shape) * 0.05).astype(numpy.float32))

  def ones(name):
    writer.add_tensor(name, numpy.ones(WIDTH, numpy.float32))

  matrix("token_embd.weight", len(tokens), WIDTH)
  ones("output_norm.weight")
  matrix("output.weight", len(tokens), WIDTH)
  for n in range(LAYERS):
    part = f"blk.{n}."
    ones(part + "attn_norm.weight")
    ones(part + "ffn_norm.weight")
    matrix(part + "attn_q.weight", WIDTH, WIDTH)
    matrix(part + "attn_k.weight", WIDTH * KV_HEADS // HEADS, WIDTH)
    matrix(part + "attn_v.weight", WIDTH * KV_HEADS // HEADS, WIDTH)
    matrix(part + "attn_output.weight", WIDTH, WIDTH)
    matrix(part + "ffn_gate.weight", INNER, WIDTH)
    matrix(part + "ffn_up.weight", INNER, WIDTH)
    matrix(part + "ffn_down.weight", WIDTH, INNER)
  writer.write_header_to_file()
  writer.write_kv_data_to_file()
  writer.write_tensors_to_file()
  writer.close()


if __name__ == "__main__":
  tiny = len(sys.argv) < 4
  model = Path(sys.argv[2]) / "tiny.gguf" if tiny else Path(sys.argv[3])
  if tiny:
    write_model(model)
  parameters = xllamacpp.CommonParams()
  parameters.model.path = str(model)
  parameters.port = int(sys.argv[1])
  parameters.n_ctx = CONTEXT
  parameters.n_parallel = 4 if tiny else 1
  parameters.endpoint_metrics = True
  parameters.cpuparams.n_threads = 1  # several wait for each other, and long where others work, too
  parameters.cpuparams_batch.n_threads = 1
  server = xllamacpp.Server(parameters)
  print(server.listening_address, flush=True)
  threading.Event().wait()
