// What the kernels of the level `neon` do by instructions of its own; part of kernels_inl.hpp. All else is written in
// vector types, of which compilers make NEON by themselves.

SUBLINEAR_INLINE float32x4_t as_floats(uint8x16_t v) { return vreinterpretq_f32_u8(v); }
SUBLINEAR_INLINE int32x4_t as_integers(uint8x16_t v) { return vreinterpretq_s32_u8(v); }
SUBLINEAR_INLINE float64x2_t as_doubles(uint8x16_t v) { return vreinterpretq_f64_u8(v); }
SUBLINEAR_INLINE uint8x16_t as_bytes(float32x4_t v) { return vreinterpretq_u8_f32(v); }
SUBLINEAR_INLINE uint8x16_t as_bytes(float64x2_t v) { return vreinterpretq_u8_f64(v); }
SUBLINEAR_INLINE uint8x16_t as_bytes(int32x4_t v) { return vreinterpretq_u8_s32(v); }

// The bits 1 << (first + l) of the lanes l that are all ones, each in its lane: may be joined before they are gathered.
SUBLINEAR_INLINE uint32x4_t bits_in_lanes(uint32x4_t lanes, int first) {
  const uint32x4_t places = {1, 2, 4, 8};
  return vandq_u32(lanes, vshlq_u32(places, vdupq_n_s32(first)));
}
SUBLINEAR_INLINE uint32x4_t bits_in_lanes(uint64x2_t lanes, int first) {
  const uint32x4_t places = {1, 0, 2, 0};
  return vandq_u32(vreinterpretq_u32_u64(lanes), vshlq_u32(places, vdupq_n_s32(first)));
}
SUBLINEAR_INLINE unsigned gathered(uint32x4_t bits) { return vaddvq_u32(bits); }

SUBLINEAR_INLINE uint32x4_t lanes_below(float32x4_t v, float32x4_t limit) { return vcltq_f32(v, limit); }
SUBLINEAR_INLINE uint64x2_t lanes_below(float64x2_t v, float64x2_t limit) { return vcltq_f64(v, limit); }

// One bit for each lane of kVectors vectors that is not below its limit.
template <int kVectors, class Vector>
SUBLINEAR_INLINE unsigned not_below(const Vector* v, const Vector* limits) {
  constexpr int kWidth = sizeof(Vector) / sizeof(v[0][0]);
  uint32x4_t below = vdupq_n_u32(0);
  for (int k = 0; k < kVectors; ++k) below = vorrq_u32(below, bits_in_lanes(lanes_below(v[k], limits[k]), k * kWidth));
  return ~gathered(below) & ((1U << (kVectors * kWidth)) - 1);
}
template <class Vector>
SUBLINEAR_INLINE unsigned not_below(Vector v, Vector limit) {
  return not_below<1>(&v, &limit);
}
SUBLINEAR_INLINE unsigned at_least(float32x4_t v, float32x4_t limit) {
  return gathered(bits_in_lanes(vcgeq_f32(v, limit), 0));
}
SUBLINEAR_INLINE unsigned at_least(float64x2_t v, float64x2_t limit) {
  return gathered(bits_in_lanes(vcgeq_f64(v, limit), 0));
}

SUBLINEAR_INLINE float32x4_t multiply_add(float a, float32x4_t b, float32x4_t c) { return vfmaq_n_f32(c, b, a); }
SUBLINEAR_INLINE float64x2_t multiply_add(double a, float64x2_t b, float64x2_t c) { return vfmaq_n_f64(c, b, a); }

// The four sums of the lanes of a ... d, in the order of `fold`.
SUBLINEAR_INLINE void fold_four(float32x4_t a, float32x4_t b, float32x4_t c, float32x4_t d, float* out) {
  const auto halved = [](float32x4_t first, float32x4_t second) {
    const float64x2_t x = vreinterpretq_f64_f32(first), y = vreinterpretq_f64_f32(second);
    return vaddq_f32(vreinterpretq_f32_f64(vzip1q_f64(x, y)), vreinterpretq_f32_f64(vzip2q_f64(x, y)));
  };
  vst1q_f32(out, vpaddq_f32(halved(a, b), halved(c, d)));
}
SUBLINEAR_INLINE void fold_four(float64x2_t a, float64x2_t b, float64x2_t c, float64x2_t d, double* out) {
  vst1q_f64(out, vpaddq_f64(a, b));
  vst1q_f64(out + 2, vpaddq_f64(c, d));
}

