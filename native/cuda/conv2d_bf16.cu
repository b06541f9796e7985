// conv2d, conv2d_grad with precision bfloat16: ops/conv2d.h. Images, gy and weights are first rounded and laid out with
// their channels last, in eights, zeros after the last: what a tap sees of a position is then a run of memory, and the
// depth of a product is (tap, channel). gemm_bf16.cuh multiplies; patches are never written out.
//   y   [K] x [N P Q], depth R S C: rows of weights, and of the image under each position and tap
//   gx  [C] x [N H W], depth (taps of the phase) K: the same with gy for the image and the weights turned
//   gw  [K] x [R S C], depth N P Q: rows of gy, and of the image under each position and tap
// Stretches of the depth as in conv2d.cu: no atomics, the bits repeat.
#include <cstdint>

#include "cuda/conv2d.cuh"
#include "cuda/gemm_bf16.cuh"

namespace striate::cuda {
namespace {

using conv::Patches, conv::Planes, gemm_bf16::kDepth, gemm_bf16::kEight, gemm_bf16::padded, gemm_bf16::Stage;

constexpr int kThreads = 256;  // of the kernels that lay out

__device__ __forceinline__ void store_eight(uint16_t* to, const float (&v)[kEight]) {
  uint32_t pair[4];
  STRIATE_UNROLL
  for (int i = 0; i < 4; ++i)
    pair[i] = float_to_bf16(v[2 * i]) | static_cast<uint32_t>(float_to_bf16(v[2 * i + 1])) << 16;
  *reinterpret_cast<uint4*>(to) = make_uint4(pair[0], pair[1], pair[2], pair[3]);
}

/// x [N,channels,plane] to [N,plane,eights,8]. A warp has `across` eights of neighbouring positions.
template <class T>
__global__ void __launch_bounds__(kThreads)
    channels_last_kernel(const T* __restrict__ x, int64_t positions, int64_t plane, int64_t channels, unsigned eights,
                         unsigned across, uint16_t* __restrict__ to) {
  const unsigned groups = (eights + across - 1) / across;
  const unsigned eight = blockIdx.x % groups * across + threadIdx.x % across;
  const int64_t at = static_cast<int64_t>(blockIdx.x / groups) * (kThreads / across) + threadIdx.x / across;
  if (at >= positions || eight >= eights) return;
  const int64_t n = at / plane;
  const int64_t channel = static_cast<int64_t>(eight) * kEight;
  const T* from = x + (n * channels + channel) * plane + (at - n * plane);
  float v[kEight];
  STRIATE_UNROLL
  for (int i = 0; i < kEight; ++i) v[i] = channel + i < channels ? conv::value_of(from + i * plane) : 0.0f;
  store_eight(to + (at * eights + eight) * kEight, v);
}

/// Weights as rows of (tap, column): of a filter where the columns are channels, of a channel where they are filters.
struct WeightRows {
  const float* w;
  int64_t rows, columns, row, column;  // `row`, `column`: elements from one to the next
  int32_t width, step;                 // of the window, and from tap to tap
  ConvPhase taps;
};
__global__ void __launch_bounds__(kThreads)
    weight_rows_kernel(WeightRows from, int64_t count, int64_t eights, uint16_t* __restrict__ to) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= count) return;
  // Neighbouring threads read neighbours in memory: taps, and then the nearer of rows and columns.
  const int64_t taps = from.taps.down * from.taps.across, rest = i / taps;
  const int32_t tap = static_cast<int32_t>(i - rest * taps);
  const bool rows_nearer = from.row < from.column;
  const int64_t row = rows_nearer ? rest % from.rows : rest / eights;
  const int64_t eight = rows_nearer ? rest / from.rows : rest % eights;
  const float* p = from.w + row * from.row + eight * kEight * from.column +
                   (tap / from.taps.across * from.step + from.taps.first_down) * from.width +
                   tap % from.taps.across * from.step + from.taps.first_across;
  float v[kEight];
  STRIATE_UNROLL
  for (int e = 0; e < kEight; ++e) v[e] = eight * kEight + e < from.columns ? __ldg(p + e * from.column) : 0.0f;
  store_eight(to + ((row * taps + tap) * eights + eight) * kEight, v);
}

__device__ __forceinline__ bool within(const Patches<uint16_t>& of, int32_t line, int32_t column) {
  return static_cast<uint32_t>(line) < static_cast<uint32_t>(of.height) &&
         static_cast<uint32_t>(column) < static_cast<uint32_t>(of.width);
}

