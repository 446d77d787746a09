// M = lambda I - sum_r p_r w_r w_r^T of a few rows w_r with weights p_r > 0: solves with it, and proves that it is
// positive semidefinite but for a known deficit.
//
// Everything is done in the smaller of two spaces. In that of the inputs the matrix is M itself. In that of the rows it
// is N = lambda I - K with K_rs = sqrt(p_r p_s) <w_r, w_s>: K and sum_r p_r w_r w_r^T = B^T B, B = diag(sqrt p) W, have
// the same eigenvalues but for zeros, and by Woodbury's identity M^-1 = (I + B^T N^-1 B) / lambda.
//
// Claim. If `factor` succeeds, M + deficit I is positive semidefinite. Let q be the size of the matrix that is
// factored, n the number of rows, S = sum_r p_r ||w_r||^2.
//
// Proof. Cholesky's algorithm in double, of a symmetric matrix A of size q, if it ends, gives R with R^T R = A + E,
// |E| <= gamma_{q+1} |R^T| |R| (Higham, Accuracy and Stability, theorem 10.3), in whatever order sums are made. The
// 2-norm of |R^T| |R| is at most the sum of the squares of R's elements, the trace of A + E; so A is at least
// -gamma_{q+1} / (1 - gamma_{q+1}) trace(A) I, and trace(A) <= q lambda (entries of A that are subtracted from lambda
// are squares). Forming A errs by less: in the space of the inputs each entry is a sum of n products of three numbers,
// and the matrix of errors is bounded, element by element, by (n + 2) u sum_r p_r |w_r| |w_r|^T, whose 2-norm is at
// most (n + 2) u S; in that of the rows by (d + 6) u (sqrt(p_r) ||w_r||) (sqrt(p_s) ||w_s||), whose 2-norm is at most
// (d + 6) u S. The diagonal is rounded once more, u (lambda + S). All of it is at most
//   deficit = 2 (n + d + q + 30) kRound (S + q lambda).
// Where lambda and all p_r lie in [kSmallest, kLargest], products that underflow are below what the factor 2 leaves;
// `factor` fails where they do not.
#pragma once

#include <vector>

#include "certification/neighbourhood.hpp"

namespace sublinear {

class Curvature {
 public:
  static constexpr double kSmallest = 1e-90, kLargest = 1e90;

  // @param rows positions of the rows among the unstable neurons.
  Curvature(const Neighbourhood& near, std::vector<std::size_t> rows);

  // Takes new weights p.
  void set_weights(const std::vector<double>& weights);

  // Whether M at this lambda is proved to be at least -deficit(). Not const: keeps the factor.
  bool factor(double lambda);
  [[nodiscard]] double deficit() const noexcept { return deficit_; }

  // out = M^-1 g, about. After `factor`.
  void solve(const std::vector<double>& g, std::vector<double>& out) const;

  // spreads[k] = <w_k, M^-1 w_k>, about; and traces of M^-1 and M^-2. After `factor`.
  struct Traces {
    double first = 0, second = 0;
  };
  Traces spreads(std::vector<double>& spreads) const;

  [[nodiscard]] const std::vector<std::size_t>& rows() const noexcept { return rows_; }

 private:
  [[nodiscard]] const double* row(std::size_t k) const { return near_.row(rows_[k]); }
  [[nodiscard]] double* line(std::vector<double>& matrix, std::size_t i) const { return matrix.data() + i * size_; }
  [[nodiscard]] const double* line(const std::vector<double>& matrix, std::size_t i) const {
    return matrix.data() + i * size_;
  }
  void forward(double* y, std::size_t begin = 0) const;  // R^T y' = y, of which components before `begin` are 0
  void backward(double* y) const;                        // R y' = y

  const Neighbourhood& near_;
  std::vector<std::size_t> rows_;
  std::size_t dimension_, size_;
  bool of_rows_;                         // the matrix is N
  std::vector<double> products_;         // <w_r, w_s> for N
  std::vector<double> roots_;            // sqrt(p)
  std::vector<double> weights_;          // p
  std::vector<double> matrix_, factor_;  // K or B^T B; R, both upper triangles
  double lambda_ = 0, deficit_ = 0;
  double mass_ = 0;  // S
};

}  // namespace sublinear
