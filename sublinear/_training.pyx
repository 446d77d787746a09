"""The training floor: networks, trainers, predictors. Translates arguments and results, nothing else."""
cimport cython
import numpy as np

from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.string cimport memcmp, memcpy
from libcpp cimport bool as cpp_bool
from libcpp.map cimport map as cppmap
from libcpp.memory cimport shared_ptr, unique_ptr
from libcpp.string cimport string
from libcpp.vector cimport vector

from sublinear._common cimport Access, IdLists, Points, Work, points_of, real, start_of, work_of, writable

include "_watched.pxi"
include "_plugins.pxi"

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
    void unregister_strategy_of "sublinear::unregister_strategy"(const string&) except +
    enum class Summation:
        canonical
        any
    double largest_norm_of "sublinear::largest_norm"[T](Points[T], Norm)
    cppclass Ball:
        double radius
        Norm norm
    cppclass Neurons[T]:
        const T* weights
        const T* biases
        int64_t count
        int64_t dimension
        T threshold
    void firing_limits_of "sublinear::firing_limits"[T](const Neurons[T]&, const int32_t*, int64_t, Ball, double,
                                                       Summation, T*) except +

cdef extern from "_plugins.hpp" nogil:
    cppclass StrategyCalls:
        PyObject* (*make)(PyObject*, const void*, const void*, int64_t, double, const void*, int64_t, int64_t, double,
                          cpp_bool, int64_t, int, cpp_bool, PyObject**) noexcept
        PyObject* (*candidates)(PyObject*, const int64_t*, int64_t, IdLists[int64_t]*) noexcept
        PyObject* (*candidates_at)(PyObject*, const void*, int64_t, int64_t, double, cpp_bool,
                                   IdLists[int64_t]*) noexcept
        PyObject* (*moved)(PyObject*, const int64_t*, const void*, const void*, const double*, int64_t, int64_t,
                           cpp_bool) noexcept
        int64_t (*bytes)(PyObject*) noexcept
        cpp_bool (*serves_any_point)(PyObject*) noexcept
    StrategyCalls strategy_calls

cdef extern from "_plugins.hpp":
    void register_python_strategy(const string&, const string&, const string&, cpp_bool,
                                  PyObject*) except +raise_python_error

cdef extern from "sublinear/testing/conformance.hpp" namespace "sublinear" nogil:
    void check_index_of "sublinear::check_index"[T](const string&) except +raise_python_error
    void check_strategy_of "sublinear::check_strategy"[T](const string&, const FinderOptions&) except +raise_python_error

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
        double bias_value
    vector[string] initialization_names_of "sublinear::initialization_names"() except +

cdef extern from "sublinear/kernels/random.hpp" namespace "sublinear" nogil:
    enum class RandomPurpose:
        attack
    cppclass RandomStream:
        RandomStream(uint64_t, RandomPurpose)
        double uniform()

cdef extern from "sublinear/training/loss.hpp" namespace "sublinear" nogil:
    cppclass Loss:
        cpp_bool serves(int64_t)
        const char* outputs_text()
        cpp_bool knows(double, int64_t)
        const char* label_text()
        cpp_bool classifies()
        cpp_bool correct(const double*, int64_t, double)
        void evaluate_batch(const double*, int64_t, int64_t, const double*, double*,
                            double*) except +raise_python_error
    vector[string] loss_names_of "sublinear::loss_names"() except +
    shared_ptr[const Loss] make_loss(const string&) except +

cdef extern from "sublinear/training/attack.hpp" namespace "sublinear" nogil:
    cppclass Attack[T]:
        pass
    enum class Domain:
        space
        slice
    cppclass PgdOptions:
        double radius
        int steps
        double step_size
        Norm norm
        cpp_bool random_start
        int restarts
        double clip_low
        double clip_high
        Domain domain
    shared_ptr[const Attack[T]] make_pgd[T](const PgdOptions&) except +

cdef extern from "sublinear/training/optimizer.hpp" namespace "sublinear" nogil:
    cppclass Optimizer[T]:
        pass
    cppclass OptimizerState[T]:
        cppmap[string, vector[T]] values
        cppmap[string, vector[double]] numbers
    cppclass OptimizerOptions:
        double momentum
        double second_momentum
        double epsilon
        double weight_decay
        cpp_bool lazy
        double damping
        double clip_norm
    vector[string] optimizer_names_of "sublinear::optimizer_names"() except +
    shared_ptr[const Optimizer[T]] make_optimizer[T](const string&, const OptimizerOptions&) except +

cdef extern from "sublinear/training/trainer.hpp" namespace "sublinear" nogil:
    cppclass TrainerOptions[T]:
        string strategy
        FinderOptions finder
        shared_ptr[const Loss] loss
        shared_ptr[const Attack[T]] attack
        vector[double] input_weights
        int64_t batch_size
        uint64_t seed
        shared_ptr[const Optimizer[T]] optimizer
        double average
        cpp_bool train_biases
        int threads
        Progress progress
    cppclass StepReport:
        double clean_loss
        double robust_loss
        int64_t inputs
        cpp_bool ends_epoch
        Work work
    cppclass CppTrainer "sublinear::Trainer"[T]:
        CppTrainer(TwoLayerNetwork[T]&, Points[T], const double*, TrainerOptions[T]) except +raise_python_error
        StepReport step(double) except +raise_python_error
        int64_t steps_done() except +raise_python_error
        int64_t steps_per_epoch() except +raise_python_error
        void set_steps_done(int64_t) except +raise_python_error
        OptimizerState[T] optimizer_state() except +raise_python_error
        void set_optimizer_state(const OptimizerState[T]&) except +raise_python_error
        const NeuronFinder[T]& finder() except +raise_python_error
        Points[T] inputs() except +raise_python_error
        Work candidates(const int64_t*, int64_t, IdLists[int32_t]&) except +raise_python_error

