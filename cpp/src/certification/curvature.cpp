#include "certification/curvature.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "certification/lower_sum.hpp"

namespace sublinear {

Curvature::Curvature(const Neighbourhood& near, std::vector<std::size_t> rows)
    : near_(near), rows_(std::move(rows)), dimension_(static_cast<std::size_t>(near.dimension)) {
  of_rows_ = rows_.size() < dimension_;
  size_ = of_rows_ ? rows_.size() : dimension_;
  matrix_.resize(size_ * size_);
  factor_.resize(size_ * size_);
  if (!of_rows_) return;
  products_.resize(size_ * size_);
  for (std::size_t i = 0; i < size_; ++i)
    for (std::size_t j = i; j < size_; ++j) line(products_, i)[j] = product_of(row(i), row(j), near_.dimension);
}

void Curvature::set_weights(const std::vector<double>& weights) {
  weights_ = weights;
  roots_.resize(weights.size());
  double mass = 0;
  for (std::size_t k = 0; k < weights.size(); ++k) {
    roots_[k] = std::sqrt(weights[k]);
    const double norm = near_.unstable[rows_[k]].norm;
    mass += weights[k] * norm * norm;
  }
  mass_ = upper_of_sum(mass, static_cast<double>(weights.size()));
  if (of_rows_) {
    for (std::size_t i = 0; i < size_; ++i)
      for (std::size_t j = i; j < size_; ++j) line(matrix_, i)[j] = roots_[i] * roots_[j] * line(products_, i)[j];
    return;
  }
  std::fill(matrix_.begin(), matrix_.end(), 0.0);
  for (std::size_t k = 0; k < weights.size(); ++k)
    for (std::size_t i = 0; i < size_; ++i)
      add_multiple(weights[k] * row(k)[i], row(k) + i, static_cast<Index>(size_ - i), line(matrix_, i) + i);
}

bool Curvature::factor(double lambda) {
  const auto fits = [](double value) { return value >= kSmallest && value <= kLargest; };
  if (!fits(lambda) || !std::all_of(weights_.begin(), weights_.end(), fits)) return false;
  lambda_ = lambda;
  for (std::size_t i = 0; i < size_; ++i) {
    for (std::size_t j = i; j < size_; ++j) line(factor_, i)[j] = -line(matrix_, i)[j];
    line(factor_, i)[i] = lambda - line(matrix_, i)[i];
  }
  for (std::size_t k = 0; k < size_; ++k) {
    double* pivot = line(factor_, k);
    if (!(pivot[k] > 0)) return false;
    const double root = std::sqrt(pivot[k]);
    for (std::size_t j = k; j < size_; ++j) pivot[j] /= root;
    pivot[k] = root;
    for (std::size_t i = k + 1; i < size_; ++i)
      add_multiple(-pivot[i], pivot + i, static_cast<Index>(size_ - i), line(factor_, i) + i);
  }
  const double terms = static_cast<double>(rows_.size() + dimension_ + size_ + 30);
  deficit_ = rows_.empty() ? 0 : 2 * rounding_loss(mass_ + static_cast<double>(size_) * lambda, terms);
  return deficit_ < kLargest;
}

void Curvature::forward(double* y, std::size_t begin) const {
  for (std::size_t k = begin; k < size_; ++k) {
    const double* pivot = line(factor_, k);
    y[k] /= pivot[k];
    add_multiple(-y[k], pivot + k + 1, static_cast<Index>(size_ - k - 1), y + k + 1);
  }
}

void Curvature::backward(double* y) const {
  for (std::size_t k = size_; k-- > 0;) {
    const double* pivot = line(factor_, k);
    y[k] = (y[k] - product_of(pivot + k + 1, y + k + 1, static_cast<Index>(size_ - k - 1))) / pivot[k];
  }
}

void Curvature::solve(const std::vector<double>& g, std::vector<double>& out) const {
  out = g;
  if (!of_rows_) {
    forward(out.data());
    backward(out.data());
    return;
  }
  std::vector<double> y(size_);
  for (std::size_t k = 0; k < size_; ++k) y[k] = roots_[k] * product_of(row(k), g.data(), near_.dimension);
  forward(y.data());
  backward(y.data());
  for (std::size_t k = 0; k < size_; ++k) add_multiple(roots_[k] * y[k], row(k), near_.dimension, out.data());
  for (double& value : out) value /= lambda_;
}

Curvature::Traces Curvature::spreads(std::vector<double>& spreads) const {
  const auto d = static_cast<double>(dimension_);
  spreads.resize(rows_.size());
  std::vector<double> y(size_);
  double first = 0, second = 0;
  for (std::size_t k = 0; k < rows_.size(); ++k) {
    // N^-1 e_k, or M^-1 w_k.
    std::size_t begin = 0;
    std::fill(y.begin(), y.end(), 0.0);
    if (of_rows_)
      y[begin = k] = 1;
    else
      std::copy(row(k), row(k) + size_, y.begin());
    forward(y.data(), begin);
    const double own = product_of(y.data() + begin, y.data() + begin, static_cast<Index>(size_ - begin));
    backward(y.data());
    const double squares = product_of(y.data(), y.data(), static_cast<Index>(size_));
    spreads[k] = of_rows_ ? std::max(0.0, (lambda_ * own - 1) / weights_[k]) : own;
    first += of_rows_ ? own : weights_[k] * own;
    second += of_rows_ ? squares : weights_[k] * squares;
  }
  Traces out;
  if (of_rows_) {
    const double rest = d - static_cast<double>(rows_.size());
    out.first = rest / lambda_ + first;
    out.second = rest / (lambda_ * lambda_) + second;
  } else {  // M^-1 = (I + M^-1 B^T B) / lambda
    out.first = (d + first) / lambda_;
    out.second = (out.first + second) / lambda_;
  }
  return out;
}

}  // namespace sublinear
