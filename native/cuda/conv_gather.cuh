// What the own convolutions put in place of a matrix's rows (gemm.cuh): pieces of the patches of an image, gathered
// where they are needed and never written out, and results scattered back into [N,K,P,Q].
#pragma once
#include <cstdint>

#include "cuda/gemm.cuh"

namespace striate::cuda::conv {

using gemm::kDepth, gemm::kThreads;

__device__ __forceinline__ float value_of(const float* p) { return __ldg(p); }
__device__ __forceinline__ float value_of(const uint8_t* p) { return __fdiv_rn(static_cast<float>(__ldg(p)), 255.0f); }

/// Which pixel a position and a tap name: line = i * step + first_line + direction * (tap's line), so the columns.
template <class T>
struct Patches {
  const T* data;           // [images, channels, height, width]
  int64_t image;           // elements from image to image
  int32_t height, width;   // of an image
  int32_t lines, columns;  // positions of an image
  int32_t step, first_line, first_column;
  int32_t down, across;  // taps
  int32_t direction;     // 1 or -1
};

/// Depth is (channel, tap), columns are positions: four positions of one depth at a time, a quarter of the tile apart, so
/// that neighbouring threads read neighbouring pixels, and store them into banks of their own.
template <class T, int kSize>
struct PositionLoader {
  static constexpr int kFours = kSize * kDepth / 4, kEach = (kFours + kThreads - 1) / kThreads;
  static constexpr int kQuarter = kSize / 4, kPitch = kSize + kQuarter % 32;
  static_assert(kThreads % kQuarter == 0);
  const Patches<T> from;
  int64_t depth;
  const T* image[4];
  int32_t line[4], column[4];
  float4 held[kEach];

  __device__ __forceinline__ PositionLoader(const Patches<T>& patches, int64_t first, int64_t size, int64_t end)
      : from(patches), depth(end) {
    const int64_t plane = static_cast<int64_t>(from.lines) * from.columns;
    STRIATE_UNROLL
    for (int e = 0; e < 4; ++e) {
      const int64_t at = first + threadIdx.x % kQuarter + e * kQuarter;
      const int64_t n = min(at, size - 1) / plane;
      const int32_t i = static_cast<int32_t>(min(at, size - 1) - n * plane);
      image[e] = from.data + n * from.image;
      // A column that does not exist lies outside for every tap.
      line[e] = at < size ? i / from.columns * from.step + from.first_line : -(1 << 30);
      column[e] = i % from.columns * from.step + from.first_column;
    }
  }
  __device__ __forceinline__ float value(int e, int64_t channel, int32_t down, int32_t across) const {
    const int32_t h = line[e] + down, w = column[e] + across;
    const bool inside = static_cast<uint32_t>(h) < static_cast<uint32_t>(from.height) &&
                        static_cast<uint32_t>(w) < static_cast<uint32_t>(from.width);
    return inside ? value_of(image[e] + channel + static_cast<int64_t>(h) * from.width + w) : 0.0f;
  }
  __device__ __forceinline__ void fetch(int64_t k) {
    const int32_t taps = from.down * from.across;
    STRIATE_UNROLL
    for (int i = 0; i < kEach; ++i) {
      const int f = threadIdx.x + i * kThreads;
      if (kFours % kThreads != 0 && f >= kFours) break;
      const int64_t row = k + f / kQuarter;
      held[i] = make_float4(0, 0, 0, 0);
      if (row >= depth) continue;
      const int32_t channel = static_cast<int32_t>(row) / taps, tap = static_cast<int32_t>(row) % taps;
      const int64_t offset = static_cast<int64_t>(channel) * from.height * from.width;
      const int32_t down = from.direction * (tap / from.across), across = from.direction * (tap % from.across);
      held[i] = make_float4(value(0, offset, down, across), value(1, offset, down, across),
                            value(2, offset, down, across), value(3, offset, down, across));
    }
  }
  __device__ __forceinline__ void put(float* to) const {
    STRIATE_UNROLL
    for (int i = 0; i < kEach; ++i) {
      const int f = threadIdx.x + i * kThreads;
      if (kFours % kThreads != 0 && f >= kFours) break;
      float* p = to + f / kQuarter * kPitch + f % kQuarter;
      p[0] = held[i].x;
      p[kQuarter] = held[i].y;
      p[2 * kQuarter] = held[i].z;
      p[3 * kQuarter] = held[i].w;
    }
  }
};

/// Depth is a position of an image, rows are given by `Value`: two positions of two rows at a time. A warp takes eight
/// neighbouring positions of four rows: whole sectors of memory, and no bank twice where they are stored.
/// Value: row(m) -> what it needs of the row; at(row, image, position) -> the number.
template <class Value, int kSize>
struct PositionDepthLoader {
  static constexpr int kFours = kSize * kDepth / 4, kEach = (kFours + kThreads - 1) / kThreads, kPitch = kSize + 4;
  static constexpr int kHalf = (kFours < kThreads ? kFours : kThreads) / 8;  // rows that the block takes at once
  const Value from;
  int64_t depth, plane;
  typename Value::Row row[2 * kEach];
  bool there[2 * kEach];
  float held[2 * kEach][2];

