// The canonical inner product of one row or many, and sums of squares; part of kernels_inl.hpp.

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