cdef extern from "sublinear/training/predictor.hpp" namespace "sublinear" nogil:
    cppclass CppPredictor "sublinear::Predictor"[T]:
        CppPredictor(const TwoLayerNetwork[T]&, const string&, Norm, int) except +raise_python_error
        Work decision_function(Points[T], int, T*) except +raise_python_error
        Work fired(Points[T], int, IdLists[int32_t]&) except +raise_python_error
        Work attack(Points[T], const double*, const Attack[T]&, const Loss&, uint64_t, int, T*, double*,
                    cpp_bool*) except +raise_python_error

cdef extern from "sublinear/training/low_rank_layer.hpp" namespace "sublinear" nogil:
    cppclass SparseVector[T]:
        const int32_t* ids
        const T* values
        int64_t length
    cppclass LowRankWork:
        int64_t base
        int64_t low_rank
        int64_t folded
        int64_t streamed
        int64_t other
    cppclass CppLowRankLayer "sublinear::LowRankLayer"[T]:
        CppLowRankLayer(Points[T], int64_t) except +
        int64_t outputs()
        int64_t inputs()
        int64_t rank()
        int64_t rank_limit()
        int64_t flushes()
        size_t bytes()
        LowRankWork apply(const SparseVector[T]*, int64_t, int, T*) except +
        LowRankWork add_rank(const SparseVector[T]*, const SparseVector[T]*, int64_t, int) except +
        LowRankWork flush(int) except +
        void write_dense(int, T*) except +

cdef extern from "sublinear/training/three_layer_network.hpp" namespace "sublinear" nogil:
    cppclass CppThreeLayerNetwork "sublinear::ThreeLayerNetwork"[T]:
        int64_t dimension()
        T first_threshold()
        T hidden_threshold()
        T scale()
        const T* first_weights()
        const T* output_weights()
        CppLowRankLayer[T]& hidden()
        LowRankWork decision_function(Points[T], int, T*) except +
        LowRankWork fired(Points[T], int, IdLists[int32_t]&, IdLists[int32_t]&) except +
    cppclass ThreeLayerInitialization:
        int64_t dimension
        int64_t width
        uint64_t seed
        double kappa
        cpp_bool coupled
        int64_t rank_limit
    cppclass ThreeLayerOptions:
        int64_t batch_size
        uint64_t seed
        int threads
    cppclass ThreeLayerReport:
        double loss
        int64_t inputs
        cpp_bool ends_epoch
        int64_t fired_first
        int64_t fired_hidden
        int64_t rank
        LowRankWork work
    cppclass CppThreeLayerTrainer "sublinear::ThreeLayerTrainer"[T]:
        CppThreeLayerTrainer(CppThreeLayerNetwork[T]&, Points[T], const double*, ThreeLayerOptions) except +
        ThreeLayerReport step(double) except +
        int64_t steps_per_epoch() except +
        void set_steps_done(int64_t) except +
        const LowRankWork& first_work()

# Networks are not default-constructible, which Cython's own temporaries would need; enumerations inside classes are out
# of its reach.
cdef extern from *:
    """
    #include <utility>
    #include "sublinear/training/network.hpp"
    #include "sublinear/training/three_layer_network.hpp"
    #include "sublinear/training/trainer.hpp"
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
    template <class T>
    sublinear::TwoLayerNetwork<T>* new_average(const sublinear::Trainer<T>& trainer) {
      return new sublinear::TwoLayerNetwork<T>(trainer.averaged());
    }
    template <class T>
    sublinear::ThreeLayerNetwork<T>* new_three_layers(sublinear::Points<T> first, sublinear::Points<T> hidden,
                                                      const T* outputs, double first_threshold,
                                                      double hidden_threshold, double scale, sublinear::Index limit) {
      return new sublinear::ThreeLayerNetwork<T>(first, sublinear::LowRankLayer<T>(hidden, limit), outputs,
                                                 static_cast<T>(first_threshold), static_cast<T>(hidden_threshold),
                                                 static_cast<T>(scale));
    }
    template <class T>
    sublinear::ThreeLayerNetwork<T>* new_random_three_layers(const sublinear::ThreeLayerInitialization& how) {
      return new sublinear::ThreeLayerNetwork<T>(sublinear::random_three_layer_network<T>(how));
    }
    }
    """
    TwoLayerNetwork[T]* new_random_network[T](Initialization, int, int) except + nogil
    TwoLayerNetwork[T]* new_copy[T](const TwoLayerNetwork[T]&) except + nogil
    TwoLayerNetwork[T]* new_average[T](const CppTrainer[T]&) except + nogil
    CppThreeLayerNetwork[T]* new_three_layers[T](Points[T], Points[T], const T*, double, double, double,
                                                 int64_t) except + nogil
    CppThreeLayerNetwork[T]* new_random_three_layers[T](const ThreeLayerInitialization&) except + nogil

_BIASES = {None: 0, "zero": 1, "gaussian": 2, "constant": 3}
_ACTIVATIONS = {None: 0, "shifted": 1, "jump": 2}


