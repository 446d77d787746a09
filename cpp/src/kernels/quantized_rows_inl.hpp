// The kernels of quantized_rows.hpp; part of kernels_inl.hpp. Sums of integers, so any order gives the same.

// The exact products of four rows and the vector. No sum leaves 32 bits: quantize_vector sees to it.
#if SUBLINEAR_VECTOR_BYTES >= 32
SUBLINEAR_INLINE void quantized_products_of_four(const std::int8_t* const* rows, Index stride,
                                                 const std::int16_t* vector, std::int32_t* products) {
  __m256i sum[4];
  Index j = 0;
#if SUBLINEAR_VECTOR_BYTES == 64
  __m512i wide[4];
  for (int k = 0; k < 4; ++k) wide[k] = _mm512_setzero_si512();
  for (; j + 32 <= stride; j += 32)
    for (int k = 0; k < 4; ++k)
      wide[k] = _mm512_add_epi32(
          wide[k],
          _mm512_madd_epi16(_mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(rows[k] + j))),
                            _mm512_loadu_si512(vector + j)));
  for (int k = 0; k < 4; ++k)
    sum[k] = _mm256_add_epi32(_mm512_castsi512_si256(wide[k]), _mm512_extracti64x4_epi64(wide[k], 1));
#else
  for (int k = 0; k < 4; ++k) sum[k] = _mm256_setzero_si256();
#endif
  for (; j < stride; j += 16) {
    const __m256i factors = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(vector + j));
    for (int k = 0; k < 4; ++k) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(rows[k] + j));
      sum[k] = _mm256_add_epi32(sum[k], _mm256_madd_epi16(_mm256_cvtepi8_epi16(bytes), factors));
    }
  }
  const __m256i four = _mm256_hadd_epi32(_mm256_hadd_epi32(sum[0], sum[1]), _mm256_hadd_epi32(sum[2], sum[3]));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(products),
                   _mm_add_epi32(_mm256_castsi256_si128(four), _mm256_extracti128_si256(four, 1)));
}
#elif !defined(SUBLINEAR_NEON)
SUBLINEAR_INLINE void quantized_products_of_four(const std::int8_t* const* rows, Index stride,
                                                 const std::int16_t* vector, std::int32_t* products) {
  for (int k = 0; k < 4; ++k) {
    std::int32_t sum = 0;
    for (Index j = 0; j < stride; ++j)
      sum += static_cast<std::int32_t>(static_cast<std::int16_t>(rows[k][j])) * vector[j];
    products[k] = sum;
  }
}
#endif

// The size of the largest component; infinity where one is not finite.
template <class T>
SUBLINEAR_INLINE T largest_component(const T* v, Index d) {
  constexpr Index kLanes = Lanes<T>::kLanes;
  typedef typename Native<T>::Vector Vector;
  const Vector zeros{};
  Vector largest{}, not_finite{};
  const auto look = [&](const Lanes<T>& lanes) {
    for (int p = 0; p < Lanes<T>::kParts; ++p) {
      const Vector size = lanes.part[p] < zeros ? -lanes.part[p] : lanes.part[p];
      largest = size > largest ? size : largest;
      not_finite = not_finite + (size - size);  // 0 for a number, else NaN
    }
  };
  Index j = 0;
  for (; j + kLanes <= d; j += kLanes) look(load(v + j));
  if (j < d) look(load_some(v + j, d - j));
  T top = 0, wrong = 0;
  for (int l = 0; l < Lanes<T>::kWidth; ++l) {
    top = largest[l] > top ? largest[l] : top;
    wrong += not_finite[l];
  }
  return wrong != 0 ? static_cast<T>(__builtin_inf()) : top;
}

