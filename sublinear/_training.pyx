"""The training floor: networks, trainers, predictors. Translates arguments and results, nothing else."""
import numpy as np

from libc.stdint cimport int32_t, int64_t, uint64_t
from cpython.exc cimport PyErr_CheckSignals
from libc.string cimport memcpy
from libcpp cimport bool as cpp_bool
from libcpp.memory cimport shared_ptr, unique_ptr
from libcpp.string cimport string
from libcpp.vector cimport vector

from sublinear._common cimport IdLists, Points, Work, points_of, real, start_of, work_of, writable

cdef extern from "sublinear/finding/neurons.hpp" namespace "sublinear" nogil:
    enum class Norm:
        two
        infinity

cdef extern from "sublinear/finding/neuron_finder.hpp" namespace "sublinear" nogil:
    cppclass HashOptions:
        int64_t bits
        int64_t tables
        double least_share
        double rebuild_after
        double rebuild_growth
        uint64_t seed
    cppclass FinderOptions:
        string index
        size_t max_bytes
        HashOptions hashing
    cppclass NeuronFinder[T]:
        size_t bytes()
    cppclass StrategyInfo:
        string name
        string structure
        string source
        cpp_bool exact
        string option
    vector[StrategyInfo] strategies_of "sublinear::strategies"() except +

cdef extern from "sublinear/training/network.hpp" namespace "sublinear" nogil:
    enum class Activation:
        shifted
        jump
    cppclass TwoLayerNetwork[T]:
        TwoLayerNetwork(Points[T], const T*, int64_t, const T*, T, T, Activation) except +
        int64_t width()
        int64_t dimension()
        int64_t outputs()
        T threshold()
        T scale()
        Activation activation()
        const T* weights()
        const T* biases()
        const T* output_weights()
        uint64_t version()
    cppclass Initialization:
        string name
        int64_t dimension
        int64_t width
        int64_t outputs
        uint64_t seed
        double kappa
        cpp_bool coupled

cdef extern from "sublinear/training/loss.hpp" namespace "sublinear" nogil:
    cppclass Loss:
        cpp_bool serves(int64_t)
        const char* outputs_text()
        cpp_bool knows(double, int64_t)
        const char* label_text()
        cpp_bool classifies()
        cpp_bool correct(const double*, int64_t, double)
        double evaluate(const double*, int64_t, double, double*)
    vector[string] loss_names_of "sublinear::loss_names"() except +
    shared_ptr[const Loss] make_loss(const string&) except +

cdef extern from "sublinear/training/attack.hpp" namespace "sublinear" nogil:
    cppclass Attack[T]:
        pass
    cppclass PgdOptions:
        double radius
        int steps
        double step_size
        Norm norm
        cpp_bool random_start
        int restarts
        double clip_low
        double clip_high
    shared_ptr[const Attack[T]] make_pgd[T](const PgdOptions&) except +

cdef extern from "sublinear/kernels/progress.hpp" namespace "sublinear" nogil:
    cppclass Progress:
        pass

cdef extern from "sublinear/training/trainer.hpp" namespace "sublinear" nogil:
    cppclass TrainerOptions[T]:
        string strategy
        FinderOptions finder
        shared_ptr[const Loss] loss
        shared_ptr[const Attack[T]] attack
        vector[double] input_weights
        int64_t batch_size
        uint64_t seed
        int threads
        Progress progress
    cppclass StepReport:
        double clean_loss
        double robust_loss
        int64_t inputs
        cpp_bool ends_epoch
        Work work
    cppclass CppTrainer "sublinear::Trainer"[T]:
        CppTrainer(TwoLayerNetwork[T]&, Points[T], const double*, TrainerOptions[T]) except +
        StepReport step(double) except +
        int64_t steps_done()
        int64_t steps_per_epoch()
        void set_steps_done(int64_t) except +
        const NeuronFinder[T]& finder() except +
        Work candidates(const int64_t*, int64_t, IdLists[int32_t]&) except +