def loss_names():
    """The names of the losses."""
    return [name.decode() for name in loss_names_of()]


def optimizer_names():
    """The names of the optimizers."""
    return [name.decode() for name in optimizer_names_of()]


cdef OptimizerOptions optimizer_options(dict chosen):
    cdef OptimizerOptions options
    options.momentum, options.second_momentum = chosen["momentum"], chosen["second_momentum"]
    options.epsilon, options.weight_decay = chosen["epsilon"], chosen["weight_decay"]
    options.lazy, options.damping, options.clip_norm = chosen["lazy"], chosen["damping"], chosen["clip_norm"]
    return options


def optimizer_defaults():
    """The choices of optimizers by name; a negative weight decay is each one's own."""
    cdef OptimizerOptions options
    return {"momentum": options.momentum, "second_momentum": options.second_momentum, "epsilon": options.epsilon,
            "weight_decay": options.weight_decay, "lazy": options.lazy, "damping": options.damping,
            "clip_norm": options.clip_norm}


def check_optimizer(str name, dict chosen):
    """ValueError for an optimizer that does not exist, or has no such choices."""
    make_optimizer[double](name.encode(), optimizer_options(chosen))


def initialization_names():
    """The names of the initialisations."""
    return [name.decode() for name in initialization_names_of()]


def strategy_infos():
    """(name, structure, source, exact, option) of every strategy, in the order in which tables show them."""
    return [(info.name.decode(), info.structure.decode(), info.source.decode(), info.exact, info.option.decode())
            for info in strategies_of()]


cdef PyObject* make_python_strategy(PyObject* factory, const void* weights, const void* biases, int64_t count,
                                    double threshold, const void* inputs, int64_t inputs_count, int64_t dimension,
                                    double radius, cpp_bool infinity, int64_t max_bytes, int threads, cpp_bool single,
                                    PyObject** made) noexcept with gil:
    try:
        strategy = (<object> factory)(array_of(weights, (count, dimension), single), array_of(biases, (count,), single),
                                      threshold, array_of(inputs, (inputs_count, dimension), single), radius,
                                      float("inf") if infinity else 2, max_bytes, threads)
        Py_INCREF(strategy)
        made[0] = <PyObject*> strategy
        return NULL
    except BaseException as error:
        return raised(error)


cdef take_lists(tuple lists, IdLists[int64_t]* out):
    cdef const int64_t[::1] offsets = lists[0], ids = lists[1]
    out.offsets.assign(&offsets[0], &offsets[0] + offsets.shape[0])
    if ids.shape[0] > 0:
        out.ids.assign(&ids[0], &ids[0] + ids.shape[0])


cdef PyObject* candidates_by_python(PyObject* strategy, const int64_t* inputs, int64_t count,
                                    IdLists[int64_t]* out) noexcept with gil:
    try:
        take_lists((<object> strategy).candidates(ids_of(inputs, count)), out)
        return NULL
    except BaseException as error:
        return raised(error)


cdef PyObject* candidates_at_by_python(PyObject* strategy, const void* points, int64_t count, int64_t dimension,
                                       double radius, cpp_bool single, IdLists[int64_t]* out) noexcept with gil:
    try:
        take_lists((<object> strategy).candidates_at(array_of(points, (count, dimension), single), radius), out)
        return NULL
    except BaseException as error:
        return raised(error)


cdef PyObject* moved_in_python(PyObject* strategy, const int64_t* rows, const void* weights, const void* biases,
                               const double* by, int64_t count, int64_t dimension, cpp_bool single) noexcept with gil:
    try:
        (<object> strategy).moved(ids_of(rows, count), array_of(weights, (count, dimension), single),
                                  array_of(biases, (count,), single), array_of(by, (count, 3), False))
        return NULL
    except BaseException as error:
        return raised(error)


cdef int64_t bytes_of_python_strategy(PyObject* strategy) noexcept with gil:
    return (<object> strategy).nbytes


cdef cpp_bool python_strategy_serves_any_point(PyObject* strategy) noexcept with gil:
    return (<object> strategy).serves_any_point


strategy_calls.make = make_python_strategy
strategy_calls.candidates = candidates_by_python
strategy_calls.candidates_at = candidates_at_by_python
strategy_calls.moved = moved_in_python
strategy_calls.bytes = bytes_of_python_strategy
strategy_calls.serves_any_point = python_strategy_serves_any_point


def register_strategy(str name, str structure, str source, bint exact, factory):
    """`factory(weights, biases, ...)` makes an adapter of `sublinear.plugins`; see there."""
    register_python_strategy(name.encode(), structure.encode(), source.encode(), exact, <PyObject*> factory)


def unregister_strategy(str name):
    """Forgets a registered strategy."""
    unregister_strategy_of(name.encode())


def firing_limits(const real[:, ::1] weights, const real[::1] biases, double threshold, const real[:, ::1] points,
                  double radius, double norm):
    """What the product of each row with one of the points must reach for it to fire somewhere in the point's ball."""
    limits = np.empty(weights.shape[0], np.float32 if real is float else np.float64)
    cdef real[::1] view = limits
    cdef Neurons[real] neurons
    cdef Ball ball
    if weights.shape[0] == 0 or weights.shape[1] == 0:
        return limits
    neurons.weights, neurons.biases, neurons.threshold = &weights[0, 0], &biases[0], <real> threshold
    neurons.count, neurons.dimension = weights.shape[0], weights.shape[1]
    ball.radius, ball.norm = radius, norm_of(norm)
    with nogil:
        if real is float:
            firing_limits_of[float](neurons, NULL, weights.shape[0], ball,
                                    largest_norm_of[float](points_of(points), ball.norm), Summation.any, &view[0])
        else:
            firing_limits_of[double](neurons, NULL, weights.shape[0], ball,
                                     largest_norm_of[double](points_of(points), ball.norm), Summation.any, &view[0])
    return limits