// For every set of four lanes of four bytes: the bytes of those in it, ascending, then any; and how many they are.
struct PackOrders {
  alignas(16) unsigned char bytes[16][16];
  unsigned char counts[16];
  constexpr PackOrders() : bytes(), counts() {
    for (int set = 0; set < 16; ++set)
      for (int lane = 0; lane < 4; ++lane)
        if ((set >> lane & 1) != 0) {
          for (int byte = 0; byte < 4; ++byte)
            bytes[set][4 * counts[set] + byte] = static_cast<unsigned char>(4 * lane + byte);
          ++counts[set];
        }
  }
};
constexpr PackOrders kPackOrders;

// The lanes of a group whose `closed` is 0; see kernels_inl.hpp.
template <class T>
class OpenLanes {
  static constexpr int kWidth = Lanes<T>::kWidth, kParts = Lanes<T>::kParts, kLanes = Lanes<T>::kLanes;

 public:
  explicit OpenLanes(const Lanes<T>& closed) {
    uint32x4_t bits = vdupq_n_u32(0);
    for (int p = 0; p < kParts; ++p) bits = vorrq_u32(bits, bits_in_lanes(zeros(closed.part[p]), p * kWidth));
    set_ = gathered(bits);
  }
  [[nodiscard]] unsigned set() const { return set_; }
  [[nodiscard]] Index count() const {
    Index sum = 0;
    for (int first = 0; first < kLanes; first += 4) sum += kPackOrders.counts[four(first)];
    return sum;
  }
  void pack(const Lanes<float>& from, float* to) const {
    for (int p = 0; p < kParts; ++p) {
      vst1q_f32(to, as_floats(packed(as_bytes(from.part[p]), four(4 * p))));
      to += kPackOrders.counts[four(4 * p)];
    }
  }
  void pack(const Lanes<double>& from, double* to) const {
    for (int p = 0; p < kParts; ++p) {
      const unsigned two = set_ >> (2 * p) & 3;
      vst1q_f64(to, as_doubles(packed(as_bytes(from.part[p]), (two & 1) * 3 + (two >> 1) * 12)));
      to += kPackOrders.counts[two];
    }
  }
  void pack(const NeuronId* from, NeuronId* to) const {
    for (int first = 0; first < kLanes; first += 4) pack_integers(vld1q_s32(from + first), first, to);
  }
  void pack_positions(NeuronId position, NeuronId* to) const {
    const int32x4_t lane = {0, 1, 2, 3};
    for (int first = 0; first < kLanes; first += 4)
      pack_integers(vaddq_s32(lane, vdupq_n_s32(position + first)), first, to);
  }

 private:
  static uint32x4_t zeros(float32x4_t v) { return vceqzq_f32(v); }
  static uint64x2_t zeros(float64x2_t v) { return vceqzq_f64(v); }
  static uint8x16_t packed(uint8x16_t v, unsigned set) { return vqtbl1q_u8(v, vld1q_u8(kPackOrders.bytes[set])); }
  [[nodiscard]] unsigned four(int first) const { return set_ >> first & 15; }
  void pack_integers(int32x4_t from, int first, NeuronId*& to) const {
    vst1q_s32(to, as_integers(packed(as_bytes(from), four(first))));
    to += kPackOrders.counts[four(first)];
  }
  unsigned set_;
};

