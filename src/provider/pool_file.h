// The pool file: members of a pool in TOML. docs/pool.md describes it to users.
//
//   [[member]]
//   name = "coder"
//   kind = "openai"
//   url = "http://127.0.0.1:8080/v1"
//   model = "qwen2.5-coder"
//
//   [slots]
//   0 = "coder"
//   others = "coder"
//
//   [roles.Thinker]
//   temperature = 0.1
//
// A key that is not known is an error: a misspelt one would silently change what is paid.
#pragma once

#include <filesystem>

#include "provider/pool_config.h"

namespace trinity::provider {

/// Keys stay where they are until resolve_keys. Errors: `invalid_toml`, `invalid_pool_file`, whose
/// messages begin with FILE:LINE; those of read_text_file.
Result<PoolConfig> read_pool_file(const std::filesystem::path& path);
Result<PoolConfig> read_pool_text(std::string_view text, const std::string& name);

}  // namespace trinity::provider
