#!/usr/bin/env python3
"""Writes json_schema_cases.jsonl: random documents held against random small schemas by Python's
jsonschema (Draft 2020-12, and Draft 7 for the older forms). pip install jsonschema, then run it in
this folder."""
import json
import random

import jsonschema

random.seed(20261127)
TEXTS = ["", "a", "ab", "abc", "Zürich", "2026-11-27", "A-17", "x y", "aaa", "\t"]
NUMBERS = [0, 1, 2, 3, -1, 1.0, 1.5, 0.3, 10, 100, -2.5, 1e3]
KEYS = ["a", "b", "c", "a1", "x-y"]
PATTERNS = ["^a", "b$", "^[a-z]+$", "^\\d{4}-\\d{2}-\\d{2}$", "a|c", "^(ab?)*$", "^.{2,3}$", "\\s",
            "^[^a]*$", "[A-Z]-[0-9]+", "^$", "ü", "(a+)+$"]


def value(depth=0):
    kind = random.randrange(8 if depth < 3 else 5)
    if kind == 0:
        return None
    if kind == 1:
        return random.random() < 0.5
    if kind == 2:
        return random.choice(NUMBERS)
    if kind in (3, 4):
        return random.choice(TEXTS)
    if kind == 5:
        return [value(depth + 1) for _ in range(random.randrange(4))]
    return {key: value(depth + 1) for key in random.sample(KEYS, random.randrange(4))}


def schema(depth=0, old=False):
    if depth > 3:
        return random.choice([True, True, {}, {"type": "string"}])
    out = {}
    kind = random.choice(["number", "string", "array", "object", "object", "any", "combined", "ref"])
    sub = lambda: schema(depth + 1, old)
    if kind == "number":
        out["type"] = random.choice(["number", "integer", ["integer", "null"]])
        for key in random.sample(["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"], 1):
            out[key] = random.choice([0, 1, 1.5, 10])
        if random.random() < 0.3:
            out["multipleOf"] = random.choice([1, 2, 0.5])
    elif kind == "string":
        if random.random() < 0.7:
            out["type"] = "string"
        out[random.choice(["minLength", "maxLength"])] = random.randrange(5)
        if random.random() < 0.6:
            out["pattern"] = random.choice(PATTERNS)
    elif kind == "array":
        if random.random() < 0.7:
            out["type"] = "array"
        if random.random() < 0.4:
            first = [sub() for _ in range(random.randrange(1, 3))]
            out["items" if old else "prefixItems"] = first
            if random.random() < 0.5:
                out["additionalItems" if old else "items"] = random.choice([False, sub()])
        else:
            out["items"] = sub()
        if random.random() < 0.3:
            out["contains"] = sub()
            if not old and random.random() < 0.5:
                out[random.choice(["minContains", "maxContains"])] = random.randrange(3)
        if random.random() < 0.3:
            out["uniqueItems"] = True
        out[random.choice(["minItems", "maxItems"])] = random.randrange(4)
    elif kind == "object":
        if random.random() < 0.8:
            out["type"] = "object"
        out["properties"] = {key: sub() for key in random.sample(KEYS, random.randrange(1, 4))}
        if random.random() < 0.5:
            out["required"] = random.sample(KEYS, random.randrange(3))
        if random.random() < 0.4:
            out["additionalProperties"] = random.choice([False, sub()])
        if random.random() < 0.2:
            out["patternProperties"] = {random.choice(["^a", "1$", "-"]): sub()}
        if random.random() < 0.2:
            out["propertyNames"] = {"maxLength": random.randrange(1, 4)}
        if random.random() < 0.2:
            out[random.choice(["minProperties", "maxProperties"])] = random.randrange(3)
        if random.random() < 0.2:
            if old:
                out["dependencies"] = {"a": random.choice([["b"], sub()])}
            else:
                out[random.choice(["dependentRequired"])] = {"a": ["b"]}
    elif kind == "any":
        out[random.choice(["const", "enum"])] = None
        if "const" in out:
            out["const"] = value(2)
        else:
            out["enum"] = [value(2) for _ in range(3)]
    elif kind == "combined":
        which = random.choice(["allOf", "anyOf", "oneOf", "not", "if"])
        if which == "not":
            out["not"] = sub()
        elif which == "if":
            out = {"if": sub(), "then": sub(), "else": sub()}
        else:
            out[which] = [sub() for _ in range(random.randrange(1, 4))]
    else:
        out["$ref"] = random.choice(["#/$defs/one", "#/$defs/two"])
    return out


def whole(old):
    out = {"allOf": [schema(0, old)]}
    out["$defs"] = {
        "one": {"type": ["object", "array", "string"], "items": {"$ref": "#/$defs/one"}},
        "two": {"properties": {"a": {"$ref": "#/$defs/two"}, "b": {"type": "number"}},
                "additionalProperties": {"type": ["null", "boolean", "string"]}}}
    return out


def near(wanted, depth=0):
    """A value that has a chance to be valid."""
    if not isinstance(wanted, dict) or random.random() < 0.15:
        return value(depth)
    if "allOf" in wanted and wanted["allOf"]:
        return near(random.choice(wanted["allOf"]), depth)
    if "const" in wanted:
        return wanted["const"]
    if "enum" in wanted:
        return random.choice(wanted["enum"])
    for key in ("anyOf", "oneOf"):
        if key in wanted:
            return near(random.choice(wanted[key]), depth)
    kind = wanted.get("type")
    if kind == "object" or "properties" in wanted:
        out = {}
        for key, one in wanted.get("properties", {}).items():
            if random.random() < 0.7:
                out[key] = near(one, depth + 1)
        for key in wanted.get("required", []):
            out.setdefault(key, value(3))
        return out
    if kind == "array":
        items = wanted.get("items", True)
        return [near(items if isinstance(items, dict) else True, depth + 1)
                for _ in range(random.randrange(4))]
    if kind == "string" or "pattern" in wanted:
        return random.choice(TEXTS)
    if kind in ("number", "integer"):
        return random.choice(NUMBERS)
    return value(depth)


def main():
    counts = {True: 0, False: 0}
    with open("json_schema_cases.jsonl", "w", encoding="utf-8") as out:
        while min(counts.values()) < 150:
            old = random.random() < 0.25
            one = whole(old)
            kind = jsonschema.Draft7Validator if old else jsonschema.Draft202012Validator
            if not old:
                kind.check_schema(one)
            document = near(one)
            if len(json.dumps(one)) > 420:
                continue
            valid = kind(one).is_valid(document)
            if counts[valid] >= 150:
                continue
            counts[valid] += 1
            record = {"schema": one, "value": document, "valid": valid}
            out.write(json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n")


main()