// Rows become columns.
SUBLINEAR_INLINE void transpose_four(float32x4_t* rows) {
  const float32x4_t a = vzip1q_f32(rows[0], rows[2]), b = vzip2q_f32(rows[0], rows[2]);
  const float32x4_t c = vzip1q_f32(rows[1], rows[3]), d = vzip2q_f32(rows[1], rows[3]);
  rows[0] = vzip1q_f32(a, c);
  rows[1] = vzip2q_f32(a, c);
  rows[2] = vzip1q_f32(b, d);
  rows[3] = vzip2q_f32(b, d);
}

// See unstable_neurons_inl.hpp.
template <class At>
SUBLINEAR_INLINE void load_fours(At at, Lanes<float>* fields) {
  for (int p = 0; p < 4; ++p) {
    float32x4_t rows[4] = {vld1q_f32(at(4 * p)), vld1q_f32(at(4 * p + 1)), vld1q_f32(at(4 * p + 2)),
                           vld1q_f32(at(4 * p + 3))};
    transpose_four(rows);
    for (int field = 0; field < 4; ++field) fields[field].part[p] = rows[field];
  }
}

SUBLINEAR_INLINE void load_pairs(const float* from, Lanes<float>* fields) {
  for (int p = 0; p < 4; ++p) {
    const float32x4x2_t pairs = vld2q_f32(from + 8 * p);
    for (int field = 0; field < 2; ++field) fields[field].part[p] = pairs.val[field];
  }
}

template <class At>
SUBLINEAR_INLINE void load_near(At at, Lanes<float>* fields) {
  for (int p = 0; p < 4; ++p)
    for (int half = 0; half < 2; ++half) {
      float32x4_t rows[4];
      for (int l = 0; l < 4; ++l) rows[l] = vld1q_f32(&at(4 * p + l)->start + 4 * half);
      transpose_four(rows);
      for (int field = 4 * half; field < 7 && field < 4 * half + 4; ++field)
        fields[field].part[p] = rows[field - 4 * half];
    }
}

SUBLINEAR_INLINE void pack_near(const Lanes<float>* fields, const NeuronId* ids, const OpenLanes<float>& open,
                                UnstableNeuron<float>* to) {
  unsigned left = open.set();
  for (int p = 0; p < 4; ++p) {
    float32x4_t first[4], second[4];
    for (int field = 0; field < 4; ++field) first[field] = fields[field].part[p];
    for (int field = 0; field < 3; ++field) second[field] = fields[4 + field].part[p];
    second[3] = vreinterpretq_f32_s32(vld1q_s32(ids + 4 * p));
    transpose_four(first);
    transpose_four(second);
    for (int l = 0; l < 4; ++l) {
      vst1q_f32(&to->start, first[l]);
      vst1q_f32(&to->start + 4, second[l]);
      to += left & 1;
      left >>= 1;
    }
  }
}

// The exact products of four rows and the vector; see quantized_rows_inl.hpp.
SUBLINEAR_INLINE void quantized_products_of_four(const std::int8_t* const* rows, Index stride,
                                                 const std::int16_t* vector, std::int32_t* products) {
  int32x4_t sum[4][2];
  for (int k = 0; k < 4; ++k) sum[k][0] = sum[k][1] = vdupq_n_s32(0);
  for (Index j = 0; j < stride; j += 16) {
    const int16x8_t factors[2] = {vld1q_s16(vector + j), vld1q_s16(vector + j + 8)};
    for (int k = 0; k < 4; ++k) {
      const int8x16_t bytes = vld1q_s8(rows[k] + j);
      const int16x8_t wide[2] = {vmovl_s8(vget_low_s8(bytes)), vmovl_high_s8(bytes)};
      for (int half = 0; half < 2; ++half) {
        sum[k][0] = vmlal_s16(sum[k][0], vget_low_s16(wide[half]), vget_low_s16(factors[half]));
        sum[k][1] = vmlal_high_s16(sum[k][1], wide[half], factors[half]);
      }
    }
  }
  int32x4_t both[4];
  for (int k = 0; k < 4; ++k) both[k] = vaddq_s32(sum[k][0], sum[k][1]);
  vst1q_s32(products, vpaddq_s32(vpaddq_s32(both[0], both[1]), vpaddq_s32(both[2], both[3])));
}