cdef extern from "sublinear/training/predictor.hpp" namespace "sublinear" nogil:
    cppclass CppPredictor "sublinear::Predictor"[T]:
        CppPredictor(const TwoLayerNetwork[T]&, const string&, Norm, int) except +
        Work decision_function(Points[T], int, T*) except +
        Work fired(Points[T], int, IdLists[int32_t]&) except +
        Work attack(Points[T], const double*, const Attack[T]&, const Loss&, uint64_t, int, T*, double*) except +

# Networks are not default-constructible, which Cython's own temporaries would need; enumerations inside classes are out
# of its reach.
cdef extern from *:
    """
    #include "sublinear/training/network.hpp"
    namespace {
    template <class T>
    sublinear::TwoLayerNetwork<T>* new_random_network(sublinear::Initialization how, int bias, int activation) {
      how.bias = static_cast<sublinear::Initialization::Bias>(bias);
      how.activation = static_cast<sublinear::Initialization::ActivationChoice>(activation);
      return new sublinear::TwoLayerNetwork<T>(sublinear::random_network<T>(how));
    }
    template <class T>
    sublinear::TwoLayerNetwork<T>* new_copy(const sublinear::TwoLayerNetwork<T>& network) {
      return new sublinear::TwoLayerNetwork<T>(network.clone());
    }
    }
    """
    TwoLayerNetwork[T]* new_random_network[T](Initialization, int, int) except + nogil
    TwoLayerNetwork[T]* new_copy[T](const TwoLayerNetwork[T]&) except + nogil

cdef extern from *:
    """
    // Ends a step after a Python error, which the trainer keeps. (Objects know themselves: no reference is counted.)
    inline sublinear::Progress stopped_by(bool (*ask)(void*), void* trainer) {
      return [ask, trainer](double) {
        if (!ask(trainer)) throw std::runtime_error("stopped");
      };
    }
    """
    Progress stopped_by(cpp_bool (*)(void*) noexcept with gil, void*) nogil

_BIASES = {None: 0, "zero": 1, "gaussian": 2}
_ACTIVATIONS = {None: 0, "shifted": 1, "jump": 2}


def loss_names():
    """The names of the losses."""
    return [name.decode() for name in loss_names_of()]


def strategy_infos():
    """(name, structure, source, exact, option) of every strategy, in the order in which tables show them."""
    return [(info.name.decode(), info.structure.decode(), info.source.decode(), info.exact, info.option.decode())
            for info in strategies_of()]


def hashing_defaults():
    """The choices of "simhash" by name, but its seed."""
    cdef HashOptions options
    return {"bits": options.bits, "tables": options.tables, "least_share": options.least_share,
            "rebuild_after": options.rebuild_after, "rebuild_growth": options.rebuild_growth}


cdef tuple lists_of(const IdLists[int32_t]& lists):
    """(offsets, ids), both int64."""
    offsets = np.empty(lists.offsets.size(), np.int64)
    cdef int64_t[::1] offsets_view = offsets
    memcpy(&offsets_view[0], lists.offsets.data(), lists.offsets.size() * sizeof(int64_t))
    ids = np.empty(lists.ids.size(), np.int32)
    cdef int32_t[::1] ids_view = ids
    if lists.ids.size() > 0:
        memcpy(&ids_view[0], lists.ids.data(), lists.ids.size() * sizeof(int32_t))
    return offsets, ids.astype(np.int64)


cdef Norm norm_of(double norm):
    return Norm.two if norm == 2 else Norm.infinity


cdef PgdOptions pgd_options(dict attack):
    cdef PgdOptions options
    options.radius = attack["radius"]
    options.steps = attack["steps"]
    options.step_size = attack["step_size"]
    options.norm = norm_of(attack["norm"])
    options.random_start = attack["random_start"]
    options.restarts = attack["restarts"]
    options.clip_low, options.clip_high = attack["clip"]
    return options


