// The kernels, written once in vectors of SUBLINEAR_VECTOR_BYTES and compiled once per instruction set.
//
// Included by exactly one file per level, which defines SUBLINEAR_VECTOR_BYTES and SUBLINEAR_LEVEL. Those files are
// compiled with flags that other files lack, so nothing here may leave a symbol that another file could pick up:
// everything is in an unnamed namespace, on raw pointers, without the standard library (a test reads `nm`).
#include <string.h>
#if SUBLINEAR_VECTOR_BYTES == 64
// gcc 12 takes the undefined operand of its own intrinsics for an uninitialised variable (gcc bug 105593).
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#endif
#if SUBLINEAR_VECTOR_BYTES >= 32
#include <immintrin.h>
#elif defined(SUBLINEAR_NEON)
#include <arm_neon.h>
#endif

#include "block_hits_inl.hpp"
#include "kernel_table.hpp"

namespace sublinear {
namespace {

template <class T>
struct Native {
  typedef T Vector __attribute__((vector_size(SUBLINEAR_VECTOR_BYTES)));
};

// One group of lanes: 64 bytes in as many native vectors as that takes.
template <class T>
struct Lanes {
  static constexpr int kLanes = 64 / sizeof(T);
  static constexpr int kWidth = SUBLINEAR_VECTOR_BYTES / sizeof(T);
  static constexpr int kParts = kLanes / kWidth;
  typename Native<T>::Vector part[kParts];
};

template <class T>
SUBLINEAR_INLINE Lanes<T> zero() {
  Lanes<T> lanes;
  for (int p = 0; p < Lanes<T>::kParts; ++p) lanes.part[p] = typename Native<T>::Vector{};
  return lanes;
}

template <class T>
SUBLINEAR_INLINE Lanes<T> load(const T* from) {
  Lanes<T> lanes;
  for (int p = 0; p < Lanes<T>::kParts; ++p)
    memcpy(&lanes.part[p], from + p * Lanes<T>::kWidth, SUBLINEAR_VECTOR_BYTES);
  return lanes;
}

// The first `count` elements, fewer than a group, and zeros.
#if SUBLINEAR_VECTOR_BYTES == 64
SUBLINEAR_INLINE Lanes<float> load_some(const float* from, Index count) {
  return {{_mm512_maskz_loadu_ps(static_cast<__mmask16>((1U << count) - 1), from)}};
}

SUBLINEAR_INLINE Lanes<double> load_some(const double* from, Index count) {
  return {{_mm512_maskz_loadu_pd(static_cast<__mmask8>((1U << count) - 1), from)}};
}
#else
template <class T>
SUBLINEAR_INLINE Lanes<T> load_some(const T* from, Index count) {
  T padded[Lanes<T>::kLanes] = {};
  for (Index j = 0; j < count; ++j) padded[j] = from[j];
  return load(padded);
}
#endif

template <class T>
SUBLINEAR_INLINE void store(const Lanes<T>& lanes, T* to) {
  for (int p = 0; p < Lanes<T>::kParts; ++p) memcpy(to + p * Lanes<T>::kWidth, &lanes.part[p], SUBLINEAR_VECTOR_BYTES);
}

// The first `count` of the lanes.
template <class T>
SUBLINEAR_INLINE void store_some(const Lanes<T>& lanes, T* to, Index count) {
  T all[Lanes<T>::kLanes];
  store(lanes, all);
  for (Index j = 0; j < count; ++j) to[j] = all[j];
}

#if defined(SUBLINEAR_NEON)
#include "neon_lanes_inl.hpp"
#endif

// Product and sum are rounded separately: the whole library is compiled with -ffp-contract=off.
template <class T>
SUBLINEAR_INLINE void add_product(Lanes<T>& sum, const Lanes<T>& a, const Lanes<T>& b) {
  for (int p = 0; p < Lanes<T>::kParts; ++p) sum.part[p] = sum.part[p] + a.part[p] * b.part[p];
}

template <class T>
SUBLINEAR_INLINE void add_scaled(Lanes<T>& sum, T scale, const Lanes<T>& b) {
  for (int p = 0; p < Lanes<T>::kParts; ++p) sum.part[p] = sum.part[p] + b.part[p] * scale;
}

#if SUBLINEAR_VECTOR_BYTES == 64
SUBLINEAR_INLINE void fold_four(__m512 a, __m512 b, __m512 c, __m512 d, float* out) {
  const __m512 ab = _mm512_shuffle_f32x4(a, b, 0x44) + _mm512_shuffle_f32x4(a, b, 0xEE);
  const __m512 cd = _mm512_shuffle_f32x4(c, d, 0x44) + _mm512_shuffle_f32x4(c, d, 0xEE);
  __m512 rows = _mm512_shuffle_f32x4(ab, cd, 0x88) + _mm512_shuffle_f32x4(ab, cd, 0xDD);
  rows = rows + _mm512_permute_ps(rows, 0x4E);
  rows = rows + _mm512_permute_ps(rows, 0xB1);
  _mm_storeu_ps(out, _mm512_castps512_ps128(_mm512_maskz_compress_ps(0x1111, rows)));
}

SUBLINEAR_INLINE void fold_four(__m512d a, __m512d b, __m512d c, __m512d d, double* out) {
  const __m512d ab = _mm512_shuffle_f64x2(a, b, 0x44) + _mm512_shuffle_f64x2(a, b, 0xEE);
  const __m512d cd = _mm512_shuffle_f64x2(c, d, 0x44) + _mm512_shuffle_f64x2(c, d, 0xEE);
  __m512d rows = _mm512_shuffle_f64x2(ab, cd, 0x88) + _mm512_shuffle_f64x2(ab, cd, 0xDD);
  rows = rows + _mm512_permute_pd(rows, 0x55);
  _mm256_storeu_pd(out, _mm512_castpd512_pd256(_mm512_maskz_compress_pd(0x55, rows)));
}
#endif

#if SUBLINEAR_VECTOR_BYTES == 32
// The four sums of the lanes of a ... d, in the order of `fold`.
SUBLINEAR_INLINE void fold_four(__m256 a, __m256 b, __m256 c, __m256 d, float* out) {
  const __m256 ab = _mm256_permute2f128_ps(a, b, 0x20) + _mm256_permute2f128_ps(a, b, 0x31);
  const __m256 cd = _mm256_permute2f128_ps(c, d, 0x20) + _mm256_permute2f128_ps(c, d, 0x31);
  __m256 rows = _mm256_shuffle_ps(ab, cd, 0x44) + _mm256_shuffle_ps(ab, cd, 0xEE);  // a a c c b b d d
  rows = rows + _mm256_permute_ps(rows, 0xB1);
  _mm_storeu_ps(out, _mm_blend_ps(_mm256_castps256_ps128(rows), _mm256_extractf128_ps(rows, 1), 0xA));
}

SUBLINEAR_INLINE void fold_four(__m256d a, __m256d b, __m256d c, __m256d d, double* out) {
  const __m256d ab = _mm256_permute2f128_pd(a, b, 0x20) + _mm256_permute2f128_pd(a, b, 0x31);
  const __m256d cd = _mm256_permute2f128_pd(c, d, 0x20) + _mm256_permute2f128_pd(c, d, 0x31);
  const __m256d rows = _mm256_unpacklo_pd(ab, cd) + _mm256_unpackhi_pd(ab, cd);  // a c b d
  _mm256_storeu_pd(out, _mm256_permute4x64_pd(rows, 0xD8));
}
#endif

// A vector of kBytes as its lower and upper half.
template <class T, int kBytes>
struct Split {
  typedef T Whole __attribute__((vector_size(kBytes)));
  typedef T Half __attribute__((vector_size(kBytes / 2)));
  Half low, high;
  SUBLINEAR_INLINE explicit Split(Whole whole) {
    memcpy(&low, &whole, kBytes / 2);
    memcpy(&high, reinterpret_cast<const char*>(&whole) + kBytes / 2, kBytes / 2);
  }
};

// Halves the lanes until one is left: lane l + half is added to lane l.
template <class T, int kBytes>
SUBLINEAR_INLINE T fold_vector(typename Split<T, kBytes>::Whole whole) {
  if constexpr (kBytes > 16) {
    const Split<T, kBytes> split(whole);
    return fold_vector<T, kBytes / 2>(split.low + split.high);
  } else if constexpr (sizeof(T) == 8) {
    return whole[0] + whole[1];
  } else {
    return (whole[0] + whole[2]) + (whole[1] + whole[3]);
  }
}

template <class T>
SUBLINEAR_INLINE T fold(Lanes<T> lanes) {
  for (int parts = Lanes<T>::kParts / 2; parts >= 1; parts /= 2)
    for (int p = 0; p < parts; ++p) lanes.part[p] = lanes.part[p] + lanes.part[p + parts];
  return fold_vector<T, SUBLINEAR_VECTOR_BYTES>(lanes.part[0]);
}

template <int kRows, class T>
SUBLINEAR_INLINE void fold_rows(const Lanes<T>* sums, T* out) {
#if SUBLINEAR_VECTOR_BYTES >= 32 || defined(SUBLINEAR_NEON)
  // The same additions for four rows at once, lanes of several rows side by side in a register.
  if constexpr (kRows == 4) {
    const auto folded = [&](int k) {
      const auto& part = sums[k].part;
      if constexpr (Lanes<T>::kParts == 4) return (part[0] + part[2]) + (part[1] + part[3]);
      if constexpr (Lanes<T>::kParts == 2) return part[0] + part[1];
      return part[0];
    };
    fold_four(folded(0), folded(1), folded(2), folded(3), out);
    return;
  }
#endif
  for (int k = 0; k < kRows; ++k) out[k] = fold(sums[k]);
}

// Rows that share every load of x; four hide the latency of the additions.
constexpr Index kRowsTogether = 4;

template <int kRows, class T>
SUBLINEAR_INLINE void inner_products_of(const T* const* rows, Index d, const T* x, T* out) {
  Lanes<T> sum[kRows];
  for (int k = 0; k < kRows; ++k) sum[k] = zero<T>();
  Index j = 0;
  for (; j + Lanes<T>::kLanes <= d; j += Lanes<T>::kLanes) {
    const Lanes<T> shared = load(x + j);
    for (int k = 0; k < kRows; ++k) add_product(sum[k], load(rows[k] + j), shared);
  }
  if (j < d) {
    const Lanes<T> shared = load_some(x + j, d - j);
    for (int k = 0; k < kRows; ++k) add_product(sum[k], load_some(rows[k] + j, d - j), shared);
  }
  fold_rows<kRows>(sum, out);
}

// All components.
template <class T>
struct AllVectors {
  template <int kRows>
  SUBLINEAR_INLINE void products(const T* const* rows, Index d, const T* x, T* out) const {
    inner_products_of<kRows>(rows, d, x, out);
  }
};

template <class T>
T inner_product_kernel(const T* a, const T* b, Index d) {
  T out;
  inner_products_of<1>(&a, d, b, &out);
  return out;
}

// The sum of the squares of a, or of a - b, in double, as `sum_in_parts` of norm_bounds.hpp adds it up.
template <class T>
double sum_of_squares_kernel(const T* a, const T* b, Index d) {
  constexpr Index kLanes = Lanes<double>::kLanes, kWidth = Lanes<double>::kWidth;
  typedef typename Native<double>::Vector Doubles;
  typedef T Some __attribute__((vector_size(kWidth * sizeof(T))));
  const auto doubles = [](const T* from) {
    Some some;
    memcpy(&some, from, sizeof some);
    return __builtin_convertvector(some, Doubles);
  };
  Lanes<double> sum = zero<double>();
  Index j = 0;
  for (; j + kLanes <= d; j += kLanes)
    for (int p = 0; p < Lanes<double>::kParts; ++p) {
      Doubles term = doubles(a + j + p * kWidth);
      if (b != nullptr) term = term - doubles(b + j + p * kWidth);
      sum.part[p] = sum.part[p] + term * term;
    }
  double parts[kLanes];
  store(sum, parts);
  for (; j < d; ++j) {
    const double term = static_cast<double>(a[j]) - (b != nullptr ? static_cast<double>(b[j]) : 0.0);
    parts[0] = parts[0] + term * term;
  }
  return ((parts[0] + parts[1]) + (parts[2] + parts[3])) + ((parts[4] + parts[5]) + (parts[6] + parts[7]));
}

// Asks for a row that is needed soon; the processor guesses the rest of a long one.
template <class T>
SUBLINEAR_INLINE void prefetch_row(const T* row, Index d) {
  const char* bytes = reinterpret_cast<const char*>(row);
  const Index size = d * static_cast<Index>(sizeof(T)) < 512 ? d * static_cast<Index>(sizeof(T)) : 512;
  for (Index at = 0; at < size; at += 64) __builtin_prefetch(bytes + at);
}

// Rows ahead for which `row_at` is asked when rows are scattered.
constexpr Index kRowsAhead = 12;

// `row_at(k)` is the address of row k; `vectors` says which components of x are multiplied.
template <bool kScattered, class T, class RowAt, class Vectors>
SUBLINEAR_INLINE void inner_products_each(RowAt row_at, Index count, Index d, const T* x, T* out,
                                          const Vectors& vectors) {
  Index k = 0;
  for (; k + kRowsTogether <= count; k += kRowsTogether) {
    const T* rows[kRowsTogether];
    for (Index i = 0; i < kRowsTogether; ++i) rows[i] = row_at(k + i);
    if (kScattered && k + kRowsAhead + kRowsTogether <= count)
      for (Index i = 0; i < kRowsTogether; ++i) prefetch_row(row_at(k + kRowsAhead + i), d);
    vectors.template products<kRowsTogether>(rows, d, x, out + k);
  }
  for (; k < count; ++k) {
    const T* row = row_at(k);
    vectors.template products<1>(&row, d, x, out + k);
  }
}

template <class T>
void inner_products_kernel(const T* rows, Index count, Index d, const T* x, T* out) {
  inner_products_each<false>([=](Index k) { return rows + k * d; }, count, d, x, out, AllVectors<T>{});
}

// Where x has components that are not 0: the native vectors with one, by which part of a group of lanes they are.
// Products of finite numbers with 0 change no sum that starts at +0.
template <class T>
class OpenVectors {
 public:
  static constexpr Index kMost = 4096;

