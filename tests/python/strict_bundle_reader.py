"""An independent reader and writer of adapted bundles, as other programs have them.

    strict_bundle_reader.py check BUNDLE
    strict_bundle_reader.py write SOURCE_BUNDLE NEW_BUNDLE checkpoint_directory|single_file

`check` reads a bundle the way the loader does that published ones are meant for: required keys,
completeness, file hashes, tensor names, shapes and types, paths that stay inside, and every
tensor patched into a nested map of a model's parameters along its `segments`. Exit status 0 when
it is accepted, 1 with the reason when not.

`write` takes the tensors of a bundle and writes another one as a program in Python would:
safetensors headers padded with spaces, keys in another order, `source_name` beside the path, no
fields of our own. The standard library suffices.
"""

import hashlib
import json
import os
import re
import struct
import sys

REQUIRED = [
    "artifact_version", "status", "export_complete", "base_model_repo", "bumblebee_module",
    "architecture", "xla_target", "export_backend", "source_vector_path", "source_vector_tensor",
    "source_vector_shape", "source_vector_sha256", "scale_offset_count", "router_head_shape",
    "router_head_artifact", "router_head_tensor_key", "adapted_tensors_artifact",
    "artifact_layout", "selected_tensor_count", "selected_singular_value_count",
    "selected_tensors", "source_split", "split",
]
TYPES = {"{:bf, 16}": "BF16", "{:f, 32}": "F32", "{:f, 16}": "F16", "{:f, 64}": "F64"}
SIZES = {"BF16": 2, "F16": 2, "F32": 4, "F64": 8}


class Refused(Exception):
    pass


def require(condition, reason):
    if not condition:
        raise Refused(reason)


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def no_duplicates(pairs):
    keys = [key for key, _ in pairs]
    require(len(keys) == len(set(keys)), "duplicate key in JSON")
    return dict(pairs)


def inside(bundle, name):
    require(isinstance(name, str) and name, "a file name is no string")
    require(not os.path.isabs(name) and ".." not in name.split("/"), "path leaves the bundle: " + name)
    path = os.path.join(bundle, name)
    root = os.path.realpath(bundle)
    require(os.path.realpath(path).startswith(root + os.sep), "link leaves the bundle: " + name)
    require(os.path.isfile(path), "missing file: " + name)
    return path


def read_safetensors(path):
    """Name to (dtype, shape, bytes); everything about the header checked."""
    with open(path, "rb") as file:
        data = file.read()
    require(len(data) >= 8, "no safetensors file: " + path)
    (length,) = struct.unpack("<Q", data[:8])
    require(8 + length <= len(data), "header is longer than the file")
    header = json.loads(data[8:8 + length].decode("utf-8"), object_pairs_hook=no_duplicates)
    header.pop("__metadata__", None)
    payload = data[8 + length:]
    tensors = {}
    spans = []
    for name, info in header.items():
        begin, end = info["data_offsets"]
        count = 1
        for dimension in info["shape"]:
            require(isinstance(dimension, int) and dimension >= 0, "bad dimension")
            count *= dimension
        require(0 <= begin <= end <= len(payload), "offsets outside of the file")
        require(end - begin == count * SIZES[info["dtype"]], "size does not fit the shape")
        spans.append((begin, end))
        tensors[name] = (info["dtype"], info["shape"], payload[begin:end])
    cursor = 0
    for begin, end in sorted(spans):
        require(begin == cursor, "payload has gaps or overlaps")
        cursor = end
    require(cursor == len(payload), "payload is longer than its tensors")
    return tensors


def write_safetensors(path, tensors):
    """Header keys in the order of the Python library, padded with spaces to a multiple of 8."""
    header, cursor = {}, 0
    for name, (dtype, shape, payload) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [cursor, cursor + len(payload)]}
        cursor += len(payload)
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, _, payload in tensors.values():
            file.write(payload)


def expected_segments(path):
    """A layer's dotted name, then the parameter."""
    layer, _, parameter = path.rpartition(".")
    return [layer, parameter]


def empty_model(manifest):
    """A nested map of parameters as the patched model has them: layer name, parameter name."""
    model = {}
    for entry in manifest["selected_tensors"]:
        layer, parameter = expected_segments(entry["path"])
        model.setdefault(layer, {})[parameter] = {"shape": entry["shape"], "data": None}
    return model


