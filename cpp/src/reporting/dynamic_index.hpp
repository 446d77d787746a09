// A dynamic index made of static parts, by the logarithmic method of Bentley and Saxe.
#pragma once

#include <algorithm>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "kernels/watch.hpp"
#include "reporting/far_side.hpp"
#include "reporting/point_store.hpp"
#include "reporting/sorted_ids.hpp"
#include "reporting/top_heap.hpp"
#include "sublinear/kernels/parallel.hpp"

namespace sublinear {

// New points wait in a buffer, row-major, that queries scan. A full buffer becomes a part, together with the last parts
// as long as those are not twice as large as what was gathered: so sizes fall geometrically and a point is built into a
// part a logarithmic number of times. Erased points stay in their parts, marked, until half of all slots are. A point
// that moves stays in its part if the structure can follow it (`Part::kMoves`), else it is erased there and waits in
// the buffer under its id.
//
// `Part` is a static structure over points that it keeps in an order of its own; see wide_tree.hpp for what it offers.
// It knows positions only; here live ids, and which points are still there. Slots are the positions of all parts one
// behind the other, then the buffer.
template <class T, class Part>
class DynamicIndex final : public HalfSpaceIndex<T> {
 public:
  DynamicIndex(Points<T> points, const IndexOptions& options)
      : dimension_(points.dimension), leaf_size_(options.leaf_size) {
    const FloatingPointScope scope;
    const WatchScope told(options.progress, {});
    require_dimension(dimension_);
    Part::check_dimension(dimension_);
    require(options.leaf_size >= 0, "leaf_size is negative; give at least 1, or 0 for the structure's own");
    insert(points);
    if (parts_.empty()) rebuild(0);  // few points, but all there are
  }

  explicit DynamicIndex(const FlatReader& reader) : dimension_(reader.take_number("dimension")) {
    const FloatingPointScope scope;
    if (dimension_ < 1) reader.fail("its dimension is below 1");
    Part::check_dimension(dimension_);
    leaf_size_ = reader.take_number("leaf_size");
    if (leaf_size_ < 0 || leaf_size_ > kMostPoints) reader.fail("its leaf_size is out of range");
    const std::vector<Index> sizes = reader.take<Index>("sizes");
    const std::vector<T> rows = reader.take<T>("rows");
    const Index slots = static_cast<Index>(rows.size()) / dimension_;
    if (static_cast<Index>(rows.size()) % dimension_ != 0) reader.fail("its rows are not whole");
    require_finite(rows.data(), slots, dimension_, "points");
    Index base = 0;
    for (std::size_t k = 0; k < sizes.size(); ++k) {
      if (sizes[k] < 1 || sizes[k] > slots - base) reader.fail("the sizes of its parts do not fit its rows");
      const Points<T> points{rows.data() + base * dimension_, sizes[k], dimension_};
      parts_.push_back({std::make_unique<Part>(points, part_options(), reader, prefix(k)), base, 0});
      base += sizes[k];
    }
    buffer_.assign(rows.begin() + base * dimension_, rows.end());
    ids_.load(reader, slots);
    count_dead();
  }

  DynamicIndex(const DynamicIndex& other)
      : HalfSpaceIndex<T>(other),
        dimension_(other.dimension_),
        leaf_size_(other.leaf_size_),
        ids_(other.ids_),
        buffer_(other.buffer_) {
    for (const Piece& piece : other.parts_)
      parts_.push_back({std::make_unique<Part>(*piece.part), piece.base, piece.dead});
  }
  [[nodiscard]] std::unique_ptr<HalfSpaceIndex<T>> clone() const override {
    return std::make_unique<DynamicIndex>(*this);
  }

  [[nodiscard]] const char* name() const noexcept override { return Part::kName; }
  [[nodiscard]] Index size() const noexcept override { return ids_.alive(); }
  [[nodiscard]] Index dimension() const noexcept override { return dimension_; }
  [[nodiscard]] std::size_t bytes() const noexcept override {
    std::size_t sum = ids_.bytes() + buffer_.capacity() * sizeof(T);
    for (const Piece& piece : parts_) sum += piece.part->bytes();
    return sum;
  }

