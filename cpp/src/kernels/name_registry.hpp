// What can be asked for by name: the library's own entries, in their order, and those that applications add.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace sublinear {

// Entries have an `info` with a `name`. Any thread may call anything; what `find` gave stays what it is.
template <class Entry>
class NameRegistry {
 public:
  using Pointer = std::shared_ptr<const Entry>;

  // `kind` is what messages call an entry, such as "index"; `reserved` a name that means something else.
  NameRegistry(const char* kind, std::vector<Entry> own, std::string reserved = {})
      : kind_(kind), reserved_(std::move(reserved)), own_count_(own.size()) {
    for (Entry& each : own) entries_.push_back(std::make_shared<const Entry>(std::move(each)));
  }

  // Null where there is none.
  [[nodiscard]] Pointer find(const std::string& name) const {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = place(name);
    return found == entries_.end() ? nullptr : *found;
  }

  // Whether it is one of the library's own.
  [[nodiscard]] bool is_own(const std::string& name) const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return place(name) - entries_.begin() < static_cast<std::ptrdiff_t>(own_count_);
  }

  [[nodiscard]] std::vector<Pointer> all() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return entries_;
  }

  // "a", "b", "c": for messages.
  [[nodiscard]] std::string names() const {
    std::string joined;
    for (const Pointer& each : all()) joined += (joined.empty() ? "\"" : ", \"") + each->info.name + "\"";
    return joined;
  }

  void add(Entry entry) {
    const std::string name = entry.info.name;
    require_name(name);
    auto added = std::make_shared<const Entry>(std::move(entry));
    const std::lock_guard<std::mutex> lock(mutex_);
    if (place(name) != entries_.end() || name == reserved_)
      throw std::invalid_argument(std::string("there is ") + article() + kind_ + " called \"" + name +
                                  "\" already; give another name");
    entries_.push_back(std::move(added));
  }

  void remove(const std::string& name) {
    Pointer removed;  // destroyed when the lock is gone: what it holds may take other locks
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = place(name);
    if (found == entries_.end() || found - entries_.begin() < static_cast<std::ptrdiff_t>(own_count_))
      throw std::invalid_argument(std::string("no ") + kind_ + " called \"" + name + "\" was registered");
    removed = *found;
    entries_.erase(found);
  }

 private:
  using Entries = std::vector<Pointer>;
  [[nodiscard]] typename Entries::const_iterator place(const std::string& name) const {
    return std::find_if(entries_.begin(), entries_.end(), [&](const Pointer& each) { return each->info.name == name; });
  }

  // Names stand in lists and labels: "weights:kd-tree,margin".
  void require_name(const std::string& name) const {
    const auto fits = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    };
    if (name.empty() || name.size() > 100 || !std::all_of(name.begin(), name.end(), fits))
      throw std::invalid_argument(std::string("the name of the ") + kind_ + " is \"" + name.substr(0, 100) +
                                  "\"; give 1 to 100 small letters, digits, '-', '_' and '.'");
  }

  [[nodiscard]] std::string article() const { return *kind_ == 'i' || *kind_ == 'a' ? "an " : "a "; }

  const char* kind_;
  std::string reserved_;
  std::size_t own_count_;
  mutable std::mutex mutex_;
  Entries entries_;
};

}  // namespace sublinear
