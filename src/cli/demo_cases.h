// The conversations of `trinity demo`, compiled in from models/tiny/demo.jsonl.
#pragma once

#include <trinity/error.h>
#include <trinity/message.h>

#include <string>
#include <string_view>
#include <vector>

namespace trinity::cli {

struct DemoCase {
  std::string title;
  std::vector<Message> messages;
};

/// The text of the file; generated at build time, empty in a build without it.
std::string_view demo_text();

/// Error: `missing_tiny_router` in a build without the file, `invalid_demo` for a wrong line.
Result<std::vector<DemoCase>> demo_cases();

}  // namespace trinity::cli
