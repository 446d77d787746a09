"""The reporting floor: half-space indexes. Translates arguments and results, nothing else."""
cimport cython
import numpy as np

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int64_t
from libcpp cimport bool
from libcpp.memory cimport unique_ptr
from libcpp.string cimport string
from libcpp.utility cimport move
from libcpp.vector cimport vector

from sublinear._common cimport Access, IdLists, Points, Work, points_of, real, start_of, work_of

include "_watched.pxi"
include "_plugins.pxi"

cdef extern from "sublinear/reporting/half_space_index.hpp" namespace "sublinear" nogil:
    cppclass ReportOptions:
        ReportOptions(int, bool, int64_t)

    cppclass TopLists[T]:
        IdLists[int64_t] lists
        vector[T] products

    cppclass HalfSpaceIndex[T]:
        int64_t size()
        int64_t dimension()
        size_t bytes()
        int64_t pages()
        int64_t insert(Points[T]) except +raise_python_error
        void erase(const int64_t*, int64_t) except +raise_python_error
        void move(const int64_t*, int64_t, const T*) except +raise_python_error
        Work report(const T*, const double*, int64_t, const ReportOptions&,
                    IdLists[int64_t]&) except +raise_python_error
        Work count(const T*, const double*, int64_t, int, int64_t*) except +raise_python_error
        Work top(const T*, int64_t, int64_t, int, TopLists[T]&) except +raise_python_error
        Work report_page(const T*, double, int64_t, vector[int64_t]&) except +raise_python_error
        unique_ptr[HalfSpaceIndex[T]] clone() except +raise_python_error

    cppclass IndexOptions:
        int64_t leaf_size
        Progress progress

    vector[string] index_names_of "sublinear::index_names"() except +
    bool index_serves_of "sublinear::index_serves"(const string&, int64_t) except +
    unique_ptr[HalfSpaceIndex[T]] make_index_of "sublinear::make_index"[T](
        const string&, Points[T], const IndexOptions&) except +raise_python_error

cdef extern from "sublinear/reporting/partition_tree.hpp" namespace "sublinear" nogil:
    cppclass CrossingNumber:
        int64_t crossed
        int64_t leaves

    vector[CrossingNumber] crossing_numbers_of "sublinear::crossing_numbers"[T](
        Points[T], const IndexOptions&, const T*, const double*, int64_t) except +

cdef extern from "sublinear/reporting/index_choice.hpp" namespace "sublinear" nogil:
    cppclass IndexChoice:
        string name
        string why

    IndexChoice choose_index_of "sublinear::choose_index"(int64_t, int64_t, int64_t, double) except +

cdef extern from "sublinear/reporting/index_file.hpp" namespace "sublinear" nogil:
    string index_bytes_of "sublinear::index_bytes"[T](const HalfSpaceIndex[T]&) except +
    cppclass IndexDescription:
        string name
        string dtype
        int64_t leaf_size

    IndexDescription describe_index_bytes(const char*, size_t) except +
    unique_ptr[HalfSpaceIndex[T]] index_from_bytes_of "sublinear::index_from_bytes"[T](
        const char*, size_t) except +raise_python_error


def index_serves(str name, int64_t dimension):
    """Whether the structure serves points of this many dimensions."""
    return index_serves_of(name.encode(), dimension)


def choose_index(int64_t count, int64_t dimension, int64_t queries, double share):
    """The name of the structure that should be fastest, and why."""
    cdef IndexChoice choice = choose_index_of(count, dimension, queries, share)
    return choice.name.decode(), choice.why.decode()


def crossing_numbers(const real[:, ::1] points, int64_t leaf_size, const real[:, ::1] normals,
                     const double[::1] thresholds):
    """How many leaves of a partition tree each hyperplane meets, and how many there are."""
    cdef IndexOptions options
    cdef vector[CrossingNumber] numbers
    options.leaf_size = leaf_size
    with Watched(), nogil:
        numbers = crossing_numbers_of(points_of(points), options, points_of(normals).data, start_of(thresholds),
                                            normals.shape[0])
    return [(each.crossed, each.leaves) for each in numbers]


