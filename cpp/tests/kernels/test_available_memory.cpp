// What a process can still have, from made-up files of the kernel.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <random>
#include <string>

#include "kernels/available_memory.hpp"

using namespace sublinear;

namespace {

class Files {
 public:
  Files() : root_(std::filesystem::temp_directory_path() / ("sublinear-" + std::to_string(std::random_device{}()))) {}
  ~Files() { std::filesystem::remove_all(root_); }
  Files(const Files&) = delete;
  Files& operator=(const Files&) = delete;

  void write(const std::string& path, const std::string& content) const {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << content;
  }
  [[nodiscard]] std::size_t available() const { return available_memory_below(root_.string()); }

 private:
  std::filesystem::path root_;
};

}  // namespace

TEST_CASE("available memory is what the system has, less what a control group allows beyond what it needs") {
  const Files files;
  CHECK(files.available() == std::numeric_limits<std::size_t>::max());
  files.write("proc/meminfo",
              "MemTotal:       9000 kB\nMemFree:        1000 kB\nMemAvailable:   5000 kB\nCached: 7 kB\n");
  CHECK(files.available() == 5000 * 1024);

  SUBCASE("version 2") {
    files.write("sys/fs/cgroup/memory.current", "900000\n");
    files.write("sys/fs/cgroup/memory.max", "max\n");
    CHECK(files.available() == 5000 * 1024);
    files.write("sys/fs/cgroup/memory.max", "1000000\n");
    CHECK(files.available() == 100000);
    files.write("sys/fs/cgroup/memory.stat", "anon 5\nfile 700000\ninactive_file 600000\nactive_file 100000\n");
    CHECK(files.available() == 700000);
    files.write("sys/fs/cgroup/memory.current", "1600001\n");
    CHECK(files.available() == 0);
    files.write("sys/fs/cgroup/memory.current", "500000\n");  // less than its files: read at another moment
    CHECK(files.available() == 1000000);
  }
  SUBCASE("version 1") {
    files.write("sys/fs/cgroup/memory/memory.usage_in_bytes", "900000\n");
    files.write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    CHECK(files.available() == 5000 * 1024);
    files.write("sys/fs/cgroup/memory/memory.limit_in_bytes", "1000000\n");
    files.write("sys/fs/cgroup/memory/memory.stat", "inactive_file 1\ntotal_inactive_file 250000\n");
    CHECK(files.available() == 350000);
  }
}
