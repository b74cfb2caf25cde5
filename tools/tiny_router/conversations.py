"""Labelled conversations: a random walk over the states that a coordinated conversation can be in.

Every message boundary carries a label (agent, role): the agent is the skill of the user's current
task, the role follows from the state. The rules are written down in README.md ("Rules").
"""

import re

from banks import SKILLS, THINKER, VERIFIER, WORKER, Writer

ANSWER_LENGTHS = [1] * 7 + [2] * 4 + [3] * 3 + [4, 5, 6, 8, 10, 13]  # sentences of a composed one
PLAN_LENGTHS = [1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 5, 6, 8, 10]
REJECT_LENGTHS = [1] * 8 + [2] * 4 + [3, 3, 4, 5, 7]


class Conversation:
    def __init__(self):
        self.messages = []  # {"role", "content"}
        self.labels = []  # per message: (agent, role, state), None after a system message

    def add(self, role, content, label):
        self.messages.append({"role": role, "content": content})
        self.labels.append(label)


def transcript(messages):
    """The router's plain input: `role: content` lines joined by one line break."""
    return "\n".join(m["role"] + ": " + m["content"] for m in messages)


# --- noise -----------------------------------------------------------------------------------


def typo(text, rng):
    words = text.split(" ")
    for _ in range(max(1, len(words) // 12)):
        i = rng.randrange(len(words))
        word = words[i]
        if len(word) < 4 or not word.isalpha():
            continue
        p = rng.randrange(1, len(word) - 1)
        words[i] = rng.choice(
            [
                word[:p] + word[p + 1 :],
                word[:p] + word[p] + word[p:],
                word[:p] + word[p + 1] + word[p] + word[p + 2 :],
            ]
        )
    return " ".join(words)


def drop_words(text, rng):
    words = text.split(" ")
    rate = rng.choice([0.08, 0.15, 0.25])
    kept = [w for w in words if rng.random() > rate]
    return " ".join(kept) if kept else text


def pseudo_word(rng):
    return "".join(
        rng.choice(ONSETS) + rng.choice("aeiou") for _ in range(rng.randint(2, 3))
    ) + rng.choice(["", "", "n", "r", "s", "ing", "ed", "t"])


ONSETS = [
    "b",
    "bl",
    "c",
    "ch",
    "d",
    "dr",
    "f",
    "g",
    "gr",
    "h",
    "j",
    "k",
    "l",
    "m",
    "n",
    "p",
    "pr",
    "qu",
    "r",
    "s",
    "sh",
    "st",
    "t",
    "tr",
    "v",
    "w",
    "z",
    "",
]


def strange_words(text, rng):
    """Puts unknown words in the place of some, so that an unknown word is no evidence by itself."""
    rate = rng.choice([0.08, 0.15, 0.3])
    return " ".join(
        pseudo_word(rng) if len(w) > 2 and w.isalpha() and rng.random() < rate else w
        for w in text.split(" ")
    )


def crop(text, rng):
    """A contiguous part of at least half of the words."""
    words = text.split(" ")
    keep = max(4, int(len(words) * rng.uniform(0.5, 0.95)))
    start = rng.randint(0, max(0, len(words) - keep))
    return " ".join(words[start : start + keep])


def shuffle_words(text, rng):
    words = text.split(" ")
    rng.shuffle(words)
    return " ".join(words)


def user_noise(text, rng, dropout):
    """Spelling, casing and end-of-line habits of people; `dropout` also loses words (training)."""
    if dropout:
        roll = rng.random()
        change = (
            drop_words
            if roll < 0.22
            else (
                strange_words
                if roll < 0.36
                else crop if roll < 0.46 else shuffle_words if roll < 0.50 else None
            )
        )
        text = change(text, rng) if change else text
    if rng.random() < 0.12:
        text = typo(text, rng)
    roll = rng.random()
    if roll < 0.16:
        text = text.lower()
    elif roll < 0.18:
        text = text.upper()
    return end_noise(text, rng)


def end_noise(text, rng):
    roll = rng.random()
    if roll < 0.16:
        text = text.rstrip(".?!")
    elif roll < 0.20:
        text = text.rstrip(".?!") + rng.choice(["...", "!", "?", "??", " ?", "!!", ".."])
    if rng.random() < 0.05:
        text += rng.choice([" ", "\n", "  ", " \n"])
    return text or "?"


# --- what the parties say ----------------------------------------------------------------------


class Talk:
    """Text of all parties for one task of one skill."""

    def __init__(self, bank, skill, rng, dropout):
        self.writer = Writer(bank, skill, rng)
        self.bank, self.rng, self.dropout = bank, rng, dropout

    def question(self, hard):
        rng, w = self.rng, self.writer
        kind = "complex" if hard else "simple"
        if self.bank.shared("generic_" + kind):
            roll = rng.random()
            kind = "generic_" + kind if roll < 0.24 else "lex_" + kind if roll < 0.40 else kind
        text = w.line(kind)
        if self.bank.shared("lex_context") and rng.random() < 0.14:
            context = w.line("lex_context")
            text = context + " " + text if rng.random() < 0.6 else text + " " + context
        if self.bank.shared("simple_detail"):
            if not hard and rng.random() < 0.3:
                for _ in range(rng.choice([1, 1, 2, 3])):
                    text = (
                        text.rstrip()
                        + rng.choice([" ", " ", ", ", "\n"])
                        + w.line("simple_detail")
                    )
            if rng.random() < 0.09:
                context = [w.line("long_context") for _ in range(rng.choice([1, 2, 3, 5, 7]))]
                gap = rng.choice([" ", "\n"])
                text = gap.join(context + [text] if rng.random() < 0.7 else [text] + context)
        if rng.random() < 0.08:
            extra = w.line("simple")
            text = text + " " + extra if rng.random() < 0.5 or hard else extra + "\n" + text
        if rng.random() < 0.22:
            text = w.line("pre") + rng.choice([" ", " ", "\n"]) + text
        if hard and rng.random() < 0.25:
            text = text + " " + w.line("post_complex")
        elif not hard and rng.random() < 0.22:
            text = text + rng.choice([" ", " ", "\n"]) + w.line("post")
        return user_noise(text, rng, self.dropout)

    def compose(self, opener, bodies, closer, marks=None):
        """Opener, several body sentences (perhaps marked as a list) and closer, each optional."""
        rng, w = self.rng, self.writer
        gap = rng.choice([" ", " ", "\n"])
        mark = rng.choice(marks) if marks and rng.random() < 0.6 else ""
        parts = [w.line(opener)] if rng.random() < 0.85 else []
        for i, body in enumerate(bodies):
            text = w.expand(re.sub(r"\$(\w+)", lambda m: "$%s%d" % (m.group(1), i + 2), body))
            if "%d" in mark:
                text = mark % (i + 1) + text
            elif mark == "words":
                text = ["First, ", "Then, ", "Next, ", "After that, ", "Also, ", "Finally, "][
                    min(i, 5)
                ] + (text[:1].lower() + text[1:])
            else:
                text = mark + text
            parts.append(text)
        if rng.random() < 0.4:
            parts.append(w.line(closer))
        return sentence_case(gap.join(parts))

    def answer(self, again=False):
        rng, w = self.rng, self.writer
        if self.bank.shared("answer_open") and rng.random() < 0.5:
            bodies = [
                rng.choice(["$a", "$a", "$a", "$fact_any"])
                for _ in range(rng.choice(ANSWER_LENGTHS))
            ]
            gap = rng.choice([" ", " ", "\n", "\n\n"])
            parts = [w.line("answer_open")] if rng.random() < 0.5 else []
            parts += [w.line("answer") if b == "$a" else w.expand(b) for b in bodies]
            parts += [w.line("answer_close")] if rng.random() < 0.3 else []
            text = gap.join(parts)
            if again:
                text = w.line("rewrap", {"a": text})
        else:
            text = w.line(
                "rewrap" if again else "wrap", {"a": w.line("answer"), "b": w.line("answer")}
            )
        if self.dropout:
            roll = rng.random()
            text = (
                drop_words(text, rng)
                if roll < 0.1
                else strange_words(text, rng) if roll < 0.2 else text
            )
        return end_noise(text, rng) if rng.random() < 0.5 else text

    def verdict(self, section):
        """The protocol's word and then anything: the word decides, whatever follows."""
        rng, w = self.rng, self.writer
        word = rng.choice(
            ["REVISE", "REVISE", "REVISE", "REJECT"] if section == "reject" else ["ACCEPT"]
        )
        kinds = ["answer", "fact_any", "fault_any", "guide_any", "lex_context", "long_context"]
        bodies = [w.line(rng.choice(kinds)) for _ in range(rng.choice([1, 1, 1, 2, 2, 3, 5]))]
        text = rng.choice([" ", " ", "\n"]).join(bodies)
        text = strange_words(text, rng) if rng.random() < 0.3 else text
        return end_noise(
            word + rng.choice([": ", ": ", " - ", " — ", " ", "\n", ":\n"]) + text, rng
        )

    def say(self, section):
        rng, w = self.rng, self.writer
        if section in ("reject", "accept") and self.dropout and rng.random() < 0.3:
            return self.verdict(section)
        composed = bool(self.bank.shared(section + "_open")) and rng.random() < 0.55
        if section == "plan" and composed:
            bodies = [
                rng.choice(["$guide", "$guide_any"]) for _ in range(rng.choice(PLAN_LENGTHS))
            ]
            text = self.compose(
                "plan_open",
                bodies,
                "plan_close",
                ["%d. ", "%d) ", "(%d) ", "Step %d: ", "- ", "* ", "words"],
            )
        elif section == "critique" and composed:
            bodies = [
                rng.choice(["$guide", "$guide_any", "$fault_any."])
                for _ in range(rng.choice([1, 2, 3]))
            ]
            text = self.compose(
                "critique_open", bodies + ["$guide_any"], "plan_close", ["%d. ", "- ", "words"]
            )
        elif section == "reject" and composed:
            bodies = [
                rng.choice(["$fault.", "$fault_any.", "$fault_any", "$fault; $fault_any."])
                for _ in range(rng.choice(REJECT_LENGTHS))
            ]
            text = self.compose(
                "reject_open", bodies, "reject_close", ["", "", "", "", "- ", "%d) "]
            )
        else:
            text = w.line(section)
            if section in ("plan", "critique") and rng.random() < 0.15:
                text += rng.choice([" ", "\n"]) + w.line("guide")
        text = re.sub(r"([.!?:]) ?\.(?= |$)", r"\1", text)
        verdict = text.startswith(("REVISE", "ACCEPT", "REJECT"))
        if self.dropout and not verdict:
            roll = rng.random()
            text = (
                drop_words(text, rng)
                if roll < 0.15
                else strange_words(text, rng) if roll < 0.25 else text
            )
        return end_noise(text, rng) if rng.random() < 0.4 else text


def sentence_case(text):
    return re.sub(r"([.!?] )([a-z])", lambda m: m.group(1) + m.group(2).upper(), text)


def build(bank, rng, dropout, skill=None, hard=None, steps=None):
    """One conversation; stops after `steps` walk steps (default random)."""
    c = Conversation()
    agent = SKILLS.index(skill) if skill else rng.randrange(len(SKILLS))
    hard = rng.random() < 0.45 if hard is None else hard
    steps = rng.choice([1, 1, 1, 2, 2, 2, 3, 3, 4, 5, 6]) if steps is None else steps
    talk = Talk(bank, SKILLS[agent], rng, dropout)
    if rng.random() < 0.3:
        c.add("system", talk.say("system"), None)
    c.add("user", talk.question(hard), (agent, THINKER if hard else WORKER, "open"))
    state = "open"
    mocks = 0
    for _ in range(steps - 1):
        roll = rng.random()
        if state == "open" and roll < 0.03:
            mocks += 1
            last = [m for m in c.messages if m["role"] == "user"][-1]["content"]
            role = WORKER if hard and mocks == 1 else VERIFIER
            c.add(
                "assistant", talk.writer.line("mock", {"last": last}), (agent, role, "placeholder")
            )
        elif state == "open":
            if roll < (0.62 if hard else 0.16):
                c.add("assistant", talk.say("plan"), (agent, WORKER, "planned"))
                state = "planned"
            else:
                c.add("assistant", talk.answer(), (agent, VERIFIER, "answered"))
                state = "answered"
        elif state == "planned":
            if roll < 0.18:
                c.add("user", talk.say("user_go"), (agent, WORKER, "go ahead"))
            elif roll < 0.25:
                c.add("assistant", talk.say("plan"), (agent, WORKER, "planned"))
            else:
                c.add("assistant", talk.answer(), (agent, VERIFIER, "answered"))
                state = "answered"
        elif state == "rejected":
            if roll < 0.10:
                c.add("assistant", talk.say("plan"), (agent, WORKER, "planned"))
                state = "planned"
            else:
                c.add("assistant", talk.answer(again=True), (agent, VERIFIER, "revised"))
                state = "answered"
        elif state == "answered" and roll < 0.68:
            section, role, name, state = rng.choices(
                [
                    ("reject", WORKER, "rejected", "rejected"),
                    ("critique", WORKER, "critique", "rejected"),
                    ("critique_verify", VERIFIER, "answered", "answered"),
                    ("user_check", VERIFIER, "check asked", "answered"),
                    ("user_reject", WORKER, "user objects", "rejected"),
                    ("accept", VERIFIER, "accepted", "accepted"),
                ],
                weights=[32, 9, 5, 13, 9, 7],
            )[0]
            c.add(
                "user" if section.startswith("user") else "assistant",
                talk.say(section),
                (agent, role, name),
            )
        else:  # answered or accepted: the user goes on
            hard = rng.random() < 0.45
            if rng.random() < 0.4:
                text = user_noise(
                    talk.writer.line("follow_complex" if hard else "follow_simple"), rng, False
                )
            else:
                if rng.random() < 0.5:
                    agent = rng.randrange(len(SKILLS))
                talk = Talk(bank, SKILLS[agent], rng, dropout)
                text = talk.question(hard)
            c.add("user", text, (agent, THINKER if hard else WORKER, "follow-up"))
            state = "open"
    return c
