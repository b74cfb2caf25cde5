// Narrows the run-time choice of kernels to one instruction set until the end of a scope.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "backend_cpu/instruction_sets.h"

namespace trinity::testing {

class OnlyInstructionSet {
 public:
  explicit OnlyInstructionSet(const std::string& name) {
    EXPECT_TRUE(cpu::use_instruction_set(name)) << name;
  }
  ~OnlyInstructionSet() { (void)cpu::use_instruction_set(""); }
  OnlyInstructionSet(const OnlyInstructionSet&) = delete;
  OnlyInstructionSet& operator=(const OnlyInstructionSet&) = delete;
};

}  // namespace trinity::testing
