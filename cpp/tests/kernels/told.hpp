// How often calls tell of their progress, for tests.
#pragma once

#include <chrono>
#include <vector>

#include "kernels/watch.hpp"

namespace sublinear {

// While it lives, progress is told at every look, or never but where no clock is asked.
class Told {
 public:
  enum How { always, never };
  explicit Told(How how) {
    Watch::set_usual_interval(how == always ? Watch::Clock::duration{} : std::chrono::hours(1000));
  }
  ~Told() { Watch::set_usual_interval(Watch::kUsualInterval); }
  Told(const Told&) = delete;
  Told& operator=(const Told&) = delete;
};

// Keeps what it is told, and throws at one of the calls.
struct Listener {
  struct Stop {};
  std::vector<double> shares;
  int stop_at = 0;  // the number of the call, from 1; 0: never

  [[nodiscard]] Progress progress() {
    return [this](double share) {
      shares.push_back(share);
      if (static_cast<int>(shares.size()) == stop_at) throw Stop{};
    };
  }
};

}  // namespace sublinear