def index_names():
    """The names of the structures, in the order in which tables show them."""
    return [name.decode() for name in index_names_of()]


cdef inline int64_t* ids_start(int64_t[::1] ids) noexcept nogil:
    return &ids[0] if ids.shape[0] > 0 else NULL


@cython.final
@cython.internal
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


@cython.final
cdef class Index:
    """One C++ index; exactly one of the two pointers is set, by dtype. Threads may ask it together and change it in turn:
    who comes first is served first, and waits without the GIL."""

    cdef unique_ptr[HalfSpaceIndex[float]] single
    cdef unique_ptr[HalfSpaceIndex[double]] wide
    cdef Access access
    cdef int64_t next  # the id that comes next
    cdef int64_t changed  # how often

    def size(self):
        self.access.ask()
        try:
            return self.single.get().size() if self.single else self.wide.get().size()
        finally:
            self.access.done()

    def dimension(self):
        return self.single.get().dimension() if self.single else self.wide.get().dimension()

    def bytes(self):
        self.access.ask()
        try:
            return self.single.get().bytes() if self.single else self.wide.get().bytes()
        finally:
            self.access.done()

    def next_id(self):
        """The id that the next inserted point gets."""
        self.access.ask()
        try:
            return self.next
        finally:
            self.access.done()

    def insert(self, const real[:, ::1] points):
        """The first of the new ids."""
        cdef int64_t first
        self.access.change()
        try:
            with Watched(), nogil:
                if real is float:
                    first = self.single.get().insert(points_of(points))
                else:
                    first = self.wide.get().insert(points_of(points))
            self.next = first + points.shape[0]
            self.changed += 1
        finally:
            self.access.done()
        return first

    def erase(self, int64_t[::1] ids):
        self.access.change()
        try:
            with nogil:
                if self.single:
                    self.single.get().erase(ids_start(ids), ids.shape[0])
                else:
                    self.wide.get().erase(ids_start(ids), ids.shape[0])
            self.changed += 1
        finally:
            self.access.done()

    def move(self, int64_t[::1] ids, const real[:, ::1] points):
        self.access.change()
        try:
            with nogil:
                if real is float:
                    self.single.get().move(ids_start(ids), ids.shape[0], points_of(points).data)
                else:
                    self.wide.get().move(ids_start(ids), ids.shape[0], points_of(points).data)
            self.changed += 1
        finally:
            self.access.done()

    def copy(self):
        """An index of its own with the same points and ids."""
        cdef Index other = Index()
        self.access.ask()
        try:
            with nogil:
                if self.single:
                    other.single = move(self.single.get().clone())
                else:
                    other.wide = move(self.wide.get().clone())
            other.next = self.next
        finally:
            self.access.done()
        return other

    def pages(self):
        """(how many pages there are, the state of the index that they are of)."""
        self.access.ask()
        try:
            return self.single.get().pages() if self.single else self.wide.get().pages(), self.changed
        finally:
            self.access.done()

    def to_bytes(self):
        cdef string content
        self.access.ask()
        try:
            with nogil:
                content = index_bytes_of[float](self.single.get()[0]) if self.single else \
                    index_bytes_of[double](self.wide.get()[0])
        finally:
            self.access.done()
        return PyBytes_FromStringAndSize(content.data(), <Py_ssize_t> content.size())

    def report(self, const real[:, ::1] normals, const double[::1] thresholds, int threads, bool in_order,
               int64_t limit):
        """(offsets, ids, work, the id that all of them are below)."""
        cdef IdLists[int64_t] lists
        cdef Work work
        cdef int64_t below
        self.access.ask()
        try:
            with Watched(), nogil:
                if real is float:
                    work = self.single.get().report(points_of(normals).data, start_of(thresholds), normals.shape[0],
                                                    ReportOptions(threads, in_order, limit), lists)
                else:
                    work = self.wide.get().report(points_of(normals).data, start_of(thresholds), normals.shape[0],
                                                  ReportOptions(threads, in_order, limit), lists)
            below = self.next
        finally:
            self.access.done()
        return to_array(lists.offsets), to_array(lists.ids), work_of(work), below

    def report_page(self, const real[:, ::1] normal, double threshold, int64_t page, int64_t state):
        """The ids of one page; RuntimeError if the index is no longer in that state."""
        cdef vector[int64_t] ids
        self.access.ask()
        try:
            if self.changed != state:
                raise RuntimeError("the index was changed while its ids were streamed; start the stream anew")
            with Watched(), nogil:
                if real is float:
                    self.single.get().report_page(points_of(normal).data, threshold, page, ids)
                else:
                    self.wide.get().report_page(points_of(normal).data, threshold, page, ids)
        finally:
            self.access.done()
        return to_array(ids)

    def top(self, const real[:, ::1] normals, int64_t k, int threads):
        cdef TopLists[float] singles
        cdef TopLists[double] wides
        cdef Work work
        self.access.ask()
        try:
            with Watched(), nogil:
                if real is float:
                    work = self.single.get().top(points_of(normals).data, normals.shape[0], k, threads, singles)
                else:
                    work = self.wide.get().top(points_of(normals).data, normals.shape[0], k, threads, wides)
        finally:
            self.access.done()
        if real is float:
            products = np.empty(singles.products.size(), np.float32)
            products[...] = singles.products
            return to_array(singles.lists.offsets), to_array(singles.lists.ids), products, work_of(work)
        else:
            products = np.empty(wides.products.size(), np.float64)
            products[...] = wides.products
            return to_array(wides.lists.offsets), to_array(wides.lists.ids), products, work_of(work)

    def count(self, const real[:, ::1] normals, const double[::1] thresholds, int threads):
        counts = np.empty(normals.shape[0], np.int64)
        cdef int64_t[::1] view = counts
        cdef Work work
        self.access.ask()
        try:
            with Watched(), nogil:
                if real is float:
                    work = self.single.get().count(points_of(normals).data, start_of(thresholds), normals.shape[0],
                                                   threads, ids_start(view))
                else:
                    work = self.wide.get().count(points_of(normals).data, start_of(thresholds), normals.shape[0],
                                                 threads, ids_start(view))
        finally:
            self.access.done()
        return counts, work_of(work)


