// The kernels of unstable_neurons.hpp; part of kernels_inl.hpp. Plain loops over a group of lanes, which the compiler
// turns into vectors of the level; every lane does the same roundings at every level, so counts agree.

// Four fields of a group of structs of four numbers, `at(l)` the address of the l-th, and two of structs of two.
#if SUBLINEAR_VECTOR_BYTES == 64
template <class At>
SUBLINEAR_INLINE void load_fours(At at, Lanes<float>* fields) {
  const auto load_four = [&](Index l) {
    __m512 four = _mm512_castps128_ps512(_mm_loadu_ps(at(l)));
    four = _mm512_insertf32x4(four, _mm_loadu_ps(at(l + 1)), 1);
    four = _mm512_insertf32x4(four, _mm_loadu_ps(at(l + 2)), 2);
    return _mm512_insertf32x4(four, _mm_loadu_ps(at(l + 3)), 3);
  };
  const __m512 a = load_four(0), b = load_four(4), c = load_four(8), d = load_four(12);
  const __m512i first = _mm512_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28, 0, 4, 8, 12, 16, 20, 24, 28);
  for (int field = 0; field < 4; ++field) {
    const __m512i from = _mm512_add_epi32(first, _mm512_set1_epi32(field));
    fields[field].part[0] =
        _mm512_shuffle_f32x4(_mm512_permutex2var_ps(a, from, b), _mm512_permutex2var_ps(c, from, d), 0x44);
  }
}

SUBLINEAR_INLINE void load_pairs(const float* from, Lanes<float>* fields) {
  const __m512 a = _mm512_loadu_ps(from), b = _mm512_loadu_ps(from + 16);
  const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  fields[0].part[0] = _mm512_permutex2var_ps(a, even, b);
  fields[1].part[0] = _mm512_permutex2var_ps(a, _mm512_add_epi32(even, _mm512_set1_epi32(1)), b);
}
#elif SUBLINEAR_VECTOR_BYTES == 32
template <class At>
SUBLINEAR_INLINE void load_fours(At at, Lanes<float>* fields) {
  for (int p = 0; p < 2; ++p) {
    const auto load_two = [&](Index l) {
      return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(at(8 * p + l))), _mm_loadu_ps(at(8 * p + l + 4)),
                                  1);
    };
    const __m256 a = load_two(0), b = load_two(1), c = load_two(2), d = load_two(3);
    const __m256 ab = _mm256_unpacklo_ps(a, b), ab_high = _mm256_unpackhi_ps(a, b);
    const __m256 cd = _mm256_unpacklo_ps(c, d), cd_high = _mm256_unpackhi_ps(c, d);
    fields[0].part[p] = _mm256_shuffle_ps(ab, cd, 0x44);
    fields[1].part[p] = _mm256_shuffle_ps(ab, cd, 0xEE);
    fields[2].part[p] = _mm256_shuffle_ps(ab_high, cd_high, 0x44);
    fields[3].part[p] = _mm256_shuffle_ps(ab_high, cd_high, 0xEE);
  }
}

SUBLINEAR_INLINE void load_pairs(const float* from, Lanes<float>* fields) {
  for (int p = 0; p < 2; ++p) {
    const __m256 a = _mm256_loadu_ps(from + 16 * p), b = _mm256_loadu_ps(from + 16 * p + 8);
    const __m256 low = _mm256_permute2f128_ps(a, b, 0x20), high = _mm256_permute2f128_ps(a, b, 0x31);
    fields[0].part[p] = _mm256_shuffle_ps(low, high, 0x88);
    fields[1].part[p] = _mm256_shuffle_ps(low, high, 0xDD);
  }
}
#endif

template <class T, class At>
SUBLINEAR_INLINE void load_fours(At at, Lanes<T>* fields) {
  T lanes[4][Lanes<T>::kLanes];
  for (Index l = 0; l < Lanes<T>::kLanes; ++l)
    for (int field = 0; field < 4; ++field) lanes[field][l] = at(l)[field];
  for (int field = 0; field < 4; ++field) fields[field] = load(lanes[field]);
}