  // Whether leaving out the others is worth it, for this x of d components, at most kMost.
  [[nodiscard]] SUBLINEAR_INLINE bool find(const T* x, Index d) {
    constexpr Index kLanes = Lanes<T>::kLanes, kWidth = Lanes<T>::kWidth;
    const Index most = d / kWidth * 3 / 4;
    Index found = 0;
    for (int p = 0; p < Lanes<T>::kParts; ++p) count_[p] = 0;
    for (Index j = 0; j + kLanes <= d; j += kLanes) {
      const Lanes<T> lanes = load(x + j);
      for (int p = 0; p < Lanes<T>::kParts; ++p) {
        at_[p][count_[p]] = static_cast<std::int32_t>(j + p * kWidth);
        const Index open = is_zero(lanes.part[p]) ? 0 : 1;
        count_[p] += open;
        found += open;
      }
      if (found > most) return false;
    }
    return true;
  }

  template <int kRows>
  SUBLINEAR_INLINE void products(const T* const* rows, Index d, const T* x, T* out) const {
    constexpr Index kLanes = Lanes<T>::kLanes;
    Lanes<T> sum[kRows];
    for (int k = 0; k < kRows; ++k) sum[k] = zero<T>();
    for (int p = 0; p < Lanes<T>::kParts; ++p)
      for (Index i = 0; i < count_[p]; ++i) {
        const Index j = at_[p][i];
        const Vector shared = vector_at(x + j);
        for (int k = 0; k < kRows; ++k) sum[k].part[p] = sum[k].part[p] + vector_at(rows[k] + j) * shared;
      }
    if (const Index j = d / kLanes * kLanes; j < d) {
      const Lanes<T> shared = load_some(x + j, d - j);
      for (int k = 0; k < kRows; ++k) add_product(sum[k], load_some(rows[k] + j, d - j), shared);
    }
    fold_rows<kRows>(sum, out);
  }