def make_index(str name, const real[:, ::1] points, int64_t leaf_size, callback):
    """An index over a copy of the points; `callback`, if any, is told how far the build is."""
    cdef Index index = Index()
    cdef string encoded = name.encode()
    cdef Watched watched = Watched(callback)
    cdef IndexOptions options
    options.leaf_size = leaf_size
    if callback is not None:
        options.progress = watched_by(tell, <void*> watched)  # told more often than the scope
    with watched, nogil:
        if real is float:
            index.single = move(make_index_of[float](encoded, points_of(points), options))
        else:
            index.wide = move(make_index_of[double](encoded, points_of(points), options))
    index.next = points.shape[0]
    return index


def from_bytes(const unsigned char[::1] content, bool single):
    """The index that `to_bytes` wrote."""
    cdef Index index = Index()
    cdef const char* start = <const char*> &content[0] if content.shape[0] > 0 else NULL
    with Watched(), nogil:
        if single:
            index.single = move(index_from_bytes_of[float](start, content.shape[0]))
        else:
            index.wide = move(index_from_bytes_of[double](start, content.shape[0]))
    return index


def describe_bytes(const unsigned char[::1] content):
    """Name, dtype and leaf size of an index as bytes."""
    cdef const char* start = <const char*> &content[0] if content.shape[0] > 0 else NULL
    cdef IndexDescription description = describe_index_bytes(start, content.shape[0])
    return description.name.decode(), description.dtype.decode(), description.leaf_size
