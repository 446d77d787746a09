// The kernel `fused_scan` of fused_scan.hpp; part of kernels_inl.hpp.

// One bit per lane that is not below its limit.
#if SUBLINEAR_VECTOR_BYTES == 64
SUBLINEAR_INLINE unsigned not_below(Native<float>::Vector v, Native<float>::Vector limit) {
  return _mm512_cmp_ps_mask(v, limit, _CMP_NLT_UQ);
}
SUBLINEAR_INLINE unsigned not_below(Native<double>::Vector v, Native<double>::Vector limit) {
  return _mm512_cmp_pd_mask(v, limit, _CMP_NLT_UQ);
}
SUBLINEAR_INLINE Native<float>::Vector multiply_add(float a, Native<float>::Vector b, Native<float>::Vector c) {
  return _mm512_fmadd_ps(_mm512_set1_ps(a), b, c);
}
SUBLINEAR_INLINE Native<double>::Vector multiply_add(double a, Native<double>::Vector b, Native<double>::Vector c) {
  return _mm512_fmadd_pd(_mm512_set1_pd(a), b, c);
}
#elif SUBLINEAR_VECTOR_BYTES == 32
SUBLINEAR_INLINE unsigned not_below(Native<float>::Vector v, Native<float>::Vector limit) {
  return static_cast<unsigned>(_mm256_movemask_ps(_mm256_cmp_ps(v, limit, _CMP_NLT_UQ)));
}
SUBLINEAR_INLINE unsigned not_below(Native<double>::Vector v, Native<double>::Vector limit) {
  return static_cast<unsigned>(_mm256_movemask_pd(_mm256_cmp_pd(v, limit, _CMP_NLT_UQ)));
}
SUBLINEAR_INLINE Native<float>::Vector multiply_add(float a, Native<float>::Vector b, Native<float>::Vector c) {
  return _mm256_fmadd_ps(_mm256_set1_ps(a), b, c);
}
SUBLINEAR_INLINE Native<double>::Vector multiply_add(double a, Native<double>::Vector b, Native<double>::Vector c) {
  return _mm256_fmadd_pd(_mm256_set1_pd(a), b, c);
}
#elif !defined(SUBLINEAR_NEON)
template <int kBytes>
struct Lane {
  typedef std::int32_t Integer;
};
template <>
struct Lane<8> {
  typedef std::int64_t Integer;
};
template <class Vector>
SUBLINEAR_INLINE unsigned not_below(Vector v, Vector limit) {
  typename Lane<sizeof(v[0])>::Integer below[sizeof(Vector) / sizeof(v[0])];
  const auto compared = v < limit;
  memcpy(below, &compared, sizeof(Vector));
  unsigned bits = 0;
  for (unsigned l = 0; l < sizeof(Vector) / sizeof(v[0]); ++l) bits |= (below[l] != 0 ? 0U : 1U) << l;
  return bits;
}
template <class T, class Vector>
SUBLINEAR_INLINE Vector multiply_add(T a, Vector b, Vector c) {
  return a * b + c;
}
#endif

// Vectors of queries and points that share a register tile: their sums, two loads and a broadcast fit the registers.
#if defined(SUBLINEAR_NEON)
constexpr int kTileVectors = 4;
#else
constexpr int kTileVectors = 2;
#endif
constexpr int kTilePoints = SUBLINEAR_VECTOR_BYTES == 64 ? 12 : 6;

// One bit for each query of a tile that is not below its limit.
template <class Vector>
SUBLINEAR_INLINE unsigned tile_bits(const Vector* scores, const Vector* limits) {
#if defined(SUBLINEAR_NEON)
  return not_below<kTileVectors>(scores, limits);
#else
  constexpr int kWidth = sizeof(Vector) / sizeof(scores[0][0]);
  unsigned bits = 0;
  for (int v = 0; v < kTileVectors; ++v) bits |= not_below(scores[v], limits[v]) << (v * kWidth);
  return bits;
#endif
}

// Where what a tile finds is noted. With AVX2 as bits, which are listed once a block: few of a tile's queries find a
// point, and no processor could guess for which points one of them does.
#if SUBLINEAR_VECTOR_BYTES == 32
template <class T>
struct TileNotes {
  static constexpr int kQueries = kTileVectors * Lanes<T>::kWidth, kBytes = kQueries / 8;
  static constexpr Index kTogether = 8 / kBytes;  // points whose bits fill a word
  static_assert(kBlockPoints % kTogether == 0);
  std::uint8_t found[kBlockPoints * kBytes], sure[kBlockPoints * kBytes];