cdef class Network:
    """One C++ network; exactly one of the two pointers is set, by dtype."""

    cdef unique_ptr[TwoLayerNetwork[float]] single
    cdef unique_ptr[TwoLayerNetwork[double]] wide

    def copy(self):
        cdef Network other = Network()
        if self.single:
            other.single.reset(new_copy[float](self.single.get()[0]))
        else:
            other.wide.reset(new_copy[double](self.wide.get()[0]))
        return other

    @property
    def threshold(self):
        return self.single.get().threshold() if self.single else self.wide.get().threshold()

    @property
    def scale(self):
        return self.single.get().scale() if self.single else self.wide.get().scale()

    @property
    def activation(self):
        cdef Activation activation = self.single.get().activation() if self.single else self.wide.get().activation()
        return "shifted" if activation == Activation.shifted else "jump"

    @property
    def outputs(self):
        return self.single.get().outputs() if self.single else self.wide.get().outputs()

    @property
    def version(self):
        return self.single.get().version() if self.single else self.wide.get().version()

    def view(self, str what):
        """A read-only array on the C++ memory of "weights", "biases" or "output_weights"; keeps the network alive."""
        return np.asarray(_View(self, what))


cdef class _View:
    # Exports one block of a network's memory through the buffer protocol, read-only.
    cdef Network network
    cdef const void* data
    cdef Py_ssize_t[2] shape
    cdef Py_ssize_t[2] strides
    cdef int dimensions
    cdef bytes kind

    def __cinit__(self, Network network, str what):
        self.network = network
        cdef Py_ssize_t item = sizeof(float) if network.single else sizeof(double)
        cdef int64_t width, columns
        self.kind = b"f" if network.single else b"d"
        if network.single:
            width = network.single.get().width()
            columns = network.single.get().dimension() if what == "weights" else network.single.get().outputs()
            self.data = (network.single.get().weights() if what == "weights" else
                         network.single.get().biases() if what == "biases" else network.single.get().output_weights())
        else:
            width = network.wide.get().width()
            columns = network.wide.get().dimension() if what == "weights" else network.wide.get().outputs()
            self.data = (network.wide.get().weights() if what == "weights" else
                         network.wide.get().biases() if what == "biases" else network.wide.get().output_weights())
        self.dimensions = 1 if what == "biases" else 2
        self.shape[0], self.shape[1] = width, columns
        self.strides[0] = item if what == "biases" else columns * item
        self.strides[1] = item

    def __getbuffer__(self, Py_buffer* buffer, int flags):
        if flags & 1:  # PyBUF_WRITABLE
            raise BufferError("weights are changed by training only")
        cdef Py_ssize_t item = sizeof(float) if self.network.single else sizeof(double)
        buffer.buf = <void*>self.data
        buffer.obj = self
        buffer.len = self.shape[0] * item * (self.shape[1] if self.dimensions == 2 else 1)
        buffer.readonly = 1
        buffer.itemsize = item
        buffer.format = self.kind
        buffer.ndim = self.dimensions
        buffer.shape = self.shape
        buffer.strides = self.strides
        buffer.suboffsets = NULL
        buffer.internal = NULL

    def __releasebuffer__(self, Py_buffer* buffer):
        pass


def make_network(const real[:, ::1] weights, const real[:, ::1] output_weights, const real[:, ::1] biases,
                 double threshold, double scale, str activation):
    """A network of these arrays, copied; `biases` is (1, width)."""
    cdef Network network = Network()
    cdef Activation kind = Activation.jump if activation == "jump" else Activation.shifted
    if real is float:
        network.single.reset(new TwoLayerNetwork[float](
            points_of(weights), points_of(output_weights).data, output_weights.shape[1], points_of(biases).data,
            <float>threshold, <float>scale, kind))
    else:
        network.wide.reset(new TwoLayerNetwork[double](
            points_of(weights), points_of(output_weights).data, output_weights.shape[1], points_of(biases).data,
            threshold, scale, kind))
    return network


def random_network(bint single, str init, int64_t dimension, int64_t width, int64_t outputs, uint64_t seed,
                   double kappa, bint coupled, bias, activation):
    """A random network; a negative kappa asks for the default."""
    cdef Network network = Network()
    cdef Initialization how
    how.name = init.encode()
    how.dimension, how.width, how.outputs, how.seed = dimension, width, outputs, seed
    how.kappa, how.coupled = kappa, coupled
    cdef int bias_choice = _BIASES[bias], activation_choice = _ACTIVATIONS[activation]
    with nogil:
        if single:
            network.single.reset(new_random_network[float](how, bias_choice, activation_choice))
        else:
            network.wide.reset(new_random_network[double](how, bias_choice, activation_choice))
    return network


