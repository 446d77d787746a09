// What the checks of indexes and of strategies share: how a broken promise becomes a ConformanceError.
#pragma once

#include <exception>
#include <stdexcept>
#include <string>
#include <utility>

#include "sublinear/testing/conformance.hpp"
#include "testing/smallest.hpp"

namespace sublinear {

template <class T>
class ConformanceChecks {
 protected:
  // `title` is what messages begin with.
  explicit ConformanceChecks(std::string title) : title_(std::move(title)) {}

  [[noreturn]] void fail(const std::string& text) const {
    throw ConformanceError(title_ + " over " + (sizeof(T) == 4 ? "float" : "double") + ": " + text);
  }

  // A check whose case is not made smaller.
  template <class Check>
  void single(const char* what, Check&& check) const {
    try {
      check();
    } catch (const BrokenPromise& broken) {
      fail(std::string(what) + ": " + broken.text);
    } catch (const ConformanceError&) {
      throw;
    } catch (const std::exception& error) {
      fail(std::string(what) + ": it threw " + error.what());
    }
  }

  template <class Call>
  static void refuse(const char* what, Call&& call) {
    try {
      call();
    } catch (const std::invalid_argument&) {
      return;
    }
    promise(false, std::string(what) + " is refused");
  }

 private:
  std::string title_;
};

}  // namespace sublinear
