// "simhash": the approximate practice, for comparison. Sign patterns of random projections put neurons and inputs into
// buckets (Charikar, STOC 2002); an input is answered with the neurons of its buckets, in the manner of SLIDE (Chen,
// Medini, Farwell, Gobriel, Tai, Shrivastava, MLSys 2020, section 3): the tables are rebuilt at growing intervals, and
// short answers are filled up at random. Neurons that fire are missed. As in SLIDE, the weights and the input itself
// are hashed; biases, the threshold and the ball are not looked at. Unlike SLIDE's, buckets hold all their neurons.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "finding/finders.hpp"
#include "finding/scan.hpp"
#include "sublinear/kernels/elementary.hpp"
#include "sublinear/kernels/errors.hpp"
#include "sublinear/kernels/inner_product.hpp"
#include "sublinear/kernels/random.hpp"

namespace sublinear {
namespace {

using Bucket = std::uint32_t;

template <class T>
class SimHash final : public NeuronFinder<T> {
 public:
  explicit SimHash(const FinderArguments<T>& arguments)
      : neurons_(arguments.neurons),
        inputs_(arguments.inputs),
        hashing_(arguments.hashing),
        least_(static_cast<Index>(std::ceil(hashing_.least_share * static_cast<double>(neurons_.count)))),
        rebuild_at_(hashing_.rebuild_after) {
    require_memory(arguments.max_bytes);
    const Index rows = hashing_.tables * hashing_.bits;
    projections_.resize(static_cast<std::size_t>(rows * neurons_.dimension));
    RandomStream random(hashing_.seed, RandomPurpose::hashing);
    for (T& each : projections_) each = static_cast<T>(random.normal());
    input_buckets_ = buckets_of(inputs_.data, inputs_.count, arguments.threads);
    neuron_buckets_ = buckets_of(neurons_.weights, neurons_.count, arguments.threads);
    stale_.assign(static_cast<std::size_t>(neurons_.count), 0);
    starts_.resize(static_cast<std::size_t>(hashing_.tables * (bucket_count() + 1)));
    entries_.resize(static_cast<std::size_t>(hashing_.tables * neurons_.count));
    fill_tables(arguments.threads);
  }

  [[nodiscard]] const char* name() const noexcept override { return "simhash"; }
  [[nodiscard]] bool exact() const noexcept override { return false; }
  [[nodiscard]] bool serves_any_point() const noexcept override { return true; }
  [[nodiscard]] std::size_t bytes() const noexcept override {
    return needed_bytes() + projections_.capacity() * sizeof(T) + stale_.capacity();
  }

  Work candidates(const Index* asked, Index count, int threads, CandidateLists& out) override {
    require_positions(asked, count, inputs_.count);
    return answer(
        count, threads, out, [&](Index k) { return asked[k]; },
        [&](Index k) { return input_buckets_.data() + asked[k] * hashing_.tables; });
  }

  Work candidates_at(Points<T> points, double radius, int requested, CandidateLists& out) const override {
    require_points(points, radius, neurons_.dimension);
    const FloatingPointScope scope;
    const int threads = resolve_threads(requested);
    const std::vector<Bucket> buckets = buckets_of(points.data, points.count, threads);
    Work work = answer(
        points.count, threads, out, [](Index k) { return k; },
        [&](Index k) { return buckets.data() + k * hashing_.tables; });
    work.inner_products += points.count * hashing_.tables * hashing_.bits;
    return work;
  }

  // Rows are hashed again at the next rebuild: in between the tables are those of older weights.
  Work moved(const NeuronId* rows, const Displacement* by, Index count, int requested) override {
    require_rows(rows, by, count, neurons_.count);
    Work work;
    work.rows_moved = count;
    for (Index k = 0; k < count; ++k) stale_[static_cast<std::size_t>(rows[k])] = 1;
    ++steps_;
    if (static_cast<double>(steps_) < rebuild_at_) return work;
    ++rebuilds_;
    rebuild_at_ += hashing_.rebuild_after * exponential(hashing_.rebuild_growth * static_cast<double>(rebuilds_));
    work.inner_products = rehash(resolve_threads(requested)) * hashing_.tables * hashing_.bits;
    return work;
  }

 private:
  [[nodiscard]] Index bucket_count() const noexcept { return Index{1} << hashing_.bits; }

  [[nodiscard]] std::size_t needed_bytes() const noexcept {
    const Index entries = hashing_.tables * (2 * neurons_.count + inputs_.count + bucket_count() + 1);
    return static_cast<std::size_t>(entries) * sizeof(Bucket);
  }

  void require_memory(std::size_t limit) const {
    const std::size_t needed = needed_bytes();
    if (needed > limit)
      throw MemoryLimitError("simhash needs " + std::to_string(needed) + " bytes for " +
                             std::to_string(hashing_.tables) + " tables of 2^" + std::to_string(hashing_.bits) +
                             " buckets and may hold " + std::to_string(limit) +
                             "; give fewer tables or bits, or a higher max_bytes");
  }

  // The bucket of each row in each table, row by row: bit b of table t says whether the row lies on the positive side
  // of projection t * bits + b.
  [[nodiscard]] std::vector<Bucket> buckets_of(const T* rows, Index count, int threads) const {
    std::vector<Bucket> buckets(static_cast<std::size_t>(count * hashing_.tables));
    parallel_for(count, threads, kInputsTogether, [&](Index begin, Index end, int) {
      for (Index i = begin; i < end; ++i) hash(rows + i * neurons_.dimension, buckets.data() + i * hashing_.tables);
    });
    return buckets;
  }