  Index insert(Points<T> points) override {
    const FloatingPointScope scope;
    check_points(points, dimension_);
    if (points.count > kMostPoints - ids_.slots())
      throw std::length_error("an index holds at most " + std::to_string(kMostPoints) + " points");
    grow_by(buffer_, static_cast<std::size_t>(points.count * dimension_));
    ids_.make_room(points.count);
    const Index first = ids_.append(points.count);
    buffer_.insert(buffer_.end(), points.data, points.data + points.count * dimension_);
    try {
      settle();
    } catch (const std::bad_alloc&) {  // only a saving, and right without
    } catch (...) {                    // stopped
      ids_.take_back(points.count);
      buffer_.resize(buffer_.size() - static_cast<std::size_t>(points.count * dimension_));
      throw;
    }
    return first;
  }

  void erase(const Index* ids, Index count) override {
    const FloatingPointScope scope;
    const Unwatched whole;
    const std::vector<Index> slots = ids_.slots_of(ids, count);
    ids_.erase(slots);
    note_dead(slots);
    if (2 * ids_.alive() < ids_.slots()) rebuild_if_possible(0);
  }

  void move(const Index* ids, Index count, const T* points) override {
    const FloatingPointScope scope;
    const Unwatched whole;
    const std::vector<Index> slots = ids_.slots_of(ids, count);
    require_finite(points, count, dimension_, "points");
    if constexpr (Part::kMoves)
      follow(slots, points);
    else
      reinsert(slots, points);
  }

  Work report(const T* normals, const double* thresholds, Index queries, const ReportOptions& options,
              IdLists<Index>& out) const override {
    check_queries(normals, thresholds, queries, dimension_);
    require(options.limit >= 0, "limit is negative; give at least 0");
    // The ids of a group of queries one behind the other: no list for each of them.
    const Index each = queries_together(queries, options.threads);
    std::vector<std::vector<Index>> groups(static_cast<std::size_t>((queries + each - 1) / each));
    out.offsets.assign(static_cast<std::size_t>(queries) + 1, 0);
    Work work = ask(normals, thresholds, queries, options.threads, [&](Index first, Index, Scratch& scratch) {
      return Collecting(*this, options, scratch, groups[static_cast<std::size_t>(first / each)],
                        out.offsets.data() + first + 1);
    });
    for (std::size_t q = 0; q < static_cast<std::size_t>(queries); ++q) out.offsets[q + 1] += out.offsets[q];
    out.ids.clear();
    out.ids.reserve(static_cast<std::size_t>(out.offsets.back()));
    for (std::vector<Index>& group : groups) {
      out.ids.insert(out.ids.end(), group.begin(), group.end());
      std::vector<Index>().swap(group);
    }
    work.fired = static_cast<std::int64_t>(out.ids.size());
    return work;
  }

  Work count(const T* normals, const double* thresholds, Index queries, int threads, Index* counts) const override {
    check_queries(normals, thresholds, queries, dimension_);
    require_pointer(counts, queries, "counts");
    std::fill(counts, counts + queries, Index{0});
    Work work = ask(normals, thresholds, queries, threads,
                    [&](Index first, Index, Scratch&) { return Counting(*this, counts + first); });
    for (Index q = 0; q < queries; ++q) work.fired += counts[q];
    return work;
  }

  Work top(const T* normals, Index queries, Index k, int threads, TopLists<T>& out) const override {
    check_normals(normals, queries, dimension_);
    require(k >= 0, "k is negative; give at least 0");
    std::vector<TopHeap<T>> heaps(static_cast<std::size_t>(queries), TopHeap<T>(k));
    std::vector<Work> works(static_cast<std::size_t>(queries));
    parallel_for(queries, resolve_threads(threads), 1, [&](Index begin, Index end, int) {
      for (Index q = begin; q < end; ++q) {
        const auto at = static_cast<std::size_t>(q);
        const T* normal = normals + q * dimension_;
        const FarSide<T> query(normal, -std::numeric_limits<double>::infinity(), dimension_);
        for (const Piece& piece : parts_) piece.part->top(query, works[at], Offering{*this, piece.base, heaps[at]});
        scan_buffer(normal, works[at], [&](Index slot, T product) {
          if (ids_.is_alive(slot)) heaps[at].offer(product, ids_.id(slot));
          return true;
        });
      }
    });
    return finish_top(heaps, works, out);
  }

  [[nodiscard]] Index pages() const noexcept override { return std::max<Index>(1, (ids_.slots() + kPage - 1) / kPage); }

