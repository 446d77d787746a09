// `replace_file` and `remove_leftovers` of whole_file.hpp: by the calls of POSIX, or those of Windows, where a rename
// of the C library does not replace.
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <new>
#include <string>
#include <system_error>

#include "kernels/whole_file.hpp"

#ifdef _WIN32
#include "kernels/windows_calls.hpp"
#else
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

namespace sublinear {

namespace {

namespace fs = std::filesystem;

// Follows links of the last part of the path, also one to a file that is not there yet.
int follow(fs::path& path) {
  constexpr int kMostLinks = 40;  // as Linux has it
  for (int link = 0; link < kMostLinks; ++link) {
    std::error_code failed;
    if (!fs::is_symlink(fs::symlink_status(path, failed))) return 0;  // what fails here fails again where it is opened
    const fs::path target = fs::read_symlink(path, failed);
    if (failed) return failed.value();
    path = path.parent_path() / target;
  }
  return ELOOP;
}

std::string hexadecimal(std::uint64_t number) {
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(number));
  return digits;
}

// What names of half-written files begin with: they are short however long the name of the file is.
std::string partial_prefix(const fs::path& path) {
  std::uint64_t hash = 14695981039346656037U;  // FNV-1a
  for (const char each : path.filename().u8string()) hash = (hash ^ static_cast<unsigned char>(each)) * 1099511628211U;
  return ".sublinear-" + hexadecimal(hash) + "-";
}

// A name that no other file has; where two processes choose the same, the second finds the file there.
fs::path partial_beside(const fs::path& path) {
  static std::atomic<std::uint64_t> count{0};
  const auto now = static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch().count());
  return path.parent_path() / (partial_prefix(path) + hexadecimal(now + count++) + ".part");
}

#ifdef _WIN32

int problem_of(DWORD error) noexcept {
  switch (error) {
    case ERROR_SUCCESS:
      return 0;
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
      return ENOENT;
    case ERROR_ACCESS_DENIED:
    case ERROR_SHARING_VIOLATION:  // somebody has it open
    case ERROR_WRITE_PROTECT:
      return EACCES;
    case ERROR_FILE_EXISTS:
      return EEXIST;
    case ERROR_DISK_FULL:
    case ERROR_HANDLE_DISK_FULL:
      return ENOSPC;
    case ERROR_FILENAME_EXCED_RANGE:
      return ENAMETOOLONG;
    case ERROR_INVALID_NAME:
      return EINVAL;
    default:
      return EIO;
  }
}

int write_all(HANDLE file, const char* bytes, std::size_t size) noexcept {
  constexpr std::size_t kMost = std::size_t{1} << 30;
  while (size > 0) {
    DWORD written = 0;
    if (WriteFile(file, bytes, static_cast<DWORD>(std::min(size, kMost)), &written, nullptr) == 0)
      return problem_of(GetLastError());
    bytes += written;
    size -= written;
  }
  return 0;
}

// On the disk, and closed.
int fill(HANDLE file, const char* bytes, std::size_t size) noexcept {
  int problem = write_all(file, bytes, size);
  if (problem == 0 && FlushFileBuffers(file) == 0) problem = problem_of(GetLastError());
  if (CloseHandle(file) == 0 && problem == 0) problem = problem_of(GetLastError());
  return problem;
}

int replace(fs::path path, const char* bytes, std::size_t size) {
  if (path.native().find(L'\0') != std::wstring::npos) return EINVAL;
  if (const int problem = follow(path)) return problem;
  std::error_code failed;
  if (fs::is_directory(path, failed)) return EISDIR;
  if (!path.has_filename()) return path.empty() ? ENOENT : EISDIR;
  fs::path partial;
  HANDLE file = INVALID_HANDLE_VALUE;
  while (file == INVALID_HANDLE_VALUE) {
    partial = partial_beside(path);
    file = CreateFileW(partial.c_str(), GENERIC_WRITE, 0, nullptr, CREATE_NEW, FILE_ATTRIBUTE_NORMAL, nullptr);
    if (file != INVALID_HANDLE_VALUE) break;
    const int problem = problem_of(GetLastError());
    if (problem != EEXIST) return problem;
  }
  int problem = fill(file, bytes, size);
  if (problem == 0 &&
      MoveFileExW(partial.c_str(), path.c_str(), MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH) == 0)
    problem = problem_of(GetLastError());
  if (problem != 0) DeleteFileW(partial.c_str());
  return problem;
}

#else

int write_all(int file, const char* bytes, std::size_t size) {
  while (size > 0) {
    const ssize_t written = write(file, bytes, size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    bytes += written;
    size -= static_cast<std::size_t>(written);
  }
  return 0;
}

// Writes to what is no regular file, such as a device.
int write_into(const std::string& path, const char* bytes, std::size_t size) {
  const int file = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (file < 0) return errno;
  const int problem = write_all(file, bytes, size);
  return close(file) != 0 && problem == 0 ? errno : problem;
}

// Owner and mode of the file that is replaced; a mode beyond permissions only with the owner who gave it.
void keep_owner_and_mode(int file, const struct stat& before) {
  const bool owned = fchown(file, before.st_uid, before.st_gid) == 0;
  if (fchmod(file, before.st_mode & (owned ? 07777U : 0777U)) != 0) return;  // a file system without modes
}

int fill(int file, const char* bytes, std::size_t size, const struct stat* before) {
  int problem = write_all(file, bytes, size);
  if (before != nullptr) keep_owner_and_mode(file, *before);
  if (problem == 0 && fsync(file) != 0 && errno != EINVAL && errno != ENOTSUP) problem = errno;
  return close(file) != 0 && problem == 0 ? errno : problem;
}

int replace(fs::path path, const char* bytes, std::size_t size) {
  if (path.native().find('\0') != std::string::npos) return EINVAL;
  int problem = follow(path);
  if (problem != 0) return problem;
  struct stat before = {};
  const bool exists = stat(path.c_str(), &before) == 0;
  if (exists && !S_ISREG(before.st_mode)) return write_into(path.native(), bytes, size);
  if (exists && faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) != 0) return errno;
  if (!exists && errno != ENOENT) return errno;
  if (!path.has_filename()) return path.empty() ? ENOENT : EISDIR;
  fs::path partial;
  int file = -1;
  while (file < 0) {
    partial = partial_beside(path);
    file = open(partial.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, exists ? 0600 : 0666);
    if (file < 0 && errno != EEXIST) return errno;
  }
  problem = fill(file, bytes, size, exists ? &before : nullptr);
  if (problem == 0 && rename(partial.c_str(), path.c_str()) != 0) problem = errno;
  if (problem != 0) unlink(partial.c_str());
  return problem;
}

#endif

}  // namespace

int replace_file(const std::string& path, const char* bytes, std::size_t size) noexcept {
  try {
    return replace(fs::u8path(path), bytes, size);
  } catch (const std::bad_alloc&) {
    return ENOMEM;
  } catch (const std::exception&) {  // a path that the system cannot have
    return EINVAL;
  }
}

void remove_leftovers(const std::string& path) noexcept {
  try {
    fs::path place = fs::u8path(path);
    if (follow(place) != 0) return;
    const std::string prefix = partial_prefix(place);
    std::error_code failed;
    for (const auto& each : fs::directory_iterator(place.has_parent_path() ? place.parent_path() : ".", failed))
      if (each.path().filename().u8string().rfind(prefix, 0) == 0) fs::remove(each.path(), failed);
  } catch (const std::exception&) {  // what cannot be removed stays
  }
}

}  // namespace sublinear