// Writes the integers nearest to v * inverse; where kSquares, returns the canonical sum of the squares that this takes
// away. `out` has whole groups of lanes.
template <bool kSquares, class T, class Integer>
SUBLINEAR_INLINE T write_levels(const T* v, Index d, T inverse, Integer* out) {
  constexpr Index kLanes = Lanes<T>::kLanes;
  typedef typename Native<T>::Vector Vector;
  const Vector zeros{}, half = zeros + T(0.5);
  Lanes<T> squares = zero<T>();
  const auto write = [&](const Lanes<T>& lanes, Integer* to) {
    T levels[kLanes], rounded[kLanes];
    Lanes<T> level;
    for (int p = 0; p < Lanes<T>::kParts; ++p) {
      level.part[p] = lanes.part[p] * inverse;
      const Vector further = level.part[p] + (level.part[p] < zeros ? -half : half);
      memcpy(levels + p * Lanes<T>::kWidth, &further, sizeof further);
    }
    for (Index l = 0; l < kLanes; ++l) {
      const auto integer = static_cast<std::int32_t>(levels[l]);
      to[l] = static_cast<Integer>(integer);
      rounded[l] = static_cast<T>(integer);
    }
    if constexpr (kSquares) {
      Lanes<T> missing = load(rounded);
      for (int p = 0; p < Lanes<T>::kParts; ++p) missing.part[p] = level.part[p] - missing.part[p];
      add_product(squares, missing, missing);
    }
  };
  Index j = 0;
  for (; j + kLanes <= d; j += kLanes) write(load(v + j), out + j);
  if (j < d) write(load_some(v + j, d - j), out + j);
  return fold(squares);
}

// |v / scale| is at most `most` and two roundings, which is less than half more; so no integer is above it.
template <class T>
SUBLINEAR_INLINE T scale_for(T largest, T most) {
  return largest / most * (T(1) + (sizeof(T) == 4 ? T(0x1p-22) : T(0x1p-51)));
}

template <class T>
T quantize_to_kernel(const T* v, Index d, T most, T least, std::int16_t* out) {
  const Index size = (d + 15) / 16 * 16;
  memset(out, 0, static_cast<size_t>(size) * sizeof(*out));
  const T largest = largest_component(v, d);
  // All 0: the error is at most the vector itself.
  if (!(largest >= least) || !(largest < static_cast<T>(__builtin_inf())) || !(most >= 1)) return largest;
  const T scale = scale_for(largest, most);
  static_cast<void>(write_levels<false>(v, d, T(1) / scale, out));
  return scale;
}

template <class T>
T quantize_row_to_kernel(const T* row, Index d, T most, T least, T limit, std::int8_t* out) {
  constexpr int kTries = 16;
  const size_t size = static_cast<size_t>((d + 15) / 16 * 16);
  memset(out, 0, size);
  const T largest = largest_component(row, d);
  if (!(largest < static_cast<T>(__builtin_inf()))) return largest;
  if (largest >= least) {
    T scale = scale_for(largest, most);
    for (int attempt = 0; attempt < kTries; ++attempt) {
      if (write_levels<true>(row, d, T(1) / scale, out) <= limit) return scale;
      scale = scale * (T(1) + T(1) / 64);
    }
    memset(out, 0, size);
  }
  return 4 * largest;
}

// Plain loops below, which the compiler turns into vectors of each level.

template <class T>
void quantize_rest_kernel(const T* row, const std::int8_t* copy, Index d, T scale, T inverse, std::int8_t* out) {
  constexpr Index kSome = 64;
  for (Index first = 0; first < d; first += kSome) {
    const Index size = first + kSome < d ? kSome : d - first;
    std::int32_t levels[kSome];
    for (Index j = 0; j < size; ++j) {
      const T units = (row[first + j] - scale * static_cast<T>(copy[first + j])) * inverse;
      const T rounded = units + (units < 0 ? T(-0.5) : T(0.5)), above = rounded > -127 ? rounded : T(-127);
      levels[j] = static_cast<std::int32_t>(above < 127 ? above : T(127));
    }
    for (Index j = 0; j < size; ++j) out[first + j] = static_cast<std::int8_t>(levels[j]);
  }
}

template <class T>
std::int64_t take_levels_kernel(T* v, Index d, T scale, T inverse, T shift, std::int32_t zero, bool down,
                                std::uint8_t* out) {
  constexpr Index kSome = 64;
  std::int64_t squares = 0;
  const T least = down ? T(0) : -static_cast<T>(__builtin_inf());
  for (Index first = 0; first < d; first += kSome) {
    const Index size = first + kSome < d ? kSome : d - first;
    T* const some = v + first;
    std::int32_t levels[kSome], sum = 0;
    for (Index j = 0; j < size; ++j) levels[j] = static_cast<std::int32_t>(some[j] * inverse + shift);
    for (Index j = 0; j < size; ++j) {
      const std::int32_t level = levels[j] - zero;
      const T left = some[j] - scale * static_cast<T>(level);
      some[j] = left < least ? least : left;
      sum += level * level;
    }
    for (Index j = 0; j < size; ++j) out[first + j] = static_cast<std::uint8_t>(levels[j]);
    squares += sum;
  }
  return squares;
}