def patch(model, segments, shape, payload):
    node = model
    for segment in segments:
        if isinstance(node, dict):
            require(segment in node, "segment %r is not in the model" % (segment,))
            node = node[segment]
        elif isinstance(node, list):
            require(isinstance(segment, int) and 0 <= segment < len(node), "index out of range")
            node = node[segment]
        else:
            raise Refused("segments lead nowhere")
    require(isinstance(node, dict) and "shape" in node, "segments end before a parameter")
    require(node["shape"] == shape, "shape mismatch")
    require(node["data"] is None, "parameter patched twice")
    node["data"] = payload


def load_manifest(bundle):
    path = inside(bundle, "manifest.json")
    with open(path, "rb") as file:
        text = file.read().decode("utf-8")
    manifest = json.loads(text, object_pairs_hook=no_duplicates)
    require(isinstance(manifest, dict), "invalid_manifest")
    for key in REQUIRED:
        require(manifest.get(key) is not None, "missing_manifest_key(%s)" % key)
    require(isinstance(manifest["selected_tensors"], list), "invalid_selected_tensors")
    return manifest


def require_complete(manifest):
    require(not manifest.get("partial_debug_only"), "partial_debug_only")
    require(manifest["artifact_version"] == 1, "unsupported artifact version")
    require(manifest["status"] == "complete", "status is " + manifest["status"])
    require(manifest["export_complete"] is True, "export_complete is not true")


def check_head(bundle, manifest):
    path = inside(bundle, manifest["router_head_artifact"])
    if manifest.get("router_head_sha256"):
        require(sha256(path) == manifest["router_head_sha256"], "router_head sha256 mismatch")
    tensors = read_safetensors(path)
    require(manifest["router_head_tensor_key"] in tensors, "the head's tensor is missing")
    dtype, shape, _ = tensors[manifest["router_head_tensor_key"]]
    require(dtype == "F32" and shape == manifest["router_head_shape"], "the head's shape or type")
    split = manifest["source_split"]
    require(shape == [split["output_count"], split["hidden_size"]], "source_split")
    require(manifest["split"]["head_count"] == shape[0] * shape[1], "split")


