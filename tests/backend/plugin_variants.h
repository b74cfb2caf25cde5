// How a test tells the plugin `plugin_fused` to misbehave; see plugin_variants.cc.
#pragma once

#include <cstddef>

namespace trinity::testing {

enum class Fault : int {
  none,
  long_text,      // returns an error of 10,000 bytes full of control characters
  empty_text,     // returns an error without a text
  throws,         // throws a std::exception
  throws_number,  // throws something else
  null_handle,    // says that it succeeded, gives nothing
  reused_handle,  // gives a handle that it gave before
  one_row_more,   // states a wrong shape
  one_column_less,
  negative_rows,
  huge_rows,
  not_a_number,  // a result that begins with NaN: no fault in the host's eyes
};

/// Names of the exported functions and their types. The slot is the place in the table.
inline constexpr const char* kSetFault = "trinity_test_set_fault";
using SetFault = void(std::size_t slot, Fault fault);
/// Instances and tensors that were given out and not taken back.
inline constexpr const char* kCountLive = "trinity_test_count_live";
using CountLive = std::size_t();

}  // namespace trinity::testing
