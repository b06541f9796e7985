// Libraries that are opened at run time: no build needs them, and a machine without one uses what Striate has itself.
#pragma once
#include <dlfcn.h>

#include <cstdlib>
#include <initializer_list>
#include <string>

namespace striate::core {

/// The file that the environment variable names (if one is given and set), else the files in order: by the loader's
/// path, then in lib64 and lib of the folders that the variables `homes` name. Null with the first reason.
inline void* open_library(const char* variable, std::initializer_list<std::string> files, std::string* reason,
                          std::initializer_list<const char*> homes = {}) {
  const auto value = [](const char* name) {
    const char* text = name ? std::getenv(name) : nullptr;
    return std::string(text ? text : "");
  };
  const auto open = [&](const std::string& file) {
    void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library)
      if (const char* why = dlerror(); why && reason->empty()) *reason = why;
    return library;
  };
  if (const std::string file = value(variable); !file.empty())
    return open(file);  // a wrong path is an error, not a wish
  for (const std::string& file : files)
    if (void* library = open(file)) return library;
  for (const char* home : homes)
    if (const std::string root = value(home); !root.empty())
      for (const char* folder : {"/lib64/", "/lib/"})
        for (const std::string& file : files)
          if (void* library = open(root + folder + file)) return library;
  return nullptr;
}

/// Fills `function` with the symbol; false, with a reason, when the library lacks it.
template <class F>
bool find_symbol(void* library, const char* name, F& function, std::string* reason) {
  function = reinterpret_cast<F>(dlsym(library, name));
  if (!function) *reason = std::string(name) + " is missing in it";
  return function != nullptr;
}

/// A library's functions as `fill` found them, or null with the reason. `fill` is called once.
template <class Table, bool (*fill)(Table&, std::string*)>
const Table* library_table(std::string* reason) {
  struct Search {
    Table table{};
    std::string reason;
    bool found = fill(table, &reason);
  };
  static const Search search;
  if (reason) *reason = search.reason;
  return search.found ? &search.table : nullptr;
}

}  // namespace striate::core
