// Products of float32 numbers with bytes on AMX tiles, whose factors are bf16: a byte is one bf16 number, a float32
// number the sum of three of 8 bits each, exactly, so a product is three of tiles. Sums are float32, in each 32 of depth
// the smallest parts first. An instruction multiplies 16 x 32 by 32 x 16 numbers in 16 cycles, 16 times what AVX-512's
// two multiply-adds a cycle do. It takes numbers below 2^-126 for 0: factors whose parts could be so small, or whose
// sums could overflow (`Range`), are for the other kernels. A float32 number times another is six products of tiles (the
// other three are below 2^-26 of it), which gained too little: bench/results/README.md. Included after simd/vec.h.
#pragma once
#include <cstdint>

#include "cpu/simd/vec.h"

namespace striate::cpu::STRIATE_SIMD_NS::tiles {

inline constexpr int kSide = 16;          // rows of a tile, and its columns of float32
inline constexpr int kDepth = 2 * kSide;  // bf16 numbers in a row of a tile
inline constexpr int64_t kBytes = 1024;   // of a tile
inline constexpr int64_t kFloats = 1024 / 4;

inline constexpr int64_t chunks_of(int64_t depth) { return (depth + kDepth - 1) / kDepth; }

/// This thread's tiles, while it stands: those of the product and of its left factor have `rows` rows, 0 for none.
class Registers {
 public:
  explicit Registers(int64_t rows) : held_(rows > 0) {
    if (!held_) return;
    struct alignas(64) {
      uint8_t palette = 1, start_row = 0, reserved[14] = {};
      uint16_t row_bytes[16] = {};
      uint8_t rows[16] = {};
    } shape;
    for (int i = 0; i < 8; ++i) {
      shape.row_bytes[i] = 64;
      shape.rows[i] = static_cast<uint8_t>(i < 6 ? rows : kSide);
    }
    __asm__ volatile("ldtilecfg %0" ::"m"(shape));
  }
  ~Registers() {
    if (held_) __asm__ volatile("tilerelease");
  }
  Registers(const Registers&) = delete;
  Registers& operator=(const Registers&) = delete;

 private:
  bool held_;
};

// The intrinsics' registers are literals, and those of GCC 12 do not tell that they read memory.
template <int kTile>
STRIATE_INLINE void zero() {
  __asm__ volatile("tilezero %%tmm%c0" ::"i"(kTile));
}
template <int kTile>
STRIATE_INLINE void load(const void* from, int64_t row) {
  __asm__ volatile("tileloadd (%0,%1,1), %%tmm%c2" ::"r"(from), "r"(row), "i"(kTile) : "memory");
}
template <int kTile>
STRIATE_INLINE void store(void* to, int64_t row) {
  __asm__ volatile("tilestored %%tmm%c2, (%0,%1,1)" ::"r"(to), "r"(row), "i"(kTile) : "memory");
}
template <int kSum, int kLeft, int kRight>
STRIATE_INLINE void add_product() {
  __asm__ volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(kSum), "i"(kLeft), "i"(kRight));
}

/// Where a factor's tiles lie. In bytes: `row` from one row of a tile to the next, `chunk` from kDepth numbers to the
/// next, `next` from the tiles of one row (or column) of tiles of the product to the next, and `part` from the greatest
/// part of the numbers to the next, 0 for bytes. A row of a left tile is kDepth neighbours in depth; one of a right tile
/// has pairs of them for kSide columns.
struct Place {
  const void* at;
  int64_t row, part, chunk, next;
};
enum class Split { left, right };  // which factor is float32

