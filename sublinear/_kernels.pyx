"""The kernels floor: which instruction set is in force."""
from libcpp.vector cimport vector

cdef extern from "sublinear/kernels/simd.hpp" namespace "sublinear":
    enum class SimdLevel:
        pass
    SimdLevel simd_level_of "sublinear::simd_level"() except +
    vector[SimdLevel] available_simd_levels() except +
    const char* name(SimdLevel)

cdef extern from "sublinear/kernels/require.hpp" namespace "sublinear":
    size_t available_memory_of "sublinear::available_memory"() except +

cdef extern from "sublinear/kernels/parallel.hpp" namespace "sublinear":
    int resolve_threads_of "sublinear::resolve_threads"(int) except +


def simd_level():
    """The instruction set in force; ValueError if SUBLINEAR_SIMD names one this machine lacks."""
    return name(simd_level_of()).decode()


def simd_levels():
    """The instruction sets this build and processor offer, slowest first."""
    return [name(level).decode() for level in available_simd_levels()]


def available_memory():
    """Bytes this process can still have."""
    return available_memory_of()


def resolve_threads(int requested):
    """The number of threads used for a request; 0 asks for all processors."""
    return resolve_threads_of(requested)