/// Tiles whose depth is (tap, channel): rows of weights, and what positions see. A thread copies one eight of the depth
/// for kEachA rows and kEachB positions.
template <class S>
struct TapDepth {
  static constexpr int kAcross = kDepth / kEight, kLines = S::kThreads / kAcross;
  static constexpr int kEachA = S::kM / kLines, kEachB = S::kN / kLines;
  static constexpr int kPitch = Stage<S, false>::kPitchA;
  const Patches<uint16_t> from;
  const int32_t eights;
  const uint16_t* row;
  const int64_t row_step;
  int rows;  // of the thread's kEachA, those there are
  const uint16_t* image[kEachB];
  int32_t line[kEachB], column[kEachB];
  int32_t eight, down, across;  // in the depth

  __device__ __forceinline__ TapDepth(const uint16_t* w, const Patches<uint16_t>& patches, int32_t eights_, int64_t m,
                                      int64_t n, int64_t depth, int64_t begin)
      : from(patches), eights(eights_), row_step(kLines * depth) {
    const gemm::Corner<S> corner(n);
    const int own = threadIdx.x / kAcross, place = threadIdx.x % kAcross;
    row = w + (corner.m + own) * depth + begin + place * kEight;
    rows = 0;
    STRIATE_UNROLL
    for (int i = 0; i < kEachA; ++i) rows += corner.m + own + i * kLines < m;
    const int64_t plane = static_cast<int64_t>(from.lines) * from.columns;
    STRIATE_UNROLL
    for (int i = 0; i < kEachB; ++i) {
      const int64_t at = corner.n + own + i * kLines, n_of = min(at, n - 1) / plane;
      const int32_t position = static_cast<int32_t>(min(at, n - 1) - n_of * plane);
      image[i] = from.data + n_of * from.image;
      // A column that does not exist lies outside for every tap.
      line[i] = at < n ? position / from.columns * from.step + from.first_line : -(1 << 30);
      column[i] = position % from.columns * from.step + from.first_column;
    }
    const int64_t first = begin / kEight + place;
    const int32_t tap = static_cast<int32_t>(first / eights);
    eight = static_cast<int32_t>(first - static_cast<int64_t>(tap) * eights);
    down = tap / from.across;
    across = tap % from.across;
  }
  __device__ __forceinline__ void operator()(uint16_t* a, uint16_t* b) {
    const bool there = down < from.down;
    const int at = threadIdx.x / kAcross * kPitch + threadIdx.x % kAcross * kEight;
    STRIATE_UNROLL
    for (int i = 0; i < kEachA; ++i)
      copy_async<16>(a + at + i * kLines * kPitch, row + i * row_step, there && i < rows);
    STRIATE_UNROLL
    for (int i = 0; i < kEachB; ++i) {
      const int32_t h = line[i] + from.direction * down, v = column[i] + from.direction * across;
      const bool inside = there && within(from, h, v);
      const int64_t pixel = inside ? h * from.width + v : 0;
      copy_async<16>(b + at + i * kLines * kPitch, image[i] + (pixel * eights + eight) * kEight, inside);
    }
    row += kDepth;
    for (eight += kAcross; eight >= eights; eight -= eights)
      if (++across == from.across) {
        across = 0;
        ++down;
      }
  }
};

template <class S>
__global__ void __launch_bounds__(S::kThreads, S::kBlocks)
    conv_bf16_kernel(const uint16_t* w, Patches<uint16_t> patches, int32_t eights, int64_t m, int64_t n, int64_t depth,
                     int64_t length, float* parts, Planes planes) {
  STRIATE_DYNAMIC_SHARED(uint16_t, shared);
  const int64_t begin = blockIdx.z * length, end = min(depth, begin + length);
  TapDepth<S> load(w, patches, eights, m, n, depth, begin);
  float sum[S::kA][S::kB][4] = {};
  gemm_bf16::multiply<S, false>(sum, shared, (end - begin + kDepth - 1) / kDepth, load);
  gemm_bf16::store<S>(sum, shared, m, n, parts, planes);
}

/// Tiles whose depth is positions: rows of gy, and what they see under the taps of kN columns (tap, channel). A thread
/// copies one eight of the columns for some of the positions.
template <class S>
struct PositionDepth {
  static constexpr int kAcrossA = S::kM / kEight, kLinesA = S::kThreads / kAcrossA, kEachA = kDepth / kLinesA;
  static constexpr int kAcrossB = S::kN / kEight, kLinesB = S::kThreads / kAcrossB, kEachB = kDepth / kLinesB;
  static constexpr int kPitchA = Stage<S, true>::kPitchA, kPitchB = Stage<S, true>::kPitchB;
  const Patches<uint16_t> from;
  const int64_t end, width;  // of the positions, and of a row of gy
  const int32_t eights;
  const uint16_t* row;
  int64_t at;  // the first position of the tile
  const uint16_t* image[kEachB];
  int32_t line[kEachB], column[kEachB];
  int32_t down, across, eight;     // of the thread's columns
  int32_t images, lines, columns;  // that a step goes on by
  bool row_there, column_there;