cdef class Trainer:
    """One C++ trainer; keeps its network alive."""

    cdef Network network
    cdef object error  # what ended a step
    cdef unique_ptr[CppTrainer[float]] single
    cdef unique_ptr[CppTrainer[double]] wide

    def steps_done(self):
        return self.single.get().steps_done() if self.single else self.wide.get().steps_done()

    def steps_per_epoch(self):
        return self.single.get().steps_per_epoch() if self.single else self.wide.get().steps_per_epoch()

    def set_steps_done(self, int64_t steps):
        if self.single:
            self.single.get().set_steps_done(steps)
        else:
            self.wide.get().set_steps_done(steps)

    def bytes(self):
        return self.single.get().finder().bytes() if self.single else self.wide.get().finder().bytes()

    def candidates(self, const int64_t[::1] inputs):
        """(offsets, ids, work) of what the strategy proposes now, ids int64 and ascending per input."""
        cdef IdLists[int32_t] lists
        cdef Work work
        cdef const int64_t* first = &inputs[0] if inputs.shape[0] > 0 else NULL
        with nogil:
            if self.single:
                work = self.single.get().candidates(first, inputs.shape[0], lists)
            else:
                work = self.wide.get().candidates(first, inputs.shape[0], lists)
        return (*lists_of(lists), work_of(work))

    def step(self, double learning_rate):
        """(clean loss, robust loss, inputs, ends an epoch, work) of one step."""
        cdef StepReport report
        try:
            with nogil:
                report = self.single.get().step(learning_rate) if self.single else self.wide.get().step(learning_rate)
        except RuntimeError:
            error, self.error = self.error, None
            if error is None:
                raise
            raise error from None
        return report.clean_loss, report.robust_loss, report.inputs, report.ends_epoch, work_of(report.work)


cdef cpp_bool no_signal(void* trainer) noexcept with gil:
    # Between blocks of inputs: Ctrl-C ends the step, which then has not happened.
    try:
        PyErr_CheckSignals()
        return True
    except BaseException as error:
        (<Trainer> trainer).error = error
        return False


def make_trainer(Network network, const real[:, ::1] inputs, const double[::1] labels, str strategy, str index,
                 size_t max_bytes, dict hashing, dict attack, str loss, const double[::1] weights, int64_t batch_size,
                 uint64_t seed, int threads):
    """A trainer; builds the strategy's structure. No `weights`: all inputs count alike."""
    cdef Trainer trainer = Trainer()
    trainer.network = network
    cdef TrainerOptions[real] options
    cdef PgdOptions pgd = pgd_options(attack)
    options.strategy = strategy.encode()
    options.finder.index = index.encode()
    options.finder.max_bytes = max_bytes
    options.finder.hashing.bits, options.finder.hashing.tables = hashing["bits"], hashing["tables"]
    options.finder.hashing.least_share = hashing["least_share"]
    options.finder.hashing.rebuild_after = hashing["rebuild_after"]
    options.finder.hashing.rebuild_growth = hashing["rebuild_growth"]
    options.finder.hashing.seed = seed
    options.loss = make_loss(loss.encode())
    options.input_weights.assign(start_of(weights), start_of(weights) + weights.shape[0])
    options.batch_size, options.seed, options.threads = batch_size, seed, threads
    options.progress = stopped_by(no_signal, <void*> trainer)
    with nogil:
        if real is float:
            options.attack = make_pgd[float](pgd)
            trainer.single.reset(new CppTrainer[float](network.single.get()[0], points_of(inputs), start_of(labels),
                                                       options))
        else:
            options.attack = make_pgd[double](pgd)
            trainer.wide.reset(new CppTrainer[double](network.wide.get()[0], points_of(inputs), start_of(labels),
                                                      options))
    return trainer


