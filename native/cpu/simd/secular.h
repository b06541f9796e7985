// Eigenvalues of diag(d) + rho z z^T, |z| = 1, d strictly ascending: the roots of 1/rho + sum_i z_i^2 / (d_i - x) = 0, one
// in each interval between the d and one above the last. Each is found as an offset from the nearer pole, so that the
// differences d_i - x, of which the eigenvectors are made, keep their relative accuracy (Li 1993, "Solving secular
// equations stably and efficiently": the middle way; Gu and Eisenstat 1995). Steps that leave the bracket bisect it.
// Included after simd/begin.h.
#pragma once
#include <cmath>
#include <cstdint>

#include "cpu/simd/wide.h"

namespace striate::cpu::STRIATE_SIMD_NS::eigen {
namespace {

constexpr double kRounding = 0x1p-53;

/// The function at an offset x from the origin; poles up to `split` in `left`, the rest in `right`.
struct SecularValue {
  double value, left_slope, right_slope, error;
};

/// What the poles of one side add, all of one sign: from the outermost on, the nearest last and largest. Lanes have sums
/// of their own, shorter than one sum would be; that they are added is within the multiple of `value` in the error.
struct SecularSums {
  double value = 0, slope = 0, partial = 0;  // partial: of the sums on the way
};

/// Poles [first, first + count), or with `step` -1 those from `first` downwards.
inline SecularSums secular_sums(const double* d, const double* z, double origin, double x, int64_t first, int64_t count,
                                int64_t step) {
  constexpr int64_t kWide = kLanes / 2;
  vd value{}, slope{}, partial{};
  int64_t done = 0;
  for (; done + kWide <= count; done += kWide) {
    const int64_t at = step > 0 ? first + done : first - done - (kWide - 1);
    const vd weight = vload(z + at), t = weight / ((vload(d + at) - origin) - x);
    value += weight * t;
    slope += t * t;
    partial += value;
  }
  SecularSums sums{vsum(value), vsum(slope), vsum(partial)};
  for (; done < count; ++done) {
    const int64_t i = first + step * done;
    const double t = z[i] / ((d[i] - origin) - x);
    sums.value += z[i] * t;
    sums.slope += t * t;
    sums.partial += sums.value;
  }
  return sums;
}

inline SecularValue secular_value(int64_t k, const double* d, const double* z, double rho, double origin, double x,
                                  int64_t split) {
  const SecularSums left = secular_sums(d, z, origin, x, 0, split + 1, 1),
                    right = secular_sums(d, z, origin, x, k - 1, k - 1 - split, -1);
  const double error = std::fabs(right.partial - left.partial) + 8 * (right.value - left.value) + 1 / rho +
                       std::fabs(x) * (left.slope + right.slope);
  return {1 / rho + left.value + right.value, left.slope, right.slope, error};
}

/// Root j: returns it, and delta[i] = d_i - root.
inline double secular_root(int64_t k, int64_t j, const double* d, const double* z, double rho, double* delta) {
  if (k == 1) {
    delta[0] = -rho * z[0] * z[0];
    return d[0] - delta[0];
  }
  const bool last = j == k - 1;
  const int64_t pole = last ? k - 2 : j;  // the interpolation's poles are this and the next
  const double gap = last ? rho : d[j + 1] - d[j];
  double origin = d[j], low = 0, high = gap;
  SecularValue f = secular_value(k, d, z, rho, origin, gap / 2, pole);
  if (!last && f.value < 0) {  // nearer to the pole above
    origin = d[j + 1];
    low = -gap / 2;
    high = 0;
  } else if (!last) {
    high = gap / 2;
  } else if (f.value < 0) {
    low = gap / 2;
  } else {
    high = gap / 2;
  }
  double x;
  if (last) {
    x = (low + high) / 2;
  } else {
    // The other poles held at the middle: a quadratic.
    const bool below = origin == d[j];
    const double near = z[j] * z[j], far = z[j + 1] * z[j + 1];
    const double c = f.value - near / (-gap / 2) - far / (gap / 2);
    const double a = below ? c * gap + near + far : c * gap - near - far, b = (below ? near : far) * gap;
    const double root = std::sqrt(std::fabs(below ? a * a - 4 * b * c : a * a + 4 * b * c));
    x = below ? (a > 0 ? 2 * b / (a + root) : (a - root) / (2 * c))
              : (a < 0 ? 2 * b / (a - root) : -(a + root) / (2 * c));
    if (!(x > low && x < high)) x = (low + high) / 2;
  }
  for (int step = 0; step < 300; ++step) {
    f = secular_value(k, d, z, rho, origin, x, pole);
    if (std::fabs(f.value) <= kRounding * f.error) break;
    (f.value < 0 ? low : high) = x;
    if (high - low <= 2 * kRounding * std::fmax(std::fabs(low), std::fabs(high))) break;
    const double one = (d[pole] - origin) - x, two = (d[pole + 1] - origin) - x, slope = f.left_slope + f.right_slope;
    double c = f.value - one * f.left_slope - two * f.right_slope;
    const double a = (one + two) * f.value - one * two * slope, b = one * two * f.value;
    if (last) c = std::fabs(c);
    const double root = std::sqrt(std::fabs(a * a - 4 * b * c));
    double move = c == 0 ? b / a
                  : last ? (a >= 0 ? (a + root) / (2 * c) : 2 * b / (a - root))
                         : (a <= 0 ? (a - root) / (2 * c) : 2 * b / (a + root));
    if (!(f.value * move < 0)) move = -f.value / slope;
    x += move;
    if (!(x > low && x < high)) x = (low + high) / 2;
  }
  for (int64_t i = 0; i < k; ++i) delta[i] = (d[i] - origin) - x;
  return origin + x;
}

}  // namespace
}  // namespace striate::cpu::STRIATE_SIMD_NS::eigen