template <class T>
SUBLINEAR_INLINE void load_pairs(const T* from, Lanes<T>* fields) {
  T lanes[2][Lanes<T>::kLanes];
  for (Index l = 0; l < Lanes<T>::kLanes; ++l)
    for (int field = 0; field < 2; ++field) lanes[field][l] = from[2 * l + field];
  for (int field = 0; field < 2; ++field) fields[field] = load(lanes[field]);
}

// The seven numbers of a group of unstable neurons, `at(l)` the l-th, field by field; and back, those that are open
// packed.
#if SUBLINEAR_VECTOR_BYTES >= 32
// Rows become columns.
SUBLINEAR_INLINE void transpose_eight(__m256* rows) {
  __m256 pair[8], four[8];
  for (int k = 0; k < 8; k += 2) {
    pair[k] = _mm256_unpacklo_ps(rows[k], rows[k + 1]);
    pair[k + 1] = _mm256_unpackhi_ps(rows[k], rows[k + 1]);
  }
  for (int k = 0; k < 8; k += 4) {
    four[k] = _mm256_shuffle_ps(pair[k], pair[k + 2], 0x44);
    four[k + 1] = _mm256_shuffle_ps(pair[k], pair[k + 2], 0xEE);
    four[k + 2] = _mm256_shuffle_ps(pair[k + 1], pair[k + 3], 0x44);
    four[k + 3] = _mm256_shuffle_ps(pair[k + 1], pair[k + 3], 0xEE);
  }
  for (int k = 0; k < 4; ++k) {
    rows[k] = _mm256_permute2f128_ps(four[k], four[k + 4], 0x20);
    rows[k + 4] = _mm256_permute2f128_ps(four[k], four[k + 4], 0x31);
  }
}

SUBLINEAR_INLINE __m256 get_eight(const Lanes<float>& lanes, int which) {
#if SUBLINEAR_VECTOR_BYTES == 64
  return which == 0 ? _mm512_castps512_ps256(lanes.part[0]) : _mm512_extractf32x8_ps(lanes.part[0], 1);
#else
  return lanes.part[which];
#endif
}

template <class At>
SUBLINEAR_INLINE void load_near(At at, Lanes<float>* fields) {
  __m256 rows[2][8];
  for (int half = 0; half < 2; ++half) {
    for (int l = 0; l < 8; ++l) rows[half][l] = _mm256_loadu_ps(&at(8 * half + l)->start);
    transpose_eight(rows[half]);
  }
  for (int field = 0; field < 7; ++field) {
#if SUBLINEAR_VECTOR_BYTES == 64
    fields[field].part[0] = _mm512_insertf32x8(_mm512_castps256_ps512(rows[0][field]), rows[1][field], 1);
#else
    for (int half = 0; half < 2; ++half) fields[field].part[half] = rows[half][field];
#endif
  }
}

SUBLINEAR_INLINE void pack_near(const Lanes<float>* fields, const NeuronId* ids, const OpenLanes<float>& open,
                                UnstableNeuron<float>* to) {
  unsigned left = open.set();
  for (int half = 0; half < 2; ++half) {
    __m256 rows[8];
    for (int field = 0; field < 7; ++field) rows[field] = get_eight(fields[field], half);
    rows[7] = _mm256_castsi256_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(ids + 8 * half)));
    transpose_eight(rows);
    for (int l = 0; l < 8; ++l) {
      _mm256_storeu_ps(&to->start, rows[l]);
      to += left & 1;
      left >>= 1;
    }
  }
}
#endif

template <class T, class At>
SUBLINEAR_INLINE void load_near(At at, Lanes<T>* fields) {
  T lanes[7][Lanes<T>::kLanes];
  for (Index l = 0; l < Lanes<T>::kLanes; ++l)
    for (int field = 0; field < 7; ++field) lanes[field][l] = (&at(l)->start)[field];
  for (int field = 0; field < 7; ++field) fields[field] = load(lanes[field]);
}

