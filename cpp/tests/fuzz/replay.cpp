// Runs a fuzz target without a fuzzer: on the files of a corpus, then on random changes of them and random bytes.
//
//   replay FOLDER ROUNDS
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s FOLDER ROUNDS\n", argv[0]);
    return 2;
  }
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1])) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::vector<std::vector<std::uint8_t>> corpus;
  for (const auto& path : paths) {
    std::ifstream file(path, std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    LLVMFuzzerTestOneInput(corpus.back().data(), corpus.back().size());
  }
  if (corpus.empty()) {
    std::fprintf(stderr, "%s holds no corpus\n", argv[1]);
    return 1;
  }
  std::mt19937 random(1);
  const long rounds = std::strtol(argv[2], nullptr, 10);
  for (long round = 0; round < rounds; ++round) {
    std::vector<std::uint8_t> bytes = corpus[random() % corpus.size()];
    if (round % 4 == 0) bytes.assign(random() % 600, 0);
    if (bytes.empty()) bytes.push_back(0);
    for (std::size_t k = round % 4 == 0 ? bytes.size() : 1 + random() % 8; k > 0; --k) {
      const std::size_t at = round % 4 == 0 ? k - 1 : random() % bytes.size();
      bytes[at] = static_cast<std::uint8_t>(random());
    }
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  }
  std::printf("%zu files of the corpus and %ld changes of them\n", corpus.size(), rounds);
}
