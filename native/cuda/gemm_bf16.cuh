// Products of bfloat16 factors with float32 sums on the tensor cores (mma m16n8k16): c [m,n] = sum over k of a[m,k] b[k,n].
// One block per kM x kN of c and per stretch of k; a warp has its piece of c in registers. Tiles of 32 along k are copied
// into shared memory asynchronously, two ahead of the one that is multiplied. They lie there with k along rows, or
// (kAcross) with rows of one k each, as memory has them: ldmatrix reads either. Rows are 16 bytes longer than their
// numbers, so that the eight rows of a matrix meet no bank twice.
#pragma once
#include <cstdint>

#include "cuda/gemm.cuh"

namespace striate::cuda::gemm_bf16 {

inline constexpr int kDepth = 32, kStages = 3;
inline constexpr int kEight = 8;  // numbers of a copy of 16 bytes

/// Rows of factors are padded with zeros to whole eights.
inline int64_t padded(int64_t count) { return (count + kEight - 1) / kEight * kEight; }

template <int kM_, int kN_, int kWarpsM_, int kWarpsN_>
struct Tile {
  static constexpr int kM = kM_, kN = kN_, kWarpsN = kWarpsN_, kThreads = 32 * kWarpsM_ * kWarpsN_;
  static constexpr int kRows = kM / kWarpsM_, kColumns = kN / kWarpsN_;  // of a warp
  static constexpr int kA = kRows / 16, kB = kColumns / 8;               // fragments
  static constexpr int kBlocks = 512 / kThreads;                         // on a multiprocessor at least
};
using Large = Tile<128, 128, 2, 4>;
using Low = Tile<64, 256, 2, 4>;  // few rows
using Small = Tile<64, 64, 2, 2>;

/// One tile of a and b in shared memory.
template <class S, bool kAcross>
struct Stage {
  static constexpr int kPitchA = (kAcross ? S::kM : kDepth) + kEight, kPitchB = (kAcross ? S::kN : kDepth) + kEight;
  static constexpr int kSizeA = kPitchA * (kAcross ? kDepth : S::kM);
  static constexpr int kSize = kSizeA + kPitchB * (kAcross ? kDepth : S::kN);
  static constexpr int kBytes = kStages * kSize * 2;
};

/// The warp's piece of c. load(a, b) starts the copies of the next tile, `steps` of them in all.
template <class S, bool kAcross, class Load>
__device__ __forceinline__ void multiply(float (&sum)[S::kA][S::kB][4], uint16_t* shared, int64_t steps, Load& load) {
  using Piece = Stage<S, kAcross>;
  const auto fill = [&](int stage) {
    uint16_t* to = shared + stage * Piece::kSize;
    load(to, to + Piece::kSizeA);
  };
  // Where the lane's rows of the four matrices of an ldmatrix begin: of a they follow one another along m, then k; of b
  // along k, then n.
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, inner = lane % 8, first = lane / 8 % 2 * 8,
            second = lane / 16 * 8;
  const int m = warp / S::kWarpsN * S::kRows, n = warp % S::kWarpsN * S::kColumns;
  const int at_a =
      kAcross ? (second + inner) * Piece::kPitchA + m + first : (m + first + inner) * Piece::kPitchA + second;
  const int at_b =
      kAcross ? (first + inner) * Piece::kPitchB + n + second : (n + second + inner) * Piece::kPitchB + first;

  STRIATE_UNROLL
  for (int i = 0; i < kStages - 1; ++i) {
    if (i < steps) fill(i);
    copy_commit();
  }
  int now = 0, next = kStages - 1;
  for (int64_t step = 0; step < steps; ++step) {
    copy_wait<kStages - 2>();
    __syncthreads();  // the copies are there for all, and the tile before has been read
    if (step + kStages - 1 < steps) fill(next);
    copy_commit();
    const uint16_t *a = shared + now * Piece::kSize + at_a, *b = shared + now * Piece::kSize + Piece::kSizeA + at_b;
    STRIATE_UNROLL
    for (int k = 0; k < kDepth; k += 16) {
      uint32_t x[S::kA][4], y[S::kB / 2][4];
      STRIATE_UNROLL
      for (int i = 0; i < S::kA; ++i)
        load_matrix_x4<kAcross>(x[i], a + (kAcross ? k * Piece::kPitchA + 16 * i : 16 * i * Piece::kPitchA + k));
      STRIATE_UNROLL
      for (int j = 0; j < S::kB / 2; ++j)
        load_matrix_x4<kAcross>(y[j], b + (kAcross ? k * Piece::kPitchB + 16 * j : 16 * j * Piece::kPitchB + k));
      STRIATE_UNROLL
      for (int i = 0; i < S::kA; ++i) {
        STRIATE_UNROLL
        for (int j = 0; j < S::kB; ++j) {
          const uint32_t column[2] = {y[j / 2][j % 2 * 2], y[j / 2][j % 2 * 2 + 1]};
          mma_bf16(sum[i][j], x[i], column);
        }
      }
    }
    now = now + 1 == kStages ? 0 : now + 1;
    next = next + 1 == kStages ? 0 : next + 1;
  }
}

/// The block's sums to where they go. Place: to, plane and bias as conv::Planes has them; at(column) is the element of a
/// row, or -1 where none is wanted. With `parts` [stretches,m,n] a stretch's sums are kept there instead.
template <class S, class Place>
__device__ __forceinline__ void store(const float (&sum)[S::kA][S::kB][4], uint16_t* shared, int64_t m, int64_t n,
                                      float* parts, const Place& place) {
  const gemm::Corner<S> corner(n);
  int64_t* places = reinterpret_cast<int64_t*>(shared);  // of the block's columns
  __syncthreads();
  for (int i = threadIdx.x; i < S::kN; i += S::kThreads) {
    const int64_t column = corner.n + i;
    places[i] = column >= n ? -1 : parts ? column : place.at(column);
  }
  __syncthreads();
  float* to = parts ? parts + blockIdx.z * m * n : place.to;
  const int64_t pitch = parts ? n : place.plane;
  const float* bias = parts ? nullptr : place.bias;
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const int64_t row = corner.m + warp / S::kWarpsN * S::kRows + lane / 4;
  const bool even = pitch % 2 == 0;
  STRIATE_UNROLL
  for (int j = 0; j < S::kB; ++j) {
    const int column = warp % S::kWarpsN * S::kColumns + 8 * j + lane % 4 * 2;
    const int64_t left = places[column], right = places[column + 1];
    const bool pair = even && left >= 0 && left % 2 == 0 && right == left + 1;  // one store of 8 bytes
    STRIATE_UNROLL
    for (int r = 0; r < 2 * S::kA; ++r) {
      const int64_t line = row + 8 * r;
      if (line >= m) break;
      const float added = bias ? __ldg(bias + line) : 0.0f;
      const float one = sum[r / 2][j][r % 2 * 2] + added, two = sum[r / 2][j][r % 2 * 2 + 1] + added;
      float* at = to + line * pitch;
      if (pair) {
        *reinterpret_cast<float2*>(at + left) = make_float2(one, two);
      } else {
        if (left >= 0) at[left] = one;
        if (right >= 0) at[right] = two;
      }
    }
  }
}

/// Grid and stretches of a product of [m] x [n]: gemm::Cut, with stretches twice as long.
template <class S>
struct Plan {
  int64_t length, stretches;
  dim3 grid;
  Plan(int64_t m, int64_t n, int64_t depth, int processors) {
    const gemm::Cut cut(((m + S::kM - 1) / S::kM) * ((n + S::kN - 1) / S::kN), (depth + 1) / 2, processors);
    length = 2 * cut.length;
    stretches = cut.stretches;
    grid = gemm::grid_of<S>(m, n, stretches);
  }
};

/// Calls run(tile) with the tile that suits [m] x [n].
template <class Run>
void with_tile(int64_t m, int64_t n, int processors, Run&& run) {
  const auto enough = [&](int64_t rows, int64_t columns) {
    return ((m + rows - 1) / rows) * ((n + columns - 1) / columns) >= processors;
  };
  if (m <= Low::kM && enough(Low::kM, Low::kN))
    run(Low{});
  else if (m > Low::kM && enough(Large::kM, Large::kN))
    run(Large{});
  else
    run(Small{});
}

}  // namespace striate::cuda::gemm_bf16
