#include "cuda/cusolver.h"
#include "cuda/launch.cuh"
#include "cuda/library.h"

#if !defined(STRIATE_CUDA_SIM) && __has_include(<cusolverDn.h>)
#include <cusolverDn.h>
static_assert(CUSOLVER_STATUS_SUCCESS == 0 && sizeof(cusolverStatus_t) == sizeof(int));
static_assert(std::is_same_v<cusolverStatus_t, decltype(cusolverGetVersion(static_cast<int*>(nullptr)))>);
#endif

namespace striate::cuda {
namespace {

#if defined(STRIATE_CUDA_SIM)
bool fill(Cusolver& t, std::string*) {
  t.get_version = [](int* version) {
    *version = 0;
    return 0;
  };
  return true;
}
#else
bool fill(Cusolver& t, std::string* reason) {
  void* library = open_library("STRIATE_CUSOLVER", {"libcusolver.so.12", "libcusolver.so.11"}, reason);
  return library && find_symbol(library, "cusolverGetVersion", t.get_version, reason) && t.get_version(&t.version) == 0;
}
#endif

}  // namespace

const Cusolver* cusolver(std::string* reason) {
  struct Search {
    Cusolver table{};
    std::string reason;
    bool found = fill(table, &reason);
  };
  static const Search search;
  if (reason) *reason = search.reason;
  return search.found ? &search.table : nullptr;
}

}  // namespace striate::cuda
