// A run told for people: its turns as rows, what was overridden and judged, and how it ended.
#pragma once

#include <span>

#include "base/json_value.h"
#include "report/document.h"

namespace trinity::trace {

/// Of the events of one run in their order, complete or cut anywhere. The verdict is good for an
/// accepted answer, a warning for one that nobody verified or a run without an end, bad for a
/// failure.
report::Document run_story(std::span<const Json> events);

}  // namespace trinity::trace