 private:
  typedef typename Native<T>::Vector Vector;
  static SUBLINEAR_INLINE Vector vector_at(const T* from) {
    Vector vector;
    memcpy(&vector, from, sizeof vector);
    return vector;
  }
  static SUBLINEAR_INLINE bool is_zero(const Vector& vector) {
    const auto differs = vector != Vector{};
    std::uint64_t words[sizeof vector / 8], any = 0;
    memcpy(words, &differs, sizeof vector);
    for (const std::uint64_t word : words) any |= word;
    return any == 0;
  }

  std::int32_t at_[Lanes<T>::kParts][kMost / Lanes<T>::kLanes + 1];
  Index count_[Lanes<T>::kParts];
};

// Fewer rows than this, or shorter ones, are not worth looking where x is 0.
constexpr Index kRowsToSkip = 8, kGroupsToSkip = 8;

template <class T>
void inner_products_at_kernel(const T* rows, const NeuronId* ids, Index count, Index d, const T* x, T* out) {
  const auto row_at = [=](Index k) { return rows + static_cast<Index>(ids[k]) * d; };
  OpenVectors<T> open;
  if (count >= kRowsToSkip && d >= kGroupsToSkip * Lanes<T>::kLanes && d <= OpenVectors<T>::kMost && open.find(x, d))
    inner_products_each<true>(row_at, count, d, x, out, open);
  else
    inner_products_each<true>(row_at, count, d, x, out, AllVectors<T>{});
}

// The lanes of a group whose `closed` is 0: which (the first is the lowest bit), how many, and packing them to the
// front. What is packed to has room for a whole group.
#if SUBLINEAR_VECTOR_BYTES == 64
template <class T>
class OpenLanes {
 public:
  explicit OpenLanes(const Lanes<T>& closed) : open_(zeros(closed.part[0])) {}
  [[nodiscard]] unsigned set() const { return open_; }
  [[nodiscard]] Index count() const { return __builtin_popcount(open_); }
  void pack(const Lanes<float>& from, float* to) const {
    _mm512_storeu_ps(to, _mm512_maskz_compress_ps(static_cast<__mmask16>(open_), from.part[0]));
  }
  void pack(const Lanes<double>& from, double* to) const {
    _mm512_storeu_pd(to, _mm512_maskz_compress_pd(static_cast<__mmask8>(open_), from.part[0]));
  }
  void pack(const NeuronId* from, NeuronId* to) const { pack_integers(load_integers(from), to); }
  void pack_positions(NeuronId first, NeuronId* to) const {
    pack_integers(_mm512_add_epi32(_mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
                                   _mm512_set1_epi32(first)),
                  to);
  }