template <class T>
SUBLINEAR_INLINE void pack_near(const Lanes<T>* fields, const NeuronId* ids, const OpenLanes<T>& open,
                                UnstableNeuron<T>* to) {
  T lanes[7][Lanes<T>::kLanes];
  for (int field = 0; field < 7; ++field) store(fields[field], lanes[field]);
  unsigned left = open.set();
  for (Index l = 0; l < Lanes<T>::kLanes; ++l) {
    for (int field = 0; field < 7; ++field) (&to->start)[field] = lanes[field][l];
    to->id = ids[l];
    to += left & 1;
    left >>= 1;
  }
}

// One group of candidates; `ids` and `cached` have a whole one.
template <class T>
SUBLINEAR_INLINE Index bound_group(const RowFact<T>* facts, const NeuronId* ids, const CachedProduct<T>* cached,
                                   const BoundOptions<T>& options, bool known, NeuronId first, T* inactive,
                                   NeuronId* positions, UnstableNeuron<T>* unstable, T* safe) {
  typedef typename Native<T>::Vector Vector;
  Lanes<T> fact[4], cached_one[2];  // norm, drift, bias, scale; product, drift
  load_fours([=](Index l) { return &facts[ids[l]].norm; }, fact);
  load_pairs(&cached[0].product, cached_one);
  const Lanes<T> rests_now = load(inactive);
  Lanes<T> fields[7], distance, closed, rests_then;
  Lanes<T>&start = fields[0], &error = fields[1], &blur = fields[2], &inverse = fields[4], &side = fields[5];
  fields[3] = fact[3];
  fields[6] = zero<T>();
  const Vector zeros{}, one = zeros + T(1);
  for (int p = 0; p < Lanes<T>::kParts; ++p) {
    const Vector norm = fact[0].part[p], bias = fact[2].part[p], moved = fact[1].part[p] - cached_one[1].part[p];
    start.part[p] = (cached_one[0].part[p] + bias) - options.threshold;
    const Vector size =
        (norm + moved) * options.norm_size + (bias < zeros ? -bias : bias) * options.bias_size + options.constant_size;
    error.part[p] = (moved * options.drift_error + options.rounding * size + options.constant) * kOutward<T>;
    blur.part[p] = (fact[3].part[p] * options.scale_blur + norm * options.norm_blur) * kOutward<T>;
    side.part[p] = known ? one - T(2) * rests_now.part[p] : (start.part[p] >= zeros ? one : -one);
    rests_then.part[p] = (one - side.part[p]) * T(0.5);
    inverse.part[p] = one / norm * kInward<T>;
    const Vector margin = side.part[p] * start.part[p] * kInward<T> - error.part[p] * kOutward<T>;
    distance.part[p] = margin * inverse.part[p] * kInward<T>;
    closed.part[p] = distance.part[p] > options.reach ? one : zeros;
  }
  store(rests_then, inactive);
  const OpenLanes<T> open(closed);
  pack_near(fields, ids, open, unstable);
  open.pack_positions(first, positions);
  open.pack(distance, safe);
  return open.count();
}

template <class T>
Index bound_candidates_kernel(const RowFact<T>* facts, const NeuronId* ids, const CachedProduct<T>* cached, Index count,
                              const BoundOptions<T>& options, bool known, T* inactive, NeuronId* positions,
                              UnstableNeuron<T>* unstable, T* safe) {
  constexpr Index kLanes = Lanes<T>::kLanes;
  constexpr Index kAhead = 4 * kLanes;
  Index found = 0, first = 0;
  for (; first + kLanes <= count; first += kLanes) {
    if (first + kAhead + kLanes <= count)
      for (Index l = 0; l < kLanes; ++l) __builtin_prefetch(facts + ids[first + kAhead + l]);
    found += bound_group(facts, ids + first, cached + first, options, known, static_cast<NeuronId>(first),
                         inactive + first, positions + found, unstable + found, safe + found);
  }
  if (first == count) return found;
  // The last group, filled up with copies of its first candidate, which are then left out.
  NeuronId last_ids[kLanes];
  CachedProduct<T> last_cached[kLanes];
  T last_rests[kLanes];
  const Index size = count - first;
  for (Index l = 0; l < kLanes; ++l) {
    const Index from = first + (l < size ? l : 0);
    last_ids[l] = ids[from];
    last_cached[l] = cached[from];
    last_rests[l] = inactive[from];
  }
  found += bound_group(facts, last_ids, last_cached, options, known, static_cast<NeuronId>(first), last_rests,
                       positions + found, unstable + found, safe + found);
  for (Index l = 0; l < size; ++l) inactive[first + l] = last_rests[l];
  while (found > 0 && positions[found - 1] >= count) --found;
  return found;
}

