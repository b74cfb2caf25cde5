#!/usr/bin/env python3
"""Writes exsss_tables.cc: the 256 layers of the Ziggurat for the normal distribution.

Method: G. Marsaglia and W. W. Tsang, "The Ziggurat Method for Generating Random Variables",
J. Statistical Software 5(8), 2000. The area under exp(-x^2/2) is cut into 256 layers of equal
area v: 255 rectangles and, at the bottom, a rectangle up to r with the tail beyond it. From the
outermost edge r inwards, x_i = f^-1(v / x_(i+1) + f(x_(i+1))). Everything is computed with 60
decimal digits and rounded once. The random integer of a draw has 51 bits, hence the factor 2^51.

Usage: exsss_tables.py | clang-format > exsss_tables.cc
"""

from decimal import Decimal, getcontext

getcontext().prec = 60
LAYERS = 256
SCALE = Decimal(2) ** 51
R = Decimal("3.6541528853610087963519472518")  # right edge of the lowest rectangle for 256 layers


def density(x):
    return (-x * x / 2).exp()


def tail_area(x):
    """Integral of exp(-t^2/2) from x to infinity, by its continued fraction."""
    fraction = x
    for k in range(2000, 0, -1):
        fraction = x + k / fraction
    return density(x) / fraction


def layers():
    area = R * density(R) + tail_area(R)
    edge = [Decimal(0)] * LAYERS
    edge[-1] = R
    for i in range(LAYERS - 2, 0, -1):
        edge[i] = (-2 * (area / edge[i + 1] + density(edge[i + 1])).ln()).sqrt()
    # Layer 0 is the bottom one: its width is that of a rectangle of the same area and height f(r).
    bottom = area / density(R)
    yield int(R / bottom * SCALE), float(bottom / SCALE), 1.0
    for i in range(1, LAYERS):
        yield int(edge[i - 1] / edge[i] * SCALE), float(edge[i] / SCALE), float(density(edge[i]))


print("// The layers of the Ziggurat, written by exsss_tables.py.")
print('#include "route/exsss_tables.h"\n')
print("namespace trinity::route {\n")
print("const ZigguratLayer kZigguratLayers[256] = {")
for inside, width, height in layers():
    print(f"    {{{inside}u, {width!r}, {height!r}}},")
print("};\n\n}  // namespace trinity::route")