  Work report_page(const T* normal, double threshold, Index page, std::vector<Index>& ids) const override {
    check_queries(normal, &threshold, 1, dimension_);
    require(page >= 0 && page < pages(), "there is no such page");
    const FloatingPointScope scope;
    const FarSide<T> query(normal, threshold, dimension_);
    const std::size_t before = ids.size();
    Work work;
    Found found;
    const Index begin = page * kPage, end = std::min(ids_.slots(), begin + kPage);
    for (const Piece& piece : parts_) {
      const Index low = std::max(begin, piece.base), high = std::min(end, piece.base + piece.part->size());
      if (low >= high) continue;
      // Parts begin where they begin: only their strips are aligned.
      const Index from = (low - piece.base) / kSiblings * kSiblings, to = high - piece.base;
      const CollectingSink sink{ids_, piece.base, piece.dead > 0, found, ReportOptions::kNoLimit};
      piece.part->visit(&query, 1, from, to, &work, [&](Index) { return Paged{sink, low - piece.base, to}; });
    }
    each_id(found.runs, [&](Index id) { ids.push_back(id); });
    scan_buffer(normal, work, [&](Index slot, T product) {
      if (slot >= begin && slot < end && static_cast<double>(product) >= threshold && ids_.is_alive(slot))
        ids.push_back(ids_.id(slot));
      return true;
    });
    work.fired = static_cast<std::int64_t>(ids.size() - before);
    return work;
  }

  void save(FlatWriter& writer) const override {
    writer.add("dimension", &dimension_, 1);
    writer.add("leaf_size", &leaf_size_, 1);
    std::vector<Index> sizes;
    for (const Piece& piece : parts_) sizes.push_back(piece.part->size());
    writer.add("sizes", sizes.data(), sizes.size());
    const AlignedVector<T> rows = read_rows(all_slots());
    writer.add("rows", rows.data(), rows.size());
    ids_.save(writer);
    for (std::size_t k = 0; k < parts_.size(); ++k) parts_[k].part->save(writer, prefix(k));
  }

  // The first part and nothing else: for measuring a structure as it was built.
  [[nodiscard]] const Part* first_part() const noexcept { return parts_.empty() ? nullptr : parts_[0].part.get(); }

 private:
  static constexpr Index kMostPoints = (Index{1} << 31) - 1;  // positions in a part are 32-bit
  static constexpr Index kBuffer = 256;                       // points that wait at most
  static constexpr Index kFew = 16;                           // too few for a part
  static constexpr Index kPage = Index{1} << 16;
  static constexpr Index kQueriesTogether = 16;

  struct Piece {
    std::unique_ptr<Part> part;
    Index base;  // slot of its position 0
    Index dead;  // erased or moved away
  };

  // Slots that were reported for one query, before they are ids: a run of them from `first` on, by length, or those of
  // sixteen whose bit is set. So their number is known before anything is written, and sorting can go by bits.
  struct Run {
    Index first;
    std::int32_t length;  // 0: bits
    std::uint32_t bits;
  };
  struct Found {
    std::vector<Run> runs;
    Index size = 0;
  };

  // What a part tells, less what is not alive (`dead`: whether that has to be asked), up to `limit`.
  struct CollectingSink {
    const IdMap& map;
    Index base;
    bool dead;
    Found& found;
    Index limit;

    bool range(Index begin, Index end) {
      if (dead) {
        for (Index first = begin; first < end; first += 16)
          if (!strip(first, (1U << std::min<Index>(16, end - first)) - 1)) return false;
        return true;
      }
      const Index length = std::min(end - begin, limit - found.size);
      if (length > 0) found.runs.push_back({base + begin, static_cast<std::int32_t>(length), 0});
      found.size += length;
      return length == end - begin;
    }
    bool strip(Index first, unsigned bits) {
      if (dead)
        for (unsigned left = bits; left != 0; left &= left - 1)
          if (!map.is_alive(base + first + __builtin_ctz(left))) bits &= ~(left & -left);
      const Index all = __builtin_popcount(bits);
      while (__builtin_popcount(bits) > limit - found.size) bits &= ~(1U << (31 - __builtin_clz(bits)));
      if (bits != 0) found.runs.push_back({base + first, 0, bits});
      found.size += __builtin_popcount(bits);
      return __builtin_popcount(bits) == all;
    }
  };