 private:
  static unsigned zeros(__m512 from) { return _mm512_cmp_ps_mask(from, _mm512_setzero_ps(), _CMP_EQ_OQ); }
  static unsigned zeros(__m512d from) { return _mm512_cmp_pd_mask(from, _mm512_setzero_pd(), _CMP_EQ_OQ); }
  static __m512i load_integers(const NeuronId* from) {
    if constexpr (sizeof(T) == 4) return _mm512_loadu_si512(from);
    return _mm512_castsi256_si512(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
  }
  void pack_integers(__m512i from, NeuronId* to) const {
    const __m512i packed = _mm512_maskz_compress_epi32(static_cast<__mmask16>(open_), from);
    if constexpr (sizeof(T) == 4)
      _mm512_storeu_si512(to, packed);
    else  // no more than the group: `to` may be what the next one is read from
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm512_castsi512_si256(packed));
  }
  unsigned open_;
};
#elif SUBLINEAR_VECTOR_BYTES == 32
// For every set of eight lanes, the lanes that are in it, ascending, then any.
struct PackOrders {
  alignas(64) unsigned char lanes[256][8];
  constexpr PackOrders() : lanes() {
    for (int set = 0; set < 256; ++set)
      for (int lane = 0, at = 0; lane < 8; ++lane)
        if ((set >> lane & 1) != 0) lanes[set][at++] = static_cast<unsigned char>(lane);
  }
};
constexpr PackOrders kPackOrders;

template <class T>
class OpenLanes;

template <>
class OpenLanes<float> {
 public:
  explicit OpenLanes(const Lanes<float>& closed) {
    for (int p = 0; p < 2; ++p)
      open_[p] =
          static_cast<unsigned>(_mm256_movemask_ps(_mm256_cmp_ps(closed.part[p], _mm256_setzero_ps(), _CMP_EQ_OQ)));
    count_ = __builtin_popcount(open_[0]);
    for (int p = 0; p < 2; ++p)
      order_[p] = _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(kPackOrders.lanes[open_[p]])));
  }
  [[nodiscard]] unsigned set() const { return open_[0] | open_[1] << 8; }
  [[nodiscard]] Index count() const { return count_ + __builtin_popcount(open_[1]); }
  void pack(const Lanes<float>& from, float* to) const {
    _mm256_storeu_ps(to, _mm256_permutevar8x32_ps(from.part[0], order_[0]));
    _mm256_storeu_ps(to + count_, _mm256_permutevar8x32_ps(from.part[1], order_[1]));
  }
  void pack(const NeuronId* from, NeuronId* to) const {
    pack_integers(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)),
                  _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + 8)), to);
  }
  void pack_positions(NeuronId first, NeuronId* to) const {
    const __m256i low = _mm256_add_epi32(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), _mm256_set1_epi32(first));
    pack_integers(low, _mm256_add_epi32(low, _mm256_set1_epi32(8)), to);
  }

 private:
  void pack_integers(__m256i low, __m256i high, NeuronId* to) const {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm256_permutevar8x32_epi32(low, order_[0]));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + count_), _mm256_permutevar8x32_epi32(high, order_[1]));
  }
  unsigned open_[2];
  Index count_;
  __m256i order_[2];
};
#endif

