// Files of the kernel as tests would have them.
#pragma once

#include <filesystem>
#include <fstream>
#include <random>
#include <string>

namespace sublinear {

// A folder that stands for the root of the file system.
class MadeUpFiles {
 public:
  MadeUpFiles()
      : root_(std::filesystem::temp_directory_path() / ("sublinear-" + std::to_string(std::random_device{}()))) {}
  ~MadeUpFiles() { std::filesystem::remove_all(root_); }
  MadeUpFiles(const MadeUpFiles&) = delete;
  MadeUpFiles& operator=(const MadeUpFiles&) = delete;

  void write(const std::string& path, const std::string& content) const {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << content;
  }
  [[nodiscard]] std::string root() const { return root_.string(); }

 private:
  std::filesystem::path root_;
};

}  // namespace sublinear
