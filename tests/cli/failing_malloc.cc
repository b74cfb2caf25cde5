// Preloaded before the program under test: from the allocation on that TRINITY_LAST_MALLOC counts,
// none of 512 bytes or more succeeds. Smaller ones do, as they do in a process whose address space
// is used up: they find room in what was freed.
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdlib>

extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* block, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
}

namespace {

bool refused(std::size_t size) {
  static std::atomic<long> counted{0};
  static std::atomic<long> last{-1};
  if (size < 512) return false;
  if (last == -1) {
    const char* text = std::getenv("TRINITY_LAST_MALLOC");
    last = text == nullptr ? 0x7fffffff : std::strtol(text, nullptr, 10);
  }
  if (++counted <= last) return false;
  errno = ENOMEM;
  return true;
}

}  // namespace

extern "C" {

void* malloc(std::size_t size) { return refused(size) ? nullptr : __libc_malloc(size); }

void* calloc(std::size_t count, std::size_t size) {
  return refused(count * size) ? nullptr : __libc_calloc(count, size);
}

void* realloc(void* block, std::size_t size) {
  return refused(size) ? nullptr : __libc_realloc(block, size);
}

void* aligned_alloc(std::size_t alignment, std::size_t size) {
  return refused(size) ? nullptr : __libc_memalign(alignment, size);
}

int posix_memalign(void** block, std::size_t alignment, std::size_t size) {
  if (refused(size)) return ENOMEM;
  *block = __libc_memalign(alignment, size);
  return *block == nullptr ? ENOMEM : 0;
}
}
