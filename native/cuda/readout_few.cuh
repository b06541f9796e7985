// Steps of readout_learn for few targets and minibatches that are not large: two kernels a step in place of four, and w
// read and written once. A block has a stretch of kColumns of the columns: it adds up the gradient of the last minibatch
// (a warp has every eighth row, a lane 4 columns of it), takes w there a step further, and at once multiplies it with
// the rows of the next minibatch, whose loads do not wait for one another. The second kernel adds the stretches of a
// row in a fixed order and makes its slope. Bytes a step: x twice (the second time from L2), 6 T D floats.
#pragma once
#include <cstdint>

#include "cuda/adam_step.cuh"
#include "cuda/softmax.cuh"

namespace striate::cuda::readout {

constexpr int kThreads = 256;

struct Tally {
  double loss;
  long long errors;
};

/// Verdict on a row of logits by one warp; its slope and prediction where they are wanted.
struct RowResult {
  float* slope;
  double* loss;
  uint8_t* wrong;
  int32_t* prediction;
  __device__ __forceinline__ void operator()(const float* logits, int64_t targets, int32_t label, float scale) const {
    const auto at = [=](int64_t t) { return logits[t]; };
    const RowSum row = row_sum(targets, at);
    if (slope) row_gradient(row, targets, label, scale, at, [this](int64_t t, float value) { slope[t] = value; });
    if (threadIdx.x % 32 != 0) return;
    *loss = row.loss(logits[label]);
    *wrong = row.top != label;
    if (prediction) *prediction = row.top;
  }
};

/// What is updated beside w: b, by a block for each 32 targets, and the tally, by the block after them.
struct Bias {
  float *b, *m, *v;
  AdamStep step;
  const float* g;
  const double* losses;
  const uint8_t* wrong;
  Tally* tally;
  int64_t n, targets;
  __host__ __device__ int64_t blocks() const { return (targets + 31) / 32 + 1; }
  __device__ __forceinline__ void operator()(int64_t block) const {
    if (block == blocks() - 1) {
      double loss;
      int64_t errors;
      block_tally<kThreads>(losses, wrong, n, loss, errors);
      if (threadIdx.x == 0) {
        tally->loss += loss;
        tally->errors += errors;
      }
      return;
    }
    __shared__ float part[kThreads / 32][33];
    const int lane = threadIdx.x % 32, group = threadIdx.x / 32;
    const int64_t t = block * 32 + lane;
    float total = 0;
    if (t < targets)
      for (int64_t i = group; i < n; i += kThreads / 32) total += g[i * targets + t];
    part[group][lane] = total;
    __syncthreads();
    if (group == 0 && t < targets) {
      for (int i = 1; i < kThreads / 32; ++i) total += part[i][lane];
      step(b[t], m[t], v[t], total);
    }
  }
};

constexpr int kFew = 16, kLargest = 512;  // targets and rows of a minibatch at most
constexpr int kColumns = 128, kWarps = kThreads / 32;
constexpr int kAhead = 4;  // rows that a warp loads at once
constexpr int kHeld = 64;  // rows whose slopes lie in shared memory

/// The lane's columns of a row, zeros past the last.
template <bool kAligned>
__device__ __forceinline__ void load_four(const float* from, int64_t left, float (&x)[4]) {
  if (kAligned && left >= 4) {
    const float4 v = __ldg(reinterpret_cast<const float4*>(from));
    x[0] = v.x, x[1] = v.y, x[2] = v.z, x[3] = v.w;
    return;
  }
  STRIATE_UNROLL
  for (int j = 0; j < 4; ++j) x[j] = !kAligned && j < left ? load(from + j) : 0.0f;
}
template <bool kAligned>
__device__ __forceinline__ void load_four(const uint16_t* from, int64_t left, float (&x)[4]) {
  if (kAligned && left >= 4) {
    const uint2 v = __ldg(reinterpret_cast<const uint2*>(from));
    x[0] = __uint_as_float(v.x << 16), x[1] = __uint_as_float(v.x & 0xffff0000u);
    x[2] = __uint_as_float(v.y << 16), x[3] = __uint_as_float(v.y & 0xffff0000u);
    return;
  }
  STRIATE_UNROLL
  for (int j = 0; j < 4; ++j) x[j] = !kAligned && j < left ? load(from + j) : 0.0f;
}

/// f(row, its 4 numbers) for the warp's rows of list[0 .. n).
template <bool kAligned, class T, class F>
__device__ __forceinline__ void for_each_row(const T* x, int64_t d, const int32_t* __restrict__ list, int n,
                                             int64_t column, F&& f) {
  for (int first = threadIdx.x / 32; first < n; first += kWarps * kAhead) {
    float v[kAhead][4];
    STRIATE_UNROLL
    for (int a = 0; a < kAhead; ++a) {
      const int row = first + a * kWarps;
      load_four<kAligned>(x + (row < n ? list[row] * d + column : 0), row < n ? d - column : 0, v[a]);
    }
    STRIATE_UNROLL
    for (int a = 0; a < kAhead; ++a)
      if (first + a * kWarps < n) f(first + a * kWarps, v[a]);
  }
}

/// Sums over the warp of 2 kHalf numbers of each lane: that of number t comes to lanes 2 t and 2 t + 1.
template <int kHalf>
__device__ __forceinline__ float scatter_sums(float (&x)[kFew]) {
  const bool upper = threadIdx.x & (2 * kHalf);
  STRIATE_UNROLL
  for (int t = 0; t < kHalf; ++t) {
    const float given = upper ? x[t] : x[t + kHalf];
    x[t] = (upper ? x[t + kHalf] : x[t]) + __shfl_xor_sync(0xffffffffu, given, 2 * kHalf);
  }
  if constexpr (kHalf > 1)
    return scatter_sums<kHalf / 2>(x);
  else
    return x[0] + __shfl_xor_sync(0xffffffffu, x[0], 1);
}

template <class T>
struct Step {
  const T* x;
  float *w, *m, *v;
  int64_t d, stretches;
  AdamStep step;
  Bias bias;
  float* parts;  // [n,stretches,targets]
};

/// `before`: rows of the minibatch whose slopes g are, or null; `now`: those of the next, or null.
template <class T, bool kAligned>
__global__ void __launch_bounds__(kThreads, 2)
    few_step_kernel(Step<T> of, const int32_t* __restrict__ before, const int32_t* __restrict__ now) {
  if (blockIdx.x >= of.stretches) {
    if (before) of.bias(blockIdx.x - of.stretches);
    return;
  }
  __shared__ __align__(16) float held[kHeld][kFew], part[kWarps][4][kColumns], weights[kFew][kColumns];
  const int targets = static_cast<int>(of.bias.targets), n = static_cast<int>(of.bias.n);
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const int64_t corner = static_cast<int64_t>(blockIdx.x) * kColumns, column = corner + 4 * lane;
  float sum[kFew][4] = {};
  for (int first = 0; before && first < n; first += kHeld) {
    __syncthreads();
    for (int i = threadIdx.x; i < kHeld * kFew; i += kThreads) {
      const int row = first + i / kFew, t = i % kFew;
      held[i / kFew][t] = row < n && t < targets ? of.bias.g[row * targets + t] : 0.0f;
    }
    __syncthreads();
    for_each_row<kAligned>(of.x, of.d, before + first, min(kHeld, n - first), column,
                           [&](int row, const float (&x)[4]) {
                             STRIATE_UNROLL
                             for (int q = 0; q < kFew; q += 4) {
                               if (q >= targets) break;
                               const float4 g = *reinterpret_cast<const float4*>(&held[row][q]);
                               STRIATE_UNROLL
                               for (int j = 0; j < 4; ++j) {
                                 sum[q][j] += g.x * x[j];
                                 sum[q + 1][j] += g.y * x[j];
                                 sum[q + 2][j] += g.z * x[j];
                                 sum[q + 3][j] += g.w * x[j];
                               }
                             }
                           });
  }
  STRIATE_UNROLL
  for (int q = 0; q < kFew; q += 4) {
    if (q >= targets) break;
    if (before) {
      __syncthreads();
      STRIATE_UNROLL
      for (int t = 0; t < 4; ++t)
        *reinterpret_cast<float4*>(&part[warp][t][4 * lane]) =
            make_float4(sum[q + t][0], sum[q + t][1], sum[q + t][2], sum[q + t][3]);
      __syncthreads();
    }
    for (int i = threadIdx.x; i < 4 * kColumns; i += kThreads) {
      const int t = q + i / kColumns, c = i % kColumns;
      const bool there = t < targets && corner + c < of.d;
      const int64_t at = t * of.d + corner + c;
      float w = there ? of.w[at] : 0.0f;
      if (before && there) {
        float total = 0;
        STRIATE_UNROLL
        for (int k = 0; k < kWarps; ++k) total += part[k][i / kColumns][c];
        of.step(w, of.m[at], of.v[at], total);
        of.w[at] = w;
      }
      weights[t][c] = w;
    }
  }
  if (!now) return;
  __syncthreads();
  float w[kFew][4] = {};
  STRIATE_UNROLL
  for (int t = 0; t < kFew; ++t) {
    if (t >= targets) break;
    const float4 four = *reinterpret_cast<const float4*>(&weights[t][4 * lane]);
    w[t][0] = four.x, w[t][1] = four.y, w[t][2] = four.z, w[t][3] = four.w;
  }
  for_each_row<kAligned>(of.x, of.d, now, n, column, [&](int row, const float (&x)[4]) {
    float products[kFew] = {};
    STRIATE_UNROLL
    for (int q = 0; q < kFew; q += 4) {
      if (q >= targets) break;
      STRIATE_UNROLL
      for (int t = q; t < q + 4; ++t) {
        STRIATE_UNROLL
        for (int j = 0; j < 4; ++j) products[t] += w[t][j] * x[j];
      }
    }
    const float total = scatter_sums<kFew / 2>(products);
    if (lane % 2 == 0 && lane / 2 < targets) of.parts[(row * of.stretches + blockIdx.x) * targets + lane / 2] = total;
  });
}

/// Logits of a row from its stretches, and what follows from them; a block a row.
template <class T>
__global__ void __launch_bounds__(kThreads)
    few_rows_kernel(Step<T> of, const int32_t* __restrict__ labels, const int32_t* __restrict__ list, float scale,
                    float* g, double* losses, uint8_t* wrong) {
  __shared__ float part[kThreads], logits[kFew];
  const int targets = static_cast<int>(of.bias.targets), each = kThreads / targets * targets, row = blockIdx.x,
            thread = threadIdx.x;
  const int64_t count = of.stretches * targets;
  float sum = 0;
  for (int64_t i = thread; thread < each && i < count; i += each) sum += of.parts[row * count + i];
  part[thread] = sum;
  __syncthreads();
  if (thread >= 32) return;
  if (thread < targets) {
    float total = 0;
    for (int i = thread; i < each; i += targets) total += part[i];
    logits[thread] = total + of.bias.b[thread];
  }
  __syncwarp();
  RowResult{g + row * targets, losses + row, wrong + row, nullptr}(logits, targets, labels[list[row]], scale);
}

}  // namespace striate::cuda::readout
