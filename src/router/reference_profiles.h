// What the reference's profile names mean there, as data: capabilities, floors, labels.
//
// Several of its names share one lane of ours ("emlx" and "emily" both run on mlx) and still differ
// in these facts, so they belong to the name and not to the lane.
#pragma once

#include <span>
#include <string_view>

#include "router/profile.h"

namespace trinity::router {

struct ReferenceProfile {
  std::string_view name;
  std::string_view counterpart;  // the backend that the reference runs under this name
  Capabilities capabilities;
  backend::MarginFloors floors;
  std::string_view default_slm_profile;
  std::string_view label_prefix;  // begin of the labels that its exporter accepts
  std::string_view note;
  std::string_view hint;  // told to somebody who uses the name
};

std::span<const ReferenceProfile> reference_profiles();

/// Null for a name that the reference does not have.
const ReferenceProfile* find_reference_profile(std::string_view name);

}  // namespace trinity::router
