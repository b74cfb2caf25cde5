// Texts that come out of a plugin, made fit for a message.
#pragma once

#include <cstddef>
#include <string>

namespace trinity::plugin {

/// At most `max_bytes` bytes of a text that should end in NUL but may not, made printable
/// (base/printable.h), "..." at the end if it was cut. Empty for NULL.
std::string foreign_text(const char* text, std::size_t max_bytes);

}  // namespace trinity::plugin
