// cuBLAS through a table that is filled at run time: the build needs nothing of it, and a machine without it uses the
// own kernels. Looked for in this order: STRIATE_CUBLAS (a file), the loader's path, CUDA_HOME and CUDA_PATH (lib64,
// lib); libcublas.so.13, then libcublas.so.12.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <string>

#include "cuda/launch.cuh"

struct cublasContext;

namespace striate::cuda {

/// Environment variables that name a CUDA toolkit, whose libraries are looked for there after the loader's path.
inline constexpr std::initializer_list<const char*> kCudaHomes = {"CUDA_HOME", "CUDA_PATH"};

struct Cublas {
  using Handle = cublasContext*;
  // The enumerations of cublas_api.h and library_types.h that are used here; cublas.cu compares them where those
  // headers exist.
  enum : int {
    success = 0,
    op_n = 0,
    op_t = 1,
    lower = 0,
    default_math = 0,
    r_32f = 0,
    r_64f = 1,
    compute_32f = 68,
    compute_64f = 70,
    gemm_default = -1
  };

  int (*create)(Handle*);
  int (*destroy)(Handle);
  int (*set_stream)(Handle, cudaStream_t);
  int (*set_math_mode)(Handle, int mode);
  int (*get_property)(int which, int* value);
  int (*gemm)(Handle, int op_a, int op_b, int m, int n, int k, const void* alpha, const void* a, int type_a, int lda,
              const void* b, int type_b, int ldb, const void* beta, void* c, int type_c, int ldc, int compute,
              int algorithm);
  int (*syrk)(Handle, int triangle, int op, int n, int k, const double* alpha, const double* a, int lda,
              const double* beta, double* c, int ldc);

  int major = 0, minor = 0;
};

/// The table, or null with the reason. The search is made once.
const Cublas* cublas(std::string* reason = nullptr);

/// c [m,n] = a b in the operands' type, float (no TF32) or double, row-major with contiguous c; a is [m,depth] or its
/// transpose, b [depth,n] or its transpose. False when cuBLAS is not there or a size is past 32 bits: nothing is done
/// then.
template <class T>
bool cublas_product(const core::Context& ctx, int64_t m, int64_t n, int64_t depth, const T* a, bool transpose_a,
                    const T* b, bool transpose_b, T* c);

/// c [d,d] = x^T x (+ c, where `add`), x [n,d] of contiguous rows: on and above the diagonal; what is below is undefined.
/// For n and d of 32 bits, where cublas() is there.
void cublas_squares(const core::Context& ctx, int64_t n, int64_t d, const double* x, bool add, double* c);

}  // namespace striate::cuda
