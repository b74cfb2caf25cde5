"""Prefill by llama.cpp through llama-cpp-python's low-level calls.

Measured: one llama_decode of T tokens (n_batch = n_ubatch = T) into an empty KV cache with no
output row asked for. That is the nearest this engine comes to "hidden states without LM head": its
graph always multiplies the LM head for every row that is asked for, so asking for all rows would
add a third of the work that nobody else does. With no row asked for it also leaves out the MLP of
the last layer (about 2 % of the work), which is in its favour.

The check runs another context that does ask for the last row, as an embedding without pooling.
"""

import ctypes

import common
from write_gguf import write_gguf


class LlamaCppPeer:
  def __init__(self, args):
    import llama_cpp

    self.lib = llama_cpp
    self.args = args
    args.work.mkdir(parents=True, exist_ok=True)
    precision = {"bf16": "bf16", "int8": "q8_0"}[args.precision]
    path = args.work / f"llama-{common.fingerprint(args.model)}-{precision}.gguf"
    if not path.exists():
      write_gguf(args.model, path, precision)

    # Keeps the library's own log away; errors still come back as null pointers and codes.
    self.silent = llama_cpp.llama_log_callback(lambda level, text, user: None)
    llama_cpp.llama_log_set(self.silent, ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()
    self.model = llama_cpp.llama_model_load_from_file(
        str(path).encode(), llama_cpp.llama_model_default_params())
    if not self.model:
      raise RuntimeError(f"llama.cpp cannot load {path}")
    self.hidden_size = llama_cpp.llama_model_n_embd(self.model)
    self.contexts = {}

  def describe(self):
    return {"peer": "llama.cpp", "version": "llama-cpp-python " + self.lib.__version__,
            "variant": "flash" if self.args.flash == "on" else "plain"}

  def _context(self, tokens, embeddings):
    params = self.lib.llama_context_default_params()
    params.n_ctx = tokens
    params.n_batch = params.n_ubatch = tokens
    params.n_threads = params.n_threads_batch = self.args.threads
    params.flash_attn_type = (self.lib.LLAMA_FLASH_ATTN_TYPE_ENABLED if self.args.flash == "on"
                              else self.lib.LLAMA_FLASH_ATTN_TYPE_DISABLED)
    params.embeddings = embeddings
    params.pooling_type = self.lib.LLAMA_POOLING_TYPE_NONE
    context = self.lib.llama_init_from_model(self.model, params)
    if not context:
      raise RuntimeError(f"llama.cpp cannot make a context of {tokens} tokens")
    return context

  def _batch(self, ids, last_row):
    batch = self.lib.llama_batch_init(len(ids), 0, 1)
    batch.n_tokens = len(ids)
    for i, token in enumerate(ids):
      batch.token[i] = token
      batch.pos[i] = i
      batch.n_seq_id[i] = 1
      batch.seq_id[i][0] = 0
      batch.logits[i] = last_row and i == len(ids) - 1
    return batch

  def _run(self, context, batch):
    self.lib.llama_memory_clear(self.lib.llama_get_memory(context), False)
    code = self.lib.llama_decode(context, batch)
    if code != 0:
      raise RuntimeError(f"llama_decode answered {code}")
    self.lib.llama_synchronize(context)

  def prepare(self, tokens):
    if tokens not in self.contexts:
      context = self._context(tokens, embeddings=False)
      ids = common.token_ids(tokens, common.read_config(self.args.model)["vocab_size"])
      self.contexts[tokens] = (context, self._batch(ids, last_row=False))

  def prefill(self, ids):
    self._run(*self.contexts[len(ids)])

  def last_hidden(self, ids):
    context = self._context(len(ids), embeddings=True)
    batch = self._batch(ids, last_row=True)
    self._run(context, batch)
    row = self.lib.llama_get_embeddings_ith(context, -1)
    vector = row[:self.hidden_size]
    self.lib.llama_batch_free(batch)
    self.lib.llama_free(context)
    return vector


if __name__ == "__main__":
  parser = common.base_parser(__doc__, ["bf16", "int8"])
  parser.add_argument("--flash", choices=["on", "off"], default="on", help="flash attention")
  arguments = parser.parse_args()
  common.run("llama_cpp_prefill", LlamaCppPeer(arguments), arguments)
