// Products in float32 on the ordinary cores (no tensor cores: their formats are narrower): c [m,n] = sum over k of
// a[m,k] b[k,n].
// One block per kM x kN of c and per stretch of k; 256 threads, each with its piece of c in registers. Tiles of 16 along
// k come through registers into one half of shared memory while the other half is being multiplied.
// Operands are rows of memory: `along k` (a row is one m or n, its columns are k) or across (a row is one k). A list may
// name the rows. Where a product has fewer tiles than the GPU has room for, k is cut into stretches whose sums are added
// in their order afterwards (`Partial`): no atomics, the bits repeat.
// 128 x 128 tiles: 64 fused multiply-adds for 4 reads of 16 bytes from shared memory.
// Numerics: float32, each stretch summed in the order of k.
#pragma once
#include <algorithm>
#include <cstdint>

#include "cuda/launch.cuh"

namespace striate::cuda::gemm {

inline constexpr int kThreads = 256, kDepth = 16;

template <class T>
struct Operand {
  const T* data;
  int64_t stride;       // elements from row to row
  const int32_t* rows;  // which rows of `data`, or null: all, in order
};

/// Threads of a block across m and n for a tile; the rest follows.
template <int kM_, int kN_, int kAcrossM_>
struct Tile {
  static constexpr int kM = kM_, kN = kN_, kAcrossM = kAcrossM_, kAcrossN = kThreads / kAcrossM;
  static constexpr int kRows = kM / kAcrossM, kColumns = kN / kAcrossN;  // of a thread
  static constexpr int kGroupM = kRows < 4 ? kRows : 4, kGroupN = kColumns < 4 ? kColumns : 4;
};
using Square = Tile<128, 128, 16>;
using Small = Tile<64, 64, 16>;
using Tall = Tile<128, 16, 32>;  // few columns
using Wide = Tile<16, 128, 8>;   // few rows

/// The grid of a product: every tile of c in x, by rows of tiles, and the stretches in z.
template <class S>
dim3 grid_of(int64_t m, int64_t n, int64_t stretches) {
  return dim3(blocks_for(static_cast<int64_t>(blocks_for(m, S::kM)) * blocks_for(n, S::kN), 1), 1,
              static_cast<unsigned>(stretches));
}
/// Where the block's tile begins in c [.., n].
template <class S>
struct Corner {
  int64_t m, n;
  __device__ __forceinline__ explicit Corner(int64_t columns) {
    const unsigned across = static_cast<unsigned>((columns + S::kN - 1) / S::kN);
    m = static_cast<int64_t>(blockIdx.x / across) * S::kM;
    n = static_cast<int64_t>(blockIdx.x % across) * S::kN;
  }
};

/// Four numbers of a row from `column` on; zeros from `limit` on.
__device__ __forceinline__ float4 load_four(const float* row, int64_t column, int64_t limit, bool aligned) {
  if (aligned && column + 4 <= limit) return __ldg(reinterpret_cast<const float4*>(row + column));
  return make_float4(column < limit ? __ldg(row + column) : 0, column + 1 < limit ? __ldg(row + column + 1) : 0,
                     column + 2 < limit ? __ldg(row + column + 2) : 0,
                     column + 3 < limit ? __ldg(row + column + 3) : 0);
}
__device__ __forceinline__ float4 load_four(const uint16_t* row, int64_t column, int64_t limit, bool aligned) {
  if (aligned && column + 4 <= limit) {
    const ushort4 v = __ldg(reinterpret_cast<const ushort4*>(row + column));
    return make_float4(bf16_to_float(v.x), bf16_to_float(v.y), bf16_to_float(v.z), bf16_to_float(v.w));
  }
  return make_float4(column < limit ? load(row + column) : 0, column + 1 < limit ? load(row + column + 1) : 0,
                     column + 2 < limit ? load(row + column + 2) : 0, column + 3 < limit ? load(row + column + 3) : 0);
}

/// Which row of a tile, and which four of its kDepth numbers along k, the f-th access takes: a warp 16 rows by 8 numbers,
/// whole sectors of memory, and no bank twice where they are stored below each other, kSize + 4 numbers a k.
struct AlongK {
  int row, k;
  __device__ __forceinline__ explicit AlongK(int f) : row(f / 64 * 16 + f % 32 / 2), k(f / 32 % 2 * 8 + f % 2 * 4) {}
};
static_assert(kDepth == 16);

/// Brings kSize x kDepth of an operand into registers, then into shared memory as [kDepth][kSize + 4].
template <class T, bool kAlongK, int kSize>
struct Loader {
  static constexpr int kFours = kSize * kDepth / 4, kEach = (kFours + kThreads - 1) / kThreads;
  static constexpr int kPitch = kSize + 4;
  Operand<T> from;
  int64_t first, size, depth;  // of the tile along m or n; ends along m or n and along k
  bool aligned;
  float4 held[kEach];

