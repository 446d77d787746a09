// The Gauss-Newton step of a network with one output, on the squared loss, through the Gram matrix of its inputs.
//
// Row i of the Jacobian J (n x m d) holds scale a_r x_i where neuron r fires on input i, and 0 elsewhere; the step
// w <- w - J^T g with (J J^T + lambda I) g = f - y is the Gauss-Newton step with damping lambda (Cai et al. 2019;
// Brand, Peng, Song, Weinstein, ITCS 2021; Hu, Song, Weinstein, Zhuo, arXiv 2208.04508). Nothing of size m d is formed:
// (J J^T)_ij = scale^2 <x_i, x_j> sum over r that fire on both of a_r^2.
#pragma once

#include <vector>

#include "sublinear/finding/neuron_finder.hpp"
#include "sublinear/kernels/types.hpp"

namespace sublinear {

// J J^T, n x n, row-major, both triangles. `fired` has the fired neurons of every input, in the order of `points`;
// `output_weights` is one column. Entry (i, j) sums a_r^2 over ascending r, in double, and multiplies it by scale^2
// times the canonical product in double, plus 1 where `biases` are columns of J too; the same for any number of
// threads.
template <class T>
[[nodiscard]] std::vector<double> gauss_newton_matrix(Points<T> points, const std::vector<CandidateLists>& fired,
                                                      const T* output_weights, double scale, bool biases, int threads);

// Solves (matrix + damping * trace / n * I) g = residuals in place: `residuals` becomes g. By Cholesky's method, row by
// row with canonical inner products, for matrices of up to `kLargestFactor` rows; above that by conjugate gradients,
// preconditioned with a sketch of the matrix by 512 of its columns, until the residual is 1e-10 of the first.
// `matrix` is overwritten. A matrix of zeros (no neuron fires) leaves the residuals. Throws DivergenceError where the
// matrix is not positive definite with that damping, or the iteration does not end.
void solve_gauss_newton(std::vector<double>& matrix, double damping, std::vector<double>& residuals, int threads);
inline constexpr Index kLargestFactor = 2048;

}  // namespace sublinear
