#include "core/library.h"
#include "cuda/cublas.h"
#include "cuda/cusolver.h"
#include "cuda/launch.cuh"

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
  void* library =
      core::open_library("STRIATE_CUSOLVER", {"libcusolver.so.12", "libcusolver.so.11"}, reason, kCudaHomes);
  return library && core::find_symbol(library, "cusolverGetVersion", t.get_version, reason) &&
         t.get_version(&t.version) == 0;
}
#endif

}  // namespace

const Cusolver* cusolver(std::string* reason) { return core::library_table<Cusolver, fill>(reason); }

}  // namespace striate::cuda
