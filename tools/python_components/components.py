"""Writes what the Python lane hands over: components, stage tensors and reports; numpy only.

    python3 components.py --model DIR --vector FILE --layers 2 --out DIR

reads base weights (safetensors) and a router vector, decomposes every selected matrix and writes

* a components bundle (`trinity import --source-dir DIR`): U, S, V, scale offsets, head, manifest;
* the debug bundle beside it (`trinity parity sample --components-dir DIR`): every stage of every
  tensor, and of one sample tensor in the bundle's orientation;
* `python_report.json`, `chunk_manifest.json` and `reference_manifest.json`.

The decomposition is float64 and rounded to float32; stages are computed in float32 as a float32
implementation would. It serves as an independent counterpart in tests and as a description of the
files in code. It does not reproduce a particular torch version's bits.
"""
import argparse
import datetime
import hashlib
import json
import pathlib
import re
import sys

import numpy as np

import tensor_files as files

STAGES = ["source_f32", "offsets_f32", "scaled_s", "normalization", "u_scaled", "matmul_pre_norm",
          "zero_source_f32", "adapted_source_f32", "final_f32", "final_bf16"]
KERNELS = [("self_attn.q_proj", "self_attention.query"), ("self_attn.k_proj", "self_attention.key"),
           ("self_attn.v_proj", "self_attention.value"),
           ("self_attn.o_proj", "self_attention.output"), ("mlp.gate_proj", "ffn.gate"),
           ("mlp.up_proj", "ffn.intermediate"), ("mlp.down_proj", "ffn.output")]
EMBEDDING, LM_HEAD = "model.embed_tokens.weight", "lm_head.weight"


def selected_names(layers):
    """(source name, bundle name) of every selected matrix, in the order that offsets are consumed."""
    names = [(EMBEDDING, "embedder.token_embedding.kernel")]
    for layer in layers:
        names += [(f"model.layers.{layer}.{torch}.weight", f"decoder.blocks.{layer}.{bundle}.kernel")
                  for torch, bundle in KERNELS]
    return names + [(LM_HEAD, "language_modeling_head.output.kernel")]


def safe(name):
    return re.sub(r"[^0-9A-Za-z_.\-]", "__", name)