def check_index(str name, bint single):
    """RuntimeError naming the smallest case found in which the index breaks a promise."""
    cdef string encoded = name.encode()
    with Watched(), nogil:
        if single:
            check_index_of[float](encoded)
        else:
            check_index_of[double](encoded)


def check_strategy(str name, str index, bint single):
    """The same for a strategy, with the index inside, if any."""
    cdef string encoded = name.encode()
    cdef FinderOptions options
    options.index = index.encode()
    with Watched(), nogil:
        if single:
            check_strategy_of[float](encoded, options)
        else:
            check_strategy_of[double](encoded, options)


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


cdef matrix_of(Points[real] points):
    """A copy as an array."""
    array = np.empty((points.count, points.dimension), np.float32 if real is float else np.float64)
    cdef real[:, ::1] view = array
    if points.count > 0:
        memcpy(&view[0, 0], points.data, <size_t>points.count * points.dimension * sizeof(real))
    return array


cdef object floats_of(const vector[real]& numbers):
    """A copy as an array."""
    array = np.empty(numbers.size(), np.float32 if real is float else np.float64)
    cdef real[::1] view = array
    if numbers.size() > 0:
        memcpy(&view[0], numbers.data(), numbers.size() * sizeof(real))
    return array


cdef tuple state_of(OptimizerState[real] state):
    values, numbers = {}, {}
    for named in state.values:
        values[named.first.decode()] = floats_of[real](named.second)
    for counted in state.numbers:
        numbers[counted.first.decode()] = floats_of[double](counted.second)
    return values, numbers


cdef OptimizerState[real] make_state(dict values, dict numbers, real kind):
    cdef OptimizerState[real] state
    cdef const real[::1] view
    cdef const double[::1] counts
    for name, array in values.items():
        view = array
        if view.shape[0] > 0:
            state.values[name.encode()].assign(&view[0], &view[0] + view.shape[0])
        else:
            state.values[name.encode()].clear()
    for name, array in numbers.items():
        counts = array
        state.numbers[name.encode()].assign(start_of(counts), start_of(counts) + counts.shape[0])
    return state


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
    options.domain = Domain.slice if attack["domain"] == "slice" else Domain.space
    return options


include "_training_plugins.pxi"


@cython.final
cdef class Network:
    """One C++ network; exactly one of the two pointers is set, by dtype. Threads may ask it together and train it in turn:
    who comes first is served first, and waits without the GIL."""

    cdef unique_ptr[TwoLayerNetwork[float]] single
    cdef unique_ptr[TwoLayerNetwork[double]] wide
    cdef Access access

    def reading(self):
        """A context in which no other thread trains the network."""
        cdef Reading context = Reading()
        context.network = self
        return context

    def copy(self):
        cdef Network other = Network()
        self.access.ask()
        try:
            if self.single:
                other.single.reset(new_copy[float](self.single.get()[0]))
            else:
                other.wide.reset(new_copy[double](self.wide.get()[0]))
        finally:
            self.access.done()
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


@cython.final
cdef class Reading:
    """See `Network.reading`."""

    cdef Network network

    def __enter__(self):
        self.network.access.ask()

    def __exit__(self, *error):
        self.network.access.done()


@cython.final
@cython.internal
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
                   double kappa, bint coupled, bias, double bias_value, activation):
    """A random network; a negative kappa asks for the default."""
    cdef Network network = Network()
    cdef Initialization how
    how.name = init.encode()
    how.dimension, how.width, how.outputs, how.seed = dimension, width, outputs, seed
    how.kappa, how.coupled, how.bias_value = kappa, coupled, bias_value
    cdef int bias_choice = _BIASES[bias], activation_choice = _ACTIVATIONS[activation]
    with Watched(), nogil:
        if single:
            network.single.reset(new_random_network[float](how, bias_choice, activation_choice))
        else:
            network.wide.reset(new_random_network[double](how, bias_choice, activation_choice))
    return network


