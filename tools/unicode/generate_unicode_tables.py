#!/usr/bin/env python3
"""Writes src/text/unicode_tables.cc from published Unicode data.

Two versions of Unicode are mixed on purpose, because the tokenizer whose ids must be reproduced
mixes them (see src/text/unicode_tables.h):

* split classes (letter, number) are general categories of Unicode 16.0. Source: the PyPI package
  `unicodedata2`, version 16.0.0, which carries UnicodeData.txt of that version;
* white space is the property White_Space of PropList.txt (unchanged since Unicode 6.3);
* NFC uses Unicode 9.0: UnicodeData.txt, CompositionExclusions.txt and DerivedAge.txt of any later
  version, with every code point of a younger age left out. Unicode's stability policy makes that
  equal to the files of 9.0: combining classes and canonical decompositions never change once given.
  Source: the Debian package `unicode-data` (these files lie in /usr/share/unicode).

Usage:
    pip install unicodedata2==16.0.0
    ./generate_unicode_tables.py --ucd /usr/share/unicode > ../../src/text/unicode_tables.cc

The output depends on the input data alone. Its tables are checked by the tests of src/text.
"""

import argparse
import pathlib
import sys

import unicodedata2

CLASSES_VERSION = "16.0.0"
NORMALISATION_AGE = (9, 0)

CODE_POINTS = 0x110000
SURROGATES = range(0xD800, 0xE000)

# Split classes, and the two bits of the quick check; src/text/unicode_tables.h names the same values.
OTHER, LETTER, NUMBER, SPACE = 0, 1, 2, 3
HAS_COMBINING_CLASS = 4
MAY_CHANGE = 8

HANGUL_SYLLABLES = range(0xAC00, 0xAC00 + 11172)
HANGUL_VOWELS = range(0x1161, 0x1161 + 21)
HANGUL_TRAILING = range(0x11A8, 0x11A8 + 27)


def data_lines(path):
    """Fields of the lines of a UCD file, comments removed."""
    for line in path.read_text(encoding="utf-8").splitlines():
        line = line.split("#")[0].strip()
        if line:
            yield [field.strip() for field in line.split(";")]


def code_point_range(field):
    first, _, last = field.partition("..")
    return range(int(first, 16), int(last or first, 16) + 1)


def read_ages(ucd):
    ages = {}
    for code_points, age in data_lines(ucd / "DerivedAge.txt"):
        value = tuple(int(part) for part in age.split("."))
        for code_point in code_point_range(code_points):
            ages[code_point] = value
    return ages


def read_white_space(ucd):
    space = set()
    for fields in data_lines(ucd / "PropList.txt"):
        if fields[1] == "White_Space":
            space.update(code_point_range(fields[0]))
    return space


def split_classes(space):
    classes = bytearray(CODE_POINTS)
    for code_point in range(CODE_POINTS):
        if code_point in SURROGATES:
            continue
        category = unicodedata2.category(chr(code_point))
        if code_point in space:
            classes[code_point] = SPACE
        elif category[0] == "L":
            classes[code_point] = LETTER
        elif category[0] == "N":
            classes[code_point] = NUMBER
    return classes


class Normalisation:
    """Combining classes, full decompositions and primary composites of one age."""

    def __init__(self, ucd, age):
        ages = read_ages(ucd)
        excluded = {
            code_point
            for fields in data_lines(ucd / "CompositionExclusions.txt")
            for code_point in code_point_range(fields[0])
        }
        self.combining_class = {}
        mapping = {}
        for fields in data_lines(ucd / "UnicodeData.txt"):
            code_point = int(fields[0], 16)
            if ages.get(code_point, (99, 0)) > age:
                continue
            if fields[3] != "0":
                self.combining_class[code_point] = int(fields[3])
            if fields[5] and not fields[5].startswith("<"):
                mapping[code_point] = [int(part, 16) for part in fields[5].split()]

        def full(code_point):
            if code_point not in mapping:
                return [code_point]
            return [result for part in mapping[code_point] for result in full(part)]

        self.decomposition = {code_point: full(code_point) for code_point in mapping}
        self.composite = {}
        for code_point, parts in mapping.items():
            starts_badly = code_point in self.combining_class or parts[0] in self.combining_class
            if len(parts) == 2 and code_point not in excluded and not starts_badly:
                self.composite[tuple(parts)] = code_point
        self.not_composed = set(mapping) - set(self.composite.values())

    def quick_check_bits(self):
        """Per code point: HAS_COMBINING_CLASS, and MAY_CHANGE where NFC_Quick_Check is No or Maybe."""
        bits = bytearray(CODE_POINTS)
        for code_point in self.combining_class:
            bits[code_point] |= HAS_COMBINING_CLASS
        for code_point in self.not_composed:
            bits[code_point] |= MAY_CHANGE
        for _, second in self.composite:
            bits[second] |= MAY_CHANGE
        for code_point in (*HANGUL_VOWELS, *HANGUL_TRAILING):
            bits[code_point] |= MAY_CHANGE
        # The normaliser cuts the text before every code point without bits; that is right only if
        # no such code point has a decomposition that interacts with what stands before it.
        for code_point, parts in self.decomposition.items():
            assert bits[code_point] or not bits[parts[0]], hex(code_point)
        return bits


