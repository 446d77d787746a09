// How many threads a process should use, from made-up files of the kernel and values of OMP_NUM_THREADS.
#include <doctest/doctest.h>

#include <cstdlib>
#include <string>

#include "kernels/made_up_files.hpp"
#include "kernels/processor_features.hpp"
#include "kernels/processors.hpp"
#include "sublinear/kernels/parallel.hpp"

#if defined(__linux__)
#include <sched.h>

#include <thread>
#endif

using namespace sublinear;

TEST_SUITE_BEGIN("level-free");

TEST_CASE("a control group's quota of processor time, rounded up, is the number of processors") {
  const MadeUpFiles files;
  const auto quota = [&] { return processor_quota_below(files.root()); };
  CHECK(quota() == kNoLimit);

  SUBCASE("version 2, in a container") {
    files.write("sys/fs/cgroup/cpu.max", "max 100000\n");
    CHECK(quota() == kNoLimit);
    files.write("sys/fs/cgroup/cpu.max", "400000 100000\n");
    CHECK(quota() == 4);
    files.write("sys/fs/cgroup/cpu.max", "150000 100000\n");
    CHECK(quota() == 2);
    files.write("sys/fs/cgroup/cpu.max", "1000 100000\n");
    CHECK(quota() == 1);
    files.write("proc/self/cgroup", "0::/not/there/\n");
    CHECK(quota() == 1);
  }
  SUBCASE("version 2, any group above the own one") {
    files.write("proc/self/cgroup", "0::/system.slice/job.scope\n");
    files.write("sys/fs/cgroup/system.slice/cpu.max", "300000 100000\n");
    files.write("sys/fs/cgroup/system.slice/job.scope/cpu.max", "max 100000\n");
    CHECK(quota() == 3);
    files.write("sys/fs/cgroup/system.slice/job.scope/cpu.max", "50000 25000\n");
    CHECK(quota() == 2);
    files.write("sys/fs/cgroup/system.slice/other.scope/cpu.max", "100000 100000\n");
    CHECK(quota() == 2);
  }
  SUBCASE("version 1") {
    files.write("proc/self/cgroup", "5:memory:/a\n4:cpu,cpuacct:/a/b\n3:cpuset:/c\n");
    files.write("sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_quota_us", "-1\n");
    files.write("sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_period_us", "100000\n");
    CHECK(quota() == kNoLimit);
    files.write("sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_quota_us", "250000\n");
    CHECK(quota() == 3);
    files.write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "200000\n");  // in a container the own group is the mounted one
    files.write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
    CHECK(quota() == 2);
  }
  SUBCASE("files that are not understood say nothing") {
    for (const char* content : {"", "junk", "0 100000", "100000 0", "100000", "-5 100000", "nan 1"}) {
      CAPTURE(content);
      files.write("sys/fs/cgroup/cpu.max", content);
      files.write("proc/self/cgroup", "junk\n::\n0::\n1:cpu:\n");
      CHECK(quota() == kNoLimit);
    }
  }
}

TEST_CASE("OMP_NUM_THREADS is read as OpenMP reads it, and left aside where it says nothing") {
  CHECK(threads_in_variable("3") == 3);
  CHECK(threads_in_variable(" 4 ") == 4);
  CHECK(threads_in_variable("5,2,1") == 5);
  CHECK(threads_in_variable("99999999999999999999") == kNoLimit);
  for (const char* value : {"", " ", "0", "-2", "two", "2x", "2.5", ",3"}) {
    CAPTURE(value);
    CHECK(threads_in_variable(value) == kNoLimit);
  }
  CHECK(threads_in_variable(nullptr) == kNoLimit);
}

namespace {

// Without a value the variable is removed.
void change_environment(const std::string& name, const char* value) {
#if defined(_WIN32)
  _putenv((name + "=" + (value != nullptr ? value : "")).c_str());
#else
  if (value != nullptr)
    setenv(name.c_str(), value, 1);
  else
    unsetenv(name.c_str());
#endif
}

}  // namespace

TEST_CASE("the default number of threads is at most what OMP_NUM_THREADS says, read at every call") {
  const char* const before = std::getenv("OMP_NUM_THREADS");
  const std::string kept = before == nullptr ? "" : before;
  change_environment("OMP_NUM_THREADS", nullptr);
  const int all = resolve_threads(0);
  CHECK(all == available_processors());
  change_environment("OMP_NUM_THREADS", "1");
  CHECK(resolve_threads(0) == 1);
  CHECK(resolve_threads(7) == 7);  // what a call asks for comes first
  change_environment("OMP_NUM_THREADS", "100000");
  CHECK(resolve_threads(0) == all);
  change_environment("OMP_NUM_THREADS", "many");
  CHECK(resolve_threads(0) == all);
  change_environment("OMP_NUM_THREADS", before != nullptr ? kept.c_str() : nullptr);
}

#if defined(__linux__)
TEST_CASE("the default number of threads is at most the processors this thread may run on") {
  int seen = 0;
  std::thread([&] {
    cpu_set_t all, one;
    sched_getaffinity(0, sizeof all, &all);
    CPU_ZERO(&one);
    for (int k = 0; k < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++k)
      if (CPU_ISSET(k, &all)) CPU_SET(k, &one);
    if (sched_setaffinity(0, sizeof one, &one) == 0) seen = available_processors();
  }).join();
  CHECK(seen == 1);
}
#endif

#if defined(__x86_64__) && defined(__linux__)
TEST_CASE("what the processor offers is what the compiler's own library says") {
  const ProcessorFeatures features = processor_features();
  CHECK(features.avx2 == (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")));
  CHECK(features.avx512 == (features.avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                            __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")));
  CHECK(features.avx512vnni == (features.avx512 && __builtin_cpu_supports("avx512vnni")));
}
#endif

TEST_SUITE_END();
