#include "training/gauss_newton.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "sublinear/kernels/errors.hpp"
#include "sublinear/kernels/inner_product.hpp"
#include "sublinear/kernels/parallel.hpp"
#include "sublinear/kernels/random.hpp"
#include "sublinear/kernels/require.hpp"

namespace sublinear {
namespace {

// The fired pairs neuron by neuron: the positions of the inputs on which it fires, ascending.
struct Transposed {
  std::vector<Index> offsets;
  std::vector<NeuronId> positions;
};

Transposed transpose(const std::vector<const NeuronId*>& begins, const std::vector<const NeuronId*>& ends) {
  Transposed out;
  NeuronId largest = -1;
  for (std::size_t i = 0; i < begins.size(); ++i)
    if (begins[i] != ends[i]) largest = std::max(largest, ends[i][-1]);
  out.offsets.assign(static_cast<std::size_t>(largest) + 2, 0);
  for (std::size_t i = 0; i < begins.size(); ++i)
    for (const NeuronId* r = begins[i]; r != ends[i]; ++r) ++out.offsets[static_cast<std::size_t>(*r) + 1];
  for (std::size_t r = 1; r < out.offsets.size(); ++r) out.offsets[r] += out.offsets[r - 1];
  out.positions.resize(static_cast<std::size_t>(out.offsets.back()));
  std::vector<Index> next(out.offsets.begin(), out.offsets.end() - 1);
  for (std::size_t i = 0; i < begins.size(); ++i)
    for (const NeuronId* r = begins[i]; r != ends[i]; ++r)
      out.positions[static_cast<std::size_t>(next[static_cast<std::size_t>(*r)]++)] = static_cast<NeuronId>(i);
  return out;
}

double trace_of(const std::vector<double>& matrix, Index n) {
  double trace = 0;
  for (Index i = 0; i < n; ++i) trace += matrix[static_cast<std::size_t>(i * n + i)];
  return trace;
}

[[noreturn]] void refuse(const std::string& what) {
  throw DivergenceError("the Gauss-Newton step cannot be solved: " + what +
                        "; the network is as it was before the step, give a larger damping");
}

constexpr double kTolerance = 1e-10;  // of the residual, beside the first

// The lower triangle becomes L with L L^T = matrix; row i of L follows from the rows above by inner products of their
// first entries. Rows below i are independent, so a column of each is computed on several threads.
void factor(double* matrix, Index n, int threads) {
  constexpr Index kGrain = 64;
  for (Index j = 0; j < n; ++j) {
    double* const row = matrix + j * n;
    const double pivot = row[j] - inner_product(row, row, j);
    if (!(pivot > 0) || !std::isfinite(pivot))
      refuse("pivot " + std::to_string(j) + " of its matrix is " + format_number(pivot));
    row[j] = std::sqrt(pivot);
    const Index below = n - j - 1;
    parallel_for(below, below < 4 * kGrain ? 1 : threads, kGrain, [&](Index begin, Index end, int) {
      for (Index k = begin; k < end; ++k) {
        double* const other = matrix + (j + 1 + k) * n;
        other[j] = (other[j] - inner_product(other, row, j)) / row[j];
      }
    });
  }
}

void solve_factored(const double* factor, Index n, std::vector<double>& b) {
  for (Index i = 0; i < n; ++i)
    b[static_cast<std::size_t>(i)] =
        (b[static_cast<std::size_t>(i)] - inner_product(factor + i * n, b.data(), i)) / factor[i * n + i];
  for (Index i = n - 1; i >= 0; --i) {  // L^T column by column
    const double value = b[static_cast<std::size_t>(i)] / factor[i * n + i];
    b[static_cast<std::size_t>(i)] = value;
    for (Index k = 0; k < i; ++k) b[static_cast<std::size_t>(k)] -= factor[i * n + k] * value;
  }
}

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  return inner_product(a.data(), b.data(), static_cast<Index>(a.size()));
}

// (K_nS K_SS^-1 K_Sn + shift I)^-1, the inverse of a sketch of K + shift I by some of its columns S (Nystroem): by
// Woodbury's identity (v - K_nS (shift K_SS + K_Sn K_nS)^-1 K_Sn v) / shift.
class Sketch {
 public:
  Sketch(const std::vector<double>& matrix, Index n, double shift, int threads) : n_(n), shift_(shift) {
    std::vector<Index> chosen = random_order(n, 0, 0);
    chosen.resize(static_cast<std::size_t>(std::min(kColumns, n)));
    std::sort(chosen.begin(), chosen.end());
    size_ = static_cast<Index>(chosen.size());
    rows_.resize(static_cast<std::size_t>(size_ * n));
    for (Index k = 0; k < size_; ++k)
      std::copy_n(matrix.begin() + chosen[static_cast<std::size_t>(k)] * n, n, rows_.begin() + k * n);
    factor_.resize(static_cast<std::size_t>(size_ * size_));
    parallel_for(size_, threads, 8, [&](Index begin, Index end, int) {
      for (Index k = begin; k < end; ++k) {
        inner_products(rows_.data(), size_, n, rows_.data() + k * n, factor_.data() + k * size_);
        for (Index l = 0; l < size_; ++l)
          factor_[static_cast<std::size_t>(k * size_ + l)] +=
              shift * rows_[static_cast<std::size_t>(k * n + chosen[static_cast<std::size_t>(l)])];
      }
    });
    const double jitter = kJitter * trace_of(factor_, size_) / static_cast<double>(size_);
    for (Index k = 0; k < size_; ++k) factor_[static_cast<std::size_t>(k * size_ + k)] += jitter;
    factor(factor_.data(), size_, threads);
  }

