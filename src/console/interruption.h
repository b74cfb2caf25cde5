// Ctrl-C while a run goes on: the first one is noticed and the run ends in good order, the second
// one ends the program.
//
// The handler writes a byte to a pipe, so that whoever waits for an answer waits for it, too.
#pragma once

#include "base/descriptor.h"

namespace trinity::console {

/// While it lives SIGINT and SIGTERM are caught once each; a signal that was ignored stays so. One
/// at a time.
class Interruption {
 public:
  Interruption();
  ~Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;

  /// The signal that came; 0: none.
  int signal() const;
  /// Readable from the first signal on; negative when there is no pipe.
  int descriptor() const { return read_.get(); }

 private:
  Descriptor read_, write_;
};

}  // namespace trinity::console
