#include "kernels/available_memory.hpp"

#include <algorithm>
#include <fstream>
#include <limits>

#include "sublinear/kernels/require.hpp"

#if defined(_WIN32)
#include "kernels/windows_calls.hpp"
#elif defined(__APPLE__)
#include <mach/mach.h>
#endif

namespace sublinear {
namespace {

constexpr std::size_t kUnknown = std::numeric_limits<std::size_t>::max();

std::size_t read_number(const std::string& path) {
  std::ifstream file(path);
  std::size_t value;
  return file >> value ? value : kUnknown;  // "max" is no number
}

// The number after a key, in a file of keys and numbers.
std::size_t read_number_of(const std::string& path, const std::string& wanted) {
  std::ifstream file(path);
  for (std::string key; file >> key; file.ignore(std::numeric_limits<std::streamsize>::max(), '\n'))
    if (std::size_t value; key == wanted && file >> value) return value;
  return kUnknown;
}

// What a control group of either version allows beyond what it holds. Files that it has read and no longer uses count
// as held, but the kernel gives them up first: without that, who has read much would seem to have nothing left.
std::size_t allowed(const std::string& limit_path, const std::string& used_path, const std::string& statistics_path,
                    const std::string& given_up) {
  const std::size_t limit = read_number(limit_path), used = read_number(used_path);
  if (limit == kUnknown || used == kUnknown) return kUnknown;
  const std::size_t files = read_number_of(statistics_path, given_up);
  const std::size_t held = files == kUnknown ? used : used - std::min(used, files);
  return limit - std::min(limit, held);
}

}  // namespace

std::size_t available_memory_below(const std::string& root) {
  const std::size_t kibibytes = read_number_of(root + "/proc/meminfo", "MemAvailable:");
  const std::size_t system = kibibytes == kUnknown ? kUnknown : kibibytes * 1024;
  const std::string group = root + "/sys/fs/cgroup/", old_group = group + "memory/memory.";
  return std::min(
      {system, allowed(group + "memory.max", group + "memory.current", group + "memory.stat", "inactive_file"),
       allowed(old_group + "limit_in_bytes", old_group + "usage_in_bytes", old_group + "stat", "total_inactive_file")});
}

#if defined(_WIN32)

std::size_t available_memory() {
  MEMORYSTATUSEX status;
  status.dwLength = sizeof status;
  if (GlobalMemoryStatusEx(&status) == 0) return kUnknown;
  return static_cast<std::size_t>(std::min(status.ullAvailPhys, status.ullAvailPageFile));
}

#elif defined(__APPLE__)

// Pages that are free, and those that the system gives up first.
std::size_t available_memory() {
  vm_statistics64_data_t pages;
  mach_msg_type_number_t count = HOST_VM_INFO64_COUNT;
  vm_size_t page_size = 0;
  const mach_port_t host = mach_host_self();
  const bool is_known =
      host_statistics64(host, HOST_VM_INFO64, reinterpret_cast<host_info64_t>(&pages), &count) == KERN_SUCCESS &&
      host_page_size(host, &page_size) == KERN_SUCCESS;
  mach_port_deallocate(mach_task_self(), host);
  if (!is_known) return kUnknown;
  return (std::size_t{pages.free_count} + pages.inactive_count) * page_size;
}

#else

std::size_t available_memory() { return available_memory_below(""); }

#endif

}  // namespace sublinear
