// y[n,t] = sum over d of x[n,d] w[t,d] + bias[t], for few targets or few rows: dot products, where a GEMM's tile would
// be mostly padding. Two rows by up to kTargets targets in registers, along strips of kStrip columns, so that the strip
// of w stays in L1 while the rows go by; x is read once, kAhead rows ahead of its use. Rows are given by pointer, so a
// minibatch is never gathered into memory of its own. Numerics: float32 lanes, joined in a fixed tree for each chunk of
// columns; the chunks are added in order. They depend on D alone.
#pragma once
#include <algorithm>
#include <cstdint>

#include "core/context.h"
#include "core/parallel.h"

#include "cpu/simd/widen.h"

namespace striate::cpu::STRIATE_SIMD_NS {
namespace {

constexpr int kTargets = STRIATE_SIMD == 4 ? 10 : 5;  // 20 of 32 registers accumulate, or 10 of 16
constexpr int64_t kStrip = 512, kRowBlock = 128, kAhead = 4;

/// Calls f(first target, how many) for the groups that `targets` are cut into, as even as possible.
template <class F>
STRIATE_INLINE void for_target_groups(int64_t targets, F&& f) {
  const int64_t groups = (targets + kTargets - 1) / kTargets;
  for (int64_t i = 0; i < groups; ++i) {
    const int64_t first = targets * i / groups;
    f(first, static_cast<int>(targets * (i + 1) / groups - first));
  }
}

/// Columns [at, at + columns) of G targets, side by side: panel[(i * G + g) * kLanes + lane], zeros after the last
/// column.
template <int G>
void pack_targets(const float* w, int64_t d, int64_t columns, float* panel) {
  for (int64_t i = 0; i < columns; i += kLanes)
    for (int g = 0; g < G; ++g, panel += kLanes) {
      const float* from = w + g * d + i;
      vstore(panel, i + kLanes <= columns ? vload(from) : load_some(from, columns - i));
    }
}

/// sum[r][g] += lanes of x[r] . w[g] over `columns`. Every loop over the sums is unrolled: an indexed one would keep
/// them in memory.
template <class T, int R, int G>
__attribute__((noinline)) void row_dots(const T* const* x, int64_t offset, int64_t columns, const float* panel,
                                        const T* const* ahead, float* sum) {
  const T* from[R];
  const T* fetch[R];
#pragma GCC unroll 2
  for (int r = 0; r < R; ++r) {
    from[r] = x[r] + offset;
    fetch[r] = ahead[r];
  }
  vf s[R][G];
#pragma GCC unroll 2
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 10
    for (int g = 0; g < G; ++g) s[r][g] = vload(sum + (r * G + g) * kLanes);
  const int64_t whole = columns / kLanes * kLanes;
  for (int64_t i = 0; i < whole; i += kLanes, panel += G * kLanes) {
    vf a[R];
#pragma GCC unroll 2
    for (int r = 0; r < R; ++r) {
      a[r] = load_lanes(from[r] + i);
      __builtin_prefetch(fetch[r] + i);
    }
#pragma GCC unroll 10
    for (int g = 0; g < G; ++g) {
      vf b = vload(panel + g * kLanes);
      if (R > 1) in_register(b);
#pragma GCC unroll 2
      for (int r = 0; r < R; ++r) s[r][g] = vfma(a[r], b, s[r][g]);
    }
  }
#pragma GCC unroll 2
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 10
    for (int g = 0; g < G; ++g) vstore(sum + (r * G + g) * kLanes, s[r][g]);
  if (whole < columns)
    for (int r = 0; r < R; ++r) {
      const vf a = load_some(from[r] + whole, columns - whole);
      for (int g = 0; g < G; ++g) {
        float* to = sum + (r * G + g) * kLanes;
        vstore(to, vfma(a, vload(panel + g * kLanes), vload(to)));
      }
    }
}

/// y[r * targets + g], r < n <= kRowBlock, over the columns [begin, end), for one group of targets.
template <class T, int G>
void block_dots(const T* const* x, int64_t n, const float* w, int64_t d, int64_t begin, int64_t end, float* y,
                int64_t targets) {
  alignas(64) float panel[kStrip * G], sum[kRowBlock * G * kLanes];
  std::fill(sum, sum + n * G * kLanes, 0.0f);
  for (int64_t at = begin; at < end; at += kStrip) {
    const int64_t columns = std::min(kStrip, end - at), next = std::min(at + kStrip, end - 1);
    const auto later = [&](int64_t r) {
      return r + kAhead < n ? x[r + kAhead] + at : x[std::min(r + kAhead - n, n - 1)] + next;
    };
    pack_targets<G>(w + at, d, columns, panel);
    int64_t r = 0;
    for (; r + 2 <= n; r += 2) {
      const T* const ahead[2] = {later(r), later(r + 1)};
      row_dots<T, 2, G>(x + r, at, columns, panel, ahead, sum + r * G * kLanes);
    }
    if (r < n) {
      const T* const ahead[1] = {later(r)};
      row_dots<T, 1, G>(x + r, at, columns, panel, ahead, sum + r * G * kLanes);
    }
  }
  for (int64_t r = 0; r < n; ++r)
    for (int g = 0; g < G; ++g) y[r * targets + g] = vsum(vload(sum + (r * G + g) * kLanes));
}

template <class T, int G = kTargets>
STRIATE_INLINE void block_dots_of(int group, const T* const* x, int64_t n, const float* w, int64_t d, int64_t begin,
                                  int64_t end, float* y, int64_t targets) {
  if constexpr (G > 0) {
    if (group == G)
      block_dots<T, G>(x, n, w, d, begin, end, y, targets);
    else
      block_dots_of<T, G - 1>(group, x, n, w, d, begin, end, y, targets);
  }
}

/// The product, with its scratch memory for at most `rows` rows a call.
class RowDots {
 public:
  RowDots(core::Context& ctx, int64_t rows, int64_t d, int64_t targets)
      : d_(d), targets_(targets), width_(std::max<int64_t>(4 * kStrip, (d / 64 + kStrip - 1) / kStrip * kStrip)) {
    chunks_ = std::max<int64_t>(1, (d + width_ - 1) / width_);
    rows_ = std::min(rows, std::max<int64_t>(kRowBlock, (int64_t{1} << 22) / (chunks_ * targets)));
    partial_ = ctx.scratch<float>(static_cast<size_t>(chunks_ * rows_ * targets));
  }

