#include "cli/memory_reserve.h"

#include <execinfo.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <exception>
#include <new>

namespace trinity::cli {
namespace {

constexpr std::size_t kReserve = std::size_t{96} << 10;  // from the heap: glibc maps larger ones

std::atomic<void*> reserve{nullptr};
std::terminate_handler usual_end = std::abort;

[[noreturn]] void give_back_and_throw() {
  std::free(reserve.exchange(nullptr));
  throw std::bad_alloc();
}

/// Where no one waits for what a thread throws, the program ends as it does elsewhere.
[[noreturn]] void end_with_a_sentence() {
  if (const std::exception_ptr thrown = std::current_exception()) {
    try {
      std::rethrow_exception(thrown);
    } catch (const std::bad_alloc&) {
      static constexpr char text[] =
          "trinity: out_of_memory: the memory does not suffice; use smaller batches or inputs\n";
      if (::write(STDERR_FILENO, text, sizeof text - 1) < 0) std::abort();
      std::_Exit(1);
    } catch (...) {
    }
  }
  usual_end();
  std::abort();
}

}  // namespace

void hold_memory_for_the_end() {
  // glibc loads libgcc_s when the first exception passes one of its own frames, and ends the
  // program if there is no memory for that. A backtrace loads it, too.
  void* frame = nullptr;
  ::backtrace(&frame, 1);
  reserve = std::malloc(kReserve);
  std::set_new_handler(give_back_and_throw);
  usual_end = std::set_terminate(end_with_a_sentence);
}

}  // namespace trinity::cli
