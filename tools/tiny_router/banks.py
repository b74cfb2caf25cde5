"""Bank files: hand-written wording with alternatives and slots.

A bank is a folder of text files, one a skill plus `common.txt`. A file has sections `[name]`, one
template a line, and filler lists `[slot:name]` whose entries are separated by `;`.

Template language (see README.md): `{a|b|}` is a choice, `$name` a slot (`$name2` a second,
different draw), a backslash-n a line break. Slots are bound once per conversation, so that an
answer speaks of what the question asked. `[snippet]`, `[sql]` lines are code: only their slots
are expanded.
"""

import random
import re
from pathlib import Path

SKILLS = ["code", "math", "data", "science", "writing", "planning", "general"]
ROLES = ["Worker", "Thinker", "Verifier"]
WORKER, THINKER, VERIFIER = range(3)
SHARED = ["common", "roles", "length"]  # files whose sections all skills use

_CHOICE = re.compile(r"\{([^{}]*\|[^{}]*)\}")
_SLOT = re.compile(r"\$([A-Za-z_]+)(\d*)(_[lc])?")
_RAW_SECTIONS = {"snippet", "sql"}
_TEXT_SLOTS = {"guide", "fault", "topic", "snippet", "sql", "guide_any", "fault_any", "fact_any"}


class Bank:
    """All sections and fillers of one folder (`train` or `heldout`)."""

    def __init__(self, folder: Path, extra=False):
        """`extra`: also the `*_extra.txt` files, which the second training phase adds."""
        self.sections = {}  # (file, section) -> templates
        self.fillers = {}  # (file, slot) -> values
        for path in sorted(folder.glob("*.txt")):
            if path.stem.endswith("_extra") and not extra:
                continue
            section, skill = None, path.stem.split("_")[0]
            for line in path.read_text(encoding="utf-8").splitlines():
                if not line.strip() or (section is None and line.startswith("#")):
                    continue
                head = re.fullmatch(r"\[([a-z_]+)(?::([A-Za-z_]+\d*))?\]", line)
                if head:
                    section = head.groups()
                elif section[1]:
                    values = [v for v in line.split(";")]
                    self.fillers.setdefault((skill, section[1]), []).extend(values)
                else:
                    self.sections.setdefault((skill, section[0]), []).append(line)

    def has(self, skill, section):
        return (skill, section) in self.sections

    def shared(self, section):
        """Lines of a section that all skills use."""
        return [line for name in SHARED for line in self.sections.get((name, section), [])]


class Writer:
    """Expands templates of one conversation; remembers the slot values it drew."""

    def __init__(self, bank: Bank, skill: str, rng: random.Random):
        self.bank, self.skill, self.rng = bank, skill, rng
        self.bound = {}

    def line(self, section, extra=None, skill=None):
        """One expanded line of a section of the skill's file, else of common.txt."""
        skill = skill or self.skill
        if self.bank.has(skill, section):
            return self.expand(self.rng.choice(self.bank.sections[(skill, section)]), extra)
        lines = self.bank.shared(section)
        return self.expand(self.rng.choice(lines), extra)

    def expand(self, template, extra=None, raw=False):
        text = template
        while not raw:
            text, count = _CHOICE.subn(lambda m: self.rng.choice(m.group(1).split("|")), text)
            if count == 0:
                break
        text = _SLOT.sub(lambda m: self._slot(m, extra or {}), text)
        if not raw:
            text = re.sub(r"(?<=\S) {2,}(?=\S)", " ", text).strip(" ")
        return text.replace("\\n", "\n").replace("\\t", "\t").replace("\\\\", "\\")

    def _slot(self, match, extra):
        name, digit, form = match.groups()
        if not digit and name.endswith(("_l", "_c")):
            name, form = name[:-2], name[-2:]
        for cut in range(len(name), 0, -1):  # `$intpx` is `$int` followed by `px`
            key, rest = name[:cut], name[cut:]
            value = (
                extra[key]
                if key in extra and not digit
                else self._value(key, "" if rest else digit)
            )
            if value is not None:
                if rest:
                    return value + rest + digit + (form or "")
                if form == "_l":
                    return value[:1].lower() + value[1:]
                if form == "_c":
                    return value[:1].upper() + value[1:]
                return value
        return match.group(0)

    def _value(self, name, digit):
        """The value bound to a slot, drawing it at first use; None for an unknown slot."""
        key = name + digit
        if key in self.bound and self.rng.random() < 0.85:
            return self.bound[key]
        value = (digit and self._draw(key)) or self._draw(name)
        for _ in range(4):  # numbered siblings should differ
            if value is None or all(
                v != value for k, v in self.bound.items() if k.startswith(name)
            ):
                break
            value = (digit and self._draw(key)) or self._draw(name)
        if value is not None:
            self.bound[key] = value
        return value

    def _draw(self, name):
        if name == "lex":
            return self.rng.choice(self.bank.fillers[("lexicon", self.skill)])
        for scope in (self.skill, *SHARED):
            if (scope, name) in self.bank.fillers:
                return self.expand(self.rng.choice(self.bank.fillers[(scope, name)]))
            if name in _TEXT_SLOTS and (scope, name) in self.bank.sections:
                template = self.rng.choice(self.bank.sections[(scope, name)])
                if name == "snippet" and self.rng.random() < 0.25:  # a longer piece of code
                    template += "\\n" + self.rng.choice(self.bank.sections[(scope, name)])
                return self.expand(template, raw=name in _RAW_SECTIONS)
        maker = PROCEDURAL.get(name)
        return maker(self) if maker else None


