#include "core/lapack.h"

#include <algorithm>
#include <cstring>

#include "core/library.h"
#include "core/parallel.h"

namespace striate::core {
namespace {

/// OpenBLAS up to 0.3.31 takes a new AMD processor with AVX-512 for an old one and halves its speed; it reads its wish
/// while it is loaded, and nothing else sees it.
class CoreType {
 public:
  CoreType() {
#if defined(__x86_64__)
    set_ = !std::getenv(kVariable) && __builtin_cpu_is("amd") && __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
#endif
    if (set_) setenv(kVariable, "SkylakeX", 0);
  }
  ~CoreType() {
    if (set_) unsetenv(kVariable);
  }

 private:
  static constexpr const char* kVariable = "OPENBLAS_CORETYPE";
  bool set_ = false;
};

bool fill(Lapack& t, std::string* reason) {
  if (const char* wish = std::getenv("STRIATE_LAPACK"); wish && std::strcmp(wish, "OFF") == 0) {
    *reason = "STRIATE_LAPACK is OFF";
    return false;
  }
  const CoreType core_type;
  void* library = open_library("STRIATE_LAPACK",
                               {"libopenblas.so.0", "libopenblas.so", "libmkl_rt.so.2", "liblapack.so.3"}, reason);
  if (!library || !find_symbol(library, "ssyevd_", t.ssyevd, reason) ||
      !find_symbol(library, "dsyevd_", t.dsyevd, reason) || !find_symbol(library, "ssyevr_", t.ssyevr, reason) ||
      !find_symbol(library, "dsyevr_", t.dsyevr, reason))
    return false;
  std::string none;
  const char* (*config)() = nullptr;
  t.name = "LAPACK";
  if (find_symbol(library, "openblas_get_config", config, &none)) {
    const std::string text = config();  // "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH ..."
    t.name = text.substr(0, text.find(' ', text.find(' ') + 1));
    find_symbol(library, "openblas_set_num_threads", t.set_threads, &none);
  }
  return true;
}

/// LAPACK is column-major: its lower triangle is the upper one of rows, its columns of vectors are rows.
template <class T>
bool solve_as(const Lapack& lapack, Lapack::Evd<T> evd, Lapack::Evr<T> evr, Workspace& memory, int n, int top,
              const T* from, T* values, T* vectors) {
  if (lapack.set_threads) lapack.set_threads(threads());
  const auto count = static_cast<size_t>(n);
  const auto reals = [&memory](size_t size) { return static_cast<T*>(memory.take(size * sizeof(T))); };
  const auto integers = [&memory](size_t size) { return static_cast<int*>(memory.take(size * sizeof(int))); };
  T *a = reals(count * count), *w = reals(count);
  std::copy_n(from, count * count, a);
  // A subset costs bisection and inverse iteration: worth it for few.
  const bool subset = vectors && top <= n / 4;
  T* z = subset ? reals(count * static_cast<size_t>(top)) : nullptr;
  int* support = subset ? integers(2 * count) : nullptr;
  const char* job = vectors ? "V" : "N";
  const T none = 0;
  const int first = n - top + 1;
  int found = 0, info = 0;
  const auto call = [&](T* work, int lwork, int* iwork, int liwork) {
    if (subset)
      evr(job, "I", "L", &n, a, &n, &none, &none, &first, &n, &none, &found, w, z, &n, support, work, &lwork, iwork,
          &liwork, &info, 1, 1, 1);
    else
      evd(job, "L", &n, a, &n, w, work, &lwork, iwork, &liwork, &info, 1, 1);
  };
  T real_count = 0;
  int integer_count = 0;
  call(&real_count, -1, &integer_count, -1);
  const int enough = static_cast<int>(real_count * static_cast<T>(1.001)) + 1;  // float32 cannot hold every count
  call(reals(static_cast<size_t>(enough)), enough, integers(static_cast<size_t>(integer_count)), integer_count);
  if (info != 0 || (subset && found != top)) return false;
  const int solved = subset ? top : n;  // ascending
  for (int k = 0; k < top; ++k) {
    values[k] = w[solved - 1 - k];
    if (vectors)
      std::copy_n((subset ? z : a) + static_cast<size_t>(solved - 1 - k) * count, count, vectors + k * count);
  }
  return true;
}

}  // namespace

bool Lapack::solve(Workspace& memory, int n, int top, const float* a, float* values, float* vectors) const {
  return solve_as(*this, ssyevd, ssyevr, memory, n, top, a, values, vectors);
}
bool Lapack::solve(Workspace& memory, int n, int top, const double* a, double* values, double* vectors) const {
  return solve_as(*this, dsyevd, dsyevr, memory, n, top, a, values, vectors);
}

const Lapack* lapack(std::string* reason) { return library_table<Lapack, fill>(reason); }

}  // namespace striate::core
