#include "kernels/processors.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <limits>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "sublinear/kernels/parallel.hpp"

#if defined(__linux__)
#include <sched.h>
#endif

namespace sublinear {
namespace {

int processors_of(double quota, double period) noexcept {
  if (!(quota > 0) || !(period > 0)) return kNoLimit;
  return static_cast<int>(std::clamp(std::ceil(quota / period), 1.0, static_cast<double>(kNoLimit)));
}

double number_in(const std::string& path) {
  std::ifstream file(path);
  double number;
  return file >> number ? number : -1;  // version 1 writes -1 where there is no limit
}

// The least of limit(folder) in the group's own folder and in all above it, up to the mounted one. (In a container the
// own one often is not there, for its path is that outside.)
template <class Limit>
int least_above(const std::string& mounted, std::string group, Limit&& limit) {
  int least = limit(mounted + "/");
  while (group.size() > 1) {
    least = std::min(least, limit(mounted + group + "/"));
    group.resize(group.find_last_of('/'));
  }
  return least;
}

int quota_of_version_2(const std::string& folder) {
  std::ifstream file(folder + "cpu.max");
  double quota, period;
  return file >> quota >> period ? processors_of(quota, period) : kNoLimit;  // "max 100000" where there is no limit
}

int quota_of_version_1(const std::string& folder) {
  return processors_of(number_in(folder + "cpu.cfs_quota_us"), number_in(folder + "cpu.cfs_period_us"));
}

bool names_cpu(const std::string& controllers) {
  std::istringstream list(controllers);
  for (std::string name; std::getline(list, name, ',');)
    if (name == "cpu") return true;
  return false;
}

// The quota costs some file reads, so it is read once a second at most.
int processor_quota() noexcept {
  using Clock = std::chrono::steady_clock;
  static std::atomic<int> known{kNoLimit};
  static std::atomic<Clock::rep> until{std::numeric_limits<Clock::rep>::min()};
  const Clock::rep now = Clock::now().time_since_epoch().count();
  if (now >= until.load(std::memory_order_acquire)) {
    try {
      known.store(processor_quota_below(""), std::memory_order_relaxed);
    } catch (const std::exception&) {  // no memory: what was known goes on
    }
    until.store(now + Clock::duration(std::chrono::seconds(1)).count(), std::memory_order_release);
  }
  return known.load(std::memory_order_relaxed);
}

}  // namespace

int processor_quota_below(const std::string& root) {
  const std::string mounted = root + "/sys/fs/cgroup";
  int least = quota_of_version_2(mounted + "/");
  std::ifstream groups(root + "/proc/self/cgroup");
  // Lines such as "0::/user.slice" (version 2) and "4:cpu,cpuacct:/user.slice" (version 1).
  for (std::string line; std::getline(groups, line);) {
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1), group = line.substr(second + 1);
    if (group.empty() || group[0] != '/') continue;
    if (controllers.empty())
      least = std::min(least, least_above(mounted, group, quota_of_version_2));
    else if (names_cpu(controllers))
      for (const std::string& name : {std::string("cpu"), controllers})
        least = std::min(least, least_above(mounted + "/" + name, group, quota_of_version_1));
  }
  return least;
}

int threads_in_variable(const char* value) noexcept {
  if (value == nullptr) return kNoLimit;
  char* end;
  const long number = std::strtol(value, &end, 10);
  while (*end == ' ' || *end == '\t') ++end;
  if (end == value || (*end != '\0' && *end != ',') || number < 1) return kNoLimit;
  return static_cast<int>(std::min<long>(number, kNoLimit));
}

int available_processors() noexcept {
  int processors = 0;
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) processors = CPU_COUNT(&set);
#endif
  if (processors == 0) processors = static_cast<int>(std::thread::hardware_concurrency());
  return std::max(1, std::min(processors, processor_quota()));
}

int resolve_threads(int requested) {
  if (requested < 0)
    throw std::invalid_argument("threads is " + std::to_string(requested) +
                                "; give a positive number, or 0 for all processors");
  if (requested > 0) return requested;
  return std::min(available_processors(), threads_in_variable(std::getenv("OMP_NUM_THREADS")));
}

}  // namespace sublinear