  __device__ __forceinline__ PositionDepth(const uint16_t* gy, int64_t width_, const Patches<uint16_t>& patches,
                                           int32_t eights_, int64_t n, int64_t begin, int64_t end_)
      : from(patches), end(end_), width(width_), eights(eights_), at(begin) {
    const gemm::Corner<S> corner(n);
    const int64_t filter = corner.m + threadIdx.x % kAcrossA * kEight;
    row_there = filter < width;
    row = gy + (begin + threadIdx.x / kAcrossA) * width + filter;
    const int64_t place = corner.n + threadIdx.x % kAcrossB * kEight;
    column_there = place < n;
    const int32_t tap = static_cast<int32_t>(place / kEight / eights);
    eight = static_cast<int32_t>(place / kEight % eights);
    down = tap / from.across + from.first_line;
    across = tap % from.across + from.first_column;
    const int64_t plane = static_cast<int64_t>(from.lines) * from.columns;
    STRIATE_UNROLL
    for (int i = 0; i < kEachB; ++i) {
      const int64_t first = begin + threadIdx.x / kAcrossB + i * kLinesB, n_of = first / plane;
      const int32_t position = static_cast<int32_t>(first - n_of * plane);
      image[i] = from.data + n_of * from.image;
      line[i] = position / from.columns;
      column[i] = position % from.columns;
    }
    images = static_cast<int32_t>(kDepth / plane);
    const int32_t rest = static_cast<int32_t>(kDepth % plane);
    lines = rest / from.columns;
    columns = rest % from.columns;
  }
  __device__ __forceinline__ void operator()(uint16_t* a, uint16_t* b) {
    uint16_t* to_a = a + threadIdx.x / kAcrossA * kPitchA + threadIdx.x % kAcrossA * kEight;
    STRIATE_UNROLL
    for (int i = 0; i < kEachA; ++i)
      copy_async<16>(to_a + i * kLinesA * kPitchA, row + i * kLinesA * width,
                     row_there && at + threadIdx.x / kAcrossA + i * kLinesA < end);
    uint16_t* to_b = b + threadIdx.x / kAcrossB * kPitchB + threadIdx.x % kAcrossB * kEight;
    STRIATE_UNROLL
    for (int i = 0; i < kEachB; ++i) {
      const int32_t h = line[i] * from.step + down, v = column[i] * from.step + across;
      const bool inside = column_there && at + threadIdx.x / kAcrossB + i * kLinesB < end && within(from, h, v);
      const int64_t pixel = inside ? h * from.width + v : 0;
      copy_async<16>(to_b + i * kLinesB * kPitchB, image[i] + (pixel * eights + eight) * kEight, inside);
      column[i] += columns;
      line[i] += lines;
      image[i] += images * from.image;
      if (column[i] >= from.columns) {
        column[i] -= from.columns;
        ++line[i];
      }
      if (line[i] >= from.lines) {
        line[i] -= from.lines;
        image[i] += from.image;
      }
    }
    row += kDepth * width;
    at += kDepth;
  }
};

/// Where a column (tap, channel) of gw goes: a row is a filter.
struct Taps {
  float* to;
  int64_t plane, channels, padded, taps;
  const float* bias;
  __device__ __forceinline__ int64_t at(int64_t column) const {
    const int64_t tap = column / padded, channel = column - tap * padded;
    return channel < channels ? channel * taps + tap : -1;
  }
  __device__ __forceinline__ void store(int64_t row, int64_t column, float v) const {
    if (const int64_t place = at(column); place >= 0) to[row * plane + place] = v;
  }
};

template <class S>
__global__ void __launch_bounds__(S::kThreads, S::kBlocks)
    conv_grad_w_bf16_kernel(const uint16_t* gy, int64_t width, Patches<uint16_t> patches, int32_t eights, int64_t m,
                            int64_t n, int64_t depth, int64_t length, float* parts, Taps taps) {
  STRIATE_DYNAMIC_SHARED(uint16_t, shared);
  const int64_t begin = blockIdx.z * length, end = min(depth, begin + length);
  PositionDepth<S> load(gy, width, patches, eights, n, begin, end);
  float sum[S::kA][S::kB][4] = {};
  gemm_bf16::multiply<S, true>(sum, shared, (end - begin + kDepth - 1) / kDepth, load);
  gemm_bf16::store<S>(sum, shared, m, n, parts, taps);
}

/// `launch(tile, plan, parts)`, and the stretches' sums where there are several.
template <class Place, class Launch>
void product(const core::Context& ctx, int64_t m, int64_t n, int64_t depth, const Place& place, Launch&& launch) {
  const int processors = device_of(ctx).processors;
  gemm_bf16::with_tile(m, n, processors, [&](auto tile) {
    const gemm_bf16::Plan<decltype(tile)> plan(m, n, depth, processors);
    float* parts = plan.stretches > 1 ? ctx.scratch<float>(static_cast<size_t>(plan.stretches * m * n)) : nullptr;
    launch(tile, plan, parts);
    if (parts)
      STRIATE_LAUNCH(add_stretches_in_place_kernel<Place>, blocks_for(m * n, gemm::kThreads), gemm::kThreads, 0,
                     stream_of(ctx), parts, plan.stretches, m * n, n, place);
  });
}

