// The kernels of node_groups.hpp; part of kernels_inl.hpp.

// Vectors that hold one value of all siblings.
template <class T>
constexpr int kGroupParts = static_cast<int>(kSiblings * sizeof(T)) / SUBLINEAR_VECTOR_BYTES;

template <class T>
SUBLINEAR_INLINE typename Native<T>::Vector load_part(const T* from) {
  typename Native<T>::Vector v;
  memcpy(&v, from, sizeof(v));
  return v;
}

// One bit per lane that is at least its limit (not for NaN); `not_below` differs in NaN only.
#if SUBLINEAR_VECTOR_BYTES == 64
SUBLINEAR_INLINE unsigned at_least(Native<float>::Vector v, Native<float>::Vector limit) {
  return _mm512_cmp_ps_mask(v, limit, _CMP_GE_OQ);
}
SUBLINEAR_INLINE unsigned at_least(Native<double>::Vector v, Native<double>::Vector limit) {
  return _mm512_cmp_pd_mask(v, limit, _CMP_GE_OQ);
}
#elif SUBLINEAR_VECTOR_BYTES == 32
SUBLINEAR_INLINE unsigned at_least(Native<float>::Vector v, Native<float>::Vector limit) {
  return static_cast<unsigned>(_mm256_movemask_ps(_mm256_cmp_ps(v, limit, _CMP_GE_OQ)));
}
SUBLINEAR_INLINE unsigned at_least(Native<double>::Vector v, Native<double>::Vector limit) {
  return static_cast<unsigned>(_mm256_movemask_pd(_mm256_cmp_pd(v, limit, _CMP_GE_OQ)));
}
#elif !defined(SUBLINEAR_NEON)
template <class Vector>
SUBLINEAR_INLINE unsigned at_least(Vector v, Vector limit) {
  typename Lane<sizeof(v[0])>::Integer held[sizeof(Vector) / sizeof(v[0])];
  const auto compared = v >= limit;
  memcpy(held, &compared, sizeof(Vector));
  unsigned bits = 0;
  for (unsigned l = 0; l < sizeof(Vector) / sizeof(v[0]); ++l) bits |= (held[l] != 0 ? 1U : 0U) << l;
  return bits;
}
#endif

// Adds what low and high, the ends of where exact products of one part of a group can lie, say about its siblings.
template <class T>
SUBLINEAR_INLINE void note_sides(typename Native<T>::Vector low, typename Native<T>::Vector high, const T* sizes,
                                 const BoundQuery<T>& query, int part, unsigned& inside, unsigned& possible, T* highs) {
  typedef typename Native<T>::Vector Vector;
  constexpr int kWidth = Lanes<T>::kWidth;
  // Eight times too much, and taken back: so it is infinite where a product might overflow, and then nothing is known.
  const Vector scale = (load_part(sizes + part * kWidth) * T(8)) * query.norm;
  const Vector margin = scale * (query.relative / T(8)) + query.absolute;
  low = low - margin;
  high = high + margin;
  inside |= at_least(low, Vector{} + query.least) << (part * kWidth);
  possible |= not_below(high, Vector{} + query.most) << (part * kWidth);
  if (highs != nullptr) memcpy(highs + part * kWidth, &high, sizeof(Vector));
}

// `ends(group, part, low, high)` computes the ends of one part of a group.
template <class T, class Ends>
SUBLINEAR_INLINE void bound_groups(const T* groups, Index values, const std::int32_t* which, Index count,
                                   const BoundQuery<T>& query, GroupSides* sides, T* highs, Ends ends) {
  const Index stride = values * kSiblings;
  for (Index k = 0; k < count; ++k) {
    const T* group = groups + which[k] * stride;
    if (k + 2 < count) {
      const T* ahead = groups + which[k + 2] * stride;
      for (Index at = 0; at < stride && at < 256; at += 64 / static_cast<Index>(sizeof(T)))
        __builtin_prefetch(ahead + at);
    }
    unsigned inside = 0, possible = 0;
    for (int part = 0; part < kGroupParts<T>; ++part) {
      typename Native<T>::Vector low = {}, high = {};
      ends(group + part * Lanes<T>::kWidth, low, high);
      note_sides(low, high, group + (values - 1) * kSiblings, query, part, inside, possible,
                 highs == nullptr ? nullptr : highs + k * kSiblings);
    }
    sides[k].inside = static_cast<std::uint16_t>(inside);
    sides[k].possible = static_cast<std::uint16_t>(possible);
  }
}

template <class T>
void bound_boxes_kernel(const T* groups, Index d, const std::int32_t* which, Index count, const BoundQuery<T>& query,
                        GroupSides* sides, T* highs) {
  typedef typename Native<T>::Vector Vector;
  bound_groups(groups, box_values(d), which, count, query, sides, highs, [&](const T* at, Vector& low, Vector& high) {
    low = high = Vector{};
    for (Index j = 0; j < d; ++j) {
      const T q = query.normal[j];
      const Index up = q >= 0 ? kSiblings : 0;  // which end is larger in the direction of the normal
      low = low + load_part(at + 2 * j * kSiblings + (kSiblings - up)) * q;
      high = high + load_part(at + 2 * j * kSiblings + up) * q;
    }
  });
}

