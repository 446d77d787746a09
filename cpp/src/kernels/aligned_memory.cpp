#include <new>

#include "sublinear/kernels/types.hpp"

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace sublinear {
namespace {

constexpr std::size_t kLargePage = std::size_t{1} << 21;

// Blocks of at least two large pages begin on one.
std::align_val_t alignment(std::size_t bytes) noexcept {
  return std::align_val_t{bytes >= 2 * kLargePage ? kLargePage : kLaneBytes};
}

}  // namespace

void* allocate_aligned(std::size_t count, std::size_t size) {
  if (count > static_cast<std::size_t>(-1) / size) throw std::bad_alloc();
  const std::size_t bytes = count * size;
  void* const block = ::operator new(bytes, alignment(bytes));
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  // Only advice: where it is refused, pages are small. Whole large pages, so that no neighbour's memory is meant.
  if (bytes >= 2 * kLargePage) static_cast<void>(madvise(block, bytes / kLargePage * kLargePage, MADV_HUGEPAGE));
#endif
  return block;
}

void deallocate_aligned(void* block, std::size_t bytes) noexcept { ::operator delete(block, alignment(bytes)); }

}  // namespace sublinear
