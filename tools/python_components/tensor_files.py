"""safetensors and npy files with numpy alone. bf16 is held as uint16, the upper half of a float32."""
import json
import pathlib
import struct

import numpy as np

TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}


def bf16_to_f32(bits):
    return (bits.astype(np.uint32) << 16).view(np.float32)


def f32_to_bf16(values):
    """To nearest, ties to even."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def widen(array, kind):
    return bf16_to_f32(array) if kind == "BF16" else array.astype(np.float32)


def read(path):
    """name -> (array, type name)."""
    data = pathlib.Path(path).read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length])
    out = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        array = np.frombuffer(data[8 + length + begin:8 + length + end], TYPES[entry["dtype"]])
        out[name] = (array.reshape(entry["shape"]), entry["dtype"])
    return out


def read_folder(folder):
    out = {}
    for path in sorted(pathlib.Path(folder).glob("*.safetensors")):
        if path.name != "router_head.safetensors":
            out.update(read(path))
    return out


def read_vector(path):
    if str(path).endswith(".npy"):
        return np.load(path)
    return next(iter(read(path).values()))[0]


def write(path, tensors):
    """uint16 arrays are written as BF16. The header is padded to a multiple of 8 with spaces."""
    names = {np.dtype(np.float64): "F64", np.dtype(np.float32): "F32", np.dtype(np.uint16): "BF16"}
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, array in tensors.items():
        header[name] = {"dtype": names[array.dtype], "shape": list(array.shape),
                        "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    text = json.dumps(header).encode("utf-8")
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)))
        file.write(text)
        for array in tensors.values():
            file.write(np.ascontiguousarray(array).tobytes())
