#!/usr/bin/env python3
"""Holds what chat_samples prints against the descriptions of the interfaces.

    check_chat_samples.py CHAT_SAMPLES FOLDER

FOLDER holds openai.json and openresponses.json (OpenAPI 3.1). Anthropic's description comes with the
Python package llm_comply. Status 0: every sample fits. 1: one does not. 77: the package jsonschema or a
description is absent, which is said. TRINITY_SPEC_PYTHON names a Python that has the packages.
"""
import importlib.util
import json
import os
import subprocess
import sys

OTHER = os.environ.get("TRINITY_SPEC_PYTHON")
if OTHER and os.path.realpath(sys.prefix) != os.path.realpath(os.path.dirname(os.path.dirname(OTHER))) \
        and "TRINITY_SPEC_PYTHON_RUNS" not in os.environ:
    os.environ["TRINITY_SPEC_PYTHON_RUNS"] = "1"
    os.execv(OTHER, [OTHER] + sys.argv)

SKIPPED = 77


def skip(why):
    print("SKIPPED:", why)
    sys.exit(SKIPPED)


try:
    from jsonschema import Draft202012Validator
    from referencing import Registry, Resource
    from referencing.jsonschema import DRAFT202012
except ImportError:
    skip("the Python package jsonschema is absent; samples of chat calls are not held against any "
         "description (TRINITY_SPEC_PYTHON names a Python that has it)")


# Fields in which the descriptions contradict each other, or themselves.
def without_false_alarms(name, schemas):
    if name == "openai":
        # OpenAI's own streams begin with null there, and the other description demands the field.
        schemas["ResponseUsage"] = {"anyOf": [schemas["ResponseUsage"], {"type": "null"}]}
    if name == "openresponses":
        # A schema of the answer's form may only be null there.
        schemas["JsonSchemaResponseFormat"]["properties"]["schema"] = {}


class Spec:
    def __init__(self, name, path):
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
        self.schemas = document["components"]["schemas"]
        without_false_alarms(name, self.schemas)
        self.strip_discriminators(document)
        resource = Resource(contents=document, specification=DRAFT202012)
        self.registry = Registry().with_resource("urn:spec", resource)
        self.validators = {}
        self.events = {}
        for schema_name, schema in self.schemas.items():
            if not schema_name.endswith("Event") or schema_name.startswith("Beta"):
                continue
            kind = schema.get("properties", {}).get("type", {})
            for value in kind.get("enum", [kind.get("const")]):
                self.events.setdefault(value, schema_name)

    def strip_discriminators(self, node):
        if isinstance(node, dict):
            if isinstance(node.get("discriminator"), dict):
                del node["discriminator"]
            for value in node.values():
                self.strip_discriminators(value)
        elif isinstance(node, list):
            for value in node:
                self.strip_discriminators(value)

    def error(self, schema, body):
        if schema == "event":
            if body.get("type") == "ping":
                return None
            schema = self.events.get(body.get("type"))
            if schema is None:
                return "an event of an unknown type"
        if schema not in self.validators:
            self.validators[schema] = Draft202012Validator(
                {"$ref": "urn:spec#/components/schemas/" + schema}, registry=self.registry)
        error = next(self.validators[schema].iter_errors(body), None)
        if error is None:
            return None
        deepest = error
        while deepest.context:
            deepest = max(deepest.context, key=lambda one: len(one.absolute_path))
        return f"{schema}: {list(deepest.absolute_path)}: {deepest.message[:300]}"


def main():
    program, folder = sys.argv[1:3]
    paths = {name: os.path.join(folder, name + ".json") for name in ("openai", "openresponses")}
    comply = importlib.util.find_spec("llm_comply")
    if comply:
        paths["anthropic"] = os.path.join(os.path.dirname(comply.origin), "specs", "anthropic.json")
    specs = {name: Spec(name, path) for name, path in paths.items() if os.path.exists(path)}
    if not specs:
        skip("the descriptions of the interfaces are absent from " + folder)
    output = subprocess.run([program], check=True, stdout=subprocess.PIPE).stdout
    counts, wrong, absent = {}, 0, set()
    for line in output.decode("utf-8").split("\n"):
        if not line:
            continue
        sample = json.loads(line)
        spec = specs.get(sample["spec"])
        if spec is None:
            absent.add(sample["spec"])
            continue
        counts[sample["spec"]] = counts.get(sample["spec"], 0) + 1
        error = spec.error(sample["schema"], sample["body"])
        if error:
            wrong += 1
            if wrong <= 20:
                print(f"{sample['spec']}: {error}\n  {json.dumps(sample['body'])[:600]}")
    print("held against their descriptions:", counts, "wrong:", wrong)
    for name in sorted(absent):
        print("SKIPPED: the description of", name, "is absent; its samples were not held against it")
    if sum(counts.values()) == 0:
        skip("nothing could be compared")
    sys.exit(1 if wrong else 0)


main()
