"""The kernels floor: which instruction set is in force."""
import numpy as np

from libc.stdint cimport int32_t, int64_t
from libcpp cimport bool as cpp_bool
from libcpp.string cimport string
from libcpp.vector cimport vector

from sublinear._common cimport real

cdef extern from "sublinear/kernels/simd.hpp" namespace "sublinear":
    enum class SimdLevel:
        pass
    SimdLevel simd_level_of "sublinear::simd_level"() except +
    const char* name(SimdLevel)

cdef extern from "sublinear/kernels/build_info.hpp" namespace "sublinear":
    cppclass BuildInfo:
        string version
        string revision
        string compiler
        long standard
        string eigen
        cpp_bool shared
        vector[SimdLevel] simd_levels
    BuildInfo build_info_of "sublinear::build_info"() except +

cdef extern from "sublinear/kernels/require.hpp" namespace "sublinear":
    size_t available_memory_of "sublinear::available_memory"() except +

cdef extern from "sublinear/kernels/parallel.hpp" namespace "sublinear":
    int resolve_threads_of "sublinear::resolve_threads"(int) except +

cdef extern from "kernels/whole_file.hpp" namespace "sublinear":
    int replace_file_at "sublinear::replace_file"(const string&, const char*, size_t) nogil
    void remove_leftovers_of "sublinear::remove_leftovers"(const string&) nogil


cdef extern from *:
    """
    // By this name threadpoolctl knows the module.
    extern "C" __attribute__((visibility("default"))) const int sublinear_threads = 1;
    """


cdef extern from "sublinear/kernels/inner_product.hpp" namespace "sublinear" nogil:
    void inner_products_at[T](const T*, const int32_t*, int64_t, int64_t, const T*, T*)


def inner_products(const real[:, ::1] rows, const int32_t[::1] positions, const real[::1] normal):
    """The canonical products of the rows at these positions; ValueError for a position that no row has."""
    cdef Py_ssize_t k
    for k in range(positions.shape[0]):
        if positions[k] < 0 or positions[k] >= rows.shape[0]:
            raise ValueError(f"there is no row {positions[k]}; there are {rows.shape[0]}")
    products = np.empty(positions.shape[0], np.float32 if real is float else np.float64)
    cdef real[::1] view = products
    if positions.shape[0] > 0:
        with nogil:
            inner_products_at(&rows[0, 0], &positions[0], positions.shape[0], rows.shape[1], &normal[0],
                                    &view[0])
    return products


def simd_level():
    """The instruction set in force; ValueError if SUBLINEAR_SIMD names one this machine lacks."""
    return name(simd_level_of()).decode()


def build_info():
    """What the C++ library was built with, by the names it has in C++."""
    cdef BuildInfo info = build_info_of()
    return {"version": info.version.decode(), "revision": info.revision.decode(), "compiler": info.compiler.decode(),
            "standard": info.standard, "eigen": info.eigen.decode(),
            "simd_levels": [name(level).decode() for level in info.simd_levels]}


def available_memory():
    """Bytes this process can still have."""
    return available_memory_of()


def resolve_threads(int requested):
    """The number of threads used for a request; 0 asks for as many as the process should use."""
    return resolve_threads_of(requested)


def replace_file(bytes path, bytes content):
    """Writes a file whole or not at all; returns 0 or the errno of what failed."""
    cdef string place = path
    cdef const char* data = content
    cdef size_t size = len(content)
    cdef int problem
    with nogil:
        problem = replace_file_at(place, data, size)
    return problem


def remove_leftovers(bytes path):
    """Removes what `replace_file` left beside `path` when its process was killed."""
    cdef string place = path
    with nogil:
        remove_leftovers_of(place)
