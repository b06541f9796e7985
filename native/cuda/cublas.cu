#include <type_traits>
#include <utility>

#include "core/library.h"
#include "cuda/cublas.h"
#include "cuda/device.cuh"

#if !defined(STRIATE_CUDA_SIM) && __has_include(<cublas_v2.h>)
#include <cublas_v2.h>
namespace {
using striate::cuda::Cublas;
static_assert(std::is_same_v<cublasHandle_t, Cublas::Handle> && sizeof(cublasStatus_t) == sizeof(int));
static_assert(CUBLAS_STATUS_SUCCESS == Cublas::success && CUBLAS_OP_N == Cublas::op_n && CUBLAS_OP_T == Cublas::op_t);
static_assert(CUBLAS_DEFAULT_MATH == Cublas::default_math && CUDA_R_32F == Cublas::r_32f);
static_assert(CUDA_R_64F == Cublas::r_64f && CUBLAS_COMPUTE_64F == Cublas::compute_64f);
static_assert(CUBLAS_COMPUTE_32F == Cublas::compute_32f && CUBLAS_GEMM_DEFAULT == Cublas::gemm_default);
static_assert(MAJOR_VERSION == 0 && MINOR_VERSION == 1);
using Pointer = const void*;
static_assert(
    std::is_same_v<cublasStatus_t, decltype(cublasGemmEx(std::declval<cublasHandle_t>(), CUBLAS_OP_N, CUBLAS_OP_N, 0, 0,
                                                         0, Pointer(), Pointer(), CUDA_R_32F, 0, Pointer(), CUDA_R_32F,
                                                         0, Pointer(), static_cast<void*>(nullptr), CUDA_R_32F, 0,
                                                         CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT))>);
static_assert(CUBLAS_FILL_MODE_LOWER == Cublas::lower);
using Doubles = const double*;
static_assert(
    std::is_same_v<cublasStatus_t,
                   decltype(cublasDsyrk(std::declval<cublasHandle_t>(), CUBLAS_FILL_MODE_LOWER, CUBLAS_OP_N, 0, 0,
                                        Doubles(), Doubles(), 0, Doubles(), static_cast<double*>(nullptr), 0))>);
static_assert(std::is_same_v<cublasStatus_t, decltype(cublasSetStream(cublasHandle_t(), cudaStream_t()))>);
static_assert(std::is_same_v<cublasStatus_t, decltype(cublasSetMathMode(cublasHandle_t(), CUBLAS_DEFAULT_MATH))>);
static_assert(std::is_same_v<cublasStatus_t, decltype(cublasGetProperty(MAJOR_VERSION, static_cast<int*>(nullptr)))>);
}  // namespace
#endif

