// JSON as chat templates print it: transformers' filter `tojson`, which is Python's
// json.dumps(value, ensure_ascii=False).
#pragma once

#include <string>

#include "wire/json_slice.h"

namespace trinity::wire {

/// On one line, with ", " and ": " between, keys in their order. Strings keep every character but
/// quotes, backslashes and control characters; a number with a fraction or an exponent is printed
/// as Python prints that double (1e2 as 100.0), an integer digit by digit.
void append_template_json(std::string& out, const JsonSlice& value);

}  // namespace trinity::wire