  SUBLINEAR_INLINE void note(unsigned is_found, unsigned is_sure, Index, Index point, BlockHits) {
    memcpy(found + point * kBytes, &is_found, kBytes);
    memcpy(sure + point * kBytes, &is_sure, kBytes);
  }

  SUBLINEAR_INLINE void list(Index count, Index first_query, BlockHits hits) {
    for (Index p = count; p % kTogether != 0; ++p) note(0, 0, first_query, p, hits);
    for (Index p = 0; p < count; p += kTogether) {
      std::uint64_t left, surely;
      memcpy(&left, found + p * kBytes, 8);
      memcpy(&surely, sure + p * kBytes, 8);
      for (; left != 0; left &= left - 1) {
        const int bit = __builtin_ctzll(left);
        const Index q = first_query + bit % kQueries, point = p + bit / kQueries;
        const unsigned flag = (surely >> bit & 1U) != 0 ? 0U : unsigned{kUnsure};
        hits.offsets[q * kBlockPoints + hits.counts[q]++] =
            static_cast<std::uint16_t>(static_cast<unsigned>(point) | flag);
      }
    }
  }
};
#else
template <class T>
struct TileNotes {
  SUBLINEAR_INLINE void note(unsigned found, unsigned sure, Index first_query, Index point, BlockHits hits) {
    note_hits(found, sure, first_query, point, hits);
  }
  SUBLINEAR_INLINE void list(Index, Index, BlockHits) {}
};
#endif

template <int kPoints, class T>
SUBLINEAR_INLINE void scan_tile(const T* rows, Index d, Index first_point, const T* packed, Index first_query,
                                const T* low, const T* high, TileNotes<T>& notes, BlockHits hits) {
  typedef typename Native<T>::Vector Vector;
  constexpr int kWidth = Lanes<T>::kWidth;
  Vector sum[kPoints][kTileVectors];
  // Unrolled, all sums are registers.
#pragma GCC unroll 12
  for (int p = 0; p < kPoints; ++p)
    for (int v = 0; v < kTileVectors; ++v) sum[p][v] = Vector{};
  for (Index j = 0; j < d; ++j) {
    Vector x[kTileVectors];
    for (int v = 0; v < kTileVectors; ++v)
      memcpy(&x[v], packed + j * kPanel<T> + first_query + v * kWidth, sizeof(Vector));
#pragma GCC unroll 12
    for (int p = 0; p < kPoints; ++p) {
      const T w = rows[p * d + j];
      for (int v = 0; v < kTileVectors; ++v) sum[p][v] = multiply_add(w, x[v], sum[p][v]);
    }
  }
  Vector lows[kTileVectors], highs[kTileVectors];
  for (int v = 0; v < kTileVectors; ++v) {
    memcpy(&lows[v], low + first_query + v * kWidth, sizeof(Vector));
    memcpy(&highs[v], high + first_query + v * kWidth, sizeof(Vector));
  }
#pragma GCC unroll 12
  for (int p = 0; p < kPoints; ++p) {
    const unsigned found = tile_bits(sum[p], lows);
    if (SUBLINEAR_VECTOR_BYTES != 32 && found == 0) continue;
    notes.note(found, tile_bits(sum[p], highs), first_query, first_point + p, hits);
  }
}

template <class T>
void fused_scan_kernel(const T* rows, Index count, Index d, const T* packed, const T* low, const T* high,
                       BlockHits hits) {
  for (Index q = 0; q < kPanel<T>; q += kTileVectors * Lanes<T>::kWidth) {
    TileNotes<T> notes;
    Index p = 0;
    for (; p + kTilePoints <= count; p += kTilePoints)
      scan_tile<kTilePoints>(rows + p * d, d, p, packed, q, low, high, notes, hits);
    for (; p + 3 <= count; p += 3) scan_tile<3>(rows + p * d, d, p, packed, q, low, high, notes, hits);
    for (; p < count; ++p) scan_tile<1>(rows + p * d, d, p, packed, q, low, high, notes, hits);
    notes.list(count, q, hits);
  }
}