  struct CountingSink {
    const IdMap& map;
    Index base;
    bool dead;
    Index& found;

    bool range(Index begin, Index end) {
      if (!dead) {
        found += end - begin;
      } else {
        for (Index slot = base + begin; slot < base + end; ++slot) found += map.is_alive(slot) ? 1 : 0;
      }
      return true;
    }
    bool strip(Index first, unsigned bits) {
      if (!dead) {
        found += __builtin_popcount(bits);
      } else {
        for (; bits != 0; bits &= bits - 1) found += map.is_alive(base + first + __builtin_ctz(bits)) ? 1 : 0;
      }
      return true;
    }
  };

  // Only positions in [begin, end), where strips may begin earlier.
  struct Paged {
    CollectingSink sink;
    Index begin, end;

    bool range(Index first, Index last) { return sink.range(std::max(first, begin), std::min(last, end)); }
    bool strip(Index first, unsigned bits) {
      unsigned kept = 0;
      for (; bits != 0; bits &= bits - 1) {
        const Index position = first + __builtin_ctz(bits);
        if (position >= begin && position < end) kept |= bits & -bits;
      }
      return sink.strip(first, kept);
    }
  };

  struct Offering {
    const DynamicIndex& index;
    Index base;
    TopHeap<T>& heap;

    [[nodiscard]] double bound() const noexcept { return heap.bound(); }
    void offer(T product, Index position) {
      const Index slot = base + position;
      if (static_cast<double>(product) >= heap.bound() && index.ids_.is_alive(slot))
        heap.offer(product, index.ids_.id(slot));
    }
  };

  // What a worker keeps from one group of queries to the next, so that queries allocate nothing once it has grown.
  struct Scratch {
    std::vector<Found> found = std::vector<Found>(static_cast<std::size_t>(kQueriesTogether));
    std::vector<std::uint64_t> bits;
  };

  // The sinks of a group of queries. At the end their ids are appended to `ids`, and their numbers are in `sizes`.
  class Collecting {
   public:
    Collecting(const DynamicIndex& index, const ReportOptions& options, Scratch& scratch, std::vector<Index>& ids,
               Index* sizes)
        : index_(index), options_(options), scratch_(scratch), ids_(ids), sizes_(sizes) {}
    CollectingSink of(Index q, const Piece& piece) {
      return {index_.ids_, piece.base, piece.dead > 0, found(q), options_.limit};
    }
    bool one(Index q, Index slot) {
      if (found(q).size >= options_.limit) return false;
      found(q).runs.push_back({slot, 1, 0});
      ++found(q).size;
      return true;
    }
    void finish(Index size) {
      for (Index q = 0; q < size; ++q) {
        Found& own = found(q);
        const auto each = [&](auto&& take) { index_.each_id(own.runs, take); };
        if (options_.sorted)
          append_sorted(each, own.size, index_.ids_.next_id(), scratch_.bits, ids_);
        else
          append_unsorted(each, own.size, ids_);
        sizes_[q] = own.size;
        own.runs.clear();
        own.size = 0;
      }
    }

   private:
    Found& found(Index q) { return scratch_.found[static_cast<std::size_t>(q)]; }

    const DynamicIndex& index_;
    const ReportOptions& options_;
    Scratch& scratch_;
    std::vector<Index>& ids_;
    Index* sizes_;
  };

  class Counting {
   public:
    Counting(const DynamicIndex& index, Index* counts) : index_(index), counts_(counts) {}
    CountingSink of(Index q, const Piece& piece) const { return {index_.ids_, piece.base, piece.dead > 0, counts_[q]}; }
    bool one(Index q, Index) {
      ++counts_[q];
      return true;
    }
    void finish(Index) {}

   private:
    const DynamicIndex& index_;
    Index* counts_;
  };

  // Calls take(id) for every slot of the runs.
  template <class Take>
  void each_id(const std::vector<Run>& runs, Take&& take) const {
    for (const Run& run : runs) {
      for (Index slot = run.first; slot < run.first + run.length; ++slot) take(ids_.id(slot));
      for (std::uint32_t bits = run.bits; bits != 0; bits &= bits - 1) take(ids_.id(run.first + __builtin_ctz(bits)));
    }
  }

