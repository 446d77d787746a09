#include "memory/failing_memory.hpp"

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace {

std::atomic<long> requests_left{-1};  // until one fails; negative: none does
std::atomic<bool> has_failed{false};

#if defined(_WIN32)  // where the C++ library has no aligned_alloc
void* aligned(std::size_t bytes, std::size_t alignment) { return _aligned_malloc(bytes, alignment); }
void release_aligned(void* block) noexcept { _aligned_free(block); }
#else
void* aligned(std::size_t bytes, std::size_t alignment) {
  return std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
}
void release_aligned(void* block) noexcept { std::free(block); }
#endif

void* request(std::size_t bytes, std::size_t alignment) {
  if (requests_left.load() >= 0 && requests_left.fetch_sub(1) == 1) {
    requests_left.store(-1);
    has_failed.store(true);
    throw std::bad_alloc();
  }
  if (bytes == 0) bytes = 1;
  void* const block = alignment <= alignof(std::max_align_t) ? std::malloc(bytes) : aligned(bytes, alignment);
  if (block == nullptr) throw std::bad_alloc();
  return block;
}

void release(void* block, std::align_val_t alignment) noexcept {
  if (static_cast<std::size_t>(alignment) <= alignof(std::max_align_t))
    std::free(block);
  else
    release_aligned(block);
}

void* request_or_null(std::size_t bytes) noexcept {
  try {
    return request(bytes, 1);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

}  // namespace

namespace sublinear::testing {

void fail_request(long k) noexcept {
  has_failed.store(false);
  requests_left.store(k);
}

bool stop_failing() noexcept {
  requests_left.store(-1);
  return has_failed.load();
}

}  // namespace sublinear::testing

void* operator new(std::size_t bytes) { return request(bytes, 1); }
void* operator new[](std::size_t bytes) { return request(bytes, 1); }
void* operator new(std::size_t bytes, std::align_val_t at) { return request(bytes, static_cast<std::size_t>(at)); }
void* operator new[](std::size_t bytes, std::align_val_t at) { return request(bytes, static_cast<std::size_t>(at)); }
// As the standard library has these; a sanitizer's own would not take their memory from above.
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept { return request_or_null(bytes); }
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept { return request_or_null(bytes); }
void operator delete(void* block) noexcept { std::free(block); }
void operator delete[](void* block) noexcept { std::free(block); }
void operator delete(void* block, const std::nothrow_t&) noexcept { std::free(block); }
void operator delete[](void* block, const std::nothrow_t&) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }
void operator delete[](void* block, std::size_t) noexcept { std::free(block); }
void operator delete(void* block, std::align_val_t at) noexcept { release(block, at); }
void operator delete[](void* block, std::align_val_t at) noexcept { release(block, at); }
void operator delete(void* block, std::size_t, std::align_val_t at) noexcept { release(block, at); }
void operator delete[](void* block, std::size_t, std::align_val_t at) noexcept { release(block, at); }
