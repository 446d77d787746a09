// Indexes and strategies written in Python, as C++ sees them: each call goes to a function of the Cython module, which
// takes the GIL, translates and calls; what Python raises travels through the library as a C++ exception.
#pragma once

#include <Python.h>

#include <algorithm>
#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <typeinfo>
#include <utility>
#include <vector>

#include "sublinear/finding/neuron_finder.hpp"
#include "sublinear/kernels/errors.hpp"
#include "sublinear/reporting/own_index.hpp"

namespace {

// A reference that may be dropped on any thread, and after the interpreter is gone.
class PythonObject {
 public:
  explicit PythonObject(PyObject* owned) : object_(owned, drop) {}
  // Takes one more; call it with the GIL.
  static PythonObject shared(PyObject* borrowed) {
    Py_INCREF(borrowed);
    return PythonObject(borrowed);
  }
  [[nodiscard]] PyObject* get() const noexcept { return object_.get(); }

 private:
  static void drop(PyObject* object) {
    if (object == nullptr || !Py_IsInitialized()) return;
    const PyGILState_STATE state = PyGILState_Ensure();
    Py_DECREF(object);
    PyGILState_Release(state);
  }
  std::shared_ptr<PyObject> object_;
};

// What a function of Python raised, on its way through C++.
class PythonError : public std::exception {
 public:
  explicit PythonError(PyObject* owned) : error_(owned), text_(text_of(owned)) {}
  [[nodiscard]] const char* what() const noexcept override { return text_.c_str(); }
  [[nodiscard]] PyObject* get() const noexcept { return error_.get(); }

 private:
  static std::string text_of(PyObject* error) {
    const PyGILState_STATE state = PyGILState_Ensure();
    std::string text = "an exception of Python";  // by calls of the stable interface alone
    PyObject* const words = PyObject_Str(error);
    PyObject* const letters = words == nullptr ? nullptr : PyUnicode_AsUTF8String(words);
    if (const char* const start = letters == nullptr ? nullptr : PyBytes_AsString(letters)) text = start;
    PyErr_Clear();
    Py_XDECREF(letters);
    Py_XDECREF(words);
    PyGILState_Release(state);
    return text;
  }

  PythonObject error_;
  std::string text_;
};

// Functions of Cython give the exception that was raised, or null.
inline void require_done(PyObject* raised) {
  if (raised != nullptr) throw PythonError(raised);
}

// sublinear.PluginError, set when the module is made.
inline PyObject* plugin_error_class = nullptr;

// For Cython's `except +raise_python_error`: what it makes of exceptions itself, and the two of plug-ins.
inline void raise_python_error() {
  try {
    throw;
  } catch (const PythonError& error) {
    PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(error.get())), error.get());
  } catch (const sublinear::PluginError& error) {
    PyErr_SetString(plugin_error_class, error.what());
  } catch (const std::bad_alloc& error) {
    PyErr_SetString(PyExc_MemoryError, error.what());
  } catch (const std::bad_cast& error) {
    PyErr_SetString(PyExc_TypeError, error.what());
  } catch (const std::domain_error& error) {
    PyErr_SetString(PyExc_ValueError, error.what());
  } catch (const std::invalid_argument& error) {
    PyErr_SetString(PyExc_ValueError, error.what());
  } catch (const std::out_of_range& error) {
    PyErr_SetString(PyExc_IndexError, error.what());
  } catch (const std::overflow_error& error) {
    PyErr_SetString(PyExc_OverflowError, error.what());
  } catch (const std::range_error& error) {
    PyErr_SetString(PyExc_ArithmeticError, error.what());
  } catch (const std::underflow_error& error) {
    PyErr_SetString(PyExc_ArithmeticError, error.what());
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
  } catch (...) {
    PyErr_SetString(PyExc_RuntimeError, "Unknown exception");
  }
}

// The functions of the Cython module that indexes call. Arrays are rows of float where `single`, else of double.
struct IndexCalls {
  PyObject* (*make)(PyObject* factory, const void* points, std::int64_t count, std::int64_t dimension, bool single,
                    PyObject** made);
  PyObject* (*propose)(PyObject* index, const void* normals, const double* thresholds, std::int64_t queries,
                       std::int64_t dimension, bool single, sublinear::IdLists<std::int64_t>* out);
  PyObject* (*change)(PyObject* index, const std::int64_t* ids, const void* points, std::int64_t count,
                      std::int64_t dimension, bool single, int what, bool* done);
  std::int64_t (*bytes)(PyObject* index);
};
inline IndexCalls index_calls{};