  __device__ __forceinline__ void fetch(int64_t k) {
    STRIATE_UNROLL
    for (int i = 0; i < kEach; ++i) {
      const int f = threadIdx.x + i * kThreads;
      if (kFours % kThreads != 0 && f >= kFours) break;
      const int64_t row = kAlongK ? first + AlongK(f).row : k + f / (kSize / 4);
      const int64_t column = kAlongK ? k + AlongK(f).k : first + f % (kSize / 4) * 4;
      if (row < (kAlongK ? size : depth)) {
        const int64_t at = from.rows ? __ldg(from.rows + row) : row;
        held[i] = load_four(from.data + at * from.stride, column, kAlongK ? depth : size, aligned);
      } else {
        held[i] = make_float4(0, 0, 0, 0);
      }
    }
  }
  __device__ __forceinline__ void put(float* to) const {
    STRIATE_UNROLL
    for (int i = 0; i < kEach; ++i) {
      const int f = threadIdx.x + i * kThreads;
      if (kFours % kThreads != 0 && f >= kFours) break;
      if (kAlongK) {
        float* p = to + AlongK(f).k * kPitch + AlongK(f).row;
        p[0] = held[i].x;
        p[kPitch] = held[i].y;
        p[2 * kPitch] = held[i].z;
        p[3 * kPitch] = held[i].w;
      } else {
        *reinterpret_cast<float4*>(to + f / (kSize / 4) * kPitch + f % (kSize / 4) * 4) = held[i];
      }
    }
  }
};

/// kGroup numbers at a time, kGroup * kAcross apart: neighbouring threads read neighbouring words.
template <int kCount, int kGroup, int kAcross>
__device__ __forceinline__ void read_piece(float (&to)[kCount], const float* from, int thread) {
  STRIATE_UNROLL
  for (int piece = 0; piece < kCount / kGroup; ++piece) {
    const float* p = from + (piece * kAcross + thread) * kGroup;
    if constexpr (kGroup == 4) {
      const float4 v = *reinterpret_cast<const float4*>(p);
      to[4 * piece] = v.x;
      to[4 * piece + 1] = v.y;
      to[4 * piece + 2] = v.z;
      to[4 * piece + 3] = v.w;
    } else {
      STRIATE_UNROLL
      for (int i = 0; i < kGroup; ++i) to[kGroup * piece + i] = p[i];
    }
  }
}

/// A tile of c for a block: loaders bring their pieces (`fetch`, then `put` into a half of their shared memory).
/// `finish(m, n, v, left, stretch)` gets neighbours v of a row of c, of which `left` are in it. stretch = blockIdx.z
/// covers [begin, end) of k.
template <class S, class LoadA, class LoadB, class Finish>
__device__ __forceinline__ void tile_product(LoadA& load_a, LoadB& load_b, float (&tile_a)[2][kDepth * LoadA::kPitch],
                                             float (&tile_b)[2][kDepth * LoadB::kPitch], int64_t m, int64_t n,
                                             int64_t begin, int64_t end, const Finish& finish) {
  const Corner<S> corner(n);
  const int at_m = threadIdx.x / S::kAcrossN, at_n = threadIdx.x % S::kAcrossN;
  float sum[S::kRows][S::kColumns] = {};

  load_a.fetch(begin);
  load_b.fetch(begin);
  load_a.put(tile_a[0]);
  load_b.put(tile_b[0]);
  __syncthreads();
  int half = 0;
  for (int64_t k = begin; k < end; k += kDepth) {
    const bool more = k + kDepth < end;
    if (more) {
      load_a.fetch(k + kDepth);
      load_b.fetch(k + kDepth);
    }
    STRIATE_UNROLL
    for (int i = 0; i < kDepth; ++i) {
      float x[S::kRows], y[S::kColumns];
      read_piece<S::kRows, S::kGroupM, S::kAcrossM>(x, tile_a[half] + i * LoadA::kPitch, at_m);
      read_piece<S::kColumns, S::kGroupN, S::kAcrossN>(y, tile_b[half] + i * LoadB::kPitch, at_n);
      STRIATE_UNROLL
      for (int r = 0; r < S::kRows; ++r) {
        STRIATE_UNROLL
        for (int c = 0; c < S::kColumns; ++c) sum[r][c] += x[r] * y[c];
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
  for (int r = 0; r < S::kRows; ++r) {
    const int64_t row = corner.m + (r / S::kGroupM * S::kAcrossM + at_m) * S::kGroupM + r % S::kGroupM;
    STRIATE_UNROLL
    for (int piece = 0; piece < S::kColumns / S::kGroupN; ++piece) {
      const int64_t column = corner.n + (piece * S::kAcrossN + at_n) * S::kGroupN;
      float v[S::kGroupN];
      STRIATE_UNROLL
      for (int i = 0; i < S::kGroupN; ++i) v[i] = sum[r][piece * S::kGroupN + i];
      if (row < m && column < n) finish(row, column, v, n - column, static_cast<int64_t>(blockIdx.z));
    }
  }
}

/// Both operands rows of memory. A stretch covers `length` of k.
template <class S, class A, bool kAlongA, class B, bool kAlongB, class Finish>
__global__ void __launch_bounds__(kThreads, S::kM == 128 && S::kN == 128 ? 2 : 3)
    product_kernel(Operand<A> a, Operand<B> b, int64_t m, int64_t n, int64_t depth, int64_t length, bool aligned_a,
                   bool aligned_b, Finish finish) {
  using LoadA = Loader<A, kAlongA, S::kM>;
  using LoadB = Loader<B, kAlongB, S::kN>;
  __shared__ __align__(16) float tile_a[2][kDepth * LoadA::kPitch];
  __shared__ __align__(16) float tile_b[2][kDepth * LoadB::kPitch];
  const int64_t begin = blockIdx.z * length, end = min(depth, begin + length);
  const Corner<S> corner(n);
  LoadA load_a{a, corner.m, m, end, aligned_a, {}};
  LoadB load_b{b, corner.n, n, end, aligned_b, {}};
  tile_product<S>(load_a, load_b, tile_a, tile_b, m, n, begin, end, finish);
}

/// c = the sums, plus a number for each column; with several stretches, each has its own c, `stretch` elements further.
struct Store {
  float* c;
  int64_t n, stretch;
  const float* bias;
  bool aligned;
  template <int kCount>
  __device__ __forceinline__ void operator()(int64_t row, int64_t column, float (&v)[kCount], int64_t left,
                                             int64_t part) const {
    float* to = c + part * stretch + row * n + column;
    STRIATE_UNROLL
    for (int i = 0; i < kCount; ++i)
      if (bias && i < left) v[i] += __ldg(bias + column + i);
    if (kCount == 4 && aligned && left >= 4) {
      // As one: a plain store of four is split by the compiler where it meets the stores of the other branch.
      __stcg(reinterpret_cast<float4*>(to), make_float4(v[0], v[1 % kCount], v[2 % kCount], v[3 % kCount]));
    } else {
      STRIATE_UNROLL
      for (int i = 0; i < kCount; ++i)
        if (i < left) to[i] = v[i];
    }
  }
};

template <class S, bool kAlongA, bool kAlongB, class A, class B, class Finish>
void launch_product(cudaStream_t stream, Operand<A> a, Operand<B> b, int64_t m, int64_t n, int64_t depth,
                    int64_t length, int64_t stretches, Finish finish) {
  STRIATE_LAUNCH((product_kernel<S, A, kAlongA, B, kAlongB, Finish>), grid_of<S>(m, n, stretches), kThreads, 0, stream,
                 a, b, m, n, depth, length, a.stride % 4 == 0, b.stride % 4 == 0, finish);
}

/// How k is cut: enough blocks for two on every processor, stretches of at least 256, at most 64 of them. From the
/// shape and the device alone, so that the bits repeat.
struct Cut {
  int64_t length, stretches;
  Cut(int64_t tiles, int64_t depth, int processors) {
    const int64_t room = std::max<int64_t>(1, 2 * processors / std::max<int64_t>(1, tiles));
    const int64_t wanted = std::min<int64_t>({room, std::max<int64_t>(1, depth / 256), 64});
    length = std::max<int64_t>(kDepth, ((depth + wanted - 1) / wanted + kDepth - 1) / kDepth * kDepth);
    stretches = std::max<int64_t>(1, (depth + length - 1) / length);
  }
};

/// Number i of the stretches' sums, added up in order: many are on their way at once.
__device__ __forceinline__ float sum_stretches(const float* __restrict__ parts, int64_t stretches, int64_t count,
                                               int64_t i) {
  float sum = 0;
#pragma unroll 8
  for (int64_t s = 0; s < stretches; ++s) sum += parts[s * count + i];
  return sum;
}

/// c[i] = the stretches' sums, plus the column's number.
static __global__ void __launch_bounds__(kThreads)
    add_stretches_kernel(const float* __restrict__ parts, int64_t stretches, int64_t count, int64_t n,
                         const float* __restrict__ bias, float* __restrict__ c) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= count) return;
  const float sum = sum_stretches(parts, stretches, count, i);
  c[i] = bias ? sum + bias[i % n] : sum;
}

template <class S, bool kAlongA, bool kAlongB, class A, class B>
void multiply_as(const core::Context& ctx, Operand<A> a, Operand<B> b, int64_t m, int64_t n, int64_t depth,
                 const float* bias, float* c, int processors) {
  const int64_t tiles = ((m + S::kM - 1) / S::kM) * ((n + S::kN - 1) / S::kN);
  const Cut cut(tiles, depth, processors);
  const bool split = cut.stretches > 1;
  float* to = split ? ctx.scratch<float>(static_cast<size_t>(cut.stretches * m * n)) : c;
  launch_product<S, kAlongA, kAlongB>(stream_of(ctx), a, b, m, n, depth, cut.length, cut.stretches,
                                      Store{to, n, m * n, split ? nullptr : bias, n % 4 == 0});
  if (split)
    STRIATE_LAUNCH(add_stretches_kernel, blocks_for(m * n, kThreads), kThreads, 0, stream_of(ctx), to, cut.stretches,
                   m * n, n, bias, c);
}

/// c = a b (+ bias), with the tile that suits the shape.
template <bool kAlongA, bool kAlongB, class A, class B>
void multiply(const core::Context& ctx, Operand<A> a, Operand<B> b, int64_t m, int64_t n, int64_t depth,
              const float* bias, float* c, int processors) {
  if (m == 0 || n == 0) return;
  const int64_t squares = ((m + 127) / 128) * ((n + 127) / 128);
  if (n <= 16)
    multiply_as<Tall, kAlongA, kAlongB>(ctx, a, b, m, n, depth, bias, c, processors);
  else if (m <= 16)
    multiply_as<Wide, kAlongA, kAlongB>(ctx, a, b, m, n, depth, bias, c, processors);
  else if (squares >= processors || (m >= 128 && n >= 128 && depth >= 2048))
    multiply_as<Square, kAlongA, kAlongB>(ctx, a, b, m, n, depth, bias, c, processors);
  else
    multiply_as<Small, kAlongA, kAlongB>(ctx, a, b, m, n, depth, bias, c, processors);
}

}  // namespace striate::cuda::gemm