cdef class Predictor:
    """One C++ predictor; keeps its network alive."""

    cdef Network network
    cdef unique_ptr[CppPredictor[float]] single
    cdef unique_ptr[CppPredictor[double]] wide

    def decision_function(self, const real[:, ::1] points, int threads):
        cdef int64_t columns = self.network.outputs
        outputs = np.empty((points.shape[0], columns), np.float32 if real is float else np.float64)
        cdef real[:, ::1] view = outputs
        with nogil:
            if real is float:
                self.single.get().decision_function(points_of(points), threads, writable(view))
            else:
                self.wide.get().decision_function(points_of(points), threads, writable(view))
        return outputs

    def fired(self, const real[:, ::1] points, int threads):
        """(offsets, ids, work), ids int64 and ascending per point."""
        cdef IdLists[int32_t] lists
        cdef Work work
        with nogil:
            if real is float:
                work = self.single.get().fired(points_of(points), threads, lists)
            else:
                work = self.wide.get().fired(points_of(points), threads, lists)
        return (*lists_of(lists), work_of(work))

    def attack(self, const real[:, ::1] points, const double[::1] labels, dict attack, str loss, uint64_t seed,
               int threads):
        """(attacked points, losses there)."""
        attacked = np.empty((points.shape[0], points.shape[1]), np.float32 if real is float else np.float64)
        losses = np.empty(points.shape[0], np.float64)
        cdef real[:, ::1] attacked_view = attacked
        cdef double[::1] losses_view = losses
        cdef PgdOptions pgd = pgd_options(attack)
        cdef shared_ptr[const Loss] how = make_loss(loss.encode())
        cdef shared_ptr[const Attack[real]] by
        with nogil:
            if real is float:
                by = make_pgd[float](pgd)
                self.single.get().attack(points_of(points), start_of(labels), by.get()[0], how.get()[0], seed, threads,
                                         writable(attacked_view),
                                         <double*>start_of(losses_view))
            else:
                by = make_pgd[double](pgd)
                self.wide.get().attack(points_of(points), start_of(labels), by.get()[0], how.get()[0], seed, threads,
                                       writable(attacked_view),
                                       <double*>start_of(losses_view))
        return attacked, losses


def make_predictor(Network network, str index, double norm, int threads):
    """A predictor for a network that does not change meanwhile; an empty index scans."""
    cdef Predictor predictor = Predictor()
    predictor.network = network
    cdef string encoded = index.encode()
    cdef Norm kind = norm_of(norm)
    with nogil:
        if network.single:
            predictor.single.reset(new CppPredictor[float](network.single.get()[0], encoded, kind, threads))
        else:
            predictor.wide.reset(new CppPredictor[double](network.wide.get()[0], encoded, kind, threads))
    return predictor


def check_labels(str loss, const double[::1] labels, int64_t outputs):
    """ValueError unless a network with so many outputs can be judged by this loss at these labels."""
    cdef shared_ptr[const Loss] how = make_loss(loss.encode())
    if not how.get().serves(outputs):
        raise ValueError(f"loss {loss!r} takes a network with {how.get().outputs_text().decode()}, this one has {outputs}")
    for row in range(labels.shape[0]):
        if not how.get().knows(labels[row], outputs):
            raise ValueError(f"the label in row {row} is {labels[row]:g}; loss {loss!r} takes "
                             f"{how.get().label_text().decode()}")


def judge(str loss, const double[:, ::1] outputs, const double[::1] labels):
    """(losses, whether each is classified rightly or None for losses of numbers) for outputs."""
    cdef shared_ptr[const Loss] how = make_loss(loss.encode())
    cdef int64_t n = outputs.shape[0], columns = outputs.shape[1], i
    losses, correct = np.empty(n, np.float64), np.empty(n, np.uint8)
    cdef double[::1] losses_view = losses
    cdef unsigned char[::1] correct_view = correct
    for i in range(n):
        losses_view[i] = how.get().evaluate(&outputs[i, 0], columns, labels[i], NULL)
        correct_view[i] = how.get().correct(&outputs[i, 0], columns, labels[i])
    return losses, correct.astype(bool) if how.get().classifies() else None