  __device__ __forceinline__ PositionDepthLoader(const Value& value, int64_t first, int64_t size, int64_t end,
                                                 int64_t plane_)
      : from(value), depth(end), plane(plane_) {
    STRIATE_UNROLL
    for (int i = 0; i < 2 * kEach; ++i) {
      const int64_t m = first + threadIdx.x / 8 + i * kHalf;
      there[i] = m < size;
      row[i] = from.row(min(m, size - 1));
    }
  }
  __device__ __forceinline__ void fetch(int64_t k) {
    const int64_t at = k + threadIdx.x % 8;
    int64_t n = at / plane, position = at - n * plane;
    STRIATE_UNROLL
    for (int e = 0; e < 2; ++e) {
      STRIATE_UNROLL
      for (int i = 0; i < 2 * kEach; ++i)
        held[i][e] = there[i] && at + 8 * e < depth ? from.at(row[i], n, position) : 0.0f;
      for (position += 8; position >= plane; position -= plane) ++n;
    }
  }
  __device__ __forceinline__ void put(float* to) const {
    if (kFours < kThreads && threadIdx.x >= kFours) return;
    float* p = to + threadIdx.x % 8 * kPitch + threadIdx.x / 8;
    STRIATE_UNROLL
    for (int i = 0; i < 2 * kEach; ++i) {
      p[i * kHalf] = held[i][0];
      p[i * kHalf + 8 * kPitch] = held[i][1];
    }
  }
};

/// A row is a channel of [images, channels, plane].
struct PlaneValue {
  using Row = const float*;
  const float* data;
  int64_t image, plane;
  __device__ __forceinline__ Row row(int64_t m) const { return data + m * plane; }
  __device__ __forceinline__ float at(Row row, int64_t n, int64_t position) const {
    return __ldg(row + n * image + position);
  }
};

/// A row is a weight (channel, tap) of a filter: the pixel that each position multiplies it by.
template <class T>
struct TapValue {
  struct Row {
    const T* channel;
    int32_t line, column;
  };
  Patches<T> from;
  __device__ __forceinline__ Row row(int64_t m) const {
    const int32_t taps = from.down * from.across, tap = static_cast<int32_t>(m % taps);
    return {from.data + m / taps * from.height * from.width, tap / from.across + from.first_line,
            tap % from.across + from.first_column};
  }
  __device__ __forceinline__ float at(const Row& row, int64_t n, int64_t position) const {
    const int32_t i = static_cast<int32_t>(position);
    const int32_t h = i / from.columns * from.step + row.line, w = i % from.columns * from.step + row.column;
    const bool inside = static_cast<uint32_t>(h) < static_cast<uint32_t>(from.height) &&
                        static_cast<uint32_t>(w) < static_cast<uint32_t>(from.width);
    return inside ? value_of(row.channel + n * from.image + static_cast<int64_t>(h) * from.width + w) : 0.0f;
  }
};

/// Rows are channels of the input, depth is (filter, tap), of every `step`-th tap from (first_down, first_across) on:
/// the weights that meet in a pixel.
template <int kSize>
struct TurnedWeightLoader {
  static constexpr int kFours = kSize * kDepth / 4, kEach = (kFours + kThreads - 1) / kThreads, kPitch = kSize + 4;
  const float* w;
  int64_t channels, first, size, depth;
  int32_t area, width, step, first_down, first_across, down, across;
  float4 held[kEach];