@cython.final
cdef class Trainer:
    """One C++ trainer; keeps its network alive."""

    cdef Network network
    cdef Watched watched
    cdef unique_ptr[CppTrainer[float]] single
    cdef unique_ptr[CppTrainer[double]] wide

    def steps_done(self):
        return self.single.get().steps_done() if self.single else self.wide.get().steps_done()

    def steps_per_epoch(self):
        return self.single.get().steps_per_epoch() if self.single else self.wide.get().steps_per_epoch()

    def set_steps_done(self, int64_t steps):
        self.network.access.change()
        try:
            if self.single:
                self.single.get().set_steps_done(steps)
            else:
                self.wide.get().set_steps_done(steps)
        finally:
            self.network.access.done()

    def optimizer_state(self):
        """What the optimizer remembers, arrays by name: (of the network's dtype, float64)."""
        self.network.access.ask()
        try:
            return (state_of[float](self.single.get().optimizer_state()) if self.single else
                    state_of[double](self.wide.get().optimizer_state()))
        finally:
            self.network.access.done()

    def set_optimizer_state(self, dict values, dict numbers):
        """Goes on from there."""
        self.network.access.change()
        try:
            if self.single:
                self.single.get().set_optimizer_state(make_state[float](values, numbers, 0))
            else:
                self.wide.get().set_optimizer_state(make_state[double](values, numbers, 0))
        finally:
            self.network.access.done()

    def averaged(self):
        """A network with the average of the weights over steps."""
        cdef Network average = Network()
        self.network.access.ask()
        try:
            if self.single:
                average.single.reset(new_average[float](self.single.get()[0]))
            else:
                average.wide.reset(new_average[double](self.wide.get()[0]))
        finally:
            self.network.access.done()
        return average

    def raise_late(self):
        """Raises what came too late to stop the last step, which is done."""
        if self.watched.error is not None:
            self.set_steps_done(self.steps_done())
            self.watched.rethrow()

    def bytes(self):
        self.network.access.ask()
        try:
            return self.single.get().finder().bytes() if self.single else self.wide.get().finder().bytes()
        finally:
            self.network.access.done()

    def inputs(self):
        """A copy of the inputs, which are the trainer's own."""
        if self.single:
            return matrix_of[float](self.single.get().inputs())
        return matrix_of[double](self.wide.get().inputs())

    def trains_on(self, const real[:, ::1] points):
        """Whether the inputs have these bytes."""
        cdef Points[real] own
        if real is float:
            own = self.single.get().inputs()
        else:
            own = self.wide.get().inputs()
        if own.count != points.shape[0] or own.dimension != points.shape[1]:
            return False
        cdef int differs
        with nogil:
            differs = memcmp(own.data, points_of(points).data, <size_t>own.count * own.dimension * sizeof(real))
        return differs == 0

    def candidates(self, const int64_t[::1] inputs):
        """(offsets, ids, work) of what the strategy proposes now, ids int64 and ascending per input."""
        cdef IdLists[int32_t] lists
        cdef Work work
        cdef const int64_t* first = &inputs[0] if inputs.shape[0] > 0 else NULL
        self.network.access.change()
        try:
            with Watched(), nogil:
                if self.single:
                    work = self.single.get().candidates(first, inputs.shape[0], lists)
                else:
                    work = self.wide.get().candidates(first, inputs.shape[0], lists)
        finally:
            self.network.access.done()
        return (*lists_of(lists), work_of(work))

    def step(self, double learning_rate):
        """(clean loss, robust loss, inputs, ends an epoch, work) of one step."""
        cdef StepReport report
        self.network.access.change()
        try:
            with nogil:
                report = self.single.get().step(learning_rate) if self.single else self.wide.get().step(learning_rate)
        except RuntimeError:
            self.watched.rethrow()
            raise
        finally:
            self.network.access.done()
        return report.clean_loss, report.robust_loss, report.inputs, report.ends_epoch, work_of(report.work)


def make_trainer(Network network, const real[:, ::1] inputs, const double[::1] labels, str strategy, str index,
                 size_t max_bytes, dict hashing, dict attack, loss, const double[::1] weights, int64_t batch_size,
                 uint64_t seed, int threads, bint train_biases, str optimizer, dict optimizer_choices,
                 double average):
    """A trainer; builds the strategy's structure. No `weights`: all inputs count alike."""
    cdef Trainer trainer = Trainer()
    trainer.network, trainer.watched = network, Watched()
    cdef TrainerOptions[real] options
    options.strategy = strategy.encode()
    options.finder.index = index.encode()
    options.finder.max_bytes = max_bytes
    options.finder.hashing.bits, options.finder.hashing.tables = hashing["bits"], hashing["tables"]
    options.finder.hashing.least_share = hashing["least_share"]
    options.finder.hashing.rebuild_after = hashing["rebuild_after"]
    options.finder.hashing.rebuild_growth = hashing["rebuild_growth"]
    options.finder.hashing.seed = seed
    options.loss = loss_of(loss)
    options.attack = attack_of[real](attack, 0)
    options.optimizer = optimizer_of[real](optimizer, optimizer_choices, 0)
    options.input_weights.assign(start_of(weights), start_of(weights) + weights.shape[0])
    options.batch_size, options.seed, options.threads = batch_size, seed, threads
    options.train_biases, options.average = train_biases, average
    options.progress = watched_by(tell, <void*> trainer.watched)
    network.access.ask()
    try:
        with trainer.watched, nogil:
            if real is float:
                trainer.single.reset(new CppTrainer[float](network.single.get()[0], points_of(inputs), start_of(labels),
                                                           options))
            else:
                trainer.wide.reset(new CppTrainer[double](network.wide.get()[0], points_of(inputs), start_of(labels),
                                                          options))
    finally:
        network.access.done()
    return trainer


