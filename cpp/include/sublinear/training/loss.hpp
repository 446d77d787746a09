/// @file
/// Losses of one input, and their gradient with respect to the outputs.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sublinear/kernels/export.hpp"
#include "sublinear/kernels/types.hpp"

namespace sublinear {

/// The loss of one input. Computed in double from outputs of T, in a written order.
///
/// A label is a double: -1 or +1 for "logistic", a class index for "cross-entropy", any finite number for "squared" and
/// "absolute". Networks with several outputs take "cross-entropy" only.
/// @note Thread safety: all functions are const and may run concurrently.
class SUBLINEAR_API Loss {
 public:
  virtual ~Loss() = default;
  /// The name that `make_loss` takes, such as "logistic"; a loss of the application's own may have any.
  [[nodiscard]] virtual const char* name() const noexcept = 0;

  /// Whether a network with this many outputs can be trained with it.
  [[nodiscard]] virtual bool serves(Index outputs) const noexcept = 0;
  /// What the number of outputs must be, for error messages: "1 output" or "2 or more outputs".
  [[nodiscard]] virtual const char* outputs_text() const noexcept = 0;
  /// Whether `label` is one this loss knows; `label_text` says which.
  [[nodiscard]] virtual bool knows(double label, Index outputs) const noexcept = 0;
  /// What labels must be, for error messages: "-1 or +1".
  [[nodiscard]] virtual const char* label_text() const noexcept = 0;
  /// Whether accuracy (rather than the loss alone) is defined: labels are classes.
  [[nodiscard]] virtual bool classifies() const noexcept = 0;
  /// Whether the outputs' class is the label's. Meaningful only if `classifies`.
  [[nodiscard]] virtual bool correct(const double* outputs, Index count, double label) const noexcept = 0;

  /// The loss at `outputs`; writes its derivative with respect to each output where `gradient` is not null.
  virtual double evaluate(const double* outputs, Index count, double label, double* gradient) const noexcept = 0;

  /// The derivative alone, with the bits of `evaluate`. An attack asks for it at every step; override it where the loss
  /// itself costs extra.
  virtual void differentiate(const double* outputs, Index count, double label, double* gradient) const noexcept {
    static_cast<void>(evaluate(outputs, count, label, gradient));
  }

  /// Whether training and evaluation ask `evaluate_batch` alone, because a call costs much.
  [[nodiscard]] virtual bool by_batch() const noexcept { return false; }
  /// The losses of `count` inputs with `columns` outputs each; writes their derivatives, a row each, where `gradients`
  /// is not null. Calls `evaluate` by default. What it throws ends the call that asked, before weights change.
  virtual void evaluate_batch(const double* outputs, Index count, Index columns, const double* labels, double* losses,
                              double* gradients) const {
    for (Index i = 0; i < count; ++i)
      losses[i] =
          evaluate(outputs + i * columns, columns, labels[i], gradients == nullptr ? nullptr : gradients + i * columns);
  }
};

/// The names `make_loss` knows: "absolute" |f - y|, "squared" (f - y)^2 / 2, "logistic" log(1 + exp(-y f)),
/// "cross-entropy" (softmax).
[[nodiscard]] SUBLINEAR_API const std::vector<std::string>& loss_names();

/// @throws std::invalid_argument for an unknown name.
[[nodiscard]] SUBLINEAR_API std::shared_ptr<const Loss> make_loss(const std::string& name);

}  // namespace sublinear
