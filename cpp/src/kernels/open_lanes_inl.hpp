// Which lanes of a group are open, and packing them; part of kernels_inl.hpp.

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
