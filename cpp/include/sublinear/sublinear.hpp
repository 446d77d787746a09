/// @file
/// Everything: all public headers, and the Eigen interface where Eigen's headers are found.
#pragma once

#include "sublinear/finding/neuron_finder.hpp"
#include "sublinear/finding/neurons.hpp"
#include "sublinear/kernels/csr.hpp"
#include "sublinear/kernels/elementary.hpp"
#include "sublinear/kernels/errors.hpp"
#include "sublinear/kernels/inner_product.hpp"
#include "sublinear/kernels/line_note.hpp"
#include "sublinear/kernels/parallel.hpp"
#include "sublinear/kernels/random.hpp"
#include "sublinear/kernels/require.hpp"
#include "sublinear/kernels/row_fact.hpp"
#include "sublinear/kernels/simd.hpp"
#include "sublinear/kernels/types.hpp"
#include "sublinear/kernels/work.hpp"
#include "sublinear/reporting/ball_tree.hpp"
#include "sublinear/reporting/brute_force.hpp"
#include "sublinear/reporting/forwarding_index.hpp"
#include "sublinear/reporting/half_space_index.hpp"
#include "sublinear/reporting/kd_tree.hpp"
#include "sublinear/reporting/quantized_scan.hpp"
#include "sublinear/reporting/tree_options.hpp"
#include "sublinear/training/attack.hpp"
#include "sublinear/training/local_network.hpp"
#include "sublinear/training/loss.hpp"
#include "sublinear/training/network.hpp"
#include "sublinear/training/predictor.hpp"
#include "sublinear/training/row_facts.hpp"
#include "sublinear/training/trainer.hpp"
#include "sublinear/version.hpp"

#if __has_include(<Eigen/Core>)
#include "sublinear/eigen.hpp"
#endif
