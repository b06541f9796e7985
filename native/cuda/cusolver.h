// cuSOLVER through a table that is filled at run time, as cublas.h: STRIATE_CUSOLVER, libcusolver.so.12 (of CUDA 13),
// libcusolver.so.11 (of CUDA 12).
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

#include "cuda/launch.cuh"

struct cusolverDnContext;
struct cusolverDnParams;

namespace striate::cuda {

struct Cusolver {
  using Handle = cusolverDnContext*;
  using Params = cusolverDnParams*;
  // The enumerations of cusolver_common.h, cublas_api.h and library_types.h that are used here; cusolver.cu compares
  // them where those headers exist.
  enum : int { success = 0, no_vectors = 0, vectors = 1, lower = 0, r_64f = 1 };

  int (*get_version)(int* version);
  int (*create)(Handle*);
  int (*destroy)(Handle);
  int (*set_stream)(Handle, cudaStream_t);
  int (*create_params)(Params*);
  int (*destroy_params)(Params);
  int (*syevd_sizes)(Handle, Params, int job, int triangle, int64_t n, int type_a, const void* a, int64_t lda,
                     int type_w, const void* w, int compute, size_t* on_device, size_t* on_host);
  int (*syevd)(Handle, Params, int job, int triangle, int64_t n, int type_a, void* a, int64_t lda, int type_w, void* w,
               int compute, void* device_memory, size_t on_device, void* host_memory, size_t on_host, int* info);

  int version = 0;  // major * 1000 + minor * 100 + patch
};

/// The table, or null with the reason. The search is made once.
const Cusolver* cusolver(std::string* reason = nullptr);

/// Eigenvalues w [n], ascending, of a [n,n] in float64, which is read above and on the diagonal and becomes the
/// eigenvectors' rows when they are wanted. False when it did not converge. Waits for the stream.
bool cusolver_eigh(const core::Context& ctx, const Cusolver& table, int64_t n, double* a, double* w, bool vectors);

}  // namespace striate::cuda