  template <class T>
  void operator()(const T* const* x, int64_t n, const float* w, const float* bias, float* y) const {
    for (int64_t first = 0; first < n; first += rows_)
      some(x + first, std::min(rows_, n - first), w, bias, y + first * targets_);
  }

 private:
  template <class T>
  void some(const T* const* x, int64_t n, const float* w, const float* bias, float* y) const {
    const int64_t blocks = (n + kRowBlock - 1) / kRowBlock;
    core::parallel_for(blocks * chunks_, [=, this](int64_t task) {
      const int64_t chunk = task / blocks, row = task % blocks * kRowBlock;
      const int64_t begin = chunk * width_, end = std::min(d_, begin + width_);
      for_target_groups(targets_, [=, this](int64_t t, int group) {
        block_dots_of<T>(group, x + row, std::min(kRowBlock, n - row), w + t * d_, d_, begin, end,
                         partial_ + (chunk * n + row) * targets_ + t, targets_);
      });
    });
    for (int64_t i = 0; i < n; ++i)
      for (int64_t t = 0; t < targets_; ++t) {
        float sum = partial_[i * targets_ + t];
        for (int64_t chunk = 1; chunk < chunks_; ++chunk) sum += partial_[(chunk * n + i) * targets_ + t];
        y[i * targets_ + t] = bias ? sum + bias[t] : sum;
      }
  }

  int64_t d_, targets_, width_, chunks_, rows_;
  float* partial_;
};

}  // namespace
}  // namespace striate::cpu::STRIATE_SIMD_NS
