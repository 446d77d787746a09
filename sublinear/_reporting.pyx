"""The reporting floor: half-space indexes. Translates arguments and results, nothing else."""
import numpy as np

from libc.stdint cimport int64_t
from libcpp.memory cimport unique_ptr
from libcpp.string cimport string
from libcpp.utility cimport move
from libcpp.vector cimport vector

from sublinear._common cimport IdLists, Points, Work, points_of, real, start_of, work_of

cdef extern from "sublinear/reporting/half_space_index.hpp" namespace "sublinear" nogil:
    cppclass HalfSpaceIndex[T]:
        int64_t size()
        int64_t dimension()
        size_t bytes()
        int64_t insert(Points[T]) except +
        void erase(const int64_t*, int64_t) except +
        void move(const int64_t*, int64_t, const T*) except +
        Work report(const T*, const double*, int64_t, int, IdLists[int64_t]&) except +
        Work count(const T*, const double*, int64_t, int, int64_t*) except +

    vector[string] index_names_of "sublinear::index_names"() except +
    unique_ptr[HalfSpaceIndex[T]] make_index_of "sublinear::make_index"[T](const string&, Points[T]) except +


def index_names():
    """The names of the structures, in the order in which tables show them."""
    return [name.decode() for name in index_names_of()]


cdef inline int64_t* ids_start(int64_t[::1] ids) noexcept nogil:
    return &ids[0] if ids.shape[0] > 0 else NULL


cdef class OwnedIds:
    """Hands the memory of a vector to NumPy: results can be large, and are not copied."""

    cdef vector[int64_t] values
    cdef Py_ssize_t shape[1]
    cdef Py_ssize_t strides[1]

    def __getbuffer__(self, Py_buffer* buffer, int flags):
        self.shape[0] = self.values.size()
        self.strides[0] = sizeof(int64_t)
        buffer.buf = self.values.data()
        buffer.format = "q"
        buffer.internal = NULL
        buffer.itemsize = sizeof(int64_t)
        buffer.len = self.values.size() * sizeof(int64_t)
        buffer.ndim = 1
        buffer.obj = self
        buffer.readonly = 0
        buffer.shape = self.shape
        buffer.strides = self.strides
        buffer.suboffsets = NULL


cdef object to_array(vector[int64_t]& values):
    if values.empty():
        return np.empty(0, np.int64)
    cdef OwnedIds owned = OwnedIds()
    owned.values.swap(values)
    return np.asarray(owned).view(np.int64)


cdef class Index:
    """One C++ index; exactly one of the two pointers is set, by dtype."""

    cdef unique_ptr[HalfSpaceIndex[float]] single
    cdef unique_ptr[HalfSpaceIndex[double]] wide

    def size(self):
        return self.single.get().size() if self.single else self.wide.get().size()

    def dimension(self):
        return self.single.get().dimension() if self.single else self.wide.get().dimension()

    def bytes(self):
        return self.single.get().bytes() if self.single else self.wide.get().bytes()

    def insert(self, const real[:, ::1] points):
        cdef int64_t first
        with nogil:
            if real is float:
                first = self.single.get().insert(points_of(points))
            else:
                first = self.wide.get().insert(points_of(points))
        return first

    def erase(self, int64_t[::1] ids):
        with nogil:
            if self.single:
                self.single.get().erase(ids_start(ids), ids.shape[0])
            else:
                self.wide.get().erase(ids_start(ids), ids.shape[0])

    def move(self, int64_t[::1] ids, const real[:, ::1] points):
        with nogil:
            if real is float:
                self.single.get().move(ids_start(ids), ids.shape[0], points_of(points).data)
            else:
                self.wide.get().move(ids_start(ids), ids.shape[0], points_of(points).data)

    def report(self, const real[:, ::1] normals, const double[::1] thresholds, int threads):
        cdef IdLists[int64_t] lists
        cdef Work work
        with nogil:
            if real is float:
                work = self.single.get().report(points_of(normals).data, start_of(thresholds), normals.shape[0],
                                                threads, lists)
            else:
                work = self.wide.get().report(points_of(normals).data, start_of(thresholds), normals.shape[0],
                                              threads, lists)
        return to_array(lists.offsets), to_array(lists.ids), work_of(work)

    def count(self, const real[:, ::1] normals, const double[::1] thresholds, int threads):
        counts = np.empty(normals.shape[0], np.int64)
        cdef int64_t[::1] view = counts
        cdef Work work
        with nogil:
            if real is float:
                work = self.single.get().count(points_of(normals).data, start_of(thresholds), normals.shape[0],
                                               threads, ids_start(view))
            else:
                work = self.wide.get().count(points_of(normals).data, start_of(thresholds), normals.shape[0],
                                             threads, ids_start(view))
        return counts, work_of(work)


def make_index(str name, const real[:, ::1] points):
    """An index over a copy of the points."""
    cdef Index index = Index()
    cdef string encoded = name.encode()
    with nogil:
        if real is float:
            index.single = move(make_index_of[float](encoded, points_of(points)))
        else:
            index.wide = move(make_index_of[double](encoded, points_of(points)))
    return index
