// Any bytes as a pool file: refused with a tag and a line, or a pool whose slots lead to members.
#include "provider/pool_file.h"

#include <cstdint>

#include "input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text = trinity::fuzz::bytes_or_edit(
      data, size,
      "[[member]]\nname = \"a\"\nurl = \"http://127.0.0.1:1/v1\"\nmodel = \"m\"\nkey = \"env:K\"\n"
      "price = { input = 1, output = 2.5 }\ncapabilities = [\"tools\"]\nbody = { a = [1, 2] }\n"
      "[slots]\n0 = \"a\"\nothers = \"a\"\n[roles.Worker]\ntemperature = 0.5\n");
  const auto pool = trinity::provider::read_pool_text(text, "pool.toml");
  if (!pool) {
    trinity::fuzz::require_clear(pool.error());
    return 0;
  }
  trinity::fuzz::require(!pool->members.empty(), "a pool has members");
  if (const auto slots = trinity::provider::slot_table(*pool, 7))
    for (const std::string& name : *slots)
      trinity::fuzz::require(pool->find(name) != nullptr, "a slot leads to a member");
  return 0;
}
