# Indexes written in Python. Included by each module that makes indexes, for each contains the C++ library with a registry
# of its own.
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF
from libc.stdint cimport int64_t
from libc.string cimport memcpy
from libcpp cimport bool as cpp_bool
from libcpp.string cimport string
from libcpp.vector cimport vector

import sublinear.errors as _errors

cdef extern from "_plugins.hpp":
    PyObject* plugin_error_class
    void raise_python_error()
    cppclass IndexCalls:
        PyObject* (*make)(PyObject*, const void*, int64_t, int64_t, cpp_bool, PyObject**) noexcept
        PyObject* (*propose)(PyObject*, const void*, const double*, int64_t, int64_t, cpp_bool,
                             IdLists[int64_t]*) noexcept
        PyObject* (*change)(PyObject*, const int64_t*, const void*, int64_t, int64_t, cpp_bool, int, cpp_bool*) noexcept
        int64_t (*bytes)(PyObject*) noexcept
    IndexCalls index_calls
    void register_python_index(const string&, cpp_bool, int64_t, int64_t, PyObject*) except +raise_python_error

cdef extern from "sublinear/reporting/own_index.hpp" namespace "sublinear":
    void unregister_index_of "sublinear::unregister_index"(const string&) except +


cdef extern from "sublinear/plugin.hpp" namespace "sublinear":
    cppclass PluginIndexInfo "sublinear::IndexInfo":
        string name
        cpp_bool exact
    cppclass PluginStrategyInfo "sublinear::StrategyInfo":
        string name
        string structure
        string source
        cpp_bool exact
    cppclass PluginContents:
        vector[PluginIndexInfo] indexes
        vector[PluginStrategyInfo] strategies
    PluginContents load_plugin_of "sublinear::load_plugin"(const string&) except +raise_python_error


cdef object array_of(const void* data, tuple shape, cpp_bool single):
    """A copy as an array."""
    array = np.empty(shape, np.float32 if single else np.float64)
    cdef size_t size = array.nbytes
    cdef unsigned char[::1] view
    if size > 0:
        view = array.reshape(-1).view(np.uint8)
        memcpy(&view[0], data, size)
    return array


cdef object ids_of(const int64_t* ids, int64_t count):
    array = np.empty(count, np.int64)
    cdef int64_t[::1] view = array
    if count > 0:
        memcpy(&view[0], ids, count * sizeof(int64_t))
    return array


cdef PyObject* raised(error):
    """The exception as a reference that belongs to the caller."""
    Py_INCREF(error)
    return <PyObject*> error


cdef PyObject* make_python_index(PyObject* factory, const void* points, int64_t count, int64_t dimension,
                                 cpp_bool single, PyObject** made) noexcept with gil:
    try:
        index = (<object> factory)(array_of(points, (count, dimension), single))
        Py_INCREF(index)
        made[0] = <PyObject*> index
        return NULL
    except BaseException as error:
        return raised(error)


cdef PyObject* propose_by_python(PyObject* index, const void* normals, const double* thresholds, int64_t queries,
                                 int64_t dimension, cpp_bool single, IdLists[int64_t]* out) noexcept with gil:
    cdef const int64_t[::1] offsets_view, ids_view
    try:
        offsets, ids = (<object> index).report_batch(array_of(normals, (queries, dimension), single),
                                                     array_of(thresholds, (queries,), False))
        offsets_view, ids_view = offsets, ids
        out.offsets.assign(&offsets_view[0], &offsets_view[0] + offsets_view.shape[0])
        if ids_view.shape[0] > 0:
            out.ids.assign(&ids_view[0], &ids_view[0] + ids_view.shape[0])
        return NULL
    except BaseException as error:
        return raised(error)


cdef PyObject* change_python_index(PyObject* index, const int64_t* ids, const void* points, int64_t count,
                                   int64_t dimension, cpp_bool single, int what, cpp_bool* done) noexcept with gil:
    try:
        if what == 0:
            done[0] = (<object> index).insert(array_of(points, (count, dimension), single))
        elif what == 1:
            done[0] = (<object> index).move(ids_of(ids, count), array_of(points, (count, dimension), single))
        else:
            done[0] = (<object> index).erase(ids_of(ids, count))
        return NULL
    except BaseException as error:
        return raised(error)


cdef int64_t bytes_of_python_index(PyObject* index) noexcept with gil:
    return (<object> index).nbytes


plugin_error_class = <PyObject*> _errors.PluginError
index_calls.make = make_python_index
index_calls.propose = propose_by_python
index_calls.change = change_python_index
index_calls.bytes = bytes_of_python_index


def register_index(str name, bint exact, int64_t least_dimensions, int64_t most_dimensions, factory):
    """`factory(points)` makes an adapter of `sublinear.plugins`; see there."""
    register_python_index(name.encode(), exact, least_dimensions, most_dimensions, <PyObject*> factory)


def unregister_index(str name):
    """Forgets a registered index."""
    unregister_index_of(name.encode())


def load_plugin(bytes path):
    """[(name, exact)] of the indexes, [(name, structure, source, exact)] of the strategies that a library brings."""
    cdef PluginContents contents = load_plugin_of(path)
    return ([(each.name.decode(), each.exact) for each in contents.indexes],
            [(each.name.decode(), each.structure.decode(), each.source.decode(), each.exact)
             for each in contents.strategies])