enum Change { kInsert, kMove, kErase };

template <class T>
class PythonProposer final : public sublinear::Proposer<T> {
 public:
  PythonProposer(const PythonObject& factory, sublinear::Points<T> points)
      : dimension_(points.dimension), index_(make(factory, points)) {}

  void propose(const T* normals, const double* thresholds, sublinear::Index queries, int,
               sublinear::IdLists<sublinear::Index>& out) const override {
    require_done(index_calls.propose(index_.get(), normals, thresholds, queries, dimension_, kSingle, &out));
  }
  bool insert(sublinear::Points<T> points) override { return change(nullptr, points.data, points.count, kInsert); }
  bool move(const sublinear::Index* ids, sublinear::Index count, const T* points) override {
    return change(ids, points, count, kMove);
  }
  void erase(const sublinear::Index* ids, sublinear::Index count) override { change(ids, nullptr, count, kErase); }
  [[nodiscard]] std::size_t bytes() const noexcept override {
    return static_cast<std::size_t>(index_calls.bytes(index_.get()));
  }

 private:
  static constexpr bool kSingle = sizeof(T) == sizeof(float);

  static PyObject* make(const PythonObject& factory, sublinear::Points<T> points) {
    PyObject* made = nullptr;
    require_done(index_calls.make(factory.get(), points.data, points.count, points.dimension, kSingle, &made));
    return made;
  }
  bool change(const sublinear::Index* ids, const T* points, sublinear::Index count, Change what) {
    bool done = false;
    require_done(index_calls.change(index_.get(), ids, points, count, dimension_, kSingle, what, &done));
    return done;
  }

  sublinear::Index dimension_;
  PythonObject index_;
};

template <class T>
sublinear::ProposerFactory<T> python_proposer(const PythonObject& factory) {
  return [factory](sublinear::Points<T> points) { return std::make_unique<PythonProposer<T>>(factory, points); };
}

// The functions of the Cython module that strategies call.
struct StrategyCalls {
  PyObject* (*make)(PyObject* factory, const void* weights, const void* biases, std::int64_t count, double threshold,
                    const void* inputs, std::int64_t inputs_count, std::int64_t dimension, double radius, bool infinity,
                    std::int64_t max_bytes, int threads, bool single, PyObject** made);
  PyObject* (*candidates)(PyObject* strategy, const std::int64_t* inputs, std::int64_t count,
                          sublinear::IdLists<std::int64_t>* out);
  PyObject* (*candidates_at)(PyObject* strategy, const void* points, std::int64_t count, std::int64_t dimension,
                             double radius, bool single, sublinear::IdLists<std::int64_t>* out);
  PyObject* (*moved)(PyObject* strategy, const std::int64_t* rows, const void* weights, const void* biases,
                     const double* by, std::int64_t count, std::int64_t dimension, bool single);
  std::int64_t (*bytes)(PyObject* strategy);
  bool (*serves_any_point)(PyObject* strategy);
};
inline StrategyCalls strategy_calls{};

// Ids of neurons are sorted here: Python need not.
template <class T>
class PythonStrategy final : public sublinear::NeuronFinder<T> {
 public:
  PythonStrategy(std::string name, const PythonObject& factory, const sublinear::FinderArguments<T>& arguments)
      : name_(std::move(name)),
        neurons_(arguments.neurons),
        strategy_(make(factory, arguments)),
        serves_any_point_(strategy_calls.serves_any_point(strategy_.get())) {}

  [[nodiscard]] const char* name() const noexcept override { return name_.c_str(); }
  [[nodiscard]] bool serves_any_point() const noexcept override { return serves_any_point_; }
  [[nodiscard]] std::size_t bytes() const noexcept override {
    return static_cast<std::size_t>(strategy_calls.bytes(strategy_.get()));
  }

  sublinear::Work candidates(const sublinear::Index* inputs, sublinear::Index count, int,
                             sublinear::CandidateLists& out) override {
    sublinear::IdLists<std::int64_t> lists;
    require_done(strategy_calls.candidates(strategy_.get(), inputs, count, &lists));
    take(lists, "candidates", out);
    return {};
  }

