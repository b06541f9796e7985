// Products of bfloat16 factors with float32 sums on the tensor cores (mma m16n8k16): c [m,n] = sum over k of a[m,k] b[k,n].
// One block per kM x kN of c and per stretch of k; a warp has its piece of c in registers. Tiles of kDepth along k are
// copied into shared memory asynchronously, two ahead of the one that is multiplied. They lie there with k along rows,
// or (kAcross) with rows of one k each, as memory has them: ldmatrix reads either. Rows are 16 bytes longer than their
// numbers, so that the eight rows of a matrix meet no bank twice.
// A factor is one bfloat16 number, or (kParts 3) the sum of three, which are a float32 number's 24 bits: of the nine
// products the six largest are made and lose no more than 2^-26 of the whole. Tensor cores cut off what a sum does not
// keep, so the products of 16 k are a sum of their own, begun with the smallest, and an ordinary addition, which rounds
// to the nearest, takes it to the others. Each part is copied once and multiplied twice on average.
#pragma once
#include <cstdint>

#include "cuda/gemm.cuh"

namespace striate::cuda::gemm_bf16 {

inline constexpr int kStages = 3;
inline constexpr int kEight = 8;  // numbers of a copy of 16 bytes

/// Rows of factors lie as [groups, parts, kGroup], padded with zeros to whole groups: a part of a group is at least what
/// memory gives at once, 32 bytes, or stands alone.
template <int kParts_>
struct Factors {
  static constexpr int kParts = kParts_, kGroup = kParts == 1 ? kEight : 2 * kEight, kDepth = kParts == 1 ? 32 : 16;
  static __host__ __device__ int64_t padded(int64_t count) { return (count + kGroup - 1) / kGroup * kGroup; }
  /// Where the first part of a number lies, a multiple of kEight of them.
  template <class I>
  static __host__ __device__ I place(I i) {
    return i / kGroup * (kGroup * kParts) + i % kGroup;
  }
};

template <int kParts, int kM_, int kN_, int kWarpsM_, int kWarpsN_, int kBlocks_>
struct Tile : Factors<kParts> {
  static constexpr int kM = kM_, kN = kN_, kWarpsN = kWarpsN_, kThreads = 32 * kWarpsM_ * kWarpsN_;
  static constexpr int kRows = kM / kWarpsM_, kColumns = kN / kWarpsN_;  // of a warp
  static constexpr int kA = kRows / 16, kB = kColumns / 8;               // fragments
  static constexpr int kBlocks = kBlocks_;                               // on a multiprocessor at least
};
template <int kParts>
using Large = Tile<kParts, 128, 128, 2, 4, 2>;
template <int kParts>  // few rows
using Low = std::conditional_t<kParts == 1, Tile<1, 64, 256, 2, 4, 2>, Tile<kParts, 64, 128, 1, 4, 3>>;
template <int kParts>
using Small = Tile<kParts, 64, 64, 2, 2, 4>;

/// The bfloat16 numbers whose sum is x, but for what lies below their smallest, 2^-133: the nearest, then the nearest to
/// what is left; cut off where the nearest would be infinite. What is not finite is the last part, and 1 of its sign the
/// first, so that an infinity meets the other factor's first part, which has its sign, and no zero.
template <int kParts>
__device__ __forceinline__ void split(float x, uint16_t (&part)[kParts]) {
  const bool finite = kParts == 1 || fabsf(x) < INFINITY;
  const uint32_t half = fabsf(x) < 3e38f ? 0x8000 : 0;
  float rest = finite ? x : x < 0 ? -1.0f : 1.0f;
  STRIATE_UNROLL
  for (int i = 0; i < kParts - 1; ++i) {
    const uint32_t bits = (__float_as_uint(rest) + half) & 0xffff0000u;
    part[i] = static_cast<uint16_t>(bits >> 16);
    rest -= __uint_as_float(bits);
  }
  part[kParts - 1] = float_to_bf16(finite ? rest : x);
}

/// One tile of a and b in shared memory.
template <class S, bool kAcross>
struct Stage {
  static constexpr int kPitchA = (kAcross ? S::kM : S::kDepth) * S::kParts + kEight;
  static constexpr int kPitchB = (kAcross ? S::kN : S::kDepth) * S::kParts + kEight;
  static constexpr int kSizeA = kPitchA * (kAcross ? S::kDepth : S::kM);
  static constexpr int kSize = kSizeA + kPitchB * (kAcross ? S::kDepth : S::kN);
  static constexpr int kBytes = kStages * kSize * 2;
};

/// The warp's piece of c. load(a, b) starts the copies of the next tile; they cover `depth` of k.
template <class S, bool kAcross, class Load>
__device__ __forceinline__ void multiply(float (&sum)[S::kA][S::kB][4], uint16_t* shared, int64_t depth, Load& load) {
  using Piece = Stage<S, kAcross>;
  int left = static_cast<int>((depth + S::kDepth - 1) / S::kDepth);    // tiles to multiply
  constexpr int kParts = S::kParts, kHeld = kParts == 1 ? S::kA : 1;   // rows of fragments
  constexpr int kStepA = kAcross ? 16 * kParts : 16 * Piece::kPitchA;  // from fragment to fragment
  constexpr int kStepB = kAcross ? 16 * kParts : 16 * Piece::kPitchB;
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
      kAcross ? (second + inner) * Piece::kPitchA + m * kParts + first : (m + first + inner) * Piece::kPitchA + second;
  const int at_b =
      kAcross ? (first + inner) * Piece::kPitchB + n * kParts + second : (n + second + inner) * Piece::kPitchB + first;

  STRIATE_UNROLL
  for (int i = 0; i < kStages - 1; ++i) {
    if (i < left) fill(i);
    copy_commit();
  }
  for (int now = 0; left > 0; --left) {
    copy_wait<kStages - 2>();
    __syncthreads();  // the copies are there for all, and the tile before has been read
    if (left >= kStages) fill(now == 0 ? kStages - 1 : now - 1);
    copy_commit();
    const uint16_t *a = shared + now * Piece::kSize + at_a, *b = shared + now * Piece::kSize + Piece::kSizeA + at_b;
    STRIATE_UNROLL
    for (int k = 0; k < S::kDepth; k += 16) {
      const int to_a = k * (kAcross ? Piece::kPitchA : kParts), to_b = k * (kAcross ? Piece::kPitchB : kParts);
      uint32_t x[kHeld][kParts][4], y[S::kB / 2][kParts][4];
      STRIATE_UNROLL
      for (int j = 0; j < S::kB / 2; ++j) {
        STRIATE_UNROLL
        for (int part = 0; part < kParts; ++part)
          load_matrix_x4<kAcross>(y[j][part], b + to_b + j * kStepB + part * S::kGroup);
      }
      STRIATE_UNROLL
      for (int i = 0; i < S::kA; ++i) {
        if (i % kHeld == 0) {
          STRIATE_UNROLL
          for (int h = 0; h < kHeld; ++h) {
            STRIATE_UNROLL
            for (int part = 0; part < kParts; ++part)
              load_matrix_x4<kAcross>(x[h][part], a + to_a + (i + h) * kStepA + part * S::kGroup);
          }
        }
        float own[S::kB][4] = {};  // of the 16 k, where there are parts
        STRIATE_UNROLL
        for (int level = kParts - 1; level >= 0; --level) {
          STRIATE_UNROLL
          for (int part = 0; part <= level; ++part) {
            STRIATE_UNROLL
            for (int j = 0; j < S::kB; ++j) {
              const uint32_t (&pair)[4] = y[j / 2][level - part];
              const uint32_t column[2] = {pair[j % 2 * 2], pair[j % 2 * 2 + 1]};
              mma_bf16(kParts == 1 ? sum[i][j] : own[j], x[i % kHeld][part], column);
            }
          }
        }
        if constexpr (kParts > 1) {
          STRIATE_UNROLL
          for (int j = 0; j < S::kB; ++j) {
            STRIATE_UNROLL
            for (int e = 0; e < 4; ++e) sum[i][j][e] += own[j][e];
          }
        }
      }
    }
    now = now + 1 == kStages ? 0 : now + 1;
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

/// Grid and stretches of a product of [m] x [n]: gemm::Cut, with stretches twice as long where factors are one number.
template <class S>
struct Plan {
  int64_t length, stretches;
  dim3 grid;
  Plan(int64_t m, int64_t n, int64_t depth, int processors) {
    constexpr int64_t kLonger = S::kParts == 1 ? 2 : 1;
    const gemm::Cut cut(((m + S::kM - 1) / S::kM) * ((n + S::kN - 1) / S::kN), (depth + kLonger - 1) / kLonger,
                        S::kParts == 1 ? processors : processors * S::kBlocks / 2);
    length = kLonger * cut.length;
    stretches = cut.stretches;
    grid = gemm::grid_of<S>(m, n, stretches);
  }
};

/// Calls run(tile) with the tile that suits [m] x [n]; of three parts the stretches count among its blocks.
template <int kParts, class Run>
void with_tile(int64_t m, int64_t n, int64_t depth, int processors, Run&& run) {
  const int64_t stretches = kParts == 1 ? 1 : std::clamp<int64_t>(depth / 512, 1, 64);
  const auto enough = [&](auto tile) {
    using S = decltype(tile);
    return ((m + S::kM - 1) / S::kM) * ((n + S::kN - 1) / S::kN) * stretches >= processors;
  };
  constexpr int64_t kFew = Low<kParts>::kM;
  if (m <= kFew && enough(Low<kParts>{}))
    run(Low<kParts>{});
  else if (m > kFew && enough(Large<kParts>{}))
    run(Large<kParts>{});
  else
    run(Small<kParts>{});
}

}  // namespace striate::cuda::gemm_bf16
