#include "kernels/pool_thread.hpp"

#include <memory>
#include <system_error>
#include <utility>

namespace sublinear {

#if defined(SUBLINEAR_PTHREADS)

namespace {

extern "C" void* run_body(void* body) {
  const std::unique_ptr<std::function<void()>> own(static_cast<std::function<void()>*>(body));
  [&]() noexcept { (*own)(); }();
  return nullptr;
}

struct Attributes {
  pthread_attr_t value;
  Attributes() {
    if (const int problem = pthread_attr_init(&value)) throw std::system_error(problem, std::generic_category());
  }
  ~Attributes() { pthread_attr_destroy(&value); }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
};

}  // namespace

void PoolThread::start(std::function<void()> body) {
  Attributes attributes;
  std::size_t stack = 0;
  if (pthread_attr_getstacksize(&attributes.value, &stack) == 0 && stack < kLeastStack)
    pthread_attr_setstacksize(&attributes.value, kLeastStack);
  auto own = std::make_unique<std::function<void()>>(std::move(body));
  if (const int problem = pthread_create(&thread_, &attributes.value, run_body, own.get()))
    throw std::system_error(problem, std::generic_category());
  static_cast<void>(own.release());  // the thread's now
}

void PoolThread::join() noexcept { pthread_join(thread_, nullptr); }
void PoolThread::detach() noexcept { pthread_detach(thread_); }

#else

void PoolThread::start(std::function<void()> body) { thread_ = std::thread(std::move(body)); }
void PoolThread::join() noexcept { thread_.join(); }
void PoolThread::detach() noexcept { thread_.detach(); }

#endif

}  // namespace sublinear