#if SUBLINEAR_VECTOR_BYTES != 64 && !defined(SUBLINEAR_NEON)
template <class T>
class OpenLanes {
 public:
  explicit OpenLanes(const Lanes<T>& closed) {
    T lanes[Lanes<T>::kLanes];
    store(closed, lanes);
    for (int l = 0; l < Lanes<T>::kLanes; ++l) {
      const bool is_open = lanes[l] == 0;
      open_[count_] = l;
      count_ += is_open ? 1 : 0;
      set_ |= (is_open ? 1U : 0U) << l;
    }
  }
  [[nodiscard]] unsigned set() const { return set_; }
  [[nodiscard]] Index count() const { return count_; }
  void pack(const Lanes<T>& from, T* to) const {
    T lanes[Lanes<T>::kLanes];
    store(from, lanes);
    for (Index k = 0; k < count_; ++k) to[k] = lanes[open_[k]];
  }
  void pack(const NeuronId* from, NeuronId* to) const {
    for (Index k = 0; k < count_; ++k) to[k] = from[open_[k]];
  }
  void pack_positions(NeuronId first, NeuronId* to) const {
    for (Index k = 0; k < count_; ++k) to[k] = first + open_[k];
  }

 private:
  int open_[Lanes<T>::kLanes + 1];
  Index count_ = 0;
  unsigned set_ = 0;
};
#endif