def check_counts(manifest):
    entries = manifest["selected_tensors"]
    require(len(entries) == manifest["selected_tensor_count"] > 0, "selected_tensor_count")
    cursor = 0
    for place, entry in enumerate(entries):
        require(entry["index"] == place + 1, "index")
        require(entry["offset_start"] == cursor, "spans are not contiguous")
        require(entry["singular_values"] == min(entry["shape"]), "singular_values")
        cursor += entry["singular_values"]
        require(entry["offset_end"] == cursor, "offset_end")
        name = re.sub(r"[^0-9A-Za-z._-]", "_", entry["path"])
        require(entry["checkpoint_path"] == "checkpoints/%04d_%s.safetensors" % (place + 1, name),
                "checkpoint_path")
    for count in (manifest["scale_offset_count"], manifest["selected_singular_value_count"],
                  manifest["split"]["scale_count"], manifest["source_split"]["scale_count"]):
        require(count == cursor, "counts do not add up")
    require(re.fullmatch("[0-9a-f]{64}", manifest["source_vector_sha256"]), "source_vector_sha256")
    for key in ("created_at", "updated_at"):
        require(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", manifest[key]), key)


def load_tensors(bundle, manifest):
    merged = None
    if manifest["artifact_layout"] == "single_file":
        path = inside(bundle, manifest["adapted_tensors_artifact"])
        if manifest.get("adapted_tensors_sha256"):
            require(sha256(path) == manifest["adapted_tensors_sha256"], "adapted_tensors sha256 mismatch")
        merged = read_safetensors(path)
    else:
        require(manifest["artifact_layout"] == "checkpoint_directory", "unknown artifact_layout")
    loaded = []
    for entry in manifest["selected_tensors"]:
        tensors = merged
        if tensors is None:
            require(entry["status"] == "complete", "tensor is " + entry["status"])
            path = inside(bundle, entry["checkpoint_path"])
            if entry.get("checkpoint_sha256"):
                require(sha256(path) == entry["checkpoint_sha256"], entry["path"] + " sha256 mismatch")
            tensors = read_safetensors(path)
            require(len(tensors) == 1, "more than one tensor in a checkpoint")
        require(entry["artifact_key"] in tensors, "tensor name missing: " + entry["artifact_key"])
        dtype, shape, payload = tensors[entry["artifact_key"]]
        require(shape == entry["shape"], "shape mismatch of " + entry["path"])
        if entry.get("type"):
            require(TYPES.get(entry["type"]) == dtype, "type mismatch of " + entry["path"])
        loaded.append((entry, dtype, shape, payload))
    return loaded


def check(bundle):
    manifest = load_manifest(bundle)
    require_complete(manifest)
    check_counts(manifest)
    check_head(bundle, manifest)
    model = empty_model(manifest)
    for entry, _, shape, payload in load_tensors(bundle, manifest):
        segments = entry.get("segments") or entry["path"].split(".")
        patch(model, segments, shape, payload)
    for layer in model.values():
        for parameter in layer.values():
            require(parameter["data"] is not None, "a parameter was not patched")


SOURCE_NAMES = {
    "self_attention.query": "self_attn.q_proj", "self_attention.key": "self_attn.k_proj",
    "self_attention.value": "self_attn.v_proj", "self_attention.output": "self_attn.o_proj",
    "ffn.gate": "mlp.gate_proj", "ffn.intermediate": "mlp.up_proj", "ffn.output": "mlp.down_proj",
}


def source_name(path):
    if path == "embedder.token_embedding.kernel":
        return "model.embed_tokens.weight"
    if path == "language_modeling_head.output.kernel":
        return "lm_head.weight"
    block, rest = re.fullmatch(r"decoder\.blocks\.(\d+)\.(.*)\.kernel", path).groups()
    return "model.layers.%s.%s.weight" % (block, SOURCE_NAMES[rest])


def write(source, target, layout):
    ours = load_manifest(source)
    os.makedirs(os.path.join(target, "checkpoints"))
    head = read_safetensors(os.path.join(source, ours["router_head_artifact"]))
    write_safetensors(os.path.join(target, "router_head.safetensors"), head)
    entries, merged = [], {}
    for entry, dtype, shape, payload in load_tensors(source, ours):
        merged[entry["path"]] = (dtype, shape, payload)
        path = os.path.join(target, entry["checkpoint_path"])
        write_safetensors(path, {entry["path"]: (dtype, shape, payload)})
        entries.append({
            "status": "complete", "type": entry["type"], "path": entry["path"], "error": None,
            "index": entry["index"], "segments": expected_segments(entry["path"]), "shape": shape,
            "artifact_key": entry["path"], "source_name": source_name(entry["path"]),
            "source_type": entry["type"], "offset_end": entry["offset_end"],
            "offset_start": entry["offset_start"], "singular_values": entry["singular_values"],
            "adapted_backend": "EXLA.Backend<cuda:0>", "python_v_layout": "torch_v",
            "backend_observed_during_export": "EXLA.Backend<cuda:0>",
            "checkpoint_path": entry["checkpoint_path"], "checkpoint_sha256": sha256(path),
            "component_keys": {"u": "svd.U", "s": "svd.S", "v": "svd.V", "scale": "offsets"},
            "python_component_zero_error": None, "target_verified": True,
        })
    manifest = {key: ours[key] for key in sorted(REQUIRED)}
    manifest.update({
        "created_at": "2026-05-20T00:00:00Z", "updated_at": "2026-05-20T00:00:00Z",
        "export_backend": "python_semantic_importer_elixir_nx", "partial_debug_only": False,
        "importer": "TrinityCoordinator.Sakana.PythonImporter", "python_manifest_path": "a.json",
        "reference_manifest_path": None, "artifact_layout": layout, "selected_tensors": entries,
        "router_head_sha256": sha256(os.path.join(target, "router_head.safetensors")),
        "python_semantic_manifest": {"format": "f", "version": 1},
        "python_reference_manifest_loaded": True,
    })
    if layout == "single_file":
        path = os.path.join(target, "adapted_tensors.safetensors")
        write_safetensors(path, merged)
        manifest["adapted_tensors_sha256"] = sha256(path)
    with open(os.path.join(target, "manifest.json"), "w", encoding="utf-8") as file:
        json.dump(manifest, file)


def main(arguments):
    try:
        if len(arguments) == 2 and arguments[0] == "check":
            check(arguments[1])
        elif len(arguments) == 4 and arguments[0] == "write":
            write(*arguments[1:])
        else:
            print(__doc__, file=sys.stderr)
            return 2
    except (Refused, KeyError, TypeError, ValueError, OSError) as error:
        print("refused: %s: %s" % (type(error).__name__, error))
        return 1
    print("accepted")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
