#!/usr/bin/env python3
"""Routes conversations on the program's own f32 lane and through a plugin, and compares.

Usage: compare_lanes.py PROGRAM PLUGIN.so [MORE ARGUMENTS OF trinity route, such as --model DIR]

Decisions and hashes of the conversations must be equal, logits close. Exit status 0 when they are.
"""
import json
import subprocess
import sys

TOPICS = ["Write a function that returns the n-th prime.", "Is 1009 prime? Explain how you know.",
          "Draft a polite letter to my landlord.", "Which of these two queries is faster, and why?",
          "Plan the migration of a database in five steps.", "Hi", "What does photosynthesis need?",
          "Please check this proof for gaps."]
TOLERANCE = 1e-3


def conversations():
    for i, topic in enumerate(TOPICS):
        yield {"id": i, "messages": [{"role": "user", "content": topic}]}
        yield {"id": f"{i} again", "messages": [
            {"role": "user", "content": topic},
            {"role": "assistant", "content": "Here is a first version. " * (i + 1)},
            {"role": "user", "content": TOPICS[(i + 3) % len(TOPICS)]}]}


def route(program, profile, arguments):
    lines = "".join(json.dumps(record) + "\n" for record in conversations())
    run = subprocess.run([program, "route", "--json", "--profile", profile, *arguments], input=lines,
                         capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(f"profile {profile}: {run.stderr.strip()}")
    return [json.loads(line) for line in run.stdout.splitlines()]


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    program, plugin, *arguments = sys.argv[1:]
    own = route(program, "cpu_f32", arguments)
    theirs = route(program, "plugin:" + plugin, arguments)
    wrong, largest = 0, 0.0
    for a, b in zip(own, theirs, strict=True):
        logits = zip(a["agent_logits"] + a["role_logits"], b["agent_logits"] + b["role_logits"])
        error = max(abs(x - y) / (1 + abs(x)) for x, y in logits)
        largest = max(largest, error)
        same = all(a[key] == b[key] for key in ("id", "agent_id", "role_id", "transcript_hash"))
        if not same or not error <= TOLERANCE:
            wrong += 1
            print(f"{a['id']}: agent {a['agent_id']} role {a['role_id']} became agent "
                  f"{b['agent_id']} role {b['role_id']}, logits differ by {error:.1e}")
    print(f"{len(own) - wrong} of {len(own)} conversations are decided alike; "
          f"logits differ by at most {largest:.1e} (profile {theirs[0]['profile']})")
    sys.exit(wrong != 0 or not own)


if __name__ == "__main__":
    main()