// The positions of a group's lanes that are not above the limit, packed; returns how many.
template <class T>
SUBLINEAR_INLINE Index select_group(const T* values, T limit, NeuronId first, NeuronId* to) {
  const Lanes<T> lanes = load(values);
  Lanes<T> above;
  const typename Native<T>::Vector zero{}, one = zero + T(1);
  for (int p = 0; p < Lanes<T>::kParts; ++p) above.part[p] = lanes.part[p] > limit ? one : zero;
  const OpenLanes<T> found(above);
  found.pack_positions(first, to);
  return found.count();
}

template <class T>
Index select_not_above_kernel(const T* values, Index count, T limit, NeuronId* positions) {
  Index found = 0, k = 0;
  for (; k + Lanes<T>::kLanes <= count; k += Lanes<T>::kLanes)
    found += select_group(values + k, limit, static_cast<NeuronId>(k), positions + found);
  for (; k < count; ++k) {
    positions[found] = static_cast<NeuronId>(k);
    found += values[k] > limit ? 0 : 1;
  }
  return found;
}

// Whether the processor has 32 registers for vectors, or 16.
#if SUBLINEAR_VECTOR_BYTES == 64 || defined(SUBLINEAR_NEON)
constexpr bool kManyRegisters = true;
#else
constexpr bool kManyRegisters = false;
#endif

// A strip of kGroups lane groups of all rows: the sums stay in registers.
template <int kGroups, class T>
SUBLINEAR_INLINE void add_strip(const T* rows, const NeuronId* ids, const T* coefficients, Index count, Index d,
                                T* out) {
  Lanes<T> sum[kGroups];
  for (int g = 0; g < kGroups; ++g) sum[g] = load(out + g * Lanes<T>::kLanes);
  for (Index k = 0; k < count; ++k) {
    const T* row = rows + static_cast<Index>(ids[k]) * d;
    if (k + kRowsAhead < count) {
      const T* ahead = rows + static_cast<Index>(ids[k + kRowsAhead]) * d;
      for (int g = 0; g < kGroups; ++g) __builtin_prefetch(ahead + g * Lanes<T>::kLanes);
    }
    for (int g = 0; g < kGroups; ++g) add_scaled(sum[g], coefficients[k], load(row + g * Lanes<T>::kLanes));
  }
  for (int g = 0; g < kGroups; ++g) store(sum[g], out + g * Lanes<T>::kLanes);
}

