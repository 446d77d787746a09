// What a process can still have, from made-up files of the kernel.
#include <doctest/doctest.h>

#include <limits>

#include "kernels/available_memory.hpp"
#include "kernels/made_up_files.hpp"

using namespace sublinear;

TEST_SUITE_BEGIN("level-free");

TEST_CASE("available memory is what the system has, less what a control group allows beyond what it needs") {
  const MadeUpFiles files;
  const auto available = [&] { return available_memory_below(files.root()); };
  CHECK(available() == std::numeric_limits<std::size_t>::max());
  files.write("proc/meminfo",
              "MemTotal:       9000 kB\nMemFree:        1000 kB\nMemAvailable:   5000 kB\nCached: 7 kB\n");
  CHECK(available() == 5000 * 1024);

  SUBCASE("version 2") {
    files.write("sys/fs/cgroup/memory.current", "900000\n");
    files.write("sys/fs/cgroup/memory.max", "max\n");
    CHECK(available() == 5000 * 1024);
    files.write("sys/fs/cgroup/memory.max", "1000000\n");
    CHECK(available() == 100000);
    files.write("sys/fs/cgroup/memory.stat", "anon 5\nfile 700000\ninactive_file 600000\nactive_file 100000\n");
    CHECK(available() == 700000);
    files.write("sys/fs/cgroup/memory.current", "1600001\n");
    CHECK(available() == 0);
    files.write("sys/fs/cgroup/memory.current", "500000\n");  // less than its files: read at another moment
    CHECK(available() == 1000000);
  }
  SUBCASE("version 1") {
    files.write("sys/fs/cgroup/memory/memory.usage_in_bytes", "900000\n");
    files.write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    CHECK(available() == 5000 * 1024);
    files.write("sys/fs/cgroup/memory/memory.limit_in_bytes", "1000000\n");
    files.write("sys/fs/cgroup/memory/memory.stat", "inactive_file 1\ntotal_inactive_file 250000\n");
    CHECK(available() == 350000);
  }
}

TEST_SUITE_END();
