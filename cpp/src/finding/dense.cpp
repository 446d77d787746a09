// "dense": every question scans all neurons. Nothing is stored but a limit per neuron.
#include "finding/finders.hpp"
#include "finding/list_worth.hpp"
#include "finding/scan.hpp"

namespace sublinear {
namespace {

template <class T>
class Dense final : public NeuronFinder<T> {
 public:
  explicit Dense(const FinderArguments<T>& arguments)
      : neurons_(arguments.neurons),
        inputs_(arguments.inputs),
        radius_(arguments.ball.radius),
        limits_(neurons_, inputs_, arguments.ball, arguments.threads) {}

  [[nodiscard]] const char* name() const noexcept override { return "dense"; }
  // Where nothing moves, lists are those of the neurons that fire, and scanning for them is all there is to do.
  [[nodiscard]] bool proposes_all(int threads) override {
    const FloatingPointScope scope;
    return radius_ == 0 || share_.is_large(neurons_, inputs_, limits_, resolve_threads(threads));
  }
  [[nodiscard]] bool serves_any_point() const noexcept override { return true; }
  [[nodiscard]] std::size_t bytes() const noexcept override { return limits_.bytes(); }

  Work candidates(const Index* inputs, Index count, int threads, CandidateLists& out) override {
    require_positions(inputs, count, inputs_.count);
    return scan(limits_.data(), count, threads, out, [&](Index k) { return inputs_.row(inputs[k]); });
  }

  Work candidates_at(Points<T> points, double radius, int threads, CandidateLists& out) const override {
    require_points(points, radius, neurons_.dimension);
    const FloatingPointScope scope;
    const std::vector<T> limits = limits_.limits_for(points, radius);
    return scan(limits.data(), points.count, threads, out, [&](Index k) { return points.row(k); });
  }

  Work moved(const NeuronId* rows, const Displacement* by, Index count, int threads) override {
    require_rows(rows, by, count, neurons_.count);
    limits_.refresh(rows, count, resolve_threads(threads));
    share_.note_step();
    Work work;
    work.rows_moved = count;
    return work;
  }

 private:
  template <class PointAt>
  Work scan(const T* limits, Index count, int requested, CandidateLists& out, PointAt&& point_at) const {
    const int threads = resolve_threads(requested);
    std::vector<std::vector<NeuronId>> found(static_cast<std::size_t>(count));
    Work work = scan_neurons(neurons_, limits, count, threads, point_at,
                             [&](Index k, std::vector<NeuronId>& list, const std::vector<T>&) {
                               found[static_cast<std::size_t>(k)] = std::move(list);
                             });
    work += join_lists(
        count, threads, out, [&](Index k) -> const auto& { return found[static_cast<std::size_t>(k)]; });
    return work;
  }

  Neurons<T> neurons_;
  Points<T> inputs_;
  double radius_;
  RowLimits<T> limits_;
  CandidateShare<T> share_;
};

}  // namespace

template <class T>
FinderPointer<T> make_dense(const FinderArguments<T>& arguments) {
  return std::make_unique<Dense<T>>(arguments);
}
template FinderPointer<float> make_dense<float>(const FinderArguments<float>&);
template FinderPointer<double> make_dense<double>(const FinderArguments<double>&);

}  // namespace sublinear
