// The same strategy as a library of its own that any program loads: `sublinear::load_plugin("libplugin.so")` in C++,
// `sublinear.load_plugin("libplugin.so")` in Python.
#include <sublinear/plugin.hpp>

#include "custom_strategy.hpp"

SUBLINEAR_PLUGIN(registry) {
  registry.add_strategy({"limit-scan", "a limit for each neuron", "this example"}, make_limit_scan<float>,
                        make_limit_scan<double>);
}
