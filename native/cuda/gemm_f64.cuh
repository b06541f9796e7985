// Products in float64: c [m,n] = sum over k of a[m,k] b[k,n], either operand's rows along k or across it, as gemm.cuh.
// One block per 64 x 64 of c; 256 threads, each with 4 x 4 of it in registers. Tiles of 16 along k come through
// registers into one half of shared memory while the other half is being multiplied.
// Numerics: float64 fused multiply-adds in the order of k. Ordinary cores: a vendor's library, where it is there, takes
// the large products and has the tensor cores for it. Not yet timed on a GPU.
#pragma once
#include <algorithm>
#include <cstdint>

#include "cuda/launch.cuh"

namespace striate::cuda::gemm_f64 {

inline constexpr int kThreads = 256, kSide = 64, kDepth = 16, kPitch = kSide + 2;

/// Element (x, k), x a row of a or a column of b, is data[x * stride + k] when kAlongK, else data[k * stride + x].
struct Operand {
  const double* data;
  int64_t stride;
};

/// Brings kSide x kDepth of an operand into registers, then into shared memory as [kDepth][kPitch].
template <bool kAlongK>
struct Loader {
  static constexpr int kEach = kSide * kDepth / kThreads;
  Operand from;
  int64_t first, size, depth;
  double held[kEach];

  __device__ __forceinline__ void fetch(int64_t k) {
    STRIATE_UNROLL
    for (int i = 0; i < kEach; ++i) {
      const int e = threadIdx.x + i * kThreads;
      const int64_t x = first + (kAlongK ? e / kDepth : e % kSide), at = k + (kAlongK ? e % kDepth : e / kSide);
      held[i] = x < size && at < depth ? __ldg(from.data + (kAlongK ? x * from.stride + at : at * from.stride + x)) : 0;
    }
  }
  __device__ __forceinline__ void put(double* to) const {
    STRIATE_UNROLL
    for (int i = 0; i < kEach; ++i) {
      const int e = threadIdx.x + i * kThreads;
      to[(kAlongK ? e % kDepth : e / kSide) * kPitch + (kAlongK ? e / kDepth : e % kSide)] = held[i];
    }
  }
};

template <bool kAlongA, bool kAlongB>
__global__ void __launch_bounds__(kThreads)
    product_f64_kernel(Operand a, Operand b, int64_t m, int64_t n, int64_t depth, double* __restrict__ c) {
  __shared__ double tile_a[2][kDepth * kPitch], tile_b[2][kDepth * kPitch];
  const int64_t across = (n + kSide - 1) / kSide;
  const int64_t top = blockIdx.x / across * kSide, left = blockIdx.x % across * kSide;
  const int at_m = threadIdx.x / 16, at_n = threadIdx.x % 16;
  Loader<kAlongA> load_a{a, top, m, depth, {}};
  Loader<kAlongB> load_b{b, left, n, depth, {}};
  double sum[4][4] = {};
  load_a.fetch(0);
  load_b.fetch(0);
  load_a.put(tile_a[0]);
  load_b.put(tile_b[0]);
  __syncthreads();
  int half = 0;
  for (int64_t k = 0; k < depth; k += kDepth) {
    const bool more = k + kDepth < depth;
    if (more) {
      load_a.fetch(k + kDepth);
      load_b.fetch(k + kDepth);
    }
    STRIATE_UNROLL
    for (int i = 0; i < kDepth; ++i) {
      double x[4], y[4];
      STRIATE_UNROLL
      for (int j = 0; j < 4; ++j) {  // 16 apart, so that neighbouring threads read neighbouring words
        x[j] = tile_a[half][i * kPitch + j * 16 + at_m];
        y[j] = tile_b[half][i * kPitch + j * 16 + at_n];
      }
      STRIATE_UNROLL
      for (int r = 0; r < 4; ++r) {
        STRIATE_UNROLL
        for (int q = 0; q < 4; ++q) sum[r][q] = __fma_rn(x[r], y[q], sum[r][q]);
      }
    }
    if (more) {
      load_a.put(tile_a[half ^ 1]);
      load_b.put(tile_b[half ^ 1]);
      __syncthreads();
      half ^= 1;
    }
  }
  STRIATE_UNROLL
  for (int r = 0; r < 4; ++r) {
    STRIATE_UNROLL
    for (int q = 0; q < 4; ++q) {
      const int64_t row = top + r * 16 + at_m, column = left + q * 16 + at_n;
      if (row < m && column < n) c[row * n + column] = sum[r][q];
    }
  }
}

template <bool kAlongA, bool kAlongB>
void multiply(const core::Context& ctx, Operand a, Operand b, int64_t m, int64_t n, int64_t depth, double* c) {
  const int64_t tiles = int64_t{blocks_for(m, kSide)} * blocks_for(n, kSide);
  STRIATE_LAUNCH((product_f64_kernel<kAlongA, kAlongB>), blocks_for(tiles, 1), kThreads, 0, stream_of(ctx), a, b, m, n,
                 depth, c);
}

}  // namespace striate::cuda::gemm_f64
