#include "sublinear/plugin.hpp"

#if !defined(_WIN32)
#include <dlfcn.h>
#endif

#include <map>
#include <mutex>
#include <stdexcept>
#include <utility>

#include "sublinear/kernels/require.hpp"

namespace sublinear {
namespace {

// Passes on what a plug-in brings, and can take it back.
class Registering final : public PluginRegistry {
 public:
  void add_index(const IndexInfo& info, IndexMaker<float> make_float, IndexMaker<double> make_double) override {
    register_index(info, std::move(make_float), std::move(make_double));
    contents.indexes.push_back(info);
  }
  void add_proposer(const IndexInfo& info, ProposerFactory<float> make_float,
                    ProposerFactory<double> make_double) override {
    register_proposer(info, std::move(make_float), std::move(make_double));
    contents.indexes.push_back(info);
  }
  void add_strategy(const StrategyInfo& info, FinderFactory<float> make_float,
                    FinderFactory<double> make_double) override {
    register_strategy(info, std::move(make_float), std::move(make_double));
    contents.strategies.push_back(info);
  }
  void take_back() {
    for (const IndexInfo& each : contents.indexes) unregister_index(each.name);
    for (const StrategyInfo& each : contents.strategies) unregister_strategy(each.name);
  }

  PluginContents contents = {};
};

#if !defined(_WIN32)
template <class Function>
Function* function_of(void* library, const char* name, const std::string& path) {
  void* const found = dlsym(library, name);
  if (found == nullptr)
    throw std::invalid_argument(path + " is no plug-in of sublinear: it has no function " + name +
                                "; begin it with SUBLINEAR_PLUGIN(registry) { ... }");
  return reinterpret_cast<Function*>(found);
}

#endif

}  // namespace

#if defined(_WIN32)
PluginContents load_plugin(const std::string& path) {
  throw std::invalid_argument(path +
                              " cannot be loaded: plug-ins are not offered on Windows yet; register in the program");
}
#else
PluginContents load_plugin(const std::string& path) {
  static std::mutex mutex;
  static std::map<void*, PluginContents> loaded;
  const std::lock_guard<std::mutex> lock(mutex);
  // Its own copy of this library stays its own: no name of it may stand in for one of the program's.
  void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* const why = dlerror();
    throw std::invalid_argument("the plug-in cannot be loaded: " + (why == nullptr ? path : std::string(why)));
  }
  if (const auto known = loaded.find(library); known != loaded.end()) return known->second;
  const std::string interface = function_of<const char*()>(library, "sublinear_plugin_interface", path)();
  if (interface != SUBLINEAR_PLUGIN_INTERFACE)
    throw std::invalid_argument(path + " is built for \"" + interface +
                                "\", this is \"" SUBLINEAR_PLUGIN_INTERFACE
                                "\"; build it with the headers of this version");
  auto* const enter = function_of<void(PluginRegistry*)>(library, "sublinear_plugin", path);
  Registering registering;
  try {
    enter(&registering);
  } catch (...) {
    registering.take_back();
    throw;
  }
  return loaded.emplace(library, std::move(registering.contents)).first->second;
}
#endif

}  // namespace sublinear
