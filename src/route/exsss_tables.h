// Layers of the Ziggurat for the normal distribution; see exsss_tables.py for their derivation.
#pragma once

#include <cstdint>

namespace trinity::route {

struct ZigguratLayer {
  std::uint64_t inside;  // a 51-bit draw below this lies inside the layer above: accept at once
  double width;          // x = draw * width
  double height;         // exp(-x^2/2) at the layer's right edge
};

extern const ZigguratLayer kZigguratLayers[256];

/// Right edge of the lowest rectangle; the tail lies beyond it.
inline constexpr double kZigguratEdge = 3.6541528853610087963519472518;

}  // namespace trinity::route
