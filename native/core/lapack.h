// LAPACK for the CPU, opened at run time when the first large eigenproblem (or `striate info`) asks for it: the file
// that STRIATE_LAPACK names (OFF: none), else libopenblas.so.0, libopenblas.so, libmkl_rt.so.2, liblapack.so.3. Its
// integers must have 32 bits, as under these names they have.
#pragma once
#include <cstddef>
#include <string>

#include "core/workspace.h"

namespace striate::core {

struct Lapack {
  // The Fortran interface; the last arguments are the lengths of the letters.
  template <class T>
  using Evd = void (*)(const char* job, const char* triangle, const int* n, T* a, const int* lda, T* w, T* work,
                       const int* lwork, int* iwork, const int* liwork, int* info, size_t, size_t);
  template <class T>
  using Evr = void (*)(const char* job, const char* range, const char* triangle, const int* n, T* a, const int* lda,
                       const T* low, const T* high, const int* first, const int* last, const T* tolerance, int* found,
                       T* w, T* z, const int* ldz, int* support, T* work, const int* lwork, int* iwork,
                       const int* liwork, int* info, size_t, size_t, size_t);
  Evd<float> ssyevd;
  Evd<double> dsyevd;
  Evr<float> ssyevr;
  Evr<double> dsyevr;
  void (*set_threads)(int) = nullptr;  // OpenBLAS's, where it is that
  std::string name;                    // "OpenBLAS 0.3.21", "LAPACK"

  /// The `top` largest eigenvalues of a [n,n], descending, and their eigenvectors as rows, or none. a is read on and
  /// above the diagonal. False when it did not converge.
  bool solve(Workspace& memory, int n, int top, const float* a, float* values, float* vectors) const;
  bool solve(Workspace& memory, int n, int top, const double* a, double* values, double* vectors) const;
};

/// The table, or null with the reason. The search is made once.
const Lapack* lapack(std::string* reason = nullptr);

}  // namespace striate::core