template <class T>
void bound_balls_kernel(const T* groups, Index d, const std::int32_t* which, Index count, const BoundQuery<T>& query,
                        GroupSides* sides, T* highs) {
  typedef typename Native<T>::Vector Vector;
  bound_groups(groups, ball_values(d), which, count, query, sides, highs, [&](const T* at, Vector& low, Vector& high) {
    Vector middle = Vector{};
    for (Index j = 0; j < d; ++j) middle = middle + load_part(at + j * kSiblings) * query.normal[j];
    const Vector reach = load_part(at + d * kSiblings) * query.norm;
    low = middle - reach;
    high = middle + reach;
  });
}

template <class T>
void bound_simplices_kernel(const T* groups, Index d, const std::int32_t* which, Index count,
                            const BoundQuery<T>& query, GroupSides* sides, T* highs) {
  typedef typename Native<T>::Vector Vector;
  bound_groups(groups, simplex_values(d), which, count, query, sides, highs,
               [&](const T* at, Vector& low, Vector& high) {
                 for (Index v = 0; v <= d; ++v) {
                   Vector product = Vector{};
                   for (Index j = 0; j < d; ++j)
                     product = product + load_part(at + (v * d + j) * kSiblings) * query.normal[j];
                   low = v == 0 ? product : low < product ? low : product;
                   high = v == 0 ? product : high > product ? high : product;
                 }
                 const Vector outside = load_part(at + d * (d + 1) * kSiblings) * query.norm;
                 low = low - outside;
                 high = high + outside;
               });
}

// The canonical products of as many points of a strip as a vector holds: lane l of the canonical order is sums[l].
// kDimension is d where it is known at compile time, else 0.
template <int kDimension, class T>
SUBLINEAR_INLINE typename Native<T>::Vector strip_part(const T* at, Index d, const T* normal) {
  constexpr Index kLanes = Lanes<T>::kLanes;
  const Index size = kDimension > 0 ? kDimension : d;
  typename Native<T>::Vector sums[kLanes] = {};
  Index lanes = size < kLanes ? size : kLanes;
#pragma GCC unroll 16
  for (Index l = 0; l < lanes; ++l) sums[l] = typename Native<T>::Vector{} + load_part(at + l * kSiblings) * normal[l];
  for (Index j = kLanes; j < size; j += kLanes)
#pragma GCC unroll 16
    for (Index l = 0; l < kLanes; ++l)
      if (j + l < size) sums[l] = sums[l] + load_part(at + (j + l) * kSiblings) * normal[j + l];
        // Lanes that hold nothing are +0, and adding them changes nothing.
#pragma GCC unroll 4
  for (Index half = kLanes / 2; half >= 1; half /= 2) {
#pragma GCC unroll 8
    for (Index l = 0; l + half < lanes; ++l) sums[l] = sums[l] + sums[l + half];
    lanes = lanes < half ? lanes : half;
  }
  return sums[0];
}

template <int kDimension, class T>
SUBLINEAR_INLINE void strip_hits_of(const T* strips, Index d, const std::int32_t* which, Index count, const T* normal,
                                    T limit, std::uint16_t* hits) {
  typedef typename Native<T>::Vector Vector;
  for (Index k = 0; k < count; ++k) {
    const T* strip = strips + which[k] * d * kSiblings;
    if (k + 4 < count) {
      const T* ahead = strips + which[k + 4] * d * kSiblings;
      for (Index j = 0; j < d && j < 8; ++j) __builtin_prefetch(ahead + j * kSiblings);
    }
    unsigned found = 0;
    for (int part = 0; part < kGroupParts<T>; ++part) {
      constexpr int kWidth = Lanes<T>::kWidth;
      found |= at_least(strip_part<kDimension>(strip + part * kWidth, d, normal), Vector{} + limit) << (part * kWidth);
    }
    hits[k] = static_cast<std::uint16_t>(found);
  }
}

template <class T>
void strip_hits_kernel(const T* strips, Index d, const std::int32_t* which, Index count, const T* normal, T limit,
                       std::uint16_t* hits) {
  switch (d) {
    case 1:
      return strip_hits_of<1>(strips, d, which, count, normal, limit, hits);
    case 2:
      return strip_hits_of<2>(strips, d, which, count, normal, limit, hits);
    case 3:
      return strip_hits_of<3>(strips, d, which, count, normal, limit, hits);
    case 4:
      return strip_hits_of<4>(strips, d, which, count, normal, limit, hits);
    case 5:
      return strip_hits_of<5>(strips, d, which, count, normal, limit, hits);
    case 6:
      return strip_hits_of<6>(strips, d, which, count, normal, limit, hits);
    case 7:
      return strip_hits_of<7>(strips, d, which, count, normal, limit, hits);
    case 8:
      return strip_hits_of<8>(strips, d, which, count, normal, limit, hits);
    default:
      return strip_hits_of<0>(strips, d, which, count, normal, limit, hits);
  }
}

template <class T>
void strip_products_kernel(const T* strip, Index d, const T* normal, T* products) {
  for (int part = 0; part < kGroupParts<T>; ++part) {
    const typename Native<T>::Vector values = strip_part<0>(strip + part * Lanes<T>::kWidth, d, normal);
    memcpy(products + part * Lanes<T>::kWidth, &values, sizeof(values));
  }
}
