// Files that are written whole, as `open` would write them. tests/test_files.py has what other users may not do.
#include <doctest/doctest.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <system_error>
#include <vector>

#include "kernels/whole_file.hpp"
#include "sublinear/reporting/half_space_index.hpp"
#include "sublinear/reporting/index_file.hpp"
#include "sublinear/training/network_file.hpp"

#if !defined(_WIN32)
#define HAS_MODES_AND_LINKS
#include <sys/stat.h>
#include <unistd.h>
#endif

using namespace sublinear;

TEST_SUITE_BEGIN("level-free");
namespace fs = std::filesystem;

namespace {

class Folder {
 public:
  Folder() : path_(fs::temp_directory_path() / ("sublinear-" + std::to_string(std::random_device{}()))) {
    fs::create_directory(path_);
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  [[nodiscard]] std::string operator/(const std::string& name) const { return (path_ / fs::u8path(name)).u8string(); }
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& each : fs::directory_iterator(path_)) found.push_back(each.path().filename().u8string());
    return found;
  }

 private:
  fs::path path_;
};

#if defined(HAS_MODES_AND_LINKS)
class Umask {
 public:
  explicit Umask(mode_t mask) : before_(umask(mask)) {}
  ~Umask() { umask(before_); }
  Umask(const Umask&) = delete;
  Umask& operator=(const Umask&) = delete;

 private:
  mode_t before_;
};

unsigned mode(const std::string& path) {
  struct stat status = {};
  REQUIRE(lstat(path.c_str(), &status) == 0);
  return status.st_mode & 07777U;
}
#endif

int put(const std::string& path, const std::string& content) {
  return replace_file(path, content.data(), content.size());
}

}  // namespace

TEST_CASE("a file is replaced as often as one likes, under any name in UTF-8") {
  const Folder folder;
  for (const std::string name : {"plain", "g\xc3\xbcte \xe2\x82\xac \xe7\xbd\x91\xe7\xbb\x9c"}) {
    CHECK(put(folder / name, "first") == 0);
    CHECK(put(folder / name, "second") == 0);
    CHECK(read_whole(folder / name, "it") == "second");
    CHECK(fs::exists(fs::u8path(folder / name)));
  }
  CHECK(folder.names().size() == 2);
  fs::create_directory(fs::u8path(folder / "there"));
  CHECK(put(folder / "there", "x") == EISDIR);
  CHECK(put(folder / "missing/file", "x") == ENOENT);
  CHECK(folder.names().size() == 3);
}

#if defined(HAS_MODES_AND_LINKS)

TEST_CASE("a new file has what the umask leaves, one that was there keeps its mode") {
  const Folder folder;
  for (const mode_t mask : {0022U, 0077U, 0002U}) {
    const Umask umask_of_test(mask);
    const std::string fresh = folder / ("fresh" + std::to_string(mask));
    CHECK(put(fresh, "a") == 0);
    CHECK(mode(fresh) == (0666U & ~static_cast<unsigned>(mask)));
    for (const unsigned kept : {0600U, 0644U, 0660U, 0751U}) {
      REQUIRE(chmod(fresh.c_str(), kept) == 0);
      CHECK(put(fresh, std::to_string(kept)) == 0);
      CHECK(mode(fresh) == kept);
      CHECK(read_whole(fresh, "it") == std::to_string(kept));
    }
  }
  CHECK(folder.names().size() == 3);
}

TEST_CASE("links are followed, also in a row and to what is not there yet") {
  const Folder folder;
  fs::create_directory(folder / "real");
  fs::create_symlink("real/file", folder / "first");
  fs::create_symlink("first", folder / "second");
  CHECK(put(folder / "second", "new") == 0);
  CHECK(put(folder / "second", "newer") == 0);
  CHECK(fs::is_symlink(folder / "first"));
  CHECK(fs::is_symlink(folder / "second"));
  CHECK(read_whole(folder / "real/file", "it") == "newer");
  fs::create_symlink("round", folder / "round");
  CHECK(put(folder / "round", "x") == ELOOP);
  CHECK(folder.names().size() == 4);
}

TEST_CASE("the longest name works, a longer one is refused") {
  const Folder folder;
  CHECK(put(folder / std::string(255, 'n'), "x") == 0);
  CHECK(put(folder / std::string(256, 'n'), "x") == ENAMETOOLONG);
  CHECK(folder.names() == std::vector<std::string>{std::string(255, 'n')});
}

TEST_CASE("what is no regular file is written to and stays what it is") {
  CHECK(put("/dev/null", "gone") == 0);
  CHECK(fs::is_character_file("/dev/null"));
  CHECK(put("/dev/full", "x") == ENOSPC);
  const Folder folder;
  fs::create_directory(folder / "there");
  CHECK(put(folder / "there", "x") == EISDIR);
  CHECK(put(folder / "new/", "x") != 0);
  CHECK(put(folder / "missing/file", "x") == ENOENT);
  CHECK(put("", "x") == ENOENT);
  CHECK(put(std::string("a\0b", 3), "x") == EINVAL);
}

TEST_CASE("networks and indexes are written so") {
  const Folder folder;
  const float numbers[] = {1, 2, 3, 4};
  const auto index = make_index<float>("brute-force", Points<float>{numbers, 2, 2});
  Initialization how;
  how.name = "ntk";
  how.dimension = 3;
  how.width = 8;
  const TwoLayerNetwork<float> network = random_network<float>(how);
  for (const std::string name : {"index", "network"}) {
    const auto save = [&](const std::string& path) {
      name == "index" ? save_index(*index, path) : save_network(network, path);
    };
    std::ofstream(folder / name) << "before";
    REQUIRE(chmod((folder / name).c_str(), 0600) == 0);
    fs::create_symlink(name, folder / (name + " link"));
    save(folder / (name + " link"));
    CHECK(mode(folder / name) == 0600);
    CHECK(fs::is_symlink(folder / (name + " link")));
    CHECK(read_whole(folder / name, "it").size() > 20);
    CHECK_THROWS_WITH_AS(save(folder / "missing/file"), doctest::Contains("missing/file: No such file"),
                         std::runtime_error);
  }
  CHECK(folder.names().size() == 4);
}

TEST_CASE("what a killed process left is removed, and nothing else") {
  const Folder folder;
  CHECK(put(folder / "file", "x") == 0);
  // Named after the hash (FNV-1a) of "file".
  const std::string left = ".sublinear-aad01178f02a6a23-0000000000000001.part";
  std::ofstream(folder / left) << "half";
  std::ofstream(folder / ".sublinear-0000000000000000-0000000000000001.part") << "of another";
  fs::create_symlink("file", folder / "link");
  remove_leftovers(folder / "link");
  CHECK(folder.names().size() == 3);
  CHECK_FALSE(fs::exists(folder / left));
  remove_leftovers("/nonexistent-folder/file");
}
#endif

TEST_CASE("errors name the path that was given, and the reason") {
  const std::string place = "/nonexistent-folder/network.bin";
  CHECK_THROWS_WITH_AS(
      write_whole(place, "x", "the network"),
      doctest::Contains("the network could not be written to /nonexistent-folder/network.bin: No such"),
      std::runtime_error);
  try {
    write_whole(place, "x", "the network");
    FAIL("it was written");
  } catch (const std::system_error& error) {
    CHECK(error.code() == std::errc::no_such_file_or_directory);
    CHECK(std::string(error.what()).find(".part") == std::string::npos);
  }
}

TEST_SUITE_END();