template <class T>
void add_rows_kernel(const T* rows, const NeuronId* ids, const T* coefficients, Index count, Index d, T* out) {
  constexpr Index kLanes = Lanes<T>::kLanes;
  constexpr int kGroups = SUBLINEAR_VECTOR_BYTES == 16 && !kManyRegisters ? 2 : 4;
  Index j = 0;
  for (; j + kGroups * kLanes <= d; j += kGroups * kLanes)
    add_strip<kGroups>(rows + j, ids, coefficients, count, d, out + j);
  for (; j + kLanes <= d; j += kLanes) add_strip<1>(rows + j, ids, coefficients, count, d, out + j);
  if (j < d) {
    Lanes<T> sum = load_some(out + j, d - j);
    for (Index k = 0; k < count; ++k)
      add_scaled(sum, coefficients[k], load_some(rows + static_cast<Index>(ids[k]) * d + j, d - j));
    store_some(sum, out + j, d - j);
  }
}

// The same strip of kOutputs sums, each with coefficients of its own: rows are loaded once for all.
template <int kOutputs, int kGroups, class T>
SUBLINEAR_INLINE void add_strip_to_each(const T* rows, const NeuronId* ids, const T* coefficients, Index count,
                                        Index outputs, Index d, T* out) {
  constexpr Index kLanes = Lanes<T>::kLanes;
  Lanes<T> sum[kOutputs][kGroups];
  for (int o = 0; o < kOutputs; ++o)
    for (int g = 0; g < kGroups; ++g) sum[o][g] = load(out + o * d + g * kLanes);
  for (Index k = 0; k < count; ++k) {
    const T* const row = rows + static_cast<Index>(ids[k]) * d;
    for (int g = 0; g < kGroups; ++g) {
      const Lanes<T> shared = load(row + g * kLanes);
      for (int o = 0; o < kOutputs; ++o) add_scaled(sum[o][g], coefficients[k * outputs + o], shared);
    }
  }
  for (int o = 0; o < kOutputs; ++o)
    for (int g = 0; g < kGroups; ++g) store(sum[o][g], out + o * d + g * kLanes);
}

template <int kOutputs, class T>
SUBLINEAR_INLINE void add_rows_to_some(const T* rows, const NeuronId* ids, const T* coefficients, Index count,
                                       Index outputs, Index d, T* out) {
  constexpr Index kLanes = Lanes<T>::kLanes;
  constexpr int kGroups = SUBLINEAR_VECTOR_BYTES / 16;
  Index j = 0;
  for (; j + kGroups * kLanes <= d; j += kGroups * kLanes)
    add_strip_to_each<kOutputs, kGroups>(rows + j, ids, coefficients, count, outputs, d, out + j);
  for (; j + kLanes <= d; j += kLanes)
    add_strip_to_each<kOutputs, 1>(rows + j, ids, coefficients, count, outputs, d, out + j);
  if (j == d) return;
  for (int o = 0; o < kOutputs; ++o) {
    Lanes<T> sum = load_some(out + o * d + j, d - j);
    for (Index k = 0; k < count; ++k)
      add_scaled(sum, coefficients[k * outputs + o], load_some(rows + static_cast<Index>(ids[k]) * d + j, d - j));
    store_some(sum, out + o * d + j, d - j);
  }
}

template <class T>
void add_rows_to_each_kernel(const T* rows, const NeuronId* ids, const T* coefficients, Index count, Index outputs,
                             Index d, T* out) {
  constexpr int kTogether = kManyRegisters ? 4 : 2;  // with kGroups their sums fill half the registers
  Index o = 0;
  for (; o + kTogether <= outputs; o += kTogether)
    add_rows_to_some<kTogether>(rows, ids, coefficients + o, count, outputs, d, out + o * d);
  for (; o < outputs; ++o) add_rows_to_some<1>(rows, ids, coefficients + o, count, outputs, d, out + o * d);
}