def _arith(w):
    r = w.rng
    number = lambda: str(r.choice([r.randint(2, 20), r.randint(2, 99), r.randint(100, 2000)]))
    op = r.choice(
        [
            " + ",
            " - ",
            " * ",
            " / ",
            " × ",
            "+",
            "-",
            "*",
            "/",
            " plus ",
            " minus ",
            " times ",
            " divided by ",
        ]
    )
    text = number() + op + number()
    if r.random() < 0.3:
        text = r.choice(
            ["(" + text + ") * " + number(), text + r.choice([" + ", " - ", "*"]) + number()]
        )
    if r.random() < 0.1:
        text = r.choice(["sqrt(%s)", "%s^2", "%s!", "2^%s"]) % number()
    return text


def _poly(w):
    r, v = w.rng, w.rng.choice("xxxxyt")
    terms = [
        r.choice(
            [
                "%d%s^%d" % (r.randint(2, 9), v, r.randint(2, 5)),
                "%d%s" % (r.randint(2, 12), v),
                str(r.randint(1, 30)),
                "%s^2" % v,
                v,
            ]
        )
        for _ in range(r.randint(2, 3))
    ]
    return r.choice([" + ", " - ", " + ", "+"]).join(terms)


def _func(w):
    r, n = w.rng, w.rng.randint(2, 9)
    return r.choice(
        [
            _poly(w),
            _poly(w),
            "sin(%dx)" % n,
            "x*e^x",
            "ln(x^%d + 1)" % n,
            "e^(-%dx)" % n,
            "x^%d cos(x)" % n,
            "sqrt(x + %d)" % n,
            "1/(x^2 + %d)" % n,
            "tan(x)/x",
            "(x^2 - %d)/(x - 1)" % n,
            "sin(x)/x",
            "x^x",
            "\\\\frac{x}{x+%d}" % n,
        ]
    )


def _equation(w):
    r = w.rng
    a, b, c, d = (r.randint(2, 30) for _ in range(4))
    return r.choice(
        [
            "%dx + %d = %d" % (a, b, c),
            "%dx - %d = %dx + %d" % (a, b, c, d),
            "x/%d = %d" % (a, b),
            "%d(x - %d) = %d" % (a, b, c),
            "x^2 = %d" % a,
            "2^x = %d" % a,
            "|x - %d| = %d" % (a, b),
            "3y + %d = %d, y - x = %d" % (a, b, c),
            "log(x) = %d" % a,
        ]
    )


def _quad(w):
    r = w.rng
    return "%sx^2 %s %dx %s %d" % (
        r.choice(["", "", "2", "3"]),
        r.choice("+-"),
        r.randint(2, 15),
        r.choice("+-"),
        r.randint(1, 40),
    )


def _csv(w):
    r = w.rng
    columns = r.sample(w.bank.fillers[("data", "column")], r.randint(2, 3))
    sep = r.choice([",", ",", ";", " | ", "\\t"])
    rows = [sep.join(columns)]
    for _ in range(r.randint(2, 4)):
        cells = [
            r.choice(
                [
                    str(r.randint(1, 900)),
                    w._draw("name"),
                    w._draw("city"),
                    "2024-0%d-%02d" % (r.randint(1, 9), r.randint(1, 28)),
                    "%.2f" % (r.random() * 100),
                    "",
                ]
            )
            for _ in columns
        ]
        rows.append(sep.join(cells))
    return "\\n".join(rows)


PROCEDURAL = {
    "int": lambda w: str(
        w.rng.choice([w.rng.randint(3, 30), w.rng.randint(10, 99), w.rng.randint(5, 250)])
    ),
    "n": lambda w: str(w.rng.randint(2, 9)),
    "num": lambda w: str(w.rng.choice([2, 3, 5, 10, 20, 40, 50, 100, 300])),
    "bigint": lambda w: str(w.rng.randint(100, 20000)),
    "dec": lambda w: "%.*f" % (w.rng.randint(1, 4), w.rng.random() * 100),
    "year": lambda w: str(w.rng.randint(1066, 2024)),
    "money": lambda w: w.rng.choice(["$%d", "€%d", "%d euros", "%d dollars", "£%d", "%d.50"])
    % w.rng.choice(
        [w.rng.randint(5, 99), w.rng.randint(1, 90) * 100, w.rng.randint(1, 50) * 1000]
    ),
    "frac": lambda w: "%d/%d" % (w.rng.randint(1, 30), w.rng.randint(2, 64)),
    "arith": _arith,
    "poly": _poly,
    "func": _func,
    "equation": _equation,
    "quad": _quad,
    "csv": _csv,
    "formula": lambda w: w.rng.choice(
        ["H2O", "CO2", "NaCl", "CH4", "NH3", "H2SO4", "C6H12O6", "CaCO3", "HCl"]
    ),
    "slot": lambda w: str(w.rng.randint(0, 6)),
}
