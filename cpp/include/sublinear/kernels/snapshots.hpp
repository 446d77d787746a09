/// @file
/// A value that readers look at while a writer makes the next one.
#pragma once

#include <memory>
#include <mutex>
#include <type_traits>
#include <utility>

#include "sublinear/kernels/require.hpp"

namespace sublinear {

/// Hands out the current state of a value, which never changes, and replaces it whole. Readers never wait for a change
/// to be made, and keep the state they have for as long as they like; a writer never waits for readers. Its price is a
/// copy for each change, and the memory of the states that are still looked at. Where copies are too dear, use a
/// `FairSharedMutex` around one value.
///
///     Snapshots<HalfSpaceIndex<float>> points(make_index<float>("kd-tree", first_points));
///     points.current()->report(...);                                              // any thread
///     points.change([&](HalfSpaceIndex<float>& next) { next.insert(more); });     // any thread, one after the other
///
/// For what is not changed but made anew, such as a `Predictor` of a network that is being trained:
///
///     Snapshots<Predictor<float>> served(std::make_unique<Predictor<float>>(network.clone()));
///     served.replace(std::make_unique<Predictor<float>>(network.clone()));        // after some steps
///
/// @tparam Value an index, or any other class; `change` needs its `clone`, which returns a pointer or a value.
/// @note Thread safety: all functions, from any thread. Const functions of the value have to be safe to run at the same
/// time, as those of this library are.
template <class Value>
class Snapshots {
 public:
  /// @throws std::invalid_argument if `first` is null.
  explicit Snapshots(std::unique_ptr<const Value> first) : current_(std::move(first)) {
    require(current_ != nullptr, "the first state is null; give a value");
  }
  Snapshots(const Snapshots&) = delete;
  Snapshots& operator=(const Snapshots&) = delete;

  /// The state as of the last change that has returned. Whoever asks several questions of one state keeps the pointer.
  [[nodiscard]] std::shared_ptr<const Value> current() const {
    const std::lock_guard<std::mutex> guard(pointer_);
    return current_;
  }

  /// Puts another state in the place of the current one. @throws std::invalid_argument if it is null.
  void replace(std::shared_ptr<const Value> next) {
    require(next != nullptr, "the next state is null; give a value");
    const std::lock_guard<std::mutex> one_writer(writer_);
    publish(std::move(next));
  }

  /// Copies the current state, calls `change` with the copy, and makes that the current state. What copying or `change`
  /// throws reaches the caller, and the state stays as it was. @return what `change` returns.
  template <class Change>
  auto change(Change&& change) {
    const std::lock_guard<std::mutex> one_writer(writer_);
    std::shared_ptr<Value> next = copied(current_->clone());
    if constexpr (std::is_void_v<decltype(change(*next))>) {
      change(*next);
      publish(std::move(next));
    } else {
      auto result = change(*next);
      publish(std::move(next));
      return result;
    }
  }

 private:
  static std::shared_ptr<Value> copied(std::unique_ptr<Value> copy) { return copy; }
  template <class Copy>
  static std::shared_ptr<Value> copied(Copy&& copy) {
    return std::make_shared<Value>(std::forward<Copy>(copy));
  }

  // The state before may be the last one that anybody has: it is destroyed after the lock is given back.
  void publish(std::shared_ptr<const Value> next) noexcept {
    const std::lock_guard<std::mutex> guard(pointer_);
    current_.swap(next);
  }

  std::mutex writer_;
  mutable std::mutex pointer_;
  std::shared_ptr<const Value> current_;
};

}  // namespace sublinear
