// conv2d where the window is one pixel: y = w x, gx = w^T gy and gw = the sum of gy x^T are products of matrices that lie
// in memory as gemm.h reads them, one for each image. With a stride (or of bytes) the pixels that count are gathered
// first, an image at a time.
// Numerics: y and gx as gemm.h adds up; gw in order of images within each of a few sums, and then of these. Their number
// depends on shapes alone. Included after simd/begin.h.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <type_traits>

#include "core/context.h"
#include "core/parallel.h"
#include "core/workspace.h"

#include "cpu/simd/conv_panels.h"
#include "cpu/simd/gemm.h"

namespace striate::cpu::STRIATE_SIMD_NS::conv {
namespace {

class PointProduct {
 public:
  PointProduct(core::Context& ctx, int64_t images, int64_t channels, int64_t height, int64_t width, int64_t filters,
               int64_t down, int64_t across, int64_t stride)
      : ctx_(ctx), N(images), C(channels), H(height), W(width), K(filters), P(down), Q(across), stride_(stride) {}

  template <class T>
  void forward(const T* x, const float* w, const float* bias, float* y) const {
    each(N, [&](core::Workspace& memory, int64_t n) {
      core::Context own = memory.fresh();
      float* to = y + n * K * pixels();
      gemm::multiply(own, K, pixels(), C, gemm::Factor<float>{w, C, true}, rows_of(gathered(own, x, n)), nullptr, to,
                     pixels());
      for (int64_t k = 0; bias && k < K; ++k)
        for (int64_t i = k * pixels(); i < (k + 1) * pixels(); ++i) to[i] += bias[k];
    });
  }

  void input_gradient(const float* w, const float* gy, float* gx) const {
    float* turned = ctx_.scratch<float>(static_cast<size_t>(C * K));
    for (int64_t k = 0; k < K; ++k)
      for (int64_t c = 0; c < C; ++c) turned[c * K + k] = w[k * C + c];
    each(N, [&](core::Workspace& memory, int64_t n) {
      core::Context own = memory.fresh();
      float* to = gx + n * C * H * W;
      float* dense = stride_ == 1 ? to : own.scratch<float>(static_cast<size_t>(C * pixels()));
      gemm::multiply(own, C, pixels(), K, gemm::Factor<float>{turned, K, true}, rows_of(gy + n * K * pixels()), nullptr,
                     dense, pixels());
      for (int64_t c = 0; dense != to && c < C; ++c)
        spread_plane(dense + c * pixels(), stride_, P, Q, H, W, to + c * H * W);
    });
  }

  template <class T>
  void weight_gradient(const T* x, const float* gy, float* gw) const {
    // The larger side makes rows, which are read in place.
    const bool swapped = C > K;
    const int64_t count = K * C, rows = std::max(K, C), columns = std::min(K, C);
    const int64_t sums = std::clamp<int64_t>(N * pixels() * (K + C) / (16 * count), 1, std::min<int64_t>(N, 16));
    float* parts = ctx_.scratch<float>(static_cast<size_t>(sums * count));
    each(sums, [&](core::Workspace& memory, int64_t sum) {
      for (int64_t n = N * sum / sums; n < N * (sum + 1) / sums; ++n) {
        core::Context own = memory.fresh();
        const float *from = gathered(own, x, n), *g = gy + n * K * pixels();
        gemm::multiply(own, rows, columns, pixels(), gemm::Factor<float>{swapped ? from : g, pixels(), true},
                       gemm::Factor<float>{swapped ? g : from, pixels(), true}, nullptr, parts + sum * count, columns,
                       {.add = n > N * sum / sums});
      }
    });
    for (int64_t sum = 1; sum < sums; ++sum)
      for (int64_t i = 0; i < count; ++i) parts[i] += parts[sum * count + i];
    for (int64_t k = 0; k < K; ++k)
      for (int64_t c = 0; c < C; ++c) gw[k * C + c] = parts[swapped ? c * K + k : k * C + c];
  }

 private:
  int64_t pixels() const { return P * Q; }
  gemm::Factor<float> rows_of(const float* x) const { return {x, pixels(), false}; }

  /// f(memory, i) for each i: of many a thread takes one after another; on each of a few all threads work.
  template <class F>
  void each(int64_t count, F&& f) const {
    std::atomic<int64_t> next{0};
    const auto work = [&](int64_t) {
      core::Workspace memory(ctx_.cancelled);
      for (int64_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) < count && !ctx_.stop();) f(memory, i);
    };
    count < core::threads() ? work(0) : core::parallel_for(core::threads(), work);
  }

  /// Image n as [C, P * Q] numbers.
  template <class T>
  const float* gathered(core::Context& own, const T* x, int64_t n) const {
    const T* from = x + n * C * H * W;
    if constexpr (std::is_same_v<T, float>)
      if (stride_ == 1) return from;
    float* to = own.scratch<float>(static_cast<size_t>(C * pixels()));
    for (int64_t c = 0; c < C; ++c) gather_plane(from + c * H * W, W, stride_, P, Q, to + c * pixels());
    return to;
  }

  core::Context& ctx_;
  int64_t N, C, H, W, K, P, Q, stride_;
};

}  // namespace
}  // namespace striate::cpu::STRIATE_SIMD_NS::conv
