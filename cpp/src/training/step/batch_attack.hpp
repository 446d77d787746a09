// Phases 2 and 3 of a step: the candidates of each input, and where the attack takes it.
#pragma once

#include <memory>
#include <vector>

#include "training/attack_driver.hpp"
#include "training/batch_driver.hpp"
#include "training/step/batches.hpp"
#include "training/step/current_finder.hpp"
#include "training/step/fired_lists.hpp"
#include "training/step/training_task.hpp"

namespace sublinear {

// What the attack leaves of a batch, position by position.
template <class T>
struct AttackedBatch {
  AlignedVector<T> points;                          // batch x d
  std::vector<double> clean_losses, robust_losses;  // before and after the attack
  std::vector<double> gradients;                    // batch x c: of the robust losses by the outputs
  FiredLists fired;                                 // at the points

  [[nodiscard]] Index size() const noexcept { return static_cast<Index>(robust_losses.size()); }
};

// Attacks one batch after the other. Changes neither network nor structure: a step that is stopped in here has not
// happened.
template <class T>
class BatchAttack {
 public:
  explicit BatchAttack(const TrainingTask<T>& task);

  // Attacks the inputs of the batch block by block, each in the candidates of its whole ball. Tells the progress before
  // each block. With `must_keep` the lists of fired neurons are kept whatever they take.
  Work attack(const Batch& batch, CurrentFinder<T>& finder, bool must_keep, AttackedBatch<T>& out);

 private:
  // Of a worker: what goes along with one input, or with a group of them.
  struct Scratch {
    LocalNetwork<T> local;
    std::unique_ptr<AttackRun<T>> run;
    GroupNetwork<T> group;
    std::unique_ptr<GroupDriver<T>> driver;
  };
  // The strategy's lists: where those go that it does not keep, and all of a block.
  struct Lists {
    CandidateLists storage;
    std::vector<CandidateView<T>> views;
  };
  // Positions of the batch whose candidates are held at the same time.
  struct Block {
    const Batch& batch;
    Index begin, size;
    CurrentFinder<T>& finder;
    AttackedBatch<T>& out;
  };

  void tell_progress(double share) const;
  [[nodiscard]] RandomStream random_of(const Batch& batch, Index input) const;
  void take_loss_gradient(AttackedBatch<T>& out, Index position, const std::vector<double>& gradient) const;
  Work attack_in_lists(const Block& block, Lists& lists, CandidateLists& fired);
  Work attack_in_list(const Block& block, Index position, const CandidateView<T>& candidates, Scratch& own);
  Work attack_in_groups(const Block& block, CandidateLists& fired);
  Work attack_by_batch(const Block& block, Lists& lists, CandidateLists& fired);
  void attack_members(const Block& block, Index first, std::vector<BatchMember<T>> members, BatchDriver<T>& driver);
  Work attack_group(const Block& block, Index first, Index count, Scratch& own);

  const TrainingTask<T>& task_;
  std::vector<Index> ranks_;  // see visiting_order.hpp; none before the first step, or where they make no difference
  std::vector<Scratch> scratch_;
};

}  // namespace sublinear
