// A file that was compiled into the program (cmake/embed_files.cmake).
#pragma once

#include <string_view>

namespace trinity {

struct EmbeddedFile {
  std::string_view name;  // relative to the folder that it came from
  std::string_view bytes;
};

}  // namespace trinity