  [[nodiscard]] std::vector<double> apply(const std::vector<double>& v) const {
    std::vector<double> inner(static_cast<std::size_t>(size_)), out(v);
    inner_products(rows_.data(), size_, n_, v.data(), inner.data());
    solve_factored(factor_.data(), size_, inner);
    for (Index k = 0; k < size_; ++k)
      for (Index i = 0; i < n_; ++i)
        out[static_cast<std::size_t>(i)] -=
            inner[static_cast<std::size_t>(k)] * rows_[static_cast<std::size_t>(k * n_ + i)];
    for (double& each : out) each /= shift_;
    return out;
  }

 private:
  static constexpr Index kColumns = 512;
  static constexpr double kJitter = 1e-13;  // the rounding of its products

  Index n_, size_ = 0;
  double shift_;
  std::vector<double> rows_, factor_;  // K_Sn, row by row; Cholesky's factor of what is inverted
};

}  // namespace

template <class T>
std::vector<double> gauss_newton_matrix(Points<T> points, const std::vector<CandidateLists>& fired,
                                        const T* output_weights, double scale, bool biases, int threads) {
  const Index n = points.count, d = points.dimension;
  std::vector<const NeuronId*> begins, ends;
  for (const CandidateLists& block : fired)
    for (Index k = 0; k < block.size(); ++k) {
      begins.push_back(block.begin(k));
      ends.push_back(block.end(k));
    }
  const Transposed fires = transpose(begins, ends);
  const AlignedVector<double> wide(points.data, points.data + n * d);
  std::vector<double> matrix(static_cast<std::size_t>(n * n), 0);
  parallel_for(n, threads, 8, [&](Index begin, Index end, int) {
    AlignedVector<double> products(static_cast<std::size_t>(n));
    for (Index i = begin; i < end; ++i) {
      double* const row = matrix.data() + i * n;
      for (const NeuronId* r = begins[static_cast<std::size_t>(i)]; r != ends[static_cast<std::size_t>(i)]; ++r) {
        const double a = static_cast<double>(output_weights[*r]), square = a * a;
        const Index last = fires.offsets[static_cast<std::size_t>(*r) + 1];
        for (Index k = fires.offsets[static_cast<std::size_t>(*r)]; k < last; ++k)
          row[fires.positions[static_cast<std::size_t>(k)]] += square;
      }
      inner_products(wide.data(), n, d, wide.data() + i * d, products.data());
      const double one = biases ? 1 : 0;
      for (Index j = 0; j < n; ++j) row[j] *= scale * scale * (products[static_cast<std::size_t>(j)] + one);
    }
  });
  return matrix;
}

void solve_gauss_newton(std::vector<double>& matrix, double damping, std::vector<double>& residuals, int threads) {
  const auto n = static_cast<Index>(residuals.size());
  const double trace = trace_of(matrix, n), shift = damping * trace / static_cast<double>(n);
  if (trace == 0) return;
  const auto damp = [&] {
    for (Index i = 0; i < n; ++i) matrix[static_cast<std::size_t>(i * n + i)] += shift;
  };
  if (n <= kLargestFactor) {
    damp();
    factor(matrix.data(), n, threads);
    solve_factored(matrix.data(), n, residuals);
    return;
  }
  const Sketch sketch(matrix, n, shift, threads);
  damp();
  std::vector<double> solution(residuals.size(), 0), rest(residuals), step = sketch.apply(rest), image(rest.size());
  double size = dot(rest, step);
  const double enough = kTolerance * kTolerance * dot(rest, rest);
  for (Index iteration = 0; dot(rest, rest) > enough; ++iteration) {
    if (iteration == 10 * n) refuse("conjugate gradients did not end after " + std::to_string(iteration) + " steps");
    parallel_for(n, threads, 64, [&](Index begin, Index end, int) {
      inner_products(matrix.data() + begin * n, end - begin, n, step.data(), image.data() + begin);
    });
    const double along = size / dot(step, image);
    if (!std::isfinite(along)) refuse("its matrix is not positive definite");
    for (std::size_t i = 0; i < solution.size(); ++i) {
      solution[i] += along * step[i];
      rest[i] -= along * image[i];
    }
    const std::vector<double> conditioned = sketch.apply(rest);
    const double before = size;
    size = dot(rest, conditioned);
    for (std::size_t i = 0; i < step.size(); ++i) step[i] = conditioned[i] + size / before * step[i];
  }
  residuals = solution;
}

template std::vector<double> gauss_newton_matrix<float>(Points<float>, const std::vector<CandidateLists>&, const float*,
                                                        double, bool, int);
template std::vector<double> gauss_newton_matrix<double>(Points<double>, const std::vector<CandidateLists>&,
                                                         const double*, double, bool, int);

}  // namespace sublinear
