// Calls a kernel as often as it is told, for benchmarks/instructions.py, which has qemu count the instructions.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "kernels/copy_bounds.hpp"
#include "kernels/copy_products.hpp"
#include "kernels/fused_scan.hpp"
#include "kernels/quantized_rows.hpp"
#include "kernels/unstable_neurons.hpp"
#include "sublinear/kernels/inner_product.hpp"
#include "sublinear/kernels/random.hpp"

using namespace sublinear;

namespace {

constexpr Index kRows = 96, kDimension = 256, kOutputs = 4, kGroup = 16;

template <class T>
std::vector<T> random_values(Index count, double middle, double size) {
  static RandomStream random(1, RandomPurpose::weights);
  std::vector<T> values(static_cast<std::size_t>(count));
  for (T& value : values) value = static_cast<T>(middle + size * (2 * random.uniform() - 1));
  return values;
}

class Calls {
 public:
  Calls() {
    for (Index k = 0; k < kRows; ++k) ids_[static_cast<std::size_t>(k)] = static_cast<NeuronId>(k);
    for (Index q = 0; q < kQuantizedQueries; ++q) {
      points_.push_back(bytes_.data() + q * kDimension);
      outs_.push_back(integers_.data() + q * kRows);
    }
    options_.reach = 1;
    for (RowFact<float>& fact : facts_) fact.norm = 1;
    for (std::size_t k = 0; k < notes_.size(); ++k) notes_[k].product = static_cast<float>(k % 7) - 3;
  }

  [[nodiscard]] std::map<std::string, std::function<void()>> by_name() {
    return {
        {"inner_products", [this] { inner_products(rows_.data(), kRows, kDimension, x_.data(), out_.data()); }},
        {"select_not_above",
         [this] { static_cast<void>(select_not_above(rows_.data(), 1024, 0.0F, positions_.data())); }},
        {"add_rows", [this] { add_rows(rows_.data(), ids_.data(), rows_.data(), kRows, kDimension, sums_.data()); }},
        {"add_rows_to_each",
         [this] {
           add_rows_to_each(rows_.data(), ids_.data(), rows_.data(), kRows, kOutputs, kDimension, sums_.data());
         }},
        {"bound_candidates",
         [this] {
           static_cast<void>(bound_candidates(facts_.data(), ids_.data(), notes_.data(), kRows, options_, false,
                                              rests_.data(), positions_.data(), near_.data(), safe_.data()));
         }},
        {"fused_scan",
         [this] {
           counts_.assign(counts_.size(), 0);
           fused_scan(rows_.data(), kRows, kDimension, packed_.data(), low_.data(), high_.data(), hits());
         }},
        {"copy_products_at",
         [this] {
           copy_products_at<float>(copies_.data(), kDimension, ids_.data(), kRows, vector_.data(), integers_.data());
         }},
        {"copy_products",
         [this] {
           copy_products(copies_.data(), kRows / kStrip, kDimension, points_.data(), kQuantizedQueries, outs_.data());
         }},
        {"quantized_scan", [this] {
           counts_.assign(counts_.size(), 0);
           quantized_scan(copies_.data(), copy_sums_.data(), scales_.data(), kRows, kDimension, bytes_.data(),
                          kQuantizedQueries, low_.data(), high_.data(), hits());
         }}};
  }

 private:
  [[nodiscard]] BlockHits hits() { return {offsets_.data(), counts_.data()}; }

  std::vector<float> rows_ = random_values<float>(kRows * kDimension, 0, 1);
  std::vector<float> x_ = random_values<float>(kDimension, 0, 1);
  std::vector<float> packed_ = random_values<float>(kDimension * kPanel<float>, 0, 1);
  std::vector<float> low_ = random_values<float>(kPanel<float>, 30, 0),
                     high_ = random_values<float>(kPanel<float>, 40, 0);
  std::vector<float> scales_ = random_values<float>(kRows, 1e-3, 0);
  std::vector<std::int8_t> copies_ = random_values<std::int8_t>(kRows * kDimension, 0, 127);
  std::vector<std::uint8_t> bytes_ = random_values<std::uint8_t>(kQuantizedQueries * kDimension, 64, 63);
  std::vector<std::int16_t> vector_ = random_values<std::int16_t>(kDimension, 0, 1000);
  std::vector<std::int32_t> copy_sums_ = random_values<std::int32_t>(kRows, 0, 0);
  std::vector<float> out_ = std::vector<float>(kRows), sums_ = std::vector<float>(kOutputs * kDimension);
  std::vector<float> rests_ = std::vector<float>(kRows), safe_ = std::vector<float>(kRows + kGroup);
  std::vector<NeuronId> ids_ = std::vector<NeuronId>(kRows), positions_ = std::vector<NeuronId>(1024 + kGroup);
  std::vector<std::int32_t> integers_ = std::vector<std::int32_t>(kQuantizedQueries * kRows);
  std::vector<RowFact<float>> facts_ = std::vector<RowFact<float>>(kRows);
  std::vector<CachedProduct<float>> notes_ = std::vector<CachedProduct<float>>(kRows);
  std::vector<UnstableNeuron<float>> near_ = std::vector<UnstableNeuron<float>>(kRows + kGroup);
  std::vector<std::uint16_t> offsets_ = std::vector<std::uint16_t>(kPanel<float> * kBlockPoints);
  std::vector<std::int32_t> counts_ = std::vector<std::int32_t>(kPanel<float>);
  std::vector<const std::uint8_t*> points_;
  std::vector<std::int32_t*> outs_;
  BoundOptions<float> options_{};
};

}  // namespace

int main(int count, char** arguments) {
  Calls calls;
  const auto known = calls.by_name();
  const auto found = count == 3 ? known.find(arguments[1]) : known.end();
  if (found == known.end()) {
    for (const auto& each : known) std::printf("%s\n", each.first.c_str());
    return count == 1 ? 0 : 2;
  }
  for (int k = std::atoi(arguments[2]); k > 0; --k) found->second();
  return 0;
}