  // As many as share the cache well, fewer where threads would have nothing to do. Changes speed only.
  static Index queries_together(Index queries, int threads) {
    return std::clamp<Index>(queries / (4 * resolve_threads(threads)), 1, kQueriesTogether);
  }

  // `make(first, size, scratch)` makes the sinks of a group of queries, which descend together.
  template <class Make>
  Work ask(const T* normals, const double* thresholds, Index queries, int requested, Make&& make) const {
    const int threads = resolve_threads(requested);
    std::vector<Work> works(static_cast<std::size_t>(queries));
    std::vector<Scratch> scratches(static_cast<std::size_t>(std::min<Index>(threads, queries)));
    parallel_for(queries, threads, queries_together(queries, requested), [&](Index begin, Index end, int worker) {
      std::vector<FarSide<T>> sides;
      for (Index q = begin; q < end; ++q) sides.emplace_back(normals + q * dimension_, thresholds[q], dimension_);
      auto group = make(begin, end - begin, scratches[static_cast<std::size_t>(worker)]);
      Work* const own = works.data() + begin;
      for (const Piece& piece : parts_)
        piece.part->visit(sides.data(), end - begin, 0, piece.part->size(), own,
                          [&](Index q) { return group.of(q, piece); });
      for (Index q = 0; q < end - begin; ++q)
        scan_buffer(normals + (begin + q) * dimension_, own[q], [&](Index slot, T product) {
          return !(static_cast<double>(product) >= thresholds[begin + q]) || !ids_.is_alive(slot) || group.one(q, slot);
        });
      group.finish(end - begin);
    });
    Work sum;
    for (const Work& work : works) sum += work;
    return sum;
  }

  // Calls take(slot, product) for what waits, until it returns false.
  template <class Take>
  void scan_buffer(const T* normal, Work& work, Take&& take) const {
    constexpr Index kTogether = 256;
    T products[kTogether];
    const Index begin = buffer_begin(), waiting = ids_.slots() - begin;
    for (Index first = 0; first < waiting; first += kTogether) {
      const Index size = std::min(kTogether, waiting - first);
      inner_products(buffer_.data() + first * dimension_, size, dimension_, normal, products);
      work.inner_products += size;
      work.candidates += size;
      for (Index k = 0; k < size; ++k)
        if (!take(begin + first + k, products[k])) return;
    }
  }

  [[nodiscard]] typename Part::Options part_options() const {
    typename Part::Options options;
    options.leaf_size = leaf_size_;
    return options;
  }
  static std::string prefix(std::size_t part) { return "part" + std::to_string(part) + "."; }

  [[nodiscard]] Index buffer_begin() const noexcept {
    return parts_.empty() ? 0 : parts_.back().base + parts_.back().part->size();
  }

  // The part of a slot below buffer_begin().
  [[nodiscard]] std::size_t part_of(Index slot) const noexcept {
    std::size_t k = 0;
    while (slot >= parts_[k].base + parts_[k].part->size()) ++k;
    return k;
  }

  void note_dead(const std::vector<Index>& slots) noexcept {
    const Index begin = buffer_begin();
    for (const Index slot : slots)
      if (slot < begin) ++parts_[part_of(slot)].dead;
  }

  void count_dead() noexcept {
    for (Piece& piece : parts_) {
      piece.dead = 0;
      for (Index slot = piece.base; slot < piece.base + piece.part->size(); ++slot)
        piece.dead += ids_.is_alive(slot) ? 0 : 1;
    }
  }

  [[nodiscard]] std::vector<Index> all_slots() const {
    std::vector<Index> slots(static_cast<std::size_t>(ids_.slots()));
    for (std::size_t k = 0; k < slots.size(); ++k) slots[k] = static_cast<Index>(k);
    return slots;
  }

  // The points at these slots, ascending, row-major.
  [[nodiscard]] AlignedVector<T> read_rows(const std::vector<Index>& slots) const {
    AlignedVector<T> rows(slots.size() * static_cast<std::size_t>(dimension_));
    const Index begin = buffer_begin();
    std::size_t part = 0;
    for (std::size_t k = 0; k < slots.size(); ++k) {
      T* const to = rows.data() + k * static_cast<std::size_t>(dimension_);
      if (slots[k] >= begin) {
        std::copy_n(buffer_.data() + (slots[k] - begin) * dimension_, dimension_, to);
        continue;
      }
      while (slots[k] >= parts_[part].base + parts_[part].part->size()) ++part;
      parts_[part].part->read(slots[k] - parts_[part].base, to);
    }
    return rows;
  }