@cython.final
cdef class Predictor:
    """One C++ predictor; keeps its network alive."""

    cdef Network network
    cdef unique_ptr[CppPredictor[float]] single
    cdef unique_ptr[CppPredictor[double]] wide

    def decision_function(self, const real[:, ::1] points, int threads):
        cdef int64_t columns = self.network.outputs
        outputs = np.empty((points.shape[0], columns), np.float32 if real is float else np.float64)
        cdef real[:, ::1] view = outputs
        self.network.access.ask()
        try:
            with Watched(), nogil:
                if real is float:
                    self.single.get().decision_function(points_of(points), threads, writable(view))
                else:
                    self.wide.get().decision_function(points_of(points), threads, writable(view))
        finally:
            self.network.access.done()
        return outputs

    def fired(self, const real[:, ::1] points, int threads):
        """(offsets, ids, work), ids int64 and ascending per point."""
        cdef IdLists[int32_t] lists
        cdef Work work
        self.network.access.ask()
        try:
            with Watched(), nogil:
                if real is float:
                    work = self.single.get().fired(points_of(points), threads, lists)
                else:
                    work = self.wide.get().fired(points_of(points), threads, lists)
        finally:
            self.network.access.done()
        return (*lists_of(lists), work_of(work))

    def attack(self, const real[:, ::1] points, const double[::1] labels, dict attack, loss, uint64_t seed,
               int threads):
        """(worst points, highest losses, whether each is classified rightly wherever it was looked at)."""
        attacked = np.empty((points.shape[0], points.shape[1]), np.float32 if real is float else np.float64)
        losses = np.empty(points.shape[0], np.float64)
        right = np.empty(points.shape[0], np.bool_)
        cdef real[:, ::1] attacked_view = attacked
        cdef double[::1] losses_view = losses
        cdef uint8_t[::1] right_view = right.view(np.uint8)
        cdef cpp_bool* first_right = <cpp_bool*>&right_view[0] if right_view.shape[0] > 0 else NULL
        cdef shared_ptr[const Loss] how = loss_of(loss)
        cdef shared_ptr[const Attack[real]] by = attack_of[real](attack, 0)
        self.network.access.ask()
        try:
            with Watched(), nogil:
                if real is float:
                    self.single.get().attack(points_of(points), start_of(labels), by.get()[0], how.get()[0], seed, threads,
                                             writable(attacked_view),
                                             <double*>start_of(losses_view), first_right)
                else:
                    self.wide.get().attack(points_of(points), start_of(labels), by.get()[0], how.get()[0], seed, threads,
                                           writable(attacked_view),
                                           <double*>start_of(losses_view), first_right)
        finally:
            self.network.access.done()
        return attacked, losses, right


def make_predictor(Network network, str index, double norm, int threads):
    """A predictor for a network that does not change meanwhile; an empty index scans."""
    cdef Predictor predictor = Predictor()
    predictor.network = network
    cdef string encoded = index.encode()
    cdef Norm kind = norm_of(norm)
    network.access.ask()
    try:
        with Watched(), nogil:
            if network.single:
                predictor.single.reset(new CppPredictor[float](network.single.get()[0], encoded, kind, threads))
            else:
                predictor.wide.reset(new CppPredictor[double](network.wide.get()[0], encoded, kind, threads))
    finally:
        network.access.done()
    return predictor


def check_labels(loss, const double[::1] labels, int64_t outputs):
    """ValueError unless a network with so many outputs can be judged by this loss at these labels."""
    cdef shared_ptr[const Loss] how = loss_of(loss)
    name = loss if isinstance(loss, str) else loss.name
    if not how.get().serves(outputs):
        raise ValueError(f"loss {name!r} takes a network with {how.get().outputs_text().decode()}, this one has {outputs}")
    for row in range(labels.shape[0]):
        if not how.get().knows(labels[row], outputs):
            raise ValueError(f"the label in row {row} is {labels[row]:g}; loss {name!r} takes "
                             f"{how.get().label_text().decode()}")


def losses_at(loss, const double[:, ::1] outputs, const double[::1] labels):
    """(losses, their derivatives) for outputs."""
    cdef shared_ptr[const Loss] how = loss_of(loss)
    cdef int64_t n = outputs.shape[0], columns = outputs.shape[1]
    losses, derivatives = np.empty(n, np.float64), np.empty((n, columns), np.float64)
    cdef double[::1] losses_view = losses
    cdef double[:, ::1] derivatives_view = derivatives
    if n > 0:
        how.get().evaluate_batch(&outputs[0, 0], n, columns, &labels[0], &losses_view[0], &derivatives_view[0, 0])
    return losses, derivatives


def judge(loss, const double[:, ::1] outputs, const double[::1] labels):
    """(losses, whether each is classified rightly or None for losses of numbers) for outputs."""
    cdef shared_ptr[const Loss] how = loss_of(loss)
    cdef int64_t n = outputs.shape[0], columns = outputs.shape[1], i
    losses, correct = np.empty(n, np.float64), np.empty(n, np.uint8)
    cdef double[::1] losses_view = losses
    cdef unsigned char[::1] correct_view = correct
    if n > 0:
        how.get().evaluate_batch(&outputs[0, 0], n, columns, &labels[0], &losses_view[0], NULL)
    for i in range(n):
        correct_view[i] = how.get().correct(&outputs[i, 0], columns, labels[i])
    return losses, correct.astype(bool) if how.get().classifies() else None


cdef tuple low_rank_work_of(const LowRankWork& work):
    return work.base, work.low_rank, work.folded, work.streamed, work.other


cdef vector[SparseVector[real]] sparse_of(const int64_t[::1] offsets, const int32_t[::1] ids, const real[::1] values):
    # Views on the memory of the arrays, which must outlive them.
    cdef vector[SparseVector[real]] vectors
    cdef SparseVector[real] each
    cdef const int32_t* first_id = &ids[0] if ids.shape[0] > 0 else NULL
    cdef const real* first_value = &values[0] if values.shape[0] > 0 else NULL
    cdef Py_ssize_t i
    for i in range(offsets.shape[0] - 1):
        each.ids, each.values = first_id + offsets[i], first_value + offsets[i]
        each.length = offsets[i + 1] - offsets[i]
        vectors.push_back(each)
    return vectors


