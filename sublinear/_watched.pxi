# Ctrl-C and progress of long calls. Included by each module, for each contains the C++ library with its own threads.
from cpython.exc cimport PyErr_CheckSignals
from libcpp cimport bool as cpp_bool
from libcpp.memory cimport unique_ptr

from threading import get_ident, main_thread

cdef extern from "sublinear/kernels/progress.hpp" namespace "sublinear" nogil:
    cppclass Progress:
        pass
    cppclass ProgressScope:
        ProgressScope(Progress) except +

cdef extern from *:
    """
    #include "sublinear/kernels/progress.hpp"
    // Ends a long call after a Python error, which the watcher keeps. (Objects know themselves: no reference is counted.)
    inline sublinear::Progress watched_by(bool (*tell)(void*, double), void* watcher) {
      return [tell, watcher](double done) {
        if (!tell(watcher, done)) throw std::runtime_error("stopped");
      };
    }
    """
    Progress watched_by(cpp_bool (*)(void*, double) noexcept with gil, void*) nogil


@cython.final
@cython.internal
cdef class Watched:
    """`with Watched(): with nogil: ...` around a long call: Ctrl-C ends it, and a callable is told how far it is."""

    cdef object callback
    cdef object error
    cdef unique_ptr[ProgressScope] scope

    def __cinit__(self, callback=None):
        self.callback = callback

    def __enter__(self):
        # Python handles signals on its main thread only: others need not ask.
        if self.callback is not None or get_ident() == main_thread().ident:
            self.scope.reset(new ProgressScope(watched_by(tell, <void*> self)))
        return self

    def __exit__(self, *raised):
        self.scope.reset()
        self.rethrow()

    cdef rethrow(self):
        error, self.error = self.error, None
        if error is not None:
            raise error from None


cdef cpp_bool tell(void* watcher, double done) noexcept with gil:
    cdef Watched own = <Watched> watcher
    try:
        if own.error is not None:
            return False
        PyErr_CheckSignals()
        if own.callback is not None:
            own.callback(done)
        return True
    except BaseException as error:
        own.error = error
        return False
