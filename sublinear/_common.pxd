# What the extension modules share: the C++ declarations of the kernels floor and the few conversions to NumPy.
from libc.stdint cimport int32_t, int64_t
from libcpp.vector cimport vector

ctypedef fused real:
    float
    double

cdef extern from "sublinear/kernels/types.hpp" namespace "sublinear" nogil:
    cppclass Points[T]:
        const T* data
        int64_t count
        int64_t dimension

cdef extern from "sublinear/kernels/work.hpp" namespace "sublinear" nogil:
    cppclass Work:
        int64_t inner_products
        int64_t quantized
        int64_t bounds
        int64_t candidates
        int64_t added
        int64_t fired
        int64_t rows_moved
        int64_t rows_reasked

cdef extern from "sublinear/kernels/csr.hpp" namespace "sublinear" nogil:
    cppclass IdLists[Id]:
        vector[int64_t] offsets
        vector[Id] ids


cdef extern from "_access.hpp":
    # `ask` and `change` raise RuntimeError where waiting would never end; `done` ends the last of them.
    cppclass Access:
        int ask() except -1
        int change() except -1
        void done()


cdef inline Points[real] points_of(const real[:, ::1] array) noexcept nogil:
    cdef Points[real] points
    points.count = array.shape[0]
    points.dimension = array.shape[1]
    points.data = &array[0, 0] if array.shape[0] > 0 and array.shape[1] > 0 else NULL
    return points


cdef inline const double* start_of(const double[::1] array) noexcept nogil:
    return &array[0] if array.shape[0] > 0 else NULL


cdef inline real* writable(real[:, ::1] array) noexcept nogil:
    return &array[0, 0] if array.shape[0] > 0 and array.shape[1] > 0 else NULL


cdef inline tuple work_of(const Work& work):
    return (work.inner_products, work.quantized, work.bounds, work.candidates, work.added, work.fired, work.rows_moved,
            work.rows_reasked)
