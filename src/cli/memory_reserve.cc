#include "cli/memory_reserve.h"

#include <execinfo.h>

#include <atomic>
#include <cstdlib>
#include <new>

namespace trinity::cli {
namespace {

constexpr std::size_t kReserve = std::size_t{96} << 10;  // from the heap: glibc maps larger ones

std::atomic<void*> reserve{nullptr};

[[noreturn]] void give_back_and_throw() {
  std::free(reserve.exchange(nullptr));
  throw std::bad_alloc();
}

}  // namespace

void hold_memory_for_the_end() {
  // glibc loads libgcc_s when the first exception passes one of its own frames, and ends the
  // program if there is no memory for that. A backtrace loads it, too.
  void* frame = nullptr;
  ::backtrace(&frame, 1);
  reserve = std::malloc(kReserve);
  std::set_new_handler(give_back_and_throw);
}

}  // namespace trinity::cli