@cython.final
cdef class LowRank:
    """One C++ low-rank layer, its own or that of the network `owner`; exactly one of the two pointers is set."""

    cdef object owner
    cdef unique_ptr[CppLowRankLayer[float]] own_single
    cdef unique_ptr[CppLowRankLayer[double]] own_wide
    cdef CppLowRankLayer[float]* single
    cdef CppLowRankLayer[double]* wide
    cdef Access own_access
    cdef Access* access  # its own, or the network's

    def __cinit__(self):
        self.access = &self.own_access

    @property
    def is_single(self):
        return self.single != NULL

    @property
    def shape(self):
        return ((self.single.outputs(), self.single.inputs()) if self.single != NULL else
                (self.wide.outputs(), self.wide.inputs()))

    @property
    def rank(self):
        self.access.ask()
        try:
            return self.single.rank() if self.single != NULL else self.wide.rank()
        finally:
            self.access.done()

    @property
    def rank_limit(self):
        return self.single.rank_limit() if self.single != NULL else self.wide.rank_limit()

    @property
    def flushes(self):
        self.access.ask()
        try:
            return self.single.flushes() if self.single != NULL else self.wide.flushes()
        finally:
            self.access.done()

    @property
    def nbytes(self):
        self.access.ask()
        try:
            return self.single.bytes() if self.single != NULL else self.wide.bytes()
        finally:
            self.access.done()

    def apply(self, const int64_t[::1] offsets, const int32_t[::1] ids, const real[::1] values, int threads):
        """(products, a row for each sparse vector, and work)."""
        cdef int64_t count = offsets.shape[0] - 1
        products = np.empty((count, self.shape[0]), np.float32 if real is float else np.float64)
        cdef real[:, ::1] view = products
        cdef vector[SparseVector[real]] vectors = sparse_of[real](offsets, ids, values)
        cdef LowRankWork work
        self.access.ask()
        try:
            with Watched(), nogil:
                if real is float:
                    work = self.single.apply(vectors.data(), count, threads, writable(view))
                else:
                    work = self.wide.apply(vectors.data(), count, threads, writable(view))
        finally:
            self.access.done()
        return products, low_rank_work_of(work)

    def add_rank(self, const int64_t[::1] u_offsets, const int32_t[::1] u_ids, const real[::1] u_values,
                 const int64_t[::1] v_offsets, const int32_t[::1] v_ids, const real[::1] v_values, int threads):
        cdef int64_t count = u_offsets.shape[0] - 1
        cdef vector[SparseVector[real]] u = sparse_of[real](u_offsets, u_ids, u_values)
        cdef vector[SparseVector[real]] v = sparse_of[real](v_offsets, v_ids, v_values)
        cdef LowRankWork work
        self.access.change()
        try:
            with Watched(), nogil:
                if real is float:
                    work = self.single.add_rank(u.data(), v.data(), count, threads)
                else:
                    work = self.wide.add_rank(u.data(), v.data(), count, threads)
        finally:
            self.access.done()
        return low_rank_work_of(work)

    def flush(self, int threads):
        cdef LowRankWork work
        self.access.change()
        try:
            with nogil:
                work = self.single.flush(threads) if self.single != NULL else self.wide.flush(threads)
        finally:
            self.access.done()
        return low_rank_work_of(work)

    def to_dense(self, int threads):
        dense = np.empty(self.shape, np.float32 if self.single != NULL else np.float64)
        cdef float[:, ::1] single_view
        cdef double[:, ::1] wide_view
        self.access.ask()
        try:
            if self.single != NULL:
                single_view = dense
                with Watched(), nogil:
                    self.single.write_dense(threads, writable(single_view))
            else:
                wide_view = dense
                with Watched(), nogil:
                    self.wide.write_dense(threads, writable(wide_view))
        finally:
            self.access.done()
        return dense


def make_low_rank(const real[:, ::1] weights, int64_t rank_limit):
    """A layer of these weights, copied."""
    cdef LowRank layer = LowRank()
    if real is float:
        layer.own_single.reset(new CppLowRankLayer[float](points_of(weights), rank_limit))
        layer.single = layer.own_single.get()
    else:
        layer.own_wide.reset(new CppLowRankLayer[double](points_of(weights), rank_limit))
        layer.wide = layer.own_wide.get()
    return layer


