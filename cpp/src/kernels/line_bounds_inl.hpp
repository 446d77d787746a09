// The kernels of line_bounds.hpp; part of kernels_inl.hpp. Plain loops over a group of lanes, which the compiler turns
// into vectors of the level; every lane does the same roundings at every level, so counts agree.

// Packs the lanes whose `closed` is 0; returns how many. The arrays have room for a whole group.
#if SUBLINEAR_VECTOR_BYTES == 64
SUBLINEAR_INLINE void pack_lanes(__mmask16 open, __m512 from, float* to) {
  _mm512_storeu_ps(to, _mm512_maskz_compress_ps(open, from));
}
SUBLINEAR_INLINE void pack_lanes(__mmask8 open, __m512d from, double* to) {
  _mm512_storeu_pd(to, _mm512_maskz_compress_pd(open, from));
}
SUBLINEAR_INLINE __mmask16 zero_lanes(__m512 from) { return _mm512_cmp_ps_mask(from, _mm512_setzero_ps(), _CMP_EQ_OQ); }
SUBLINEAR_INLINE __mmask8 zero_lanes(__m512d from) { return _mm512_cmp_pd_mask(from, _mm512_setzero_pd(), _CMP_EQ_OQ); }

template <class T>
SUBLINEAR_INLINE Index pack_open(const Lanes<T>& closed, NeuronId first, const Lanes<T>& value, const Lanes<T>& slope,
                                 const Lanes<T>& spread, const Lanes<T>& error, const Lanes<T>& side,
                                 const OpenLines<T>& to) {
  const auto open = zero_lanes(closed.part[0]);
  const __m512i ids = _mm512_add_epi32(_mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
                                       _mm512_set1_epi32(first));
  _mm512_storeu_si512(to.positions, _mm512_maskz_compress_epi32(open, ids));
  pack_lanes(open, value.part[0], to.value);
  pack_lanes(open, slope.part[0], to.slope);
  pack_lanes(open, spread.part[0], to.spread);
  pack_lanes(open, error.part[0], to.error);
  pack_lanes(open, side.part[0], to.side);
  return __builtin_popcount(open);
}
#else
template <class T>
SUBLINEAR_INLINE Index pack_open(const Lanes<T>& closed, NeuronId first, const Lanes<T>& value, const Lanes<T>& slope,
                                 const Lanes<T>& spread, const Lanes<T>& error, const Lanes<T>& side,
                                 const OpenLines<T>& to) {
  T lanes[6][Lanes<T>::kLanes];
  store(closed, lanes[0]);
  store(value, lanes[1]);
  store(slope, lanes[2]);
  store(spread, lanes[3]);
  store(error, lanes[4]);
  store(side, lanes[5]);
  Index found = 0;
  for (NeuronId l = 0; l < Lanes<T>::kLanes; ++l) {
    to.positions[found] = first + l;
    to.value[found] = lanes[1][l];
    to.slope[found] = lanes[2][l];
    to.spread[found] = lanes[3][l];
    to.error[found] = lanes[4][l];
    to.side[found] = lanes[5][l];
    found += lanes[0][l] == 0 ? 1 : 0;
  }
  return found;
}
#endif

// Three fields of a group of structs of four numbers, `at(l)` the address of the l-th.
#if SUBLINEAR_VECTOR_BYTES == 64
template <class At>
SUBLINEAR_INLINE void load_fields(At at, Lanes<float>& x, Lanes<float>& y, Lanes<float>& z) {
  const auto load_four = [&](Index l) {
    __m512 four = _mm512_castps128_ps512(_mm_loadu_ps(at(l)));
    four = _mm512_insertf32x4(four, _mm_loadu_ps(at(l + 1)), 1);
    four = _mm512_insertf32x4(four, _mm_loadu_ps(at(l + 2)), 2);
    return _mm512_insertf32x4(four, _mm_loadu_ps(at(l + 3)), 3);
  };
  const __m512 a = load_four(0), b = load_four(4), c = load_four(8), d = load_four(12);
  const __m512i first = _mm512_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28, 0, 4, 8, 12, 16, 20, 24, 28);
  const auto field = [=](int which) {
    const __m512i from = _mm512_add_epi32(first, _mm512_set1_epi32(which));
    return _mm512_shuffle_f32x4(_mm512_permutex2var_ps(a, from, b), _mm512_permutex2var_ps(c, from, d), 0x44);
  };
  x.part[0] = field(0);
  y.part[0] = field(1);
  z.part[0] = field(2);
}
#endif

template <class T, class At>
SUBLINEAR_INLINE void load_fields(At at, Lanes<T>& x, Lanes<T>& y, Lanes<T>& z) {
  T fields[3][Lanes<T>::kLanes];
  for (Index l = 0; l < Lanes<T>::kLanes; ++l)
    for (int field = 0; field < 3; ++field) fields[field][l] = at(l)[field];
  x = load(fields[0]);
  y = load(fields[1]);
  z = load(fields[2]);
}