// Each row goes onto `groups` sums of its own: rows are loaded once for all, and a strip of all sums stays in the
// cache.
template <class T>
void scatter_rows_kernel(const T* rows, const NeuronId* ids, const std::int32_t* sums_of, const T* coefficients,
                         Index count, Index groups, Index d, T* sums) {
  constexpr Index kLanes = Lanes<T>::kLanes, kStripGroups = 8;
  for (Index j = 0; j < d; j += kStripGroups * kLanes) {
    const Index end = j + kStripGroups * kLanes < d ? j + kStripGroups * kLanes : d;
    for (Index k = 0; k < count; ++k) {
      const T* const row = rows + static_cast<Index>(ids[k]) * d;
      if (k + kRowsAhead < count)
        for (Index i = j; i < end; i += kLanes)
          __builtin_prefetch(rows + static_cast<Index>(ids[k + kRowsAhead]) * d + i);
      for (Index g = 0; g < groups; ++g) {
        const T coefficient = coefficients[k * groups + g];
        T* const sum = sums + sums_of[k * groups + g] * d;
        Index i = j;
        for (; i + kLanes <= end; i += kLanes) {
          Lanes<T> own = load(sum + i);
          add_scaled(own, coefficient, load(row + i));
          store(own, sum + i);
        }
        if (i == end) continue;
        Lanes<T> own = load_some(sum + i, end - i);
        add_scaled(own, coefficient, load_some(row + i, end - i));
        store_some(own, sum + i, end - i);
      }
    }
  }
}

#include "fused_scan_inl.hpp"
#include "node_groups_inl.hpp"
#include "quantized_rows_inl.hpp"
// After the products that it takes.
#include "copy_bounds_inl.hpp"
#include "unstable_neurons_inl.hpp"

}  // namespace

#define SUBLINEAR_JOIN_(a, b) a##b
#define SUBLINEAR_JOIN(a, b) SUBLINEAR_JOIN_(a, b)
const KernelTable<float> SUBLINEAR_JOIN(kernels_float_, SUBLINEAR_LEVEL) = {
    inner_product_kernel<float>,    inner_products_kernel<float>,  inner_products_at_kernel<float>,
    select_not_above_kernel<float>, add_rows_kernel<float>,        add_rows_to_each_kernel<float>,
    bound_candidates_kernel<float>, bound_by_copies_kernel<float>, take_offset_kernel<float>,
    take_residual_kernel<float>,

    fused_scan_kernel<float>,       bound_boxes_kernel<float>,     bound_balls_kernel<float>,
    bound_simplices_kernel<float>,  strip_hits_kernel<float>,      strip_products_kernel<float>,
    quantize_to_kernel<float>,      quantize_row_to_kernel<float>, bound_at_anchor_kernel<float>,
    bound_on_line_kernel<float>,    bound_near_line_kernel<float>, copy_products_at_kernel<float>,
    scatter_rows_kernel<float>,     sum_of_squares_kernel<float>,  quantize_rest_kernel<float>,
    take_levels_kernel<float>};
const KernelTable<double> SUBLINEAR_JOIN(kernels_double_, SUBLINEAR_LEVEL) = {
    inner_product_kernel<double>,    inner_products_kernel<double>,  inner_products_at_kernel<double>,
    select_not_above_kernel<double>, add_rows_kernel<double>,        add_rows_to_each_kernel<double>,
    bound_candidates_kernel<double>, bound_by_copies_kernel<double>, take_offset_kernel<double>,
    take_residual_kernel<double>,

    fused_scan_kernel<double>,       bound_boxes_kernel<double>,     bound_balls_kernel<double>,
    bound_simplices_kernel<double>,  strip_hits_kernel<double>,      strip_products_kernel<double>,
    quantize_to_kernel<double>,      quantize_row_to_kernel<double>, bound_at_anchor_kernel<double>,
    bound_on_line_kernel<double>,    bound_near_line_kernel<double>, copy_products_at_kernel<double>,
    scatter_rows_kernel<double>,     sum_of_squares_kernel<double>,  quantize_rest_kernel<double>,
    take_levels_kernel<double>};

}  // namespace sublinear
