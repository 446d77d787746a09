# Losses, attacks and optimizers written in Python. Included by _training.pyx.
cdef extern from "_training_plugins.hpp" nogil:
    cppclass TrainingCalls:
        PyObject* (*losses)(PyObject*, const double*, int64_t, int64_t, const double*, double*, double*) noexcept
        PyObject* (*start)(PyObject*, int, const void*, const double*, const uint64_t*, int64_t, int64_t, cpp_bool,
                           PyObject**, void*, cpp_bool*) noexcept
        PyObject* (*next)(PyObject*, const void*, const double*, const void*, int64_t, int64_t, int64_t, cpp_bool, void*,
                          cpp_bool*) noexcept
        PyObject* (*make_optimizer)(PyObject*, int64_t, int64_t, cpp_bool, PyObject**) noexcept
        PyObject* (*propose)(PyObject*, const int32_t*, const void*, const void*, int64_t, int64_t, double, cpp_bool,
                             void*) noexcept
        void (*commit)(PyObject*) noexcept
        PyObject* (*state)(PyObject*, void*, cpp_bool) noexcept
        PyObject* (*set_state)(PyObject*, const void*, cpp_bool) noexcept
    TrainingCalls training_calls

cdef extern from "_training_plugins.hpp":
    shared_ptr[const Loss] make_python_loss(PyObject*, const string&, const string&) except +
    shared_ptr[const Attack[T]] make_python_attack[T](PyObject*, Ball, int, int) except +
    shared_ptr[const Optimizer[T]] make_python_optimizer[T](PyObject*, const string&, cpp_bool, double) except +


cdef int take_array(array, void* out) except -1:
    """Copies what an adapter gave, whose shape and dtype it has checked."""
    cdef const unsigned char[::1] view
    if array.nbytes > 0:
        view = array.reshape(-1).view(np.uint8)
        memcpy(out, &view[0], array.nbytes)
    return 0


cdef PyObject* losses_by_python(PyObject* loss, const double* outputs, int64_t count, int64_t columns,
                                const double* labels, double* losses, double* gradients) noexcept with gil:
    try:
        values, slopes = (<object> loss).evaluate(array_of(outputs, (count, columns), False),
                                                  array_of(labels, (count,), False))
        take_array(values, losses)
        if gradients != NULL:
            take_array(slopes, gradients)
        return NULL
    except BaseException as error:
        return raised(error)


cdef PyObject* start_in_python(PyObject* attack, int k, const void* inputs, const double* labels, const uint64_t* seeds,
                               int64_t count, int64_t dimension, cpp_bool single, PyObject** run, void* points,
                               cpp_bool* asks) noexcept with gil:
    try:
        drawn = ids_of(<const int64_t*> seeds, count).view(np.uint64)
        made = (<object> attack).start(k, array_of(inputs, (count, dimension), single),
                                       array_of(labels, (count,), False), drawn)
        take_array(made.points, points)
        asks[0] = made.asks
        Py_INCREF(made)
        run[0] = <PyObject*> made
        return NULL
    except BaseException as error:
        return raised(error)


cdef PyObject* next_in_python(PyObject* run, const void* values, const double* losses, const void* gradients,
                              int64_t count, int64_t dimension, int64_t columns, cpp_bool single, void* points,
                              cpp_bool* asks) noexcept with gil:
    try:
        made = <object> run
        made.next(array_of(values, (count, columns), single), array_of(losses, (count,), False),
                  array_of(gradients, (count, dimension), single))
        take_array(made.points, points)
        asks[0] = made.asks
        return NULL
    except BaseException as error:
        return raised(error)


cdef PyObject* make_optimizer_in_python(PyObject* factory, int64_t width, int64_t columns, cpp_bool single,
                                        PyObject** made) noexcept with gil:
    try:
        run = (<object> factory)(width, columns, np.dtype(np.float32 if single else np.float64))
        Py_INCREF(run)
        made[0] = <PyObject*> run
        return NULL
    except BaseException as error:
        return raised(error)