def two_stage(values):
    """(block bits, first stage, second stage) of the smallest split of `values` into equal blocks.

    The first stage ends with the last block that holds a value other than zero."""
    best = None
    end = max(code_point for code_point in range(CODE_POINTS) if values[code_point]) + 1
    for bits in range(5, 10):
        size = 1 << bits
        blocks, first = {}, []
        for start in range(0, end, size):
            first.append(blocks.setdefault(bytes(values[start : start + size]), len(blocks)))
        if len(blocks) > 256:
            continue
        cost = len(first) + size * len(blocks)
        if best is None or cost < best[0]:
            best = (cost, bits, first, b"".join(blocks))
    return best[1:]


def array(declaration, numbers):
    lines, line = [], " "
    for number in numbers:
        item = f" {number},"
        if len(line) + len(item) > 100:
            lines.append(line)
            line = " "
        line += item
    lines.append(line)
    print(f"{declaration} = {{")
    print("\n".join(lines))
    print("};\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ucd", type=pathlib.Path, required=True, help="folder of the UCD text files")
    arguments = parser.parse_args()
    if unicodedata2.unidata_version != CLASSES_VERSION:
        sys.exit(f"unicodedata2 carries Unicode {unicodedata2.unidata_version}: install {CLASSES_VERSION}")

    normalisation = Normalisation(arguments.ucd, NORMALISATION_AGE)
    classes = split_classes(read_white_space(arguments.ucd))
    bits = normalisation.quick_check_bits()
    properties = bytes(a | b for a, b in zip(classes, bits))
    property_bits, property_first, property_second = two_stage(properties)

    combining = bytearray(CODE_POINTS)
    for code_point, value in normalisation.combining_class.items():
        combining[code_point] = value
    combining_bits, combining_first, combining_second = two_stage(combining)

    decomposed = sorted(normalisation.decomposition)
    offsets, parts = [0], []
    for code_point in decomposed:
        parts += normalisation.decomposition[code_point]
        offsets.append(len(parts))
    pairs = sorted(normalisation.composite)

    print("// Generated by tools/unicode/generate_unicode_tables.py: do not edit.")
    print(f"// Split classes: Unicode {CLASSES_VERSION}. Normalisation: Unicode "
          f"{NORMALISATION_AGE[0]}.{NORMALISATION_AGE[1]}.")
    print('#include "text/unicode_tables.h"\n')
    print("// clang-format off")
    print("namespace trinity::text::unicode {\n")
    print(f"static_assert(property_block_bits == {property_bits});")
    print(f"static_assert(property_limit == {len(property_first) << property_bits:#x});")
    print(f"static_assert(combining_block_bits == {combining_bits});")
    print(f"static_assert(combining_limit == {len(combining_first) << combining_bits:#x});\n")
    array(f"const std::uint8_t property_first_stage[{len(property_first)}]", property_first)
    array(f"const std::uint8_t property_second_stage[{len(property_second)}]", property_second)
    array(f"const std::uint8_t combining_first_stage[{len(combining_first)}]", combining_first)
    array(f"const std::uint8_t combining_second_stage[{len(combining_second)}]", combining_second)
    print(f"const std::size_t decomposition_count = {len(decomposed)};\n")
    array(f"const std::uint32_t decomposed_code_points[{len(decomposed)}]", decomposed)
    array(f"const std::uint16_t decomposition_offsets[{len(offsets)}]", offsets)
    array(f"const std::uint32_t decomposition_parts[{len(parts)}]", parts)
    print(f"const std::size_t composition_count = {len(pairs)};\n")
    array(f"const std::uint64_t composition_pairs[{len(pairs)}]",
          [first << 32 | second for first, second in pairs])
    array(f"const std::uint32_t composites[{len(pairs)}]",
          [normalisation.composite[pair] for pair in pairs])
    print("}  // namespace trinity::text::unicode")


if __name__ == "__main__":
    main()
