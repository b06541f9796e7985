// One row of softmax regression by one warp, shared by softmax_cross_entropy, readout_* and argmax. The row is a
// function of the target's index. Float32 about the row's maximum; each lane adds its own targets, the lanes are joined
// in a fixed tree.
#pragma once
#include "cuda/launch.cuh"

namespace striate::cuda {

/// Index of the first maximum of n > 0 numbers, the same in every lane; a NaN counts as the maximum.
template <class F>
__device__ __forceinline__ int warp_argmax(int64_t n, F&& x, float* maximum = nullptr) {
  const int lane = threadIdx.x % 32;
  int64_t best = lane < n ? lane : 0;
  float top = x(best);
  for (int64_t i = lane + 32; i < n; i += 32) {
    const float value = x(i);
    if (!(value <= top) && top == top) {
      top = value;
      best = i;
    }
  }
  int first = static_cast<int>(best);
  for (int bits = 16; bits; bits >>= 1) {
    const float other = __shfl_xor_sync(0xffffffffu, top, bits);
    const int at = __shfl_xor_sync(0xffffffffu, first, bits);
    const bool both = other == top || (other != other && top != top);
    if (both ? at < first : (top == top && !(other <= top))) {
      top = other;
      first = at;
    }
  }
  if (maximum) *maximum = top;
  return first;
}

struct RowSum {
  int top;
  float maximum, sum;
  /// In nats, when the label's logit is `own`.
  __device__ double loss(float own) const {
    return static_cast<double>(maximum) - static_cast<double>(own) + log(static_cast<double>(sum));
  }
};

template <class F>
__device__ __forceinline__ RowSum row_sum(int64_t n, F&& x) {
  RowSum row;
  row.top = warp_argmax(n, x, &row.maximum);
  float sum = 0;
  for (int64_t i = threadIdx.x % 32; i < n; i += 32) sum += expf(x(i) - row.maximum);
  row.sum = warp_sum(sum);
  return row;
}

/// g(t) = (softmax(x) - onehot(label)) * scale for each target t, by a call of store(t, g).
template <class F, class S>
__device__ __forceinline__ void row_gradient(const RowSum& row, int64_t n, int label, float scale, F&& x, S&& store) {
  const float factor = scale / row.sum;
  for (int64_t i = threadIdx.x % 32; i < n; i += 32)
    store(i, expf(x(i) - row.maximum) * factor - (i == label ? scale : 0.0f));
}

/// Adds `count` losses and errors of rows in a fixed order, by one block of kThreads threads; the results are thread
/// 0's.
template <int kThreads>
__device__ void block_tally(const double* losses, const uint8_t* wrong, int64_t count, double& loss, int64_t& errors) {
  __shared__ double part[kThreads];
  __shared__ int counts[kThreads];
  double sum = 0;
  int n = 0;
  for (int64_t i = threadIdx.x; i < count; i += kThreads) {
    sum += losses[i];
    n += wrong[i];
  }
  part[threadIdx.x] = sum;
  counts[threadIdx.x] = n;
  __syncthreads();
  for (int half = kThreads / 2; half; half /= 2) {
    if (static_cast<int>(threadIdx.x) < half) {
      part[threadIdx.x] += part[threadIdx.x + half];
      counts[threadIdx.x] += counts[threadIdx.x + half];
    }
    __syncthreads();
  }
  loss = part[0];
  errors = counts[0];
}

}  // namespace striate::cuda
