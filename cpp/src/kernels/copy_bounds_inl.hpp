// The kernels of copy_bounds.hpp; part of kernels_inl.hpp. Every lane does the same roundings at every level.

// kLanes integers as numbers of T.
template <class T>
SUBLINEAR_INLINE Lanes<T> numbers(const std::int32_t* integers, const std::int32_t* sums, std::int32_t zero) {
  constexpr int kWidth = Lanes<T>::kWidth;
  typedef std::int32_t Integers __attribute__((vector_size(kWidth * 4)));
  Lanes<T> lanes;
  for (int p = 0; p < Lanes<T>::kParts; ++p) {
    Integers own, sum;
    memcpy(&own, integers + p * kWidth, sizeof own);
    memcpy(&sum, sums + p * kWidth, sizeof sum);
    lanes.part[p] = __builtin_convertvector(own - sum * zero, typename Native<T>::Vector);
  }
  return lanes;
}

template <class T>
SUBLINEAR_INLINE typename Native<T>::Vector absolute(typename Native<T>::Vector v) {
  const typename Native<T>::Vector zeros{};
  return v < zeros ? -v : v;
}

template <class T>
SUBLINEAR_INLINE typename Native<T>::Vector error_of(const ErrorTerms<T>& terms,
                                                     const typename Native<T>::Vector& scale,
                                                     const typename Native<T>::Vector& norm,
                                                     const typename Native<T>::Vector& bias) {
  const typename Native<T>::Vector size = norm * terms.norm_size + bias * terms.bias_size + terms.constant_size;
  return (scale * terms.scale + norm * terms.norm + size * terms.rounding + terms.constant) * kOutward<T>;
}

// The numbers that the products of neurons r, r + 1, ... of the tile stand for; `scales` are those of their copies.
template <class T>
SUBLINEAR_INLINE Lanes<T> product_numbers(const TileProducts<T>& products, const TileFacts<T>& facts, Index r,
                                          const Lanes<T>& scales) {
  Lanes<T> value = numbers<T>(products.copies + r, facts.sums + r, products.zero);
  if (products.fine != nullptr) {
    const Lanes<T> fine = numbers<T>(products.fine + r, facts.fine_sums + r, products.zero);
    for (int p = 0; p < Lanes<T>::kParts; ++p) value.part[p] = value.part[p] + fine.part[p] * (T(1) / kFineSteps);
  }
  for (int p = 0; p < Lanes<T>::kParts; ++p) value.part[p] = value.part[p] * (scales.part[p] * products.scale);
  if (products.rest != nullptr) {
    const Lanes<T> rest = numbers<T>(products.rest + r, facts.sums + r, products.rest_zero);
    for (int p = 0; p < Lanes<T>::kParts; ++p)
      value.part[p] = value.part[p] + rest.part[p] * (scales.part[p] * products.rest_scale);
  }
  return value;
}

// How much further from 0 than they err the shortfalls of neurons r, r + 1, ... of the tile are.
template <class T>
SUBLINEAR_INLINE void store_margins(const Lanes<T>& below, const ErrorTerms<T>& terms, const TileFacts<T>& facts,
                                    const Lanes<T>& scales, Index r, T* margin) {
  const Lanes<T> norm = load(facts.norm + r), bias = load(facts.bias_size + r);
  Lanes<T> left;
  for (int p = 0; p < Lanes<T>::kParts; ++p)
    left.part[p] = absolute<T>(below.part[p]) * kInward<T> -
                   error_of<T>(terms, scales.part[p], norm.part[p], bias.part[p]) * kOutward<T>;
  store(left, margin + r);
}

template <class T>
void bound_at_anchor_kernel(const TileProducts<T>& products, const TileFacts<T>& facts, T* shortfall, T* margin) {
  for (Index r = 0; r < kTile; r += Lanes<T>::kLanes) {
    const Lanes<T> scales = load(facts.scale + r), product = product_numbers(products, facts, r, scales);
    Lanes<T> below = load(facts.bar + r);
    for (int p = 0; p < Lanes<T>::kParts; ++p) below.part[p] = below.part[p] - product.part[p];
    store(below, shortfall + r);
    store_margins(below, products.error, facts, scales, r, margin);
  }
}

template <class T>
void bound_on_line_kernel(const TileProducts<T>& products, const TileFacts<T>& facts, const T* shortfall, T* slope,
                          T* here, T* margin) {
  for (Index r = 0; r < kTile; r += Lanes<T>::kLanes) {
    const Lanes<T> scales = load(facts.scale + r), product = product_numbers(products, facts, r, scales);
    Lanes<T> below = load(shortfall + r);
    for (int p = 0; p < Lanes<T>::kParts; ++p) below.part[p] = below.part[p] - product.part[p];
    store(product, slope + r);
    store(below, here + r);
    store_margins(below, products.error, facts, scales, r, margin);
  }
}

template <class T>
void bound_near_line_kernel(const TileFacts<T>& facts, const ErrorTerms<T>& error, T along, const T* shortfall,
                            const T* slope, T* here, T* margin) {
  for (Index r = 0; r < kTile; r += Lanes<T>::kLanes) {
    const Lanes<T> scales = load(facts.scale + r), product = load(slope + r);
    Lanes<T> below = load(shortfall + r);
    for (int p = 0; p < Lanes<T>::kParts; ++p) below.part[p] = below.part[p] - product.part[p] * along;
    store(below, here + r);
    store_margins(below, error, facts, scales, r, margin);
  }
}

template <class T>
void copy_products_at_kernel(const std::int8_t* copies, Index stride, const NeuronId* ids, Index count,
                             const std::int16_t* vector, std::int32_t* out) {
  const std::int8_t* rows[4];
  const auto row = [=](Index k) { return copies + static_cast<Index>(ids[k]) * stride; };
  Index k = 0;
  for (; k + 4 <= count; k += 4) {
    for (Index i = 0; i < 4; ++i) rows[i] = row(k + i);
    quantized_products_of_four(rows, stride, vector, out + k);
  }
  if (k == count) return;
  std::int32_t last[4];
  for (Index i = 0; i < 4; ++i) rows[i] = row(k + i < count ? k + i : count - 1);
  quantized_products_of_four(rows, stride, vector, last);
  for (Index i = 0; k + i < count; ++i) out[k + i] = last[i];
}
