// Chooses the kernel table once, by processor and environment.
#include <algorithm>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "kernel_table.hpp"
#include "kernels/norm_bounds.hpp"
#include "kernels/processor_features.hpp"
#include "quantized_rows.hpp"
#include "sublinear/kernels/inner_product.hpp"
#include "sublinear/kernels/simd.hpp"

namespace sublinear {
namespace {

SimdLevel choose_level() {
  const std::vector<SimdLevel> available = available_simd_levels();
  const char* forced = std::getenv("SUBLINEAR_SIMD");
  if (forced == nullptr || *forced == '\0') return available.back();
  std::string offered;
  for (const SimdLevel level : available) {
    if (std::string(forced) == name(level)) return level;
    offered += (offered.empty() ? "" : ", ") + std::string(name(level));
  }
  throw std::invalid_argument("SUBLINEAR_SIMD=" + std::string(forced) + ": this machine and build offer " + offered +
                              "; set it to one of these or unset it to let the processor decide");
}

template <class T>
const KernelTable<T>& table_of(SimdLevel level);

template <>
[[maybe_unused]] const KernelTable<float>& table_of<float>(SimdLevel level) {
#if defined(SUBLINEAR_X86)
  if (level == SimdLevel::avx512) return kernels_float_avx512;
  if (level == SimdLevel::avx2) return kernels_float_avx2;
#elif defined(SUBLINEAR_ARM)
  if (level == SimdLevel::neon) return kernels_float_neon;
#endif
  static_cast<void>(level);
  return kernels_float_baseline;
}

template <>
[[maybe_unused]] const KernelTable<double>& table_of<double>(SimdLevel level) {
#if defined(SUBLINEAR_X86)
  if (level == SimdLevel::avx512) return kernels_double_avx512;
  if (level == SimdLevel::avx2) return kernels_double_avx2;
#elif defined(SUBLINEAR_ARM)
  if (level == SimdLevel::neon) return kernels_double_neon;
#endif
  static_cast<void>(level);
  return kernels_double_baseline;
}

template <class T>
const KernelTable<T>& kernels() {
  static const KernelTable<T>& table = table_of<T>(simd_level());
  return table;
}

// What multiplies bytes. Only the VNNI instructions of AVX-512 beat AVX2 here; ARM has such of its own.
struct ByteKernels {
  QuantizedScanKernel* scan;
  CopyProductsKernel* products;
  SparseCopyProductsKernel* sparse_products;
};

ByteKernels choose_byte_kernels() {
#if defined(SUBLINEAR_X86)
  const SimdLevel level = simd_level();
  if (level == SimdLevel::avx512 && processor_features().avx512vnni)
    return {quantized_scan_avx512vnni, copy_products_avx512vnni, sparse_copy_products_avx512vnni};
  if (level != SimdLevel::baseline) return {quantized_scan_avx2, copy_products_avx2, sparse_copy_products_avx2};
#elif defined(SUBLINEAR_ARM)
  if (simd_level() == SimdLevel::neon) {
    if (processor_features().dot_product)
      return {quantized_scan_neondot, copy_products_neondot, sparse_copy_products_neondot};
    return {quantized_scan_neon, copy_products_neon, sparse_copy_products_neon};
  }
#endif
  return {quantized_scan_baseline, copy_products_baseline, sparse_copy_products_baseline};
}

const ByteKernels& byte_kernels() {
  static const ByteKernels chosen = choose_byte_kernels();
  return chosen;
}

}  // namespace

SimdLevel simd_level() {
  static const SimdLevel level = choose_level();
  return level;
}

std::vector<SimdLevel> available_simd_levels() {
  std::vector<SimdLevel> levels{SimdLevel::baseline};
#if defined(SUBLINEAR_X86)
  const ProcessorFeatures features = processor_features();
  if (features.avx2) levels.push_back(SimdLevel::avx2);
  if (features.avx512) levels.push_back(SimdLevel::avx512);
#elif defined(SUBLINEAR_ARM)
  levels.push_back(SimdLevel::neon);
#endif
  return levels;
}

const char* name(SimdLevel level) noexcept {
  switch (level) {
    case SimdLevel::avx2:
      return "avx2";
    case SimdLevel::avx512:
      return "avx512";
    case SimdLevel::neon:
      return "neon";
    case SimdLevel::baseline:
      break;
  }
  return "baseline";
}

template <class T>
T inner_product(const T* a, const T* b, Index d) {
  return kernels<T>().inner_product(a, b, d);
}

template <class T>
void inner_products(const T* rows, Index count, Index d, const T* x, T* out) {
  kernels<T>().inner_products(rows, count, d, x, out);
}

template <class T>
void inner_products_at(const T* rows, const NeuronId* ids, Index count, Index d, const T* x, T* out) {
  kernels<T>().inner_products_at(rows, ids, count, d, x, out);
}

template <class T>
Index select_not_above(const T* values, Index count, T limit, NeuronId* positions) {
  return kernels<T>().select_not_above(values, count, limit, positions);
}

template <class T>
void add_rows(const T* rows, const NeuronId* ids, const T* coefficients, Index count, Index d, T* sum) {
  kernels<T>().add_rows(rows, ids, coefficients, count, d, sum);
}

template <class T>
void add_rows_to_each(const T* rows, const NeuronId* ids, const T* coefficients, Index count, Index outputs, Index d,
                      T* sums) {
  if (outputs == 1)
    kernels<T>().add_rows(rows, ids, coefficients, count, d, sums);
  else
    kernels<T>().add_rows_to_each(rows, ids, coefficients, count, outputs, d, sums);
}

template <class T>
void scatter_rows(const T* rows, const NeuronId* ids, const std::int32_t* sums_of, const T* coefficients, Index count,
                  Index groups, Index d, T* sums) {
  kernels<T>().scatter_rows(rows, ids, sums_of, coefficients, count, groups, d, sums);
}

template <class T>
void combine_rows(const T* rows, const NeuronId* ids, const T* coefficients, Index count, Index d, T* out) {
  std::fill(out, out + d, T(0));
  add_rows(rows, ids, coefficients, count, d, out);
}

template <class T>
Index bound_candidates(const RowFact<T>* facts, const NeuronId* ids, const CachedProduct<T>* cached, Index count,
                       const BoundOptions<T>& options, bool known, T* inactive, NeuronId* positions,
                       UnstableNeuron<T>* unstable, T* safe) {
  return kernels<T>().bound_candidates(facts, ids, cached, count, options, known, inactive, positions, unstable, safe);
}

template <class T>
Index bound_by_copies(UnstableNeuron<T>* unstable, T* safe, const NeuronId* which, Index count,
                      const OffsetCopies& offset, const LinePoint<T>& point, NeuronId* open, T* products) {
  return kernels<T>().bound_by_copies(unstable, safe, which, count, offset, point, open, products);
}

template <class T>
T quantize_to(const T* v, Index d, T most, T least, std::int16_t* out) {
  return kernels<T>().quantize_to(v, d, most, least, out);
}

template <class T>
T quantize_row_to(const T* row, Index d, T most, T least, T limit, std::int8_t* out) {
  return kernels<T>().quantize_row_to(row, d, most, least, limit, out);
}

template <class T>
void quantize_rest_to(const T* row, const std::int8_t* copy, Index d, T scale, T inverse, std::int8_t* out) {
  kernels<T>().quantize_rest(row, copy, d, scale, inverse, out);
}

template <class T>
std::int64_t take_levels(T* v, Index d, T scale, T inverse, T shift, std::int32_t zero, bool down, std::uint8_t* out) {
  return kernels<T>().take_levels(v, d, scale, inverse, shift, zero, down, out);
}

template <class T>
double sum_of_squares(const T* a, const T* b, Index d) {
  return kernels<T>().sum_of_squares(a, b, d);
}

template <class T>
void bound_at_anchor(const TileProducts<T>& products, const TileFacts<T>& facts, T* shortfall, T* margin) {
  kernels<T>().bound_at_anchor(products, facts, shortfall, margin);
}

template <class T>
void bound_on_line(const TileProducts<T>& products, const TileFacts<T>& facts, const T* shortfall, T* slope, T* here,
                   T* margin) {
  kernels<T>().bound_on_line(products, facts, shortfall, slope, here, margin);
}

template <class T>
void bound_near_line(const TileFacts<T>& facts, const ErrorTerms<T>& error, T along, const T* shortfall, const T* slope,
                     T* here, T* margin) {
  kernels<T>().bound_near_line(facts, error, along, shortfall, slope, here, margin);
}

template <class T>
void copy_products_at(const std::int8_t* copies, Index stride, const NeuronId* ids, Index count,
                      const std::int16_t* vector, std::int32_t* out) {
  kernels<T>().copy_products_at(copies, stride, ids, count, vector, out);
}

template <class T>
T take_offset(const T* x, const T* anchor, const T* direction, Index d, T* offset) {
  return kernels<T>().take_offset(x, anchor, direction, d, offset);
}

template <class T>
T take_residual(const T* offset, T s, const T* direction, Index d, T* residual) {
  return kernels<T>().take_residual(offset, s, direction, d, residual);
}

template <class T>
void fused_scan(const T* rows, Index count, Index d, const T* packed, const T* low, const T* high, BlockHits hits) {
  kernels<T>().fused_scan(rows, count, d, packed, low, high, hits);
}

template <class T>
void bound_boxes(const T* groups, Index d, const std::int32_t* which, Index count, const BoundQuery<T>& query,
                 GroupSides* sides, T* highs) {
  kernels<T>().bound_boxes(groups, d, which, count, query, sides, highs);
}

template <class T>
void bound_balls(const T* groups, Index d, const std::int32_t* which, Index count, const BoundQuery<T>& query,
                 GroupSides* sides, T* highs) {
  kernels<T>().bound_balls(groups, d, which, count, query, sides, highs);
}

template <class T>
void bound_simplices(const T* groups, Index d, const std::int32_t* which, Index count, const BoundQuery<T>& query,
                     GroupSides* sides, T* highs) {
  kernels<T>().bound_simplices(groups, d, which, count, query, sides, highs);
}

template <class T>
void strip_hits(const T* strips, Index d, const std::int32_t* which, Index count, const T* normal, T limit,
                std::uint16_t* hits) {
  kernels<T>().strip_hits(strips, d, which, count, normal, limit, hits);
}

template <class T>
void strip_products(const T* strip, Index d, const T* normal, T* products) {
  kernels<T>().strip_products(strip, d, normal, products);
}

void quantized_scan(const std::int8_t* strips, const std::int32_t* sums, const float* scales, Index count, Index stride,
                    const std::uint8_t* rows, Index queries, const float* low, const float* high, BlockHits hits) {
  byte_kernels().scan(strips, sums, scales, count, stride, rows, queries, low, high, hits);
}

void copy_products(const std::int8_t* strips, Index strip_count, Index stride, const std::uint8_t* const* points,
                   Index count, std::int32_t* const* out) {
  byte_kernels().products(strips, strip_count, stride, points, count, out);
}

void sparse_copy_products(const std::int8_t* strips, Index strip_count, Index stride, const Quad* quads, Index count,
                          std::int32_t* out) {
  byte_kernels().sparse_products(strips, strip_count, stride, quads, count, out);
}

#define SUBLINEAR_INSTANTIATE(T)                                                                                    \
  template T inner_product<T>(const T*, const T*, Index);                                                           \
  template void inner_products<T>(const T*, Index, Index, const T*, T*);                                            \
  template void inner_products_at<T>(const T*, const NeuronId*, Index, Index, const T*, T*);                        \
  template Index select_not_above<T>(const T*, Index, T, NeuronId*);                                                \
  template void add_rows<T>(const T*, const NeuronId*, const T*, Index, Index, T*);                                 \
  template void add_rows_to_each<T>(const T*, const NeuronId*, const T*, Index, Index, Index, T*);                  \
  template void scatter_rows<T>(const T*, const NeuronId*, const std::int32_t*, const T*, Index, Index, Index, T*); \
  template void combine_rows<T>(const T*, const NeuronId*, const T*, Index, Index, T*);                             \
  template Index bound_candidates<T>(const RowFact<T>*, const NeuronId*, const CachedProduct<T>*, Index,            \
                                     const BoundOptions<T>&, bool, T*, NeuronId*, UnstableNeuron<T>*, T*);          \
  template Index bound_by_copies<T>(UnstableNeuron<T>*, T*, const NeuronId*, Index, const OffsetCopies&,            \
                                    const LinePoint<T>&, NeuronId*, T*);                                            \
  template T quantize_row_to<T>(const T*, Index, T, T, T, std::int8_t*);                                            \
  template T quantize_to<T>(const T*, Index, T, T, std::int16_t*);                                                  \
  template void quantize_rest_to<T>(const T*, const std::int8_t*, Index, T, T, std::int8_t*);                       \
  template std::int64_t take_levels<T>(T*, Index, T, T, T, std::int32_t, bool, std::uint8_t*);                      \
  template double sum_of_squares<T>(const T*, const T*, Index);                                                     \
  template void bound_at_anchor<T>(const TileProducts<T>&, const TileFacts<T>&, T*, T*);                            \
  template void bound_on_line<T>(const TileProducts<T>&, const TileFacts<T>&, const T*, T*, T*, T*);                \
  template void bound_near_line<T>(const TileFacts<T>&, const ErrorTerms<T>&, T, const T*, const T*, T*, T*);       \
  template void copy_products_at<T>(const std::int8_t*, Index, const NeuronId*, Index, const std::int16_t*,         \
                                    std::int32_t*);                                                                 \
  template void bound_boxes<T>(const T*, Index, const std::int32_t*, Index, const BoundQuery<T>&, GroupSides*, T*); \
  template void bound_balls<T>(const T*, Index, const std::int32_t*, Index, const BoundQuery<T>&, GroupSides*, T*); \
  template void bound_simplices<T>(const T*, Index, const std::int32_t*, Index, const BoundQuery<T>&, GroupSides*,  \
                                   T*);                                                                             \
  template void strip_hits<T>(const T*, Index, const std::int32_t*, Index, const T*, T, std::uint16_t*);            \
  template void strip_products<T>(const T*, Index, const T*, T*);                                                   \
  template T take_offset<T>(const T*, const T*, const T*, Index, T*);                                               \
  template T take_residual<T>(const T*, T, const T*, Index, T*);                                                    \
  template void fused_scan<T>(const T*, Index, Index, const T*, const T*, const T*, BlockHits);
SUBLINEAR_INSTANTIATE(float)
SUBLINEAR_INSTANTIATE(double)

}  // namespace sublinear
