// Opens one of NVIDIA's libraries at run time.
#pragma once
#include <dlfcn.h>

#include <cstdlib>
#include <initializer_list>
#include <string>

namespace striate::cuda {

/// The file that the environment variable names, else the sonames in order: the loader's path, then CUDA_HOME and
/// CUDA_PATH.
inline void* open_library(const char* variable, std::initializer_list<const char*> sonames, std::string* reason) {
  const auto open = [&](const std::string& file) {
    void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library)
      if (const char* why = dlerror(); why && reason->empty()) *reason = why;
    return library;
  };
  if (const char* file = std::getenv(variable); file && *file)
    return open(file);  // a wrong path is an error, not a wish
  for (const char* soname : sonames)
    if (void* library = open(soname)) return library;
  for (const char* home : {"CUDA_HOME", "CUDA_PATH"})
    if (const char* root = std::getenv(home); root && *root)
      for (const char* folder : {"/lib64/", "/lib/"})
        for (const char* soname : sonames)
          if (void* library = open(std::string(root) + folder + soname)) return library;
  return nullptr;
}

/// Fills `function` with the symbol; false, with a reason, when the library lacks it.
template <class F>
bool find_symbol(void* library, const char* name, F& function, std::string* reason) {
  function = reinterpret_cast<F>(dlsym(library, name));
  if (!function) *reason = std::string(name) + " is missing in it";
  return function != nullptr;
}

}  // namespace striate::cuda
