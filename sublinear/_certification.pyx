"""The certification floor: proofs over balls. Translates arguments and results, nothing else."""
cimport cython
import numpy as np

from libc.stdint cimport int32_t, int64_t, uint64_t
from libcpp cimport bool as cpp_bool
from libcpp.memory cimport unique_ptr
from libcpp.string cimport string
from libcpp.vector cimport vector

from sublinear._common cimport Points, Work, points_of, real, start_of, work_of, writable

include "_watched.pxi"

cdef extern from "sublinear/certification/certifier.hpp" namespace "sublinear" nogil:
    enum class Verdict:
        pass
    enum class Relaxation:
        interval
        linear
        quadratic
    cppclass CertifierOptions:
        Relaxation relaxation
        int relaxation_steps
        int64_t branches
        int attack_steps
        int attack_restarts
        uint64_t seed
    cppclass Certificate:
        Verdict verdict
        double margin
        Relaxation relaxation
        int64_t branches
    cppclass CppCertifier "sublinear::Certifier"[T]:
        Work certify(Points[T], const double*, const double*, const CertifierOptions&, int, Certificate*,
                     T*) except +
        Work reachable(Points[T], const double*, int, vector[int32_t]&) except +

# Networks are moved into their certifier, which Cython cannot say.
cdef extern from *:
    """
    #include <utility>
    #include "sublinear/certification/certifier.hpp"
    namespace {
    template <class T>
    sublinear::Certifier<T>* new_certifier(sublinear::Points<T> weights, const T* output_weights,
                                           sublinear::Index outputs, const T* biases, double threshold, double scale,
                                           bool jump, bool two, const std::string& index, int threads) {
      sublinear::TwoLayerNetwork<T> network(weights, output_weights, outputs, biases, static_cast<T>(threshold),
                                            static_cast<T>(scale),
                                            jump ? sublinear::Activation::jump : sublinear::Activation::shifted);
      return new sublinear::Certifier<T>(std::move(network),
                                         two ? sublinear::Norm::two : sublinear::Norm::infinity, index, threads);
    }
    }
    """
    CppCertifier[T]* new_certifier[T](Points[T], const T*, int64_t, const T*, double, double, cpp_bool, cpp_bool,
                                      const string&, int) except + nogil

_RELAXATIONS = {"interval": 0, "linear": 1, "quadratic": 2}


@cython.final
cdef class Certifier:
    """One C++ certifier, which has a network of its own; one of the two pointers is set, by dtype."""

    cdef unique_ptr[CppCertifier[float]] single
    cdef unique_ptr[CppCertifier[double]] wide

    def certify(self, const real[:, ::1] points, const double[::1] labels, const double[::1] radii, str relaxation,
                int steps, int64_t branches, int attack_steps, int restarts, uint64_t seed, int threads):
        """(verdicts, margins, relaxations, branches, points, work), one of each per point but for the work."""
        cdef CertifierOptions options
        options.relaxation = <Relaxation><int>_RELAXATIONS[relaxation]
        options.relaxation_steps, options.branches = steps, branches
        options.attack_steps, options.attack_restarts, options.seed = attack_steps, restarts, seed
        cdef int64_t count = points.shape[0], i
        cdef vector[Certificate] found
        found.resize(count)
        ends = np.empty((count, points.shape[1]), np.float32 if real is float else np.float64)
        cdef real[:, ::1] ends_view = ends
        cdef Work work
        with Watched(), nogil:
            if real is float:
                work = self.single.get().certify(points_of(points), start_of(labels), start_of(radii), options,
                                                 threads, found.data(), writable(ends_view))
            else:
                work = self.wide.get().certify(points_of(points), start_of(labels), start_of(radii), options, threads,
                                               found.data(), writable(ends_view))
        verdicts, relaxations = np.empty(count, np.int8), np.empty(count, np.int8)
        margins, numbers = np.empty(count, np.float64), np.empty(count, np.int64)
        for i in range(count):
            verdicts[i], margins[i] = <int>found[i].verdict, found[i].margin
            relaxations[i], numbers[i] = <int>found[i].relaxation, found[i].branches
        return verdicts, margins, relaxations, numbers, ends, work_of(work)

    def reachable(self, const real[:, ::1] points, const double[::1] radii, int threads):
        """(ids, work): the neurons that may fire in one of the balls, int64 and ascending."""
        cdef vector[int32_t] ids
        cdef Work work
        with Watched(), nogil:
            if real is float:
                work = self.single.get().reachable(points_of(points), start_of(radii), threads, ids)
            else:
                work = self.wide.get().reachable(points_of(points), start_of(radii), threads, ids)
        return np.array(ids, np.int64), work_of(work)


def make_certifier(const real[:, ::1] weights, const real[:, ::1] output_weights, const real[:, ::1] biases,
                   double threshold, double scale, str activation, double norm, str index, int threads):
    """A certifier of a network of these arrays, copied; `biases` is (1, width)."""
    cdef Certifier certifier = Certifier()
    cdef string name = index.encode()
    cdef cpp_bool jump = activation == "jump", two = norm == 2
    with Watched(), nogil:
        if real is float:
            certifier.single.reset(new_certifier[float](
                points_of(weights), points_of(output_weights).data, output_weights.shape[1], points_of(biases).data,
                threshold, scale, jump, two, name, threads))
        else:
            certifier.wide.reset(new_certifier[double](
                points_of(weights), points_of(output_weights).data, output_weights.shape[1], points_of(biases).data,
                threshold, scale, jump, two, name, threads))
    return certifier
