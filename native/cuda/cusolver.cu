#include <cmath>
#include <utility>
#include <vector>

#include "core/library.h"
#include "cuda/cusolver.h"
#include "cuda/device.cuh"

#if !defined(STRIATE_CUDA_SIM) && __has_include(<cusolverDn.h>)
#include <cusolverDn.h>
namespace {
using striate::cuda::Cusolver;
static_assert(CUSOLVER_STATUS_SUCCESS == Cusolver::success && sizeof(cusolverStatus_t) == sizeof(int));
static_assert(std::is_same_v<cusolverStatus_t, decltype(cusolverGetVersion(static_cast<int*>(nullptr)))>);
static_assert(std::is_same_v<cusolverDnHandle_t, Cusolver::Handle>);
static_assert(std::is_same_v<cusolverDnParams_t, Cusolver::Params>);
static_assert(CUSOLVER_EIG_MODE_NOVECTOR == Cusolver::no_vectors && CUSOLVER_EIG_MODE_VECTOR == Cusolver::vectors);
static_assert(CUBLAS_FILL_MODE_LOWER == Cusolver::lower && CUDA_R_64F == Cusolver::r_64f);
static_assert(
    std::is_same_v<cusolverStatus_t,
                   decltype(cusolverDnXsyevd(
                       std::declval<cusolverDnHandle_t>(), std::declval<cusolverDnParams_t>(), CUSOLVER_EIG_MODE_VECTOR,
                       CUBLAS_FILL_MODE_LOWER, int64_t(), CUDA_R_64F, static_cast<void*>(nullptr), int64_t(),
                       CUDA_R_64F, static_cast<void*>(nullptr), CUDA_R_64F, static_cast<void*>(nullptr), size_t(),
                       static_cast<void*>(nullptr), size_t(), static_cast<int*>(nullptr)))>);
}  // namespace
#endif

namespace striate::cuda {
namespace {

#if defined(STRIATE_CUDA_SIM)
// Counted with the kernels: some case must be large enough for it, with and without vectors.
const bool kListed =
    cuda_on_cpu::list_kernel("cusolverDnXsyevd values") && cuda_on_cpu::list_kernel("cusolverDnXsyevd vectors");

/// Cyclic Jacobi.
int syevd_on_cpu(Cusolver::Handle, Cusolver::Params, int job, int, int64_t n, int, void* matrix, int64_t, int,
                 void* values, int, void*, size_t, void*, size_t, int* info) {
  if (kListed)
    cuda_on_cpu::note_launch(job == Cusolver::vectors ? "cusolverDnXsyevd vectors" : "cusolverDnXsyevd values");
  double *a = static_cast<double*>(matrix), *w = static_cast<double*>(values);
  std::vector<double> v(static_cast<size_t>(n * n));
  for (int64_t i = 0; i < n; ++i) {
    v[static_cast<size_t>(i * n + i)] = 1;
    for (int64_t j = 0; j < i; ++j) a[i * n + j] = a[j * n + i];
  }
  *info = 1;
  for (int sweep = 0; sweep < 60 && *info; ++sweep) {
    double off = 0, all = 0;
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < n; ++j) (i == j ? all : off) += a[i * n + j] * a[i * n + j];
    if (off <= 0x1p-106 * (off + all)) *info = 0;
    for (int64_t p = 0; p < n && *info; ++p)
      for (int64_t q = p + 1; q < n; ++q) {
        const double apq = a[p * n + q];
        if (apq == 0) continue;
        const double theta = (a[q * n + q] - a[p * n + p]) / (2 * apq);
        const double t = std::copysign(1 / (std::fabs(theta) + std::sqrt(theta * theta + 1)), theta);
        const double c = 1 / std::sqrt(t * t + 1), s = t * c, tau = s / (1 + c);
        const auto turn = [s, tau](double& x, double& y) {
          const double was = x;
          x -= s * (y + tau * was);
          y += s * (was - tau * y);
        };
        const double p_value = a[p * n + p] - t * apq, q_value = a[q * n + q] + t * apq;
        for (int64_t k = 0; k < n; ++k) turn(a[p * n + k], a[q * n + k]);
        for (int64_t k = 0; k < n; ++k) turn(a[k * n + p], a[k * n + q]);
        a[p * n + p] = p_value;
        a[q * n + q] = q_value;
        a[p * n + q] = a[q * n + p] = 0;
        for (int64_t k = 0; k < n; ++k) turn(v[static_cast<size_t>(p * n + k)], v[static_cast<size_t>(q * n + k)]);
      }
  }
  for (int64_t i = 0; i < n; ++i) w[i] = a[i * n + i];
  for (int64_t i = 0; i < n; ++i) {  // ascending
    int64_t least = i;
    for (int64_t k = i + 1; k < n; ++k)
      if (w[k] < w[least]) least = k;
    std::swap(w[i], w[least]);
    for (int64_t k = 0; k < n; ++k) std::swap(v[static_cast<size_t>(i * n + k)], v[static_cast<size_t>(least * n + k)]);
  }
  if (job == Cusolver::vectors) std::copy(v.begin(), v.end(), a);
  return Cusolver::success;
}

bool fill(Cusolver& t, std::string*) {
  t.get_version = [](int* version) {
    *version = 0;
    return 0;
  };
  t.create = [](Cusolver::Handle* h) {
    *h = nullptr;
    return 0;
  };
  t.destroy = [](Cusolver::Handle) { return 0; };
  t.set_stream = [](Cusolver::Handle, cudaStream_t) { return 0; };
  t.create_params = [](Cusolver::Params* p) {
    *p = nullptr;
    return 0;
  };
  t.destroy_params = [](Cusolver::Params) { return 0; };
  t.syevd_sizes = [](Cusolver::Handle, Cusolver::Params, int, int, int64_t, int, const void*, int64_t, int, const void*,
                     int, size_t* on_device, size_t* on_host) {
    *on_device = *on_host = 0;
    return 0;
  };
  t.syevd = syevd_on_cpu;
  return true;
}
#else
bool fill(Cusolver& t, std::string* reason) {
  void* library =
      core::open_library("STRIATE_CUSOLVER", {"libcusolver.so.12", "libcusolver.so.11"}, reason, kCudaHomes);
  return library && core::find_symbol(library, "cusolverGetVersion", t.get_version, reason) &&
         core::find_symbol(library, "cusolverDnCreate", t.create, reason) &&
         core::find_symbol(library, "cusolverDnDestroy", t.destroy, reason) &&
         core::find_symbol(library, "cusolverDnSetStream", t.set_stream, reason) &&
         core::find_symbol(library, "cusolverDnCreateParams", t.create_params, reason) &&
         core::find_symbol(library, "cusolverDnDestroyParams", t.destroy_params, reason) &&
         core::find_symbol(library, "cusolverDnXsyevd_bufferSize", t.syevd_sizes, reason) &&
         core::find_symbol(library, "cusolverDnXsyevd", t.syevd, reason) && t.get_version(&t.version) == 0;
}
#endif

void check_status(int status, const char* what) {
  if (status != Cusolver::success)
    throw core::Error(core::ErrorKind::device, "", std::string(what) + ": cuSOLVER status " + std::to_string(status));
}

}  // namespace