  // Makes a part of the buffer once it is full.
  void settle() {
    if (ids_.slots() - buffer_begin() <= kBuffer) return;
    Index gathered = ids_.slots() - buffer_begin();
    std::size_t first = parts_.size();
    while (first > 0 && parts_[first - 1].part->size() - parts_[first - 1].dead < 2 * gathered) {
      --first;
      gathered += parts_[first].part->size() - parts_[first].dead;
    }
    rebuild(first);
  }

  // A rebuild after a change is only a saving: where memory is short the index stays as it is, and right.
  void rebuild_if_possible(std::size_t first) {
    try {
      rebuild(first);
    } catch (const std::bad_alloc&) {
    }
  }

  // One part of the parts from `first` on and the buffer; of very few points, a buffer.
  void rebuild(std::size_t first) {
    const Index base = first < parts_.size() ? parts_[first].base : buffer_begin();
    const std::vector<Index> alive = ids_.alive_slots(base);
    AlignedVector<T> rows = read_rows(alive);
    const auto count = static_cast<Index>(alive.size());
    std::vector<Index> order(alive);
    std::unique_ptr<Part> part;
    if (count > kFew) {
      std::vector<std::int32_t> rows_in_order;
      part = std::make_unique<Part>(Points<T>{rows.data(), count, dimension_}, part_options(), rows_in_order);
      for (std::size_t k = 0; k < order.size(); ++k) order[k] = alive[static_cast<std::size_t>(rows_in_order[k])];
      AlignedVector<T>().swap(rows);
    }
    parts_.reserve(first + 1);
    ids_.arrange(base, order);  // from here on nothing throws
    parts_.erase(parts_.begin() + static_cast<std::ptrdiff_t>(first), parts_.end());
    if (part != nullptr) parts_.push_back({std::move(part), base, 0});
    buffer_.swap(rows);
  }

  // Points stay in their parts.
  void follow(const std::vector<Index>& slots, const T* points) {
    const Index begin = buffer_begin();
    std::vector<std::vector<std::pair<Index, const T*>>> moves(parts_.size());
    for (std::size_t k = 0; k < slots.size(); ++k)
      if (slots[k] < begin) {
        const std::size_t part = part_of(slots[k]);
        moves[part].emplace_back(slots[k] - parts_[part].base, points + static_cast<Index>(k) * dimension_);
      }
    // From here on nothing throws but a rebuild, which may be left.
    for (std::size_t k = 0; k < slots.size(); ++k)
      if (slots[k] >= begin)
        std::copy_n(points + static_cast<Index>(k) * dimension_, dimension_,
                    buffer_.data() + (slots[k] - begin) * dimension_);
    std::size_t first = parts_.size();
    for (std::size_t part = parts_.size(); part-- > 0;)
      if constexpr (Part::kMoves)
        if (!moves[part].empty() && !parts_[part].part->move(moves[part])) first = part;
    if (first < parts_.size()) rebuild_if_possible(first);
  }

  // Points leave their parts and wait in the buffer.
  void reinsert(const std::vector<Index>& slots, const T* points) {
    grow_by(buffer_, slots.size() * static_cast<std::size_t>(dimension_));
    ids_.make_room(static_cast<Index>(slots.size()));
    const Index begin = buffer_begin();
    std::vector<Index> leaving;
    leaving.reserve(slots.size());
    for (std::size_t k = 0; k < slots.size(); ++k) {
      const T* const row = points + static_cast<Index>(k) * dimension_;
      if (slots[k] >= begin) {
        std::copy_n(row, dimension_, buffer_.data() + (slots[k] - begin) * dimension_);
      } else {
        leaving.push_back(slots[k]);
        buffer_.insert(buffer_.end(), row, row + dimension_);
      }
    }
    ids_.relocate(leaving);
    note_dead(leaving);
    try {
      if (2 * ids_.alive() < ids_.slots())
        rebuild(0);
      else
        settle();
    } catch (const std::bad_alloc&) {  // only a saving, and right without
    }
  }

  Index dimension_;
  Index leaf_size_ = 0;
  IdMap ids_;
  std::vector<Piece> parts_;
  AlignedVector<T> buffer_;
};

}  // namespace sublinear
