// A secret is in no message.
#include "net/redact.h"

#include <gtest/gtest.h>

namespace trinity::net {
namespace {

TEST(Redact, EveryOccurrenceGoes) {
  EXPECT_EQ(redacted("a hf_x b hf_x", "hf_x"), "a [token] b [token]");
  EXPECT_EQ(redacted("unchanged", ""), "unchanged");
}

}  // namespace
}  // namespace trinity::net