const Cusolver* cusolver(std::string* reason) { return core::library_table<Cusolver, fill>(reason); }

bool cusolver_eigh(const core::Context& ctx, const Cusolver& table, int64_t n, double* a, double* w, bool vectors) {
  Device& device = device_of(ctx);
  if (!device.cusolver) {
    check_status(table.create(&device.cusolver), "cusolverDnCreate");
    if (device.cusolver) check_status(table.set_stream(device.cusolver, device.stream), "cusolverDnSetStream");
  }
  struct Settings {
    const Cusolver& table;
    Cusolver::Params params = nullptr;
    ~Settings() {
      if (params) table.destroy_params(params);
    }
  } settings{table};
  check_status(table.create_params(&settings.params), "cusolverDnCreateParams");
  // Column-major, as cuBLAS is: the lower triangle there is the upper one of rows, and a column of vectors is a row.
  const int job = vectors ? Cusolver::vectors : Cusolver::no_vectors, type = Cusolver::r_64f;
  size_t on_device = 0, on_host = 0;
  check_status(table.syevd_sizes(device.cusolver, settings.params, job, Cusolver::lower, n, type, a, n, type, w, type,
                                 &on_device, &on_host),
               "cusolverDnXsyevd_bufferSize");
  std::vector<char> host_memory(on_host);
  int *info = ctx.scratch<int>(1), failed = 0;
  check_status(table.syevd(device.cusolver, settings.params, job, Cusolver::lower, n, type, a, n, type, w, type,
                           ctx.scratch<char>(on_device), on_device, host_memory.data(), on_host, info),
               "cusolverDnXsyevd");
  check(cudaMemcpyAsync(&failed, info, sizeof failed, cudaMemcpyDeviceToHost, device.stream), "cudaMemcpyAsync");
  check(cudaStreamSynchronize(device.stream), "cudaStreamSynchronize");
  return failed == 0;
}

}  // namespace striate::cuda