// One group of unstable neurons, `at(l)` the number of the l-th and copies[l] its row's copy, of which only the first
// `size` are meant. Sets `safe` of them, and their slopes where kFresh; writes the products and says who is sure.
template <bool kFresh, class T, class At>
SUBLINEAR_INLINE Lanes<T> bound_near_group(UnstableNeuron<T>* unstable, At at, const std::int8_t* const* copies,
                                           Index size, const OffsetCopies& offset, const LinePoint<T>& point, T* safe,
                                           Lanes<T>& products) {
  typedef typename Native<T>::Vector Vector;
  constexpr Index kLanes = Lanes<T>::kLanes;
  std::int32_t integers[kLanes];
  for (Index l = 0; l < kLanes; l += 4) {
    if (l < size)
      quantized_products_of_four(copies + l, offset.stride, offset.integers, integers + l);
    else
      memset(integers + l, 0, 4 * sizeof(*integers));
  }
  T wholes[kLanes];
  for (Index l = 0; l < kLanes; ++l) wholes[l] = static_cast<T>(integers[l]);
  products = load(wholes);
  Lanes<T> fields[7];
  load_near([&](Index l) { return unstable + at(l); }, fields);
  Lanes<T> distances, sure;
  const Vector zeros{}, one = zeros + T(1);
  for (int p = 0; p < Lanes<T>::kParts; ++p) {
    const Vector error = fields[1].part[p], blur = fields[2].part[p], side = fields[5].part[p];
    products.part[p] = products.part[p] * (fields[3].part[p] * point.offset_scale);
    const Vector slope = kFresh ? products.part[p] : fields[6].part[p];
    const Vector here = side * (fields[0].part[p] + products.part[p]), there = here + side * (slope * point.rest);
    const Vector least = here < there ? here : there;
    const Vector margin = least * kInward<T> - (error + blur * point.blurred) * kOutward<T>;
    distances.part[p] = (margin * fields[4].part[p] * kInward<T> + point.path_length) * kInward<T>;
    sure.part[p] = here * kInward<T> > (error + blur * point.away) * kOutward<T> ? one : zeros;
  }
  if (kFresh && size == kLanes) {
    store(distances, safe + at(0));
  } else {
    T distance[kLanes];
    store(distances, distance);
    for (Index l = 0; l < size; ++l) safe[at(l)] = distance[l];
  }
  if (kFresh) {
    T slopes[kLanes];
    store(products, slopes);
    for (Index l = 0; l < size; ++l) unstable[at(l)].slope = slopes[l];
  }
  return sure;
}

