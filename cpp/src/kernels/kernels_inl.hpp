// The kernels, written once in vectors of SUBLINEAR_VECTOR_BYTES and compiled once per instruction set.
//
// Included by exactly one file per level, which defines SUBLINEAR_VECTOR_BYTES and SUBLINEAR_LEVEL. Those files are
// compiled with flags that other files lack, so nothing here may leave a symbol that another file could pick up:
// everything is in an unnamed namespace, on raw pointers, without the standard library (a test reads `nm`).
#include <string.h>
#if SUBLINEAR_VECTOR_BYTES == 64
// gcc 12 takes the undefined operand of its own intrinsics for an uninitialised variable (gcc bug 105593).
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#endif
#if SUBLINEAR_VECTOR_BYTES >= 32
#include <immintrin.h>
#elif defined(SUBLINEAR_NEON)
#include <arm_neon.h>
#endif

#include "block_hits_inl.hpp"
#include "kernel_table.hpp"

namespace sublinear {
namespace {

// So many rows ahead are asked for where rows are scattered.
constexpr Index kRowsAhead = 12;

#include "lanes_inl.hpp"
// Of lanes.
#include "add_rows_inl.hpp"
#include "inner_products_inl.hpp"
#include "open_lanes_inl.hpp"
// Of all those.
#include "fused_scan_inl.hpp"
#include "node_groups_inl.hpp"
#include "quantized_rows_inl.hpp"
// After the products that it takes.
#include "copy_bounds_inl.hpp"
#include "unstable_neurons_inl.hpp"

}  // namespace

#define SUBLINEAR_JOIN_(a, b) a##b
#define SUBLINEAR_JOIN(a, b) SUBLINEAR_JOIN_(a, b)
const KernelTable<float> SUBLINEAR_JOIN(kernels_float_, SUBLINEAR_LEVEL) = {
    inner_product_kernel<float>,    inner_products_kernel<float>,  inner_products_at_kernel<float>,
    select_not_above_kernel<float>, add_rows_kernel<float>,        add_rows_to_each_kernel<float>,
    bound_candidates_kernel<float>, bound_by_copies_kernel<float>, take_offset_kernel<float>,
    take_residual_kernel<float>,

    fused_scan_kernel<float>,       bound_boxes_kernel<float>,     bound_balls_kernel<float>,
    bound_simplices_kernel<float>,  strip_hits_kernel<float>,      strip_products_kernel<float>,
    quantize_to_kernel<float>,      quantize_row_to_kernel<float>, bound_at_anchor_kernel<float>,
    bound_on_line_kernel<float>,    bound_near_line_kernel<float>, copy_products_at_kernel<float>,
    scatter_rows_kernel<float>,     sum_of_squares_kernel<float>,  quantize_rest_kernel<float>,
    take_levels_kernel<float>};
const KernelTable<double> SUBLINEAR_JOIN(kernels_double_, SUBLINEAR_LEVEL) = {
    inner_product_kernel<double>,    inner_products_kernel<double>,  inner_products_at_kernel<double>,
    select_not_above_kernel<double>, add_rows_kernel<double>,        add_rows_to_each_kernel<double>,
    bound_candidates_kernel<double>, bound_by_copies_kernel<double>, take_offset_kernel<double>,
    take_residual_kernel<double>,

    fused_scan_kernel<double>,       bound_boxes_kernel<double>,     bound_balls_kernel<double>,
    bound_simplices_kernel<double>,  strip_hits_kernel<double>,      strip_products_kernel<double>,
    quantize_to_kernel<double>,      quantize_row_to_kernel<double>, bound_at_anchor_kernel<double>,
    bound_on_line_kernel<double>,    bound_near_line_kernel<double>, copy_products_at_kernel<double>,
    scatter_rows_kernel<double>,     sum_of_squares_kernel<double>,  quantize_rest_kernel<double>,
    take_levels_kernel<double>};

}  // namespace sublinear