  void hash(const T* row, Bucket* buckets) const {
    const Index bits = hashing_.bits, d = neurons_.dimension;
    T products[kMostHashBits];
    for (Index t = 0; t < hashing_.tables; ++t) {
      inner_products(projections_.data() + t * bits * d, bits, d, row, products);
      Bucket bucket = 0;
      for (Index b = 0; b < bits; ++b) bucket |= static_cast<Bucket>(products[b] > 0 ? 1 : 0) << b;
      buckets[t] = bucket;
    }
  }

  // Returns how many neurons it hashed.
  Index rehash(int threads) {
    std::vector<NeuronId> rows;
    for (Index r = 0; r < neurons_.count; ++r)
      if (stale_[static_cast<std::size_t>(r)] != 0) rows.push_back(static_cast<NeuronId>(r));
    const auto count = static_cast<Index>(rows.size());
    parallel_for(count, threads, kInputsTogether, [&](Index begin, Index end, int) {
      for (Index k = begin; k < end; ++k) {
        const NeuronId r = rows[static_cast<std::size_t>(k)];
        hash(neurons_.row(r), neuron_buckets_.data() + static_cast<Index>(r) * hashing_.tables);
        stale_[static_cast<std::size_t>(r)] = 0;
      }
    });
    fill_tables(threads);
    return count;
  }

  // A counting sort of the neurons by bucket, table by table; ids ascend within a bucket.
  void fill_tables(int threads) {
    const Index m = neurons_.count, tables = hashing_.tables;
    parallel_for(tables, threads, 1, [&](Index begin, Index end, int) {
      for (Index t = begin; t < end; ++t) {
        NeuronId* const starts = starts_.data() + t * (bucket_count() + 1);
        NeuronId* const entries = entries_.data() + t * m;
        const auto bucket_of = [&](Index r) { return neuron_buckets_[static_cast<std::size_t>(r * tables + t)]; };
        std::fill(starts, starts + bucket_count() + 1, 0);
        for (Index r = 0; r < m; ++r) ++starts[bucket_of(r) + 1];
        std::partial_sum(starts, starts + bucket_count() + 1, starts);
        std::vector<NeuronId> next(starts, starts + bucket_count());
        for (Index r = 0; r < m; ++r) entries[next[bucket_of(r)]++] = static_cast<NeuronId>(r);
      }
    });
  }

  // The neurons of each point's buckets, filled up to the least number. `key_at(k)` tells apart the random streams of
  // points of one step.
  template <class KeyAt, class BucketsAt>
  Work answer(Index count, int requested, CandidateLists& out, KeyAt&& key_at, BucketsAt&& buckets_at) const {
    const Index m = neurons_.count, words = (m + 63) / 64;
    const int threads = resolve_threads(requested);
    std::vector<std::vector<std::uint64_t>> marks(static_cast<std::size_t>(threads));
    Work work = fill_lists(count, threads, 1, out, [&](Index k, std::vector<NeuronId>& list, int worker) {
      std::vector<std::uint64_t>& marked = marks[static_cast<std::size_t>(worker)];
      marked.assign(static_cast<std::size_t>(words), 0);
      Index found = 0;
      const auto mark = [&](NeuronId r) {
        std::uint64_t& word = marked[static_cast<std::size_t>(r / 64)];
        const std::uint64_t bit = std::uint64_t{1} << (r % 64);
        found += (word & bit) == 0 ? 1 : 0;
        word |= bit;
      };
      Work own;
      const Bucket* const buckets = buckets_at(k);
      for (Index t = 0; t < hashing_.tables; ++t) {
        const NeuronId* const starts = starts_.data() + t * (bucket_count() + 1) + buckets[t];
        const NeuronId* const entries = entries_.data() + t * m;
        for (NeuronId at = starts[0]; at < starts[1]; ++at) mark(entries[at]);
        own.bounds += starts[1] - starts[0];
      }
      const Index reported = found;
      RandomStream random(hashing_.seed, RandomPurpose::hashing,
                          {static_cast<std::uint64_t>(steps_) + 1, static_cast<std::uint64_t>(key_at(k))});
      while (found < least_) mark(static_cast<NeuronId>(random.below(static_cast<std::uint64_t>(m))));
      own.added = found - reported;
      for (Index r = 0; r < m; ++r)
        if ((marked[static_cast<std::size_t>(r / 64)] >> (r % 64) & 1) != 0) list.push_back(static_cast<NeuronId>(r));
      return own;
    });
    work.candidates = static_cast<std::int64_t>(out.ids.size());
    return work;
  }

  Neurons<T> neurons_;
  Points<T> inputs_;
  HashOptions hashing_;
  Index least_;
  double rebuild_at_;  // in steps
  std::int64_t steps_ = 0, rebuilds_ = 0;
  AlignedVector<T> projections_;        // tables x bits rows
  std::vector<Bucket> input_buckets_;   // inputs x tables
  std::vector<Bucket> neuron_buckets_;  // neurons x tables, as of the last rebuild but for those it will hash
  std::vector<unsigned char> stale_;    // whether a neuron moved since it was hashed
  std::vector<NeuronId> starts_;        // tables x (buckets + 1)
  std::vector<NeuronId> entries_;       // tables x neurons, by bucket
};

}  // namespace

template <class T>
FinderPointer<T> make_simhash(const FinderArguments<T>& arguments) {
  return std::make_unique<SimHash<T>>(arguments);
}
template FinderPointer<float> make_simhash<float>(const FinderArguments<float>&);
template FinderPointer<double> make_simhash<double>(const FinderArguments<double>&);

}  // namespace sublinear