/// y, or a phase of gx.
void patch_product(const core::Context& ctx, const WeightRows& weights, Patches<uint16_t> patches, int64_t images,
                   const Planes& planes) {
  const int64_t taps = patches.down * patches.across, eights = padded(weights.columns) / kEight;
  const int64_t count = weights.rows * taps * eights, depth = taps * eights * kEight;
  uint16_t* rows = ctx.scratch<uint16_t>(static_cast<size_t>(count * kEight));
  STRIATE_LAUNCH(weight_rows_kernel, blocks_for(count, kThreads), kThreads, 0, stream_of(ctx), weights, count, eights,
                 rows);
  patches.image = static_cast<int64_t>(patches.height) * patches.width * eights * kEight;
  const int64_t m = weights.rows, n = images * patches.lines * patches.columns;
  product(ctx, m, n, depth, planes, [&](auto tile, const auto& plan, float* parts) {
    using S = decltype(tile);
    STRIATE_LAUNCH(conv_bf16_kernel<S>, plan.grid, S::kThreads, (Stage<S, false>::kBytes), stream_of(ctx), rows,
                   patches, narrow(eights), m, n, depth, plan.length, parts, planes);
  });
}

template <class T>
const uint16_t* channels_last(const core::Context& ctx, const T* x, int64_t images, int64_t channels, int64_t plane) {
  const int64_t eights = padded(channels) / kEight, positions = images * plane;
  const int across = eights >= 4 ? 4 : eights >= 2 ? 2 : 1;
  uint16_t* to = ctx.scratch<uint16_t>(static_cast<size_t>(positions * eights * kEight));
  const int64_t groups = (eights + across - 1) / across, lines = kThreads / across;
  STRIATE_LAUNCH(channels_last_kernel<T>, blocks_for((positions + lines - 1) / lines * groups, 1), kThreads, 0,
                 stream_of(ctx), x, positions, plane, channels, eights, across, to);
  return to;
}
const uint16_t* images_last(const core::Context& ctx, const ConvLayer& l, const core::View& x) {
  return x.dtype == core::Dtype::u8 ? channels_last(ctx, x.as<uint8_t>(), l.N, l.C, l.H * l.W)
                                    : channels_last(ctx, x.as<float>(), l.N, l.C, l.H * l.W);
}

void grad_w(const core::Context& ctx, const ConvLayer& l, const uint16_t* x, const uint16_t* gy, float* gw) {
  const int64_t wide = padded(l.C), n = l.R * l.S * wide, depth = l.N * l.P * l.Q;
  Patches<uint16_t> patches = patches_of(l, x);
  patches.image = l.H * l.W * wide;
  const Taps taps{gw, l.C * l.R * l.S, l.C, wide, l.R * l.S, nullptr};
  product(ctx, l.K, n, depth, taps, [&](auto tile, const auto& plan, float* parts) {
    using S = decltype(tile);
    STRIATE_LAUNCH(conv_grad_w_bf16_kernel<S>, plan.grid, S::kThreads, (Stage<S, true>::kBytes), stream_of(ctx), gy,
                   padded(l.K), patches, narrow(wide / kEight), l.K, n, depth, plan.length, parts, taps);
  });
}

}  // namespace

void conv_forward_bf16(const core::Context& ctx, const ConvLayer& l, const core::View& x, const float* w,
                       const float* bias, float* y) {
  const int64_t area = l.R * l.S;
  const ConvPhase all{0, 0, narrow(l.R), narrow(l.S)};
  patch_product(ctx, {w, l.K, l.C, l.C * area, area, narrow(l.S), 1, all}, patches_of(l, images_last(ctx, l, x)), l.N,
                planes_of(l, bias, y));
}

void conv_backward_bf16(const core::Context& ctx, const ConvLayer& l, const core::View& x, const float* w,
                        const float* gy, float* gx, float* gw) {
  const int64_t area = l.R * l.S;
  const uint16_t* g = channels_last(ctx, gy, l.N, l.K, l.P * l.Q);
  if (gx)
    for_each_phase(ctx, l, g, gx, [&](const ConvPhase& phase, const Patches<uint16_t>& patches, const Planes& planes) {
      patch_product(ctx, {w, l.C, l.K, area, l.C * area, narrow(l.S), narrow(l.stride), phase}, patches, l.N, planes);
    });
  if (gw) grad_w(ctx, l, images_last(ctx, l, x), g, gw);
}

}  // namespace striate::cuda