namespace striate::cuda {
namespace {

#if defined(STRIATE_CUDA_SIM)
std::string product_name(int op_a, int op_b, int type) {
  return std::string("cublasGemmEx ") + (op_a == Cublas::op_n ? 'N' : 'T') + (op_b == Cublas::op_n ? 'N' : 'T') +
         (type == Cublas::r_64f ? " f64" : " f32");
}
// Counted with the kernels: some case must be large enough for it.
const bool kListed = [] {
  for (int type : {Cublas::r_32f, Cublas::r_64f})
    for (int a : {Cublas::op_n, Cublas::op_t})
      for (int b : {Cublas::op_n, Cublas::op_t}) cuda_on_cpu::list_kernel(product_name(a, b, type));
  cuda_on_cpu::list_kernel("cublasDsyrk");
  return true;
}();

// Column-major, as cuBLAS is.
template <class T>
void multiply_on_cpu(int op_a, int op_b, int m, int n, int k, const void* alpha, const void* a, int lda, const void* b,
                     int ldb, const void* beta, void* c, int ldc) {
  const T *x = static_cast<const T*>(a), *y = static_cast<const T*>(b);
  const T scale = *static_cast<const T*>(alpha), keep = *static_cast<const T*>(beta);
  T* z = static_cast<T*>(c);
  for (int64_t j = 0; j < n; ++j)
    for (int64_t i = 0; i < m; ++i) {
      T sum = 0;
      for (int64_t l = 0; l < k; ++l)
        sum +=
            x[op_a == Cublas::op_n ? i + l * lda : l + i * lda] * y[op_b == Cublas::op_n ? l + j * ldb : j + l * ldb];
      T& to = z[i + j * ldc];
      to = keep == 0 ? scale * sum : scale * sum + keep * to;
    }
}
int gemm_on_cpu(Cublas::Handle, int op_a, int op_b, int m, int n, int k, const void* alpha, const void* a, int type,
                int lda, const void* b, int, int ldb, const void* beta, void* c, int, int ldc, int, int) {
  if (kListed) cuda_on_cpu::note_launch(product_name(op_a, op_b, type));
  const auto multiply = type == Cublas::r_64f ? multiply_on_cpu<double> : multiply_on_cpu<float>;
  multiply(op_a, op_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
  return Cublas::success;
}

int syrk_on_cpu(Cublas::Handle, int triangle, int op, int n, int k, const double* alpha, const double* a, int lda,
                const double* beta, double* c, int ldc) {
  cuda_on_cpu::note_launch("cublasDsyrk");
  if (triangle != Cublas::lower || op != Cublas::op_n) return 1;
  for (int64_t j = 0; j < n; ++j)  // a column at a time, from the diagonal down: nothing above it is written
    multiply_on_cpu<double>(op, Cublas::op_t, static_cast<int>(n - j), 1, k, alpha, a + j, lda, a + j, lda, beta,
                            c + j + j * ldc, ldc);
  return Cublas::success;
}

bool fill(Cublas& t, std::string*) {
  t.create = [](Cublas::Handle* h) {
    *h = nullptr;
    return 0;
  };
  t.destroy = [](Cublas::Handle) { return 0; };
  t.set_stream = [](Cublas::Handle, cudaStream_t) { return 0; };
  t.set_math_mode = [](Cublas::Handle, int) { return 0; };
  t.get_property = [](int, int* value) {
    *value = 0;
    return 0;
  };
  t.gemm = gemm_on_cpu;
  t.syrk = syrk_on_cpu;
  return true;
}
#else
bool fill(Cublas& t, std::string* reason) {
  void* library = core::open_library("STRIATE_CUBLAS", {"libcublas.so.13", "libcublas.so.12"}, reason, kCudaHomes);
  if (!library) return false;
  return core::find_symbol(library, "cublasCreate_v2", t.create, reason) &&
         core::find_symbol(library, "cublasDestroy_v2", t.destroy, reason) &&
         core::find_symbol(library, "cublasSetStream_v2", t.set_stream, reason) &&
         core::find_symbol(library, "cublasSetMathMode", t.set_math_mode, reason) &&
         core::find_symbol(library, "cublasGetProperty", t.get_property, reason) &&
         core::find_symbol(library, "cublasGemmEx", t.gemm, reason) &&
         core::find_symbol(library, "cublasDsyrk_v2", t.syrk, reason) &&
         t.get_property(0, &t.major) == Cublas::success && t.get_property(1, &t.minor) == Cublas::success;
}
#endif

void check_status(int status, const char* what) {
  if (status != Cublas::success)
    throw core::Error(core::ErrorKind::device, "", std::string(what) + ": cuBLAS status " + std::to_string(status));
}

Cublas::Handle handle_of(const core::Context& ctx) {
  Device& device = device_of(ctx);
#if !defined(STRIATE_CUDA_SIM)
  if (!device.cublas) {
    const Cublas& table = *cublas();
    check_status(table.create(&device.cublas), "cublasCreate");
    check_status(table.set_stream(device.cublas, device.stream), "cublasSetStream");
    check_status(table.set_math_mode(device.cublas, Cublas::default_math), "cublasSetMathMode");
  }
#endif
  return device.cublas;
}

}  // namespace

const Cublas* cublas(std::string* reason) { return core::library_table<Cublas, fill>(reason); }

template <class T>
bool cublas_product(const core::Context& ctx, int64_t m, int64_t n, int64_t depth, const T* a, bool transpose_a,
                    const T* b, bool transpose_b, T* c) {
  const Cublas* table = cublas();
  if (!table || m > INT32_MAX || n > INT32_MAX || depth > INT32_MAX) return false;
  // Row-major c = a b is column-major c^T = b^T a^T, and the memory of a row-major matrix is its transpose in
  // column-major.
  constexpr int kType = sizeof(T) == 8 ? Cublas::r_64f : Cublas::r_32f;
  constexpr int kCompute = sizeof(T) == 8 ? Cublas::compute_64f : Cublas::compute_32f;
  const T one = 1, zero = 0;
  check_status(
      table->gemm(handle_of(ctx), transpose_b ? Cublas::op_t : Cublas::op_n, transpose_a ? Cublas::op_t : Cublas::op_n,
                  static_cast<int>(n), static_cast<int>(m), static_cast<int>(depth), &one, b, kType,
                  static_cast<int>(transpose_b ? depth : n), a, kType, static_cast<int>(transpose_a ? m : depth), &zero,
                  c, kType, static_cast<int>(n), kCompute, Cublas::gemm_default),
      "cublasGemmEx");
  return true;
}
template bool cublas_product(const core::Context&, int64_t, int64_t, int64_t, const float*, bool, const float*, bool,
                             float*);
template bool cublas_product(const core::Context&, int64_t, int64_t, int64_t, const double*, bool, const double*, bool,
                             double*);

void cublas_squares(const core::Context& ctx, int64_t n, int64_t d, const double* x, bool add, double* c) {
  const Cublas& table = *cublas();
  const int width = static_cast<int>(d), rows = static_cast<int>(n);
  const double one = 1, keep = add ? 1 : 0;
  // Half of the products take half of the time where there are many (n = 4,000 on an H200: d = 512 47 us either way,
  // 1,024 150, 2,048 287 instead of 547). The lower triangle by columns is the upper one by rows.
  if (d > 1024)
    check_status(table.syrk(handle_of(ctx), Cublas::lower, Cublas::op_n, width, rows, &one, x, width, &keep, c, width),
                 "cublasDsyrk");
  else
    check_status(
        table.gemm(handle_of(ctx), Cublas::op_n, Cublas::op_t, width, width, rows, &one, x, Cublas::r_64f, width, x,
                   Cublas::r_64f, width, &keep, c, Cublas::r_64f, width, Cublas::compute_64f, Cublas::gemm_default),
        "cublasGemmEx");
}

}  // namespace striate::cuda
