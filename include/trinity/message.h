// One entry of a conversation, as every part of the program passes it.
#pragma once

#include <string>

namespace trinity {

struct Message {
  std::string role;     // "system", "user", "assistant", or any other text in the plain transcript
  std::string content;  // UTF-8
};

}  // namespace trinity