  __device__ __forceinline__ void fetch(int64_t k) {
    STRIATE_UNROLL
    for (int i = 0; i < kEach; ++i) {
      const int f = threadIdx.x + i * kThreads;
      if (kFours % kThreads != 0 && f >= kFours) break;
      const int64_t row = k + f / (kSize / 4), c = first + f % (kSize / 4) * 4;
      held[i] = make_float4(0, 0, 0, 0);
      if (row >= depth) continue;
      const int32_t taps = down * across, filter = static_cast<int32_t>(row) / taps,
                    tap = static_cast<int32_t>(row) % taps;
      const float* p = w + (filter * channels + c) * area + (tap / across * step + first_down) * width +
                       tap % across * step + first_across;
      held[i] = make_float4(c < size ? __ldg(p) : 0, c + 1 < size ? __ldg(p + area) : 0,
                            c + 2 < size ? __ldg(p + 2 * area) : 0, c + 3 < size ? __ldg(p + 3 * area) : 0);
    }
  }
  __device__ __forceinline__ void put(float* to) const {
    STRIATE_UNROLL
    for (int i = 0; i < kEach; ++i) {
      const int f = threadIdx.x + i * kThreads;
      if (kFours % kThreads != 0 && f >= kFours) break;
      *reinterpret_cast<float4*>(to + f / (kSize / 4) * kPitch + f % (kSize / 4) * 4) = held[i];
    }
  }
};

/// Where a position of a result row goes: row m of image n is a plane of [N,rows,plane].
struct Planes {
  float* to;
  int64_t image, plane;    // elements from image to image, and from row to row
  int32_t lines, columns;  // positions
  int32_t step, first_line, first_column, width;
  const float* bias;  // of each row, or null

  /// The element of row 0.
  __device__ __forceinline__ int64_t at(int64_t column) const {
    const int64_t positions = static_cast<int64_t>(lines) * columns, n = column / positions;
    const int32_t i = static_cast<int32_t>(column - n * positions);
    return n * image + static_cast<int64_t>(i / columns * step + first_line) * width + i % columns * step +
           first_column;
  }
  __device__ __forceinline__ void store(int64_t row, int64_t column, float v) const {
    to[at(column) + row * plane] = bias ? v + __ldg(bias + row) : v;
  }
  template <int kCount>
  __device__ __forceinline__ void operator()(int64_t row, int64_t column, float (&v)[kCount], int64_t left,
                                             int64_t) const {
    const int64_t positions = static_cast<int64_t>(lines) * columns;
    // Neighbours in memory: one store of 16 bytes, as gemm::Store's. (`column` is a multiple of 4.)
    if (kCount == 4 && step == 1 && width == columns && positions % 4 == 0 && plane % 4 == 0 && left >= 4) {
      const int64_t n = column / positions;
      const float b = bias ? __ldg(bias + row) : 0.0f;
      __stcg(reinterpret_cast<float4*>(to + n * image + row * plane + column - n * positions),
             make_float4(v[0] + b, v[1 % kCount] + b, v[2 % kCount] + b, v[3 % kCount] + b));
      return;
    }
    STRIATE_UNROLL
    for (int i = 0; i < kCount; ++i)
      if (i < left) store(row, column + i, v[i]);
  }
};

}  // namespace striate::cuda::conv