// One group of candidates; `ids` and `notes` have a whole one.
template <class T>
SUBLINEAR_INLINE Index bound_group(const RowFact<T>* facts, const NeuronId* ids, const LineNote<T>* notes,
                                   const LineOptions<T>& options, bool known, NeuronId first, T* rests,
                                   OpenLines<T> to) {
  typedef typename Native<T>::Vector Vector;
  Lanes<T> norms, drifts, biases, products, slopes, drifts_then;
  load_fields([=](Index l) { return &facts[ids[l]].norm; }, norms, drifts, biases);
  load_fields([=](Index l) { return &notes[l].product; }, products, slopes, drifts_then);
  const Lanes<T> rests_now = load(rests);
  Lanes<T> value, slope, error, side, closed, rests_then;
  const Vector zero{}, one = zero + T(1);
  for (int p = 0; p < Lanes<T>::kParts; ++p) {
    const Vector norm = norms.part[p], bias = biases.part[p], moved = drifts.part[p] - drifts_then.part[p];
    const auto sloped = slopes.part[p] == slopes.part[p];
    slope.part[p] = sloped ? slopes.part[p] : zero;
    value.part[p] = (products.part[p] + bias) - options.threshold;
    error.part[p] = (moved * options.drift_error + options.rounding * (norm + moved) +
                     options.bias_rounding * (bias < zero ? -bias : bias) +
                     (sloped ? zero : norm * options.slope_error) + options.constant) *
                    kOutward<T>;
    side.part[p] = known ? one - T(2) * rests_now.part[p] : (value.part[p] >= zero ? one : -one);
    rests_then.part[p] = (one - side.part[p]) * T(0.5);
    const Vector here = side.part[p] * value.part[p];
    const Vector there = side.part[p] * (value.part[p] + options.length * slope.part[p]);
    const Vector least = here < there ? here : there;
    closed.part[p] = least * kInward<T> > (norm * options.tube + error.part[p]) * kOutward<T> ? one : zero;
  }
  store(rests_then, rests);
  return pack_open(closed, first, value, slope, norms, error, side, to);
}

template <class T>
Index bound_lines_kernel(const RowFact<T>* facts, const NeuronId* ids, const LineNote<T>* notes, Index count,
                         const LineOptions<T>& options, bool known, T* rests, OpenLines<T> open) {
  constexpr Index kLanes = Lanes<T>::kLanes;
  constexpr Index kAhead = 4 * kLanes;
  Index found = 0, first = 0;
  const auto rest_of = [&] {
    return OpenLines<T>{open.positions + found, open.value + found, open.slope + found,
                        open.spread + found,    open.error + found, open.side + found};
  };
  for (; first + kLanes <= count; first += kLanes) {
    if (first + kAhead + kLanes <= count)
      for (Index l = 0; l < kLanes; ++l) __builtin_prefetch(facts + ids[first + kAhead + l]);
    found += bound_group(facts, ids + first, notes + first, options, known, static_cast<NeuronId>(first), rests + first,
                         rest_of());
  }
  if (first == count) return found;
  // The last group, filled up with copies of its first candidate, which are then left out.
  NeuronId last_ids[kLanes];
  LineNote<T> last_notes[kLanes];
  T last_rests[kLanes];
  const Index size = count - first;
  for (Index l = 0; l < kLanes; ++l) {
    const Index from = first + (l < size ? l : 0);
    last_ids[l] = ids[from];
    last_notes[l] = notes[from];
    last_rests[l] = rests[from];
  }
  found +=
      bound_group(facts, last_ids, last_notes, options, known, static_cast<NeuronId>(first), last_rests, rest_of());
  for (Index l = 0; l < size; ++l) rests[first + l] = last_rests[l];
  while (found > 0 && open.positions[found - 1] >= count) --found;
  return found;
}

template <class T>
Index select_unsure_kernel(const OpenLines<T>& open, const T* since, Index count, T s, T strayed, NeuronId* positions) {
  constexpr Index kLanes = Lanes<T>::kLanes;
  Index found = 0, first = 0;
  const auto excess = [&](Index k) {  // above 0 iff sure
    return open.side[k] * (open.value[k] + s * open.slope[k]) * kInward<T> -
           (open.spread[k] * (strayed - since[k]) + open.error[k]);
  };
  for (; first + kLanes <= count; first += kLanes) {
    T sure[kLanes];
    for (Index l = 0; l < kLanes; ++l) sure[l] = excess(first + l);
    found += select_group(sure, T(0), static_cast<NeuronId>(first), positions + found);
  }
  for (; first < count; ++first) {
    positions[found] = static_cast<NeuronId>(first);
    found += excess(first) > 0 ? 0 : 1;
  }
  return found;
}

template <class T>
SUBLINEAR_INLINE void store_some(const Lanes<T>& lanes, T* to, Index count) {
  T all[Lanes<T>::kLanes];
  store(lanes, all);
  for (Index j = 0; j < count; ++j) to[j] = all[j];
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
ResidualSquares<T> take_residual_kernel(const T* offset, T s, const T* direction, Index d, T* residual) {
  constexpr Index kLanes = Lanes<T>::kLanes;
  Lanes<T> squares = zero<T>(), changes = zero<T>();
  const auto take = [&](Lanes<T> now, const Lanes<T>& step, Lanes<T> before) {
    for (int p = 0; p < Lanes<T>::kParts; ++p) {
      now.part[p] = now.part[p] - step.part[p] * s;
      before.part[p] = now.part[p] - before.part[p];
    }
    add_product(squares, now, now);
    add_product(changes, before, before);
    return now;
  };
  Index j = 0;
  for (; j + kLanes <= d; j += kLanes)
    store(take(load(offset + j), load(direction + j), load(residual + j)), residual + j);
  if (j < d)
    store_some(take(load_some(offset + j, d - j), load_some(direction + j, d - j), load_some(residual + j, d - j)),
               residual + j, d - j);
  return {fold(squares), fold(changes)};
}
