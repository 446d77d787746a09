// Who moves inputs as an attack asks: one input through a LocalNetwork, or a group at once through a GroupNetwork.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "kernels/watch.hpp"
#include "sublinear/training/attack.hpp"
#include "training/group_network.hpp"
#include "training/local_network.hpp"

namespace sublinear {

// What an attack sees of one input.
template <class T>
class LocalView final : public AttackView<T> {
 public:
  LocalView(LocalNetwork<T>& network, const Loss& loss, double label) : network_(network), loss_(loss), label_(label) {}
  [[nodiscard]] const std::vector<T>& values() override { return network_.values(); }
  [[nodiscard]] double loss() override { return network_.loss(loss_, label_); }
  void input_gradient(T* gradient) override { network_.input_gradient(loss_, label_, gradient); }

 private:
  LocalNetwork<T>& network_;
  const Loss& loss_;
  double label_;
};

// And of input i of a group.
template <class T>
class GroupView final : public AttackView<T> {
 public:
  GroupView(GroupNetwork<T>& network, Index i, const Loss& loss, double label)
      : network_(network), i_(i), loss_(loss), label_(label) {}
  [[nodiscard]] const std::vector<T>& values() override { return network_.values(i_); }
  [[nodiscard]] double loss() override { return network_.loss(i_, loss_, label_); }
  void input_gradient(T* gradient) override { network_.input_gradient(i_, loss_, label_, gradient); }

 private:
  GroupNetwork<T>& network_;
  Index i_;
  const Loss& loss_;
  double label_;
};

// Writes to `out` where run k ends; the network need not have been there.
template <class T>
void drive_run(AttackRun<T>& run, int k, LocalNetwork<T>& network, const Loss& loss, const T* x, double label,
               RandomStream& random, T* out) {
  LocalView<T> view(network, loss, label);
  bool asks = run.start(k, x, random, out);
  while (asks) {
    keep_watch();
    network.evaluate(out);
    asks = run.next(view, out);
  }
}

// Writes to `out` the end with the highest loss of all runs, the first of equal ones.
template <class T>
void drive_attack(const Attack<T>& attack, AttackRun<T>& run, LocalNetwork<T>& network, const Loss& loss, const T* x,
                  double label, RandomStream random, T* out) {
  drive_run(run, 0, network, loss, x, label, random, out);
  if (attack.runs() == 1) return;
  std::vector<T> attempt(static_cast<std::size_t>(network.dimension()));
  network.evaluate(out);
  double best = network.loss(loss, label);
  for (int k = 1; k < attack.runs(); ++k) {
    drive_run(run, k, network, loss, x, label, random, attempt.data());
    network.evaluate(attempt.data());
    const double reached = network.loss(loss, label);
    if (!(reached > best)) continue;
    best = reached;
    std::copy(attempt.begin(), attempt.end(), out);
  }
}

// An input of a group that is attacked.
template <class T>
struct GroupMember {
  const T* x;
  double label;
  RandomStream random;
  T* out;  // where its attacked point goes
};

// The same for the members of a group side by side: each has the bits that it has alone. Scratch space of one thread.
template <class T>
class GroupDriver {
 public:
  GroupDriver(const Attack<T>& attack, const Loss& loss, Index dimension)
      : attack_(attack), loss_(loss), dimension_(dimension) {}

  // Run k of every member; writes to out[i] where it ends.
  void drive_run(int k, GroupNetwork<T>& network, std::vector<GroupMember<T>>& members, T* const* out) {
    while (runs_.size() < members.size()) runs_.push_back(attack_.make_run(dimension_));
    std::vector<Index> asking;
    for (std::size_t i = 0; i < members.size(); ++i)
      if (runs_[i]->start(k, members[i].x, members[i].random, out[i])) asking.push_back(static_cast<Index>(i));
    while (!asking.empty()) {
      keep_watch();
      move(network, asking, out);
      const auto is_done = [&](Index i) {
        const auto at = static_cast<std::size_t>(i);
        GroupView<T> view(network, i, loss_, members[at].label);
        return !runs_[at]->next(view, out[at]);
      };
      asking.erase(std::remove_if(asking.begin(), asking.end(), is_done), asking.end());
    }
  }

  // All runs; writes to each member's `out` the end with the highest loss.
  void drive_attack(GroupNetwork<T>& network, std::vector<GroupMember<T>>& members) {
    std::vector<T*> out;
    std::vector<Index> all;
    for (GroupMember<T>& each : members) {
      all.push_back(static_cast<Index>(out.size()));
      out.push_back(each.out);
    }
    drive_run(0, network, members, out.data());
    if (attack_.runs() == 1) return;
    std::vector<double> best;
    const auto losses_at = [&](T* const* points) {
      move(network, all, points);
      std::vector<double> losses;
      for (const Index i : all) losses.push_back(network.loss(i, loss_, members[static_cast<std::size_t>(i)].label));
      return losses;
    };
    best = losses_at(out.data());
    std::vector<std::vector<T>> attempts(members.size(), std::vector<T>(static_cast<std::size_t>(dimension_)));
    std::vector<T*> attempt;
    for (std::vector<T>& each : attempts) attempt.push_back(each.data());
    for (int k = 1; k < attack_.runs(); ++k) {
      drive_run(k, network, members, attempt.data());
      const std::vector<double> reached = losses_at(attempt.data());
      for (std::size_t i = 0; i < members.size(); ++i) {
        if (!(reached[i] > best[i])) continue;
        best[i] = reached[i];
        std::copy(attempts[i].begin(), attempts[i].end(), members[i].out);
      }
    }
  }

  // Takes these inputs to points[i] each.
  static void move(GroupNetwork<T>& network, const std::vector<Index>& which, T* const* points) {
    std::vector<const T*> to;
    for (const Index i : which) to.push_back(points[i]);
    network.move(which.data(), to.data(), static_cast<Index>(which.size()));
  }

 private:
  const Attack<T>& attack_;
  const Loss& loss_;
  Index dimension_;
  std::vector<std::unique_ptr<AttackRun<T>>> runs_;
};

}  // namespace sublinear