@cython.final
cdef class ThreeLayers:
    """One C++ three-layer network; exactly one of the two pointers is set, by dtype."""

    cdef unique_ptr[CppThreeLayerNetwork[float]] single
    cdef unique_ptr[CppThreeLayerNetwork[double]] wide
    cdef Access access

    @property
    def dimension(self):
        return self.single.get().dimension() if self.single else self.wide.get().dimension()

    @property
    def scalars(self):
        """(threshold of the first layer, of the hidden layer, scale)."""
        if self.single:
            return (self.single.get().first_threshold(), self.single.get().hidden_threshold(),
                    self.single.get().scale())
        return self.wide.get().first_threshold(), self.wide.get().hidden_threshold(), self.wide.get().scale()

    def hidden(self):
        cdef LowRank layer = LowRank()
        layer.owner = self
        layer.access = &self.access
        if self.single:
            layer.single = &self.single.get().hidden()
        else:
            layer.wide = &self.wide.get().hidden()
        return layer

    def arrays(self):
        """Copies of (first weights, output weights)."""
        width, inputs = self.hidden().shape
        kind = np.float32 if self.single else np.float64
        first, outputs = np.empty((inputs, self.dimension), kind), np.empty((1, width), kind)
        cdef float[:, ::1] single_first, single_outputs
        cdef double[:, ::1] wide_first, wide_outputs
        if self.single:
            single_first, single_outputs = first, outputs
            memcpy(writable(single_first), self.single.get().first_weights(), first.nbytes)
            memcpy(writable(single_outputs), self.single.get().output_weights(), outputs.nbytes)
        else:
            wide_first, wide_outputs = first, outputs
            memcpy(writable(wide_first), self.wide.get().first_weights(), first.nbytes)
            memcpy(writable(wide_outputs), self.wide.get().output_weights(), outputs.nbytes)
        return first, outputs[0]

    def decision_function(self, const real[:, ::1] points, int threads):
        """(outputs, work)."""
        outputs = np.empty((1, points.shape[0]), np.float32 if real is float else np.float64)
        cdef real[:, ::1] view = outputs
        cdef LowRankWork work
        self.access.ask()
        try:
            with Watched(), nogil:
                if real is float:
                    work = self.single.get().decision_function(points_of(points), threads, writable(view))
                else:
                    work = self.wide.get().decision_function(points_of(points), threads, writable(view))
        finally:
            self.access.done()
        return outputs[0], low_rank_work_of(work)

    def fired(self, const real[:, ::1] points, int threads):
        """((offsets, ids) of the first layer, of the hidden layer); ids int64 and ascending per point."""
        cdef IdLists[int32_t] first, hidden
        self.access.ask()
        try:
            with Watched(), nogil:
                if real is float:
                    self.single.get().fired(points_of(points), threads, first, hidden)
                else:
                    self.wide.get().fired(points_of(points), threads, first, hidden)
        finally:
            self.access.done()
        return lists_of(first), lists_of(hidden)


def make_three_layers(const real[:, ::1] first, const real[:, ::1] hidden, const real[:, ::1] outputs,
                      double first_threshold, double hidden_threshold, double scale, int64_t rank_limit):
    """A network of these arrays, copied; `outputs` is (1, width)."""
    cdef ThreeLayers network = ThreeLayers()
    if real is float:
        network.single.reset(new_three_layers[float](points_of(first), points_of(hidden), points_of(outputs).data,
                                                     first_threshold, hidden_threshold, scale, rank_limit))
    else:
        network.wide.reset(new_three_layers[double](points_of(first), points_of(hidden), points_of(outputs).data,
                                                    first_threshold, hidden_threshold, scale, rank_limit))
    return network


def random_three_layers(bint single, int64_t dimension, int64_t width, uint64_t seed, double kappa, bint coupled,
                        int64_t rank_limit):
    """A random network; a negative kappa asks for the default."""
    cdef ThreeLayers network = ThreeLayers()
    cdef ThreeLayerInitialization how
    how.dimension, how.width, how.seed = dimension, width, seed
    how.kappa, how.coupled, how.rank_limit = kappa, coupled, rank_limit
    with Watched(), nogil:
        if single:
            network.single.reset(new_random_three_layers[float](how))
        else:
            network.wide.reset(new_random_three_layers[double](how))
    return network


@cython.final
cdef class ThreeLayerTrainer:
    """One C++ trainer; keeps its network alive."""

    cdef ThreeLayers network
    cdef unique_ptr[CppThreeLayerTrainer[float]] single
    cdef unique_ptr[CppThreeLayerTrainer[double]] wide

    def steps_per_epoch(self):
        return self.single.get().steps_per_epoch() if self.single else self.wide.get().steps_per_epoch()

    def set_steps_done(self, int64_t steps):
        self.network.access.change()
        try:
            if self.single:
                self.single.get().set_steps_done(steps)
            else:
                self.wide.get().set_steps_done(steps)
        finally:
            self.network.access.done()

    def first_work(self):
        return low_rank_work_of(self.single.get().first_work() if self.single else self.wide.get().first_work())

    def step(self, double learning_rate):
        """(loss, inputs, ends an epoch, fired in the first and in the hidden layer, rank, work) of one step."""
        cdef ThreeLayerReport report
        self.network.access.change()
        try:
            with Watched(), nogil:
                report = self.single.get().step(learning_rate) if self.single else self.wide.get().step(learning_rate)
        finally:
            self.network.access.done()
        return (report.loss, report.inputs, report.ends_epoch, report.fired_first, report.fired_hidden, report.rank,
                low_rank_work_of(report.work))


def make_three_layer_trainer(ThreeLayers network, const real[:, ::1] inputs, const double[::1] labels,
                             int64_t batch_size, uint64_t seed, int threads):
    cdef ThreeLayerTrainer trainer = ThreeLayerTrainer()
    trainer.network = network
    cdef ThreeLayerOptions options
    options.batch_size, options.seed, options.threads = batch_size, seed, threads
    network.access.ask()
    try:
        with Watched(), nogil:
            if real is float:
                trainer.single.reset(new CppThreeLayerTrainer[float](network.single.get()[0], points_of(inputs),
                                                                     start_of(labels), options))
            else:
                trainer.wide.reset(new CppThreeLayerTrainer[double](network.wide.get()[0], points_of(inputs),
                                                                    start_of(labels), options))
    finally:
        network.access.done()
    return trainer