  sublinear::Work candidates_at(sublinear::Points<T> points, double radius, int threads,
                                sublinear::CandidateLists& out) const override {
    if (!serves_any_point_) return sublinear::NeuronFinder<T>::candidates_at(points, radius, threads, out);
    sublinear::IdLists<std::int64_t> lists;
    require_done(strategy_calls.candidates_at(strategy_.get(), points.data, points.count, points.dimension, radius,
                                              kSingle, &lists));
    take(lists, "candidates_at", out);
    return {};
  }

  sublinear::Work moved(const sublinear::NeuronId* rows, const sublinear::Displacement* by, sublinear::Index count,
                        int) override {
    std::vector<std::int64_t> ids(rows, rows + count);
    std::vector<T> weights, biases;
    std::vector<double> displacements;
    for (sublinear::Index k = 0; k < count; ++k) {
      weights.insert(weights.end(), neurons_.row(rows[k]), neurons_.row(rows[k]) + neurons_.dimension);
      biases.push_back(neurons_.biases[rows[k]]);
      displacements.insert(displacements.end(), {by[k].euclidean, by[k].dual, by[k].bias});
    }
    require_done(strategy_calls.moved(strategy_.get(), ids.data(), weights.data(), biases.data(), displacements.data(),
                                      count, neurons_.dimension, kSingle));
    return {};
  }

 private:
  static constexpr bool kSingle = sizeof(T) == sizeof(float);

  static PyObject* make(const PythonObject& factory, const sublinear::FinderArguments<T>& arguments) {
    const sublinear::Neurons<T>& neurons = arguments.neurons;
    PyObject* made = nullptr;
    require_done(
        strategy_calls.make(factory.get(), neurons.weights, neurons.biases, neurons.count,
                            static_cast<double>(neurons.threshold), arguments.inputs.data, arguments.inputs.count,
                            neurons.dimension, arguments.ball.radius, arguments.ball.norm == sublinear::Norm::infinity,
                            static_cast<std::int64_t>(arguments.max_bytes), arguments.threads, kSingle, &made));
    return made;
  }

  void take(sublinear::IdLists<std::int64_t>& lists, const char* call, sublinear::CandidateLists& out) const {
    for (sublinear::Index q = 0; q < lists.size(); ++q) {
      std::sort(lists.ids.begin() + lists.offsets[static_cast<std::size_t>(q)],
                lists.ids.begin() + lists.offsets[static_cast<std::size_t>(q) + 1]);
      for (const std::int64_t* id = lists.begin(q); id != lists.end(q); ++id)
        if (*id < 0 || *id >= neurons_.count)
          throw sublinear::PluginError("strategy \"" + name_ + "\", answer of " + call + ": query " +
                                       std::to_string(q) + " has id " + std::to_string(*id) + "; neurons are 0 to " +
                                       std::to_string(neurons_.count - 1));
    }
    out.offsets = std::move(lists.offsets);
    out.ids.resize(lists.ids.size());
    std::transform(lists.ids.begin(), lists.ids.end(), out.ids.begin(),
                   [](std::int64_t id) { return static_cast<sublinear::NeuronId>(id); });
  }

  std::string name_;
  sublinear::Neurons<T> neurons_;
  PythonObject strategy_;
  bool serves_any_point_;
};

template <class T>
sublinear::FinderFactory<T> python_strategy(const std::string& name, const PythonObject& factory) {
  return [name, factory](const sublinear::FinderArguments<T>& arguments) {
    return std::make_unique<PythonStrategy<T>>(name, factory, arguments);
  };
}

// `factory` is borrowed, here and below; called with the GIL.
inline void register_python_strategy(const std::string& name, const std::string& structure, const std::string& source,
                                     bool exact, PyObject* factory) {
  const PythonObject own = PythonObject::shared(factory);
  sublinear::register_strategy({name, structure, source, exact, ""}, python_strategy<float>(name, own),
                               python_strategy<double>(name, own));
}

inline void register_python_index(const std::string& name, bool exact, std::int64_t least, std::int64_t most,
                                  PyObject* factory) {
  const PythonObject own = PythonObject::shared(factory);
  sublinear::register_proposer({name, exact, least, most}, python_proposer<float>(own), python_proposer<double>(own));
}

}  // namespace
