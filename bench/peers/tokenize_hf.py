#!/usr/bin/env python3
"""Encoding speed of the PyPI package `tokenizers` on one thread, for comparison with ours.

Usage: tokenize_hf.py TOKENIZER_JSON TEXT_FILE RUNS

Encodes the whole text as one input, added tokens as ordinary text, RUNS times after one warm-up, by
the library's fastest call (`encode_batch_fast`, which leaves out the offsets). Prints one JSON line:
MB/s (10^6 bytes of UTF-8) of the slowest, median and fastest run, the load time, and the SHA-256 of
the ids as a compact JSON array, so that both sides can be seen to do the same work.

Needs: pip install tokenizers
"""

import hashlib
import json
import os
import statistics
import sys
import time

# Read by the library when it starts: no worker threads.
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"

import tokenizers  # noqa: E402


def without_added_tokens(path):
    with open(path, encoding="utf-8") as file:
        definition = json.load(file)
    definition["added_tokens"] = []
    return json.dumps(definition, ensure_ascii=False)


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    tokenizer_path, text_path, runs = sys.argv[1], sys.argv[2], int(sys.argv[3])

    started = time.perf_counter()
    tokenizers.Tokenizer.from_file(tokenizer_path)
    load_seconds = time.perf_counter() - started

    tokenizer = tokenizers.Tokenizer.from_str(without_added_tokens(tokenizer_path))
    with open(text_path, encoding="utf-8", newline="") as file:
        text = file.read()
    megabytes = len(text.encode("utf-8")) / 1e6

    def encode():
        return tokenizer.encode_batch_fast([text], add_special_tokens=False)[0]

    ids = encode().ids
    speeds = []
    for _ in range(runs):
        started = time.perf_counter()
        encode()
        speeds.append(megabytes / (time.perf_counter() - started))

    compact = json.dumps(ids, separators=(",", ":")).encode()
    record = {
        "name": "tokenize_hf",
        "params": {"tokenizers": tokenizers.__version__, "bytes": round(megabytes * 1e6), "threads": 1},
        "unit": "MB/s",
        "min": round(min(speeds), 3),
        "median": round(statistics.median(speeds), 3),
        "max": round(max(speeds), 3),
        "runs": runs,
        "load_ms": round(load_seconds * 1e3, 1),
        "ids": len(ids),
        "ids_sha256": hashlib.sha256(compact).hexdigest(),
    }
    print(json.dumps(record))


if __name__ == "__main__":
    main()