/// c = a b, kRows x kColumns tiles; in bytes, `row` from one of its rows to the next and `next` from one row of tiles to
/// the next. With three columns all tiles have 16 rows.
template <Split kSplit, int kRows, int kColumns>
STRIATE_INLINE void multiply(int64_t chunks, const Place& a, const Place& b, void* c, int64_t row, int64_t next) {
  static_assert(kRows <= 2 && kColumns <= 3 && kRows * kColumns <= 4);
  constexpr int kRight = 8 - kColumns;
  zero<0>();
  if constexpr (kRows * kColumns > 1) zero<1>();
  if constexpr (kRows * kColumns > 2) zero<2>();
  if constexpr (kRows * kColumns > 3) zero<3>();
  const char *left = static_cast<const char*>(a.at), *right = static_cast<const char*>(b.at);
  for (int64_t chunk = 0; chunk < chunks; ++chunk, left += a.chunk, right += b.chunk)
#pragma GCC unroll 3
    for (int part = 2; part >= 0; --part) {
      if (kSplit == Split::left || part == 2) {
        load<4>(left + part * a.part, a.row);
        if constexpr (kRows > 1) load<5>(left + part * a.part + a.next, a.row);
      }
      if (kSplit == Split::right || part == 2) {
        const char* from = right + part * b.part;
        load<kRight>(from, b.row);
        if constexpr (kColumns > 1) load<kRight + 1>(from + b.next, b.row);
        if constexpr (kColumns > 2) load<kRight + 2>(from + 2 * b.next, b.row);
      }
      add_product<0, 4, kRight>();
      if constexpr (kColumns > 1) add_product<1, 4, kRight + 1>();
      if constexpr (kColumns > 2) add_product<2, 4, kRight + 2>();
      if constexpr (kRows > 1) add_product<kColumns, 5, kRight>();
      if constexpr (kRows > 1 && kColumns > 1) add_product<3, 5, kRight + 1>();
    }
  char* to = static_cast<char*>(c);
  store<0>(to, row);
  if constexpr (kColumns > 1) store<1>(to + kSide * 4, row);
  if constexpr (kColumns > 2) store<2>(to + 2 * kSide * 4, row);
  if constexpr (kRows > 1) {
    store<kColumns>(to + next, row);
    if constexpr (kColumns > 1) store<3>(to + next + kSide * 4, row);
  }
}

/// x in three bf16 numbers, the upper halves of the lanes.
STRIATE_INLINE void split(vf x, vi (&part)[3]) {
#pragma GCC unroll 3
  for (int i = 0; i < 3; ++i) {
    part[i] = ((vi)x + 0x8000) & static_cast<int32_t>(0xffff0000);
    x -= (vf)part[i];
  }
}
/// Two numbers that follow each other in depth, in each of 16 columns: a row of right tiles, `part` bytes apart.
STRIATE_INLINE void split_pairs(vf first, vf second, int64_t part, char* to) {
  vi low[3], high[3];
  split(first, low);
  split(second, high);
#pragma GCC unroll 3
  for (int i = 0; i < 3; ++i)
    _mm512_storeu_si512(to + i * part, _mm512_or_si512(_mm512_srli_epi32((__m512i)low[i], 16), (__m512i)high[i]));
}

/// The upper halves of the lanes, as one row of a left tile.
STRIATE_INLINE void store_halves(vi first, vi second, void* to) {
  alignas(64) static constexpr uint16_t kOdd[32] = {1,  3,  5,  7,  9,  11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31,
                                                    33, 35, 37, 39, 41, 43, 45, 47, 49, 51, 53, 55, 57, 59, 61, 63};
  _mm512_storeu_si512(to, _mm512_permutex2var_epi16((__m512i)first, _mm512_load_si512(kOdd), (__m512i)second));
}

/// The greatest of numbers by magnitude.
struct Range {
  vi most{};  // its bits: those of an infinity or a NaN are above all others'

  STRIATE_INLINE void take(vf x) {
    const vi size = (vi)x & 0x7fffffff;
    most = size > most ? size : most;
  }
  static Range of(const float* x, int64_t count) {
    Range range;
    int64_t i = 0;
    for (; i + kLanes <= count; i += kLanes) range.take(vload(x + i));
    if (i < count) range.take(vload_part(x + i, count - i));
    return range;
  }
  /// Finite, and far from where parts vanish or sums overflow; or all 0.
  bool fits() const {
    int32_t size = 0;
    for (int lane = 0; lane < kLanes; ++lane) size = most[lane] > size ? most[lane] : size;
    return size == 0 || (size >= (127 - 40) << 23 && size < (127 + 50) << 23);
  }
};

}  // namespace striate::cpu::STRIATE_SIMD_NS::tiles
