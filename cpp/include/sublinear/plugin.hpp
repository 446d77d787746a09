/// @file
/// Libraries that bring indexes and strategies of their own, loaded while a program runs.
///
/// A plug-in is a shared library that contains this library (the static one, as CMake's `sublinear::sublinear` of the
/// wheel is) and says in one place what it brings:
///
///     SUBLINEAR_PLUGIN(registry) { registry.add_strategy({"mine", "what it is over", "source"}, make<float>,
///     make<double>); }
///
/// Between it and the program go objects of the public headers: both have to be built with the same version of them,
/// the same standard library and the same exceptions. A text that says which is compared before anything else is
/// called.
#pragma once

#include <string>
#include <vector>

#include "sublinear/finding/neuron_finder.hpp"
#include "sublinear/kernels/export.hpp"
#include "sublinear/reporting/own_index.hpp"
#include "sublinear/version.hpp"

namespace sublinear {

/// Where a plug-in says what it brings: each call as the function `register_...` of the same arguments.
class PluginRegistry {
 public:
  virtual ~PluginRegistry() = default;
  /// As `register_index`.
  virtual void add_index(const IndexInfo& info, IndexMaker<float> make_float, IndexMaker<double> make_double) = 0;
  /// As `register_proposer`.
  virtual void add_proposer(const IndexInfo& info, ProposerFactory<float> make_float,
                            ProposerFactory<double> make_double) = 0;
  /// As `register_strategy`.
  virtual void add_strategy(const StrategyInfo& info, FinderFactory<float> make_float,
                            FinderFactory<double> make_double) = 0;
};

/// What a plug-in registered.
struct PluginContents {
  std::vector<IndexInfo> indexes = {};        ///< in the order in which they came
  std::vector<StrategyInfo> strategies = {};  ///< the same
};

/// Loads the shared library at `path`, for the rest of the program, and registers what it brings. Loading it again
/// changes nothing and tells the same. Runs its code: load only what you would run.
/// @throws std::invalid_argument for a file that is no plug-in, or one for another version of the headers, and what
/// `register_index` and `register_strategy` throw; what was registered before is then forgotten again.
SUBLINEAR_API PluginContents load_plugin(const std::string& path);

/// What has to be the same on both sides.
#if defined(_GLIBCXX_USE_CXX11_ABI)
#define SUBLINEAR_PLUGIN_INTERFACE "sublinear " SUBLINEAR_VERSION_STRING ", libstdc++, interface 1"
#elif defined(_LIBCPP_VERSION)
#define SUBLINEAR_PLUGIN_INTERFACE "sublinear " SUBLINEAR_VERSION_STRING ", libc++, interface 1"
#else
#define SUBLINEAR_PLUGIN_INTERFACE "sublinear " SUBLINEAR_VERSION_STRING ", interface 1"
#endif

}  // namespace sublinear

/// Begins the function, of a parameter `registry` of type `PluginRegistry&`, that a plug-in is entered by. Once in a
/// library, outside of namespaces.
#define SUBLINEAR_PLUGIN(registry)                                                                           \
  static void sublinear_plugin_contents(sublinear::PluginRegistry& registry);                                \
  extern "C" __attribute__((visibility("default"))) const char* sublinear_plugin_interface() {               \
    return SUBLINEAR_PLUGIN_INTERFACE;                                                                       \
  }                                                                                                          \
  extern "C" __attribute__((visibility("default"))) void sublinear_plugin(sublinear::PluginRegistry* into) { \
    sublinear_plugin_contents(*into);                                                                        \
  }                                                                                                          \
  static void sublinear_plugin_contents(sublinear::PluginRegistry& registry)