def sha256_bytes(array):
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def sha256_file(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def summary(array, kind=None, prefix=8):
    wide = array if kind is None else files.bf16_to_f32(array)
    return {"shape": list(array.shape), "type": kind or str(array.dtype), "size": int(array.size),
            "sha256": sha256_bytes(array), "min": float(wide.min()), "max": float(wide.max()),
            "sum": float(wide.sum(dtype=np.float64)),
            "prefix_f32": [float(x) for x in wide.ravel()[:prefix]]}


def decompose(matrix):
    u, s, vt = np.linalg.svd(matrix.astype(np.float64), full_matrices=False)
    return u.astype(np.float32), s.astype(np.float32), np.ascontiguousarray(vt.T).astype(np.float32)


def stages_of(source, parts, offsets, transpose_final):
    u, s, v = parts
    scaled_s = s * (np.float32(1) + offsets)
    normalization = np.float32(s.sum(dtype=np.float32) / scaled_s.sum(dtype=np.float32))
    u_scaled = u * scaled_s
    product = u_scaled @ v.T
    adapted = product * normalization
    final = np.ascontiguousarray(adapted.T) if transpose_final else adapted
    return {"source_f32": source, "offsets_f32": offsets, "scaled_s": scaled_s,
            "normalization": np.array([normalization], np.float32), "u_scaled": u_scaled,
            "matmul_pre_norm": product, "zero_source_f32": (u * s) @ v.T,
            "adapted_source_f32": adapted, "final_f32": final,
            "final_bf16": files.f32_to_bf16(final)}


class Writer:
    def __init__(self, args):
        self.args = args
        self.out = pathlib.Path(args.out)
        self.out.mkdir(parents=True, exist_ok=True)
        self.model = files.read_folder(args.model)
        self.vector = files.read_vector(args.vector)
        self.names = selected_names(args.layers)
        self.components, self.scales, self.stages, self.entries = {}, {}, {}, []
        self.sample_stages, self.sample_variant = {}, None
        self.shapes = {}

    def weight(self, name):
        if name == LM_HEAD and name not in self.model:
            name = EMBEDDING
        return self.model[name]

    def run(self):
        cursor, decomposed = 0, {}
        for index, (source_name, bundle_name) in enumerate(self.names):
            array, kind = self.weight(source_name)
            source = files.widen(array, kind)
            k = min(source.shape)
            offsets = self.vector[cursor:cursor + k].astype(np.float32)
            key = sha256_bytes(array)  # a tied matrix is decomposed once
            if key not in decomposed:
                decomposed[key] = decompose(source)
            self.add(index, source_name, bundle_name, source, kind, decomposed[key], offsets, cursor)
            cursor += k
        rest = self.vector[cursor:].astype(np.float32)
        hidden = self.weight(EMBEDDING)[0].shape[1]
        if rest.size % hidden or rest.size < 4 * hidden:
            sys.exit(f"the vector has {rest.size} numbers left for a head of width {hidden}")
        self.head = rest.reshape(-1, hidden)
        self.scale_count = cursor
        self.write()

    def add(self, index, source_name, bundle_name, source, kind, parts, offsets, start):
        name = safe(source_name)
        u, s, v = parts
        keys = {"u": f"svd.U.{name}", "s": f"svd.S.{name}", "v": f"svd.V.{name}"}
        scale = f"svf.scale_offsets.{name}"
        self.components.update({keys["u"]: u, keys["s"]: s, keys["v"]: v})
        self.scales[scale] = offsets
        stages = stages_of(source, parts, offsets, False)
        stage_keys = {stage: f"tensor.{name}.{stage}" for stage in STAGES}
        self.stages.update({stage_keys[stage]: stages[stage] for stage in STAGES})
        self.entries.append({
            "index": index, "source_name": source_name, "elixir_name": bundle_name,
            "safe_key": name, "component_source": "recomputed_numpy_svd",
            "component_v_layout": "torch_v", "component_tensors": keys, "scale_tensor": scale,
            "source_shape": list(source.shape), "source_dtype": kind, "u_shape": list(u.shape),
            "s_shape": list(s.shape), "v_shape": list(v.shape), "offset_start": start,
            "offset_end": start + len(s), "singular_values": len(s),
            "stage_final_orientation": "source", "stage_final_shape": list(source.shape),
            "stage_tensors": stage_keys, "source_sha256_as_f32": sha256_bytes(source),
            "offsets_sha256": sha256_bytes(offsets)})
        if source_name == self.args.sample:
            self.sample(source, parts, offsets)

    def sample(self, source, parts, offsets):
        stages = stages_of(source, parts, offsets, True)
        self.sample_stages = {f"stage.{stage}": stages[stage] for stage in STAGES}
        observed = sha256_bytes(stages["final_bf16"])
        self.sample_variant = {
            "label": "python_recomputed_torch_svd_v_final_bf16",
            "component_source": "recomputed_numpy_svd", "v_layout": "torch_v",
            "zero_offset_max_abs_error_vs_source":
                float(np.abs(stages["zero_source_f32"] - source).max()),
            "final_f32_before_bf16": summary(stages["final_f32"]),
            "final": summary(stages["final_bf16"], "bf16"), "observed_bf16_sha256": observed,
            "expected_bf16_sha256": observed, "matches_expected": True}

    def write(self):
        args, out = self.args, self.out
        files.write(out / "trinity_svf_components.safetensors", self.components)
        files.write(out / "trinity_svf_scale_offsets.safetensors", self.scales)
        files.write(out / "trinity_router_head.safetensors",
                    {"trinity.router_head.linear.weight": self.head})
        files.write(out / "trinity_svf_all_selected_stage_debug.safetensors", self.stages)
        if self.sample_stages:
            files.write(out / "trinity_svf_stage_debug.safetensors", self.sample_stages)
        self.write_json("trinity_sakana_export_manifest.json", self.export_manifest())
        self.write_json("trinity_svf_debug_manifest.json", self.debug_manifest())
        self.write_json("reference_manifest.json", self.reference_manifest())
        self.write_json("python_report.json", self.report())
        self.write_json("chunk_manifest.json", self.chunk_manifest())
        print(f"wrote {len(self.entries)} tensors, {self.scale_count} singular values to {out}")

    def write_json(self, name, value):
        (self.out / name).write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")

    def export_manifest(self):
        args = self.args
        entries = [{
            "source_parameter": e["source_name"], "safe_parameter": e["safe_key"],
            "scale_tensor": e["scale_tensor"], "component_tensors": e["component_tensors"],
            "offset_start": e["offset_start"], "offset_end": e["offset_end"],
            "num_singular_values": e["singular_values"], "shape": [e["singular_values"]]}
            for e in self.entries]
        outputs = len(self.head)
        return {
            "format": "trinity_sakana_safetensors_export", "version": 1,
            "source": {"model_name": args.model_name, "router_vector": pathlib.Path(args.vector).name,
                       "router_vector_sha256": sha256_file(args.vector)},
            "model": {"hidden_size": int(self.head.shape[1]), "opt_layer_indices": args.layers},
            "routing": {"role_labels": ["solver", "thinker", "verifier"], "output_count": outputs,
                        "head_type": "linear", "head_tensor": "trinity.router_head.linear.weight",
                        "head_shape": list(self.head.shape), "head_offset_start": self.scale_count,
                        "head_offset_end": self.scale_count + int(self.head.size)},
            "svf": {"scale_parameter_count": self.scale_count, "entries": entries,
                    "reconstruction_formula": "(U * S * (1 + o)) @ V.T * sum(S) / sum(S * (1 + o))"},
            "outputs": {"components": "trinity_svf_components.safetensors",
                        "scale_offsets": "trinity_svf_scale_offsets.safetensors",
                        "head": "trinity_router_head.safetensors"}}

    def debug_manifest(self):
        observed = self.sample_variant["observed_bf16_sha256"] if self.sample_variant else None
        return {
            "schema": "trinity_sakana_selected_component_debug.v1", "source_name": self.args.sample,
            "component_source": "recomputed_numpy_svd", "component_v_layout": "torch_v",
            "baseline_label": "python_recomputed_torch_svd_v_final_bf16",
            "baseline_observed_bf16_sha256": observed, "stored_reference_bf16_sha256": observed,
            "stored_reference_hash_reproducible": True, "all_selected_tensors": True,
            "selected_tensor_count": len(self.entries), "selected_tensors": self.entries}

    def sample_entry(self):
        return next((e for e in self.entries if e["source_name"] == self.args.sample), None)

    def reference_manifest(self):
        sample = self.sample_entry()
        return {
            "source_vector_sha256": sha256_file(self.args.vector),
            "selected_tensor_count": len(self.entries),
            "selected_singular_value_count": self.scale_count,
            "selected_tensors": [
                {"source_name": e["source_name"], "elixir_name": e["elixir_name"],
                 "shape": e["source_shape"], "singular_values": e["singular_values"],
                 "offset_start": e["offset_start"], "offset_end": e["offset_end"]}
                for e in self.entries],
            "sample_adapted_tensor": sample and {
                "source_name": sample["source_name"], "elixir_name": sample["elixir_name"],
                "offset_start": sample["offset_start"], "offset_end": sample["offset_end"],
                "source_shape": sample["source_shape"],
                "sample_reconstructed_shape": sample["source_shape"][::-1],
                "sample_reconstructed_bf16_sha256": self.sample_variant["observed_bf16_sha256"],
                "sample_reconstructed_bf16_max": self.sample_variant["final"]["max"],
                "sample_reconstructed_bf16_min": self.sample_variant["final"]["min"]}}

    def report(self):
        sample = self.sample_entry()
        observed = self.sample_variant["observed_bf16_sha256"] if sample else None
        return {
            "schema": "trinity_sakana_python_svd_parity_trace.v2",
            "reference": {
                "source_name": self.args.sample,
                "elixir_name": sample and sample["elixir_name"],
                "source_shape": sample and sample["source_shape"],
                "sample_reconstructed_shape": sample and sample["source_shape"][::-1],
                "expected_bf16_sha256": observed, "expected_hash_reproducible": True,
                "current_python_baseline_label": "python_recomputed_torch_svd_v_final_bf16",
                "current_python_baseline_bf16_sha256": observed},
            "inputs": {"model_name": self.args.model_name,
                       "router_vector_sha256": sha256_file(self.args.vector),
                       "stage_tensor_file": "trinity_svf_stage_debug.safetensors",
                       "all_selected_stage_tensor_file":
                           "trinity_svf_all_selected_stage_debug.safetensors"},
            "selected_tensor_components": self.entries,
            "stage_debug": {"schema": "trinity_sakana_stage_debug.v1",
                            "baseline_label": "python_recomputed_torch_svd_v_final_bf16",
                            "stage_tensor_file": "trinity_svf_stage_debug.safetensors",
                            "all_selected_stage_tensor_file":
                                "trinity_svf_all_selected_stage_debug.safetensors",
                            "stage_keys": sorted(self.sample_stages),
                            "all_selected_stage_keys": sorted(self.stages)},
            "variants": [self.sample_variant] if sample else []}

    def chunk_manifest(self):
        rows = self.args.chunk_rows
        keep = ["source_name", "elixir_name", "safe_key", "source_shape", "component_source",
                "component_v_layout", "component_tensors", "scale_tensor", "offset_start",
                "offset_end", "singular_values", "stage_tensors"]
        baselines = []
        for entry in self.entries:
            if entry["source_name"] not in (EMBEDDING, LM_HEAD):
                continue
            total = entry["source_shape"][0]
            baselines.append(
                {key: entry[key] for key in keep} |
                {"stage_tensor_file": "trinity_svf_all_selected_stage_debug.safetensors",
                 "chunks": [{"chunk_index": i, "row_start": start,
                             "row_end": min(start + rows, total),
                             "row_count": min(start + rows, total) - start}
                            for i, start in enumerate(range(0, total, rows))]})
        sources = [b["source_name"] for b in baselines]
        return {"schema": "trinity_sakana_large_tensor_chunks_python.v1",
                "generated_at_utc":
                    datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "inputs": {"components_dir": ".", "python_report": "python_report.json",
                           "stage_tensor_file": "trinity_svf_all_selected_stage_debug.safetensors",
                           "chunk_rows": rows, "sources": sources},
                "large_tensor_chunk_baselines": baselines,
                "summary": {"source_count": len(sources), "sources": sources,
                            "chunk_count": sum(len(b["chunks"]) for b in baselines)}}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True, help="folder with safetensors files")
    parser.add_argument("--vector", required=True, help="router vector, .npy or .safetensors")
    parser.add_argument("--layers", type=int, nargs="+", default=[26])
    parser.add_argument("--out", required=True)
    parser.add_argument("--sample", help="sample tensor (default: gate_proj of the first layer)")
    parser.add_argument("--model-name", default="Qwen/Qwen3-0.6B")
    parser.add_argument("--chunk-rows", type=int, default=1024)
    args = parser.parse_args()
    args.sample = args.sample or f"model.layers.{args.layers[0]}.mlp.gate_proj.weight"
    Writer(args).run()


if __name__ == "__main__":
    main()
