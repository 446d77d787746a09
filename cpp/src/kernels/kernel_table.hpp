// The operations that exist once per instruction set, as a table of functions; one table per level and type.
#pragma once

#include "copy_bounds.hpp"
#include "copy_products.hpp"
#include "fused_scan.hpp"
#include "node_groups.hpp"
#include "platform_requirements.hpp"
#include "sublinear/kernels/types.hpp"
#include "unstable_neurons.hpp"

namespace sublinear {

template <class T>
struct KernelTable {
  T (*inner_product)(const T* a, const T* b, Index d);
  void (*inner_products)(const T* rows, Index count, Index d, const T* x, T* out);
  void (*inner_products_at)(const T* rows, const NeuronId* ids, Index count, Index d, const T* x, T* out);
  Index (*select_not_above)(const T* values, Index count, T limit, NeuronId* positions);
  void (*add_rows)(const T* rows, const NeuronId* ids, const T* coefficients, Index count, Index d, T* out);
  void (*add_rows_to_each)(const T* rows, const NeuronId* ids, const T* coefficients, Index count, Index outputs,
                           Index d, T* out);
  Index (*bound_candidates)(const RowFact<T>* facts, const NeuronId* ids, const CachedProduct<T>* cached, Index count,
                            const BoundOptions<T>& options, bool known, T* inactive, NeuronId* positions,
                            UnstableNeuron<T>* unstable, T* safe);
  Index (*bound_by_copies)(UnstableNeuron<T>* unstable, T* safe, const NeuronId* which, Index count,
                           const OffsetCopies& offset, const LinePoint<T>& point, NeuronId* open, T* products);
  T (*take_offset)(const T* x, const T* anchor, const T* direction, Index d, T* offset);
  T (*take_residual)(const T* offset, T s, const T* direction, Index d, T* residual);
  void (*fused_scan)(const T* rows, Index count, Index d, const T* packed, const T* low, const T* high, BlockHits hits);
  GroupKernel<T>*bound_boxes, *bound_balls, *bound_simplices;
  void (*strip_hits)(const T* strips, Index d, const std::int32_t* which, Index count, const T* normal, T limit,
                     std::uint16_t* hits);
  void (*strip_products)(const T* strip, Index d, const T* normal, T* products);
  T (*quantize_to)(const T* v, Index d, T most, T least, std::int16_t* out);
  T (*quantize_row_to)(const T* row, Index d, T most, T least, T limit, std::int8_t* out);
  void (*bound_at_anchor)(const TileProducts<T>& products, const TileFacts<T>& facts, T* shortfall, T* margin);
  void (*bound_on_line)(const TileProducts<T>& products, const TileFacts<T>& facts, const T* shortfall, T* slope,
                        T* here, T* margin);
  void (*bound_near_line)(const TileFacts<T>& facts, const ErrorTerms<T>& error, T along, const T* shortfall,
                          const T* slope, T* here, T* margin);
  void (*copy_products_at)(const std::int8_t* copies, Index stride, const NeuronId* ids, Index count,
                           const std::int16_t* vector, std::int32_t* out);
  void (*scatter_rows)(const T* rows, const NeuronId* ids, const std::int32_t* sums_of, const T* coefficients,
                       Index count, Index groups, Index d, T* sums);
  double (*sum_of_squares)(const T* a, const T* b, Index d);
  void (*quantize_rest)(const T* row, const std::int8_t* copy, Index d, T scale, T inverse, std::int8_t* out);
  std::int64_t (*take_levels)(T* v, Index d, T scale, T inverse, T shift, std::int32_t zero, bool down,
                              std::uint8_t* out);
};

// Which of these are defined depends on the processor the build is for; see dispatch.cpp and CMakeLists.txt.
extern const KernelTable<float> kernels_float_baseline, kernels_float_avx2, kernels_float_avx512, kernels_float_neon;
extern const KernelTable<double> kernels_double_baseline, kernels_double_avx2, kernels_double_avx512,
    kernels_double_neon;

using QuantizedScanKernel = void(const std::int8_t* strips, const std::int32_t* sums, const float* scales, Index count,
                                 Index stride, const std::uint8_t* rows, Index queries, const float* low,
                                 const float* high, BlockHits hits);
QuantizedScanKernel quantized_scan_baseline, quantized_scan_avx2, quantized_scan_avx512vnni, quantized_scan_neon,
    quantized_scan_neondot;
CopyProductsKernel copy_products_baseline, copy_products_avx2, copy_products_avx512vnni, copy_products_neon,
    copy_products_neondot;
SparseCopyProductsKernel sparse_copy_products_baseline, sparse_copy_products_avx2, sparse_copy_products_avx512vnni,
    sparse_copy_products_neon, sparse_copy_products_neondot;

}  // namespace sublinear
