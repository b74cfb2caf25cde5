"""Prefill by OpenVINO (CPU plugin).

The transformers Qwen3Model (no LM head) is traced once and kept as IR in `--work`; int8 is the same
IR with weights compressed by NNCF to symmetric int8 per output channel, run with dynamic
quantisation of the activations. Measured: hidden states of all T tokens after the final norm, cold.

Two forms of the graph are known, and `--shape auto` takes the faster one at each length:
 * static: one model compiled for exactly T tokens, attention as the plugin decomposes it. Faster
   below about 500 tokens (no shape inference at run time), at the price of one compiled copy a T.
 * dynamic: any T, K and V kept in state variables, which is the pattern that the plugin fuses into
   one attention kernel. Faster from about 500 tokens on where that kernel has a bf16 form (its
   f32 form is the slower one at every length). The state is reset before every run.
"""

import gc
import os

import numpy as np

import common

STATIC_BELOW = 512


def convert(model_folder, path):
  """Traces the model to `path` (IR with f32 weights; the plugin converts them when it compiles)."""
  import openvino as ov
  import torch
  import transformers
  from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

  def causal_sdpa(module, query, key, value, mask, scaling=None, **unused):
    # The repeat of the KV heads is spelled out: the plugin's fusions look for this form.
    def repeat(x):
      batch, heads, tokens, dim = x.shape
      groups = module.num_key_value_groups
      x = x[:, :, None].expand(-1, -1, groups, -1, -1)
      return x.reshape(batch, heads * groups, -1, dim)

    out = torch.nn.functional.scaled_dot_product_attention(
        query, repeat(key), repeat(value), is_causal=True, scale=scaling)
    return out.transpose(1, 2).contiguous(), None

  class HiddenStates(torch.nn.Module):
    def __init__(self, model):
      super().__init__()
      self.model = model

    def forward(self, input_ids):
      # A mask of None leaves causality to the attention function above.
      return self.model(input_ids=input_ids, attention_mask={"full_attention": None},
                        use_cache=False).last_hidden_state

  ALL_ATTENTION_FUNCTIONS.register("causal_sdpa", causal_sdpa)
  model = transformers.AutoModel.from_pretrained(
      model_folder, dtype=torch.float32, attn_implementation="causal_sdpa").eval()
  with torch.no_grad():
    converted = ov.convert_model(HiddenStates(model), input=[ov.PartialShape([1, -1])],
                                 example_input=torch.arange(7)[None])
  ov.save_model(converted, path, compress_to_fp16=False)


def compress(source, path):
  import nncf
  import openvino as ov

  model = ov.Core().read_model(source)
  model = nncf.compress_weights(model, mode=nncf.CompressWeightsMode.INT8_SYM)
  ov.save_model(model, path, compress_to_fp16=False)


def keep_kv_in_state(model):
  """Puts a state variable behind every K and V of attention (read, reorder, append, write)."""
  import openvino as ov
  import openvino.opset6 as state_ops
  import openvino.opset13 as ops
  from openvino.op.util import Variable, VariableInfo

  beam_idx = ops.parameter([-1], np.int32, name="beam_idx")
  sinks, variables = [], []
  for node in model.get_ordered_ops():
    if node.get_type_name() != "ScaledDotProductAttention":
      continue
    for port in (1, 2):
      # Walk up over the repeat of KV heads to the tensor [1, kv_heads, T, head_dim].
      consumer = node.input(port)
      source = consumer.get_source_output()
      while source.get_node().get_type_name() in ("Reshape", "Broadcast", "Unsqueeze"):
        consumer = source.get_node().input(0)
        source = consumer.get_source_output()
      heads, dim = (source.get_partial_shape()[axis].get_length() for axis in (1, 3))
      info = VariableInfo()
      info.data_shape = ov.PartialShape([-1, heads, -1, dim])
      info.data_type = ov.Type.f32
      info.variable_id = f"kv{len(variables)}"
      variable = Variable(info)
      empty = ops.constant(np.zeros((1, heads, 0, dim), np.float32))
      past = ops.gather(state_ops.read_value(empty, variable), beam_idx,
                        ops.constant(0, dtype=np.int32))
      whole = ops.concat([past, source], 2)
      consumer.replace_source_output(whole.output(0))
      sinks.append(state_ops.assign(whole, variable))
      variables.append(variable)
  model.add_parameters([beam_idx])
  model.add_variables(variables)
  model.add_sinks(sinks)
  model.validate_nodes_and_infer_types()
  return model


class OpenVinoPeer:
  def __init__(self, args):
    import openvino as ov

    self.version = ov.__version__.split("-")[0]
    self.args = args
    args.work.mkdir(parents=True, exist_ok=True)
    stem = f"openvino-{self.version}-{common.fingerprint(args.model)}"
    self.path = args.work / f"{stem}-f32.xml"
    self._make(self.path, lambda path: convert(args.model, path))
    if args.precision == "int8":
      source, self.path = self.path, args.work / f"{stem}-int8.xml"
      self._make(self.path, lambda path: compress(source, path))

    compute = "f32" if args.precision == "f32" else "bf16"
    self.config = {"INFERENCE_PRECISION_HINT": compute, "KV_CACHE_PRECISION": compute,
                   "INFERENCE_NUM_THREADS": args.threads, "PERFORMANCE_HINT": "LATENCY",
                   "DYNAMIC_QUANTIZATION_GROUP_SIZE":
                       args.group_size if args.precision == "int8" else 0}
    self.core = ov.Core()
    self.request = None
    self.compiled_for = None  # T, or "dynamic"

  @staticmethod
  def _make(path, maker):
    """Runs `maker` on a temporary name, so that an interrupted conversion is not taken for done."""
    if path.exists():
      return
    partial = path.with_name("partial-" + path.name)
    maker(partial)
    os.replace(partial.with_suffix(".bin"), path.with_suffix(".bin"))
    os.replace(partial, path)

  def describe(self):
    fields = {"peer": "openvino", "version": self.version,
              "variant": "dynamic" if self.compiled_for == "dynamic" else "static"}
    if self.args.precision == "int8":
      fields["group_size"] = self.args.group_size
    return fields

  def prepare(self, tokens):
    static = (self.args.shape == "static"
              or self.args.shape == "auto"
              and (tokens < STATIC_BELOW or self.args.precision == "f32"))
    wanted = tokens if static else "dynamic"
    if wanted == self.compiled_for:
      return
    self.request = None
    gc.collect()
    model = self.core.read_model(self.path)
    if static:
      model.reshape([1, tokens])
    else:
      model = keep_kv_in_state(model)
    self.request = self.core.compile_model(model, "CPU", self.config).create_infer_request()
    self.compiled_for = wanted

  def prefill(self, ids):
    inputs = {0: np.array([ids], np.int64)}
    if self.compiled_for == "dynamic":
      self.request.reset_state()
      inputs[1] = np.zeros(1, np.int32)
    self.request.infer(inputs, share_inputs=True, share_outputs=True)
    return self.request.get_output_tensor(0).data

  def last_hidden(self, ids):
    return self.prefill(ids)[0, -1].astype(np.float32).tolist()


if __name__ == "__main__":
  parser = common.base_parser(__doc__, ["bf16", "f32", "int8"])
  parser.add_argument("--shape", choices=["auto", "static", "dynamic"], default="auto")
  parser.add_argument("--group-size", type=int, default=256,
                      help="activation group of dynamic quantisation (int8 only)")
  arguments = parser.parse_args()
  common.run("openvino_prefill", OpenVinoPeer(arguments), arguments)