cdef PyObject* propose_rows_in_python(PyObject* run, const int32_t* rows, const void* weights, const void* gradients,
                                      int64_t count, int64_t columns, double rate, cpp_bool single,
                                      void* moved) noexcept with gil:
    cdef int32_t[::1] view
    try:
        ids = np.empty(count, np.int32)
        view = ids
        if count > 0:
            memcpy(&view[0], rows, count * sizeof(int32_t))
        take_array((<object> run).propose(ids.astype(np.int64), array_of(weights, (count, columns), single),
                                          array_of(gradients, (count, columns), single), rate), moved)
        return NULL
    except BaseException as error:
        return raised(error)


cdef void commit_in_python(PyObject* run) noexcept with gil:
    (<object> run).commit()


cdef PyObject* state_in_python(PyObject* run, void* state, cpp_bool single) noexcept with gil:
    try:
        values, numbers = (<object> run).state()
        if single:
            (<OptimizerState[float]*> state)[0] = make_state[float](values, numbers, 0)
        else:
            (<OptimizerState[double]*> state)[0] = make_state[double](values, numbers, 0)
        return NULL
    except BaseException as error:
        return raised(error)


cdef PyObject* set_state_in_python(PyObject* run, const void* state, cpp_bool single) noexcept with gil:
    try:
        (<object> run).set_state(*(state_of[float]((<const OptimizerState[float]*> state)[0]) if single else
                                   state_of[double]((<const OptimizerState[double]*> state)[0])))
        return NULL
    except BaseException as error:
        return raised(error)


training_calls.losses = losses_by_python
training_calls.start = start_in_python
training_calls.next = next_in_python
training_calls.make_optimizer = make_optimizer_in_python
training_calls.propose = propose_rows_in_python
training_calls.commit = commit_in_python
training_calls.state = state_in_python
training_calls.set_state = set_state_in_python


cdef shared_ptr[const Loss] loss_of(loss) except *:
    """A loss by name, or of Python: an adapter of `sublinear.training_plugins`."""
    if isinstance(loss, str):
        return make_loss(loss.encode())
    return make_python_loss(<PyObject*> loss, loss.name.encode(), loss.like.encode())


cdef shared_ptr[const Attack[real]] attack_of(dict attack, real kind) except *:
    """PGD, or an attack of Python."""
    cdef Ball ball
    own = attack.get("own")
    if own is not None:
        ball.radius, ball.norm = attack["radius"], norm_of(attack["norm"])
    if real is float:
        if own is None:
            return make_pgd[float](pgd_options(attack))
        return make_python_attack[float](<PyObject*> own, ball, attack["gradients"], attack["runs"])
    else:
        if own is None:
            return make_pgd[double](pgd_options(attack))
        return make_python_attack[double](<PyObject*> own, ball, attack["gradients"], attack["runs"])


cdef shared_ptr[const Optimizer[real]] optimizer_of(str name, dict choices, real kind) except *:
    """An optimizer by name, or of Python."""
    own = choices.get("own")
    if real is float:
        if own is None:
            return make_optimizer[float](name.encode(), optimizer_options(choices))
        return make_python_optimizer[float](<PyObject*> own, name.encode(), choices["lazy"], choices["clip_norm"])
    else:
        if own is None:
            return make_optimizer[double](name.encode(), optimizer_options(choices))
        return make_python_optimizer[double](<PyObject*> own, name.encode(), choices["lazy"], choices["clip_norm"])


def uniform_rows(const uint64_t[::1] seeds, int64_t columns):
    """Numbers in [0, 1), a row for each seed, each a function of the seed and its place."""
    rows = np.empty((seeds.shape[0], columns))
    cdef double[:, ::1] view = rows
    cdef int64_t i, j
    cdef vector[RandomStream] stream
    for i in range(seeds.shape[0]):
        stream.assign(1, RandomStream(seeds[i], RandomPurpose.attack))
        for j in range(columns):
            view[i, j] = stream[0].uniform()
    return rows