template <bool kFresh, class T>
SUBLINEAR_INLINE Index bound_near_groups(UnstableNeuron<T>* unstable, T* safe, const NeuronId* which, Index count,
                                         const OffsetCopies& offset, const LinePoint<T>& point, NeuronId* open,
                                         T* products) {
  constexpr Index kLanes = Lanes<T>::kLanes, kPrefetched = 256;
  const Index prefetched = offset.stride < kPrefetched ? offset.stride : kPrefetched;
  const std::int8_t *copies[kLanes], *next_copies[kLanes];
  const auto find_copy = [&](Index j) {
    const NeuronId k = kFresh ? static_cast<NeuronId>(j) : which[j];
    const std::int8_t* const copy = offset.copies + unstable[k].id * offset.stride;
    for (Index at = 0; at < prefetched; at += 64) __builtin_prefetch(copy + at);
    return copy;
  };
  // Of the group that begins at j, filled up with the last.
  const auto find_copies = [&](Index j, const std::int8_t** to) {
    if (j + kLanes <= count)
      for (Index l = 0; l < kLanes; ++l) to[l] = find_copy(j + l);
    else
      for (Index l = 0; l < kLanes; ++l) to[l] = find_copy(j + l < count ? j + l : count - 1);
  };
  if (count == 0) return 0;
  find_copies(0, next_copies);
  Index found = 0, first = 0;
  Lanes<T> group_products;
  for (; first + kLanes <= count; first += kLanes) {
    memcpy(copies, next_copies, sizeof copies);
    if (first + kLanes < count) find_copies(first + kLanes, next_copies);
    const auto at = [=](Index l) { return kFresh ? first + l : static_cast<Index>(which[first + l]); };
    const OpenLanes<T> unsure(
        bound_near_group<kFresh>(unstable, at, copies, kLanes, offset, point, safe, group_products));
    if (kFresh)
      unsure.pack_positions(static_cast<NeuronId>(first), open + found);
    else
      unsure.pack(which + first, open + found);
    unsure.pack(group_products, products + found);
    found += unsure.count();
  }
  if (first == count) return found;
  const Index size = count - first;
  NeuronId last[kLanes];
  for (Index l = 0; l < kLanes; ++l) {
    const Index j = l < size ? first + l : count - 1;
    last[l] = kFresh ? static_cast<NeuronId>(j) : which[j];
  }
  const auto at = [&](Index l) { return static_cast<Index>(last[l]); };
  const OpenLanes<T> unsure(
      bound_near_group<kFresh>(unstable, at, next_copies, size, offset, point, safe, group_products));
  unsure.pack(last, open + found);
  unsure.pack(group_products, products + found);
  return found + __builtin_popcount(unsure.set() & ((1U << size) - 1));
}

template <class T>
Index bound_by_copies_kernel(UnstableNeuron<T>* unstable, T* safe, const NeuronId* which, Index count,
                             const OffsetCopies& offset, const LinePoint<T>& point, NeuronId* open, T* products) {
  return which == nullptr ? bound_near_groups<true>(unstable, safe, which, count, offset, point, open, products)
                          : bound_near_groups<false>(unstable, safe, which, count, offset, point, open, products);
}

template <class T>
T take_offset_kernel(const T* x, const T* anchor, const T* direction, Index d, T* offset) {
  constexpr Index kLanes = Lanes<T>::kLanes;
  Lanes<T> sum = zero<T>();
  const auto difference = [](Lanes<T> a, const Lanes<T>& b) {
    for (int p = 0; p < Lanes<T>::kParts; ++p) a.part[p] = a.part[p] - b.part[p];
    return a;
  };
  Index j = 0;
  for (; j + kLanes <= d; j += kLanes) {
    const Lanes<T> own = difference(load(x + j), load(anchor + j));
    store(own, offset + j);
    add_product(sum, own, load(direction + j));
  }
  if (j < d) {
    const Lanes<T> own = difference(load_some(x + j, d - j), load_some(anchor + j, d - j));
    store_some(own, offset + j, d - j);
    add_product(sum, own, load_some(direction + j, d - j));
  }
  return fold(sum);
}

template <class T>
T take_residual_kernel(const T* offset, T s, const T* direction, Index d, T* residual) {
  constexpr Index kLanes = Lanes<T>::kLanes;
  Lanes<T> changes = zero<T>();
  const auto take = [&](Lanes<T> now, const Lanes<T>& step, Lanes<T> before) {
    for (int p = 0; p < Lanes<T>::kParts; ++p) {
      now.part[p] = now.part[p] - step.part[p] * s;
      before.part[p] = now.part[p] - before.part[p];
    }
    add_product(changes, before, before);
    return now;
  };
  Index j = 0;
  for (; j + kLanes <= d; j += kLanes)
    store(take(load(offset + j), load(direction + j), load(residual + j)), residual + j);
  if (j < d)
    store_some(take(load_some(offset + j, d - j), load_some(direction + j, d - j), load_some(residual + j, d - j)),
               residual + j, d - j);
  return fold(changes);
}
