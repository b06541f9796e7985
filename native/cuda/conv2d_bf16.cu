// conv2d, conv2d_grad on the tensor cores: ops/conv2d.h. Images, gy and weights are first rounded to bfloat16 (precision
// bfloat16), or split into the three bfloat16 numbers whose sum they are (float32, where conv2d.cu finds it faster), and
// laid out with their channels last, in groups, zeros after the last: what a tap sees of a position is then a run of
// memory, and the depth of a product is (tap, channel). gemm_bf16.cuh multiplies; patches are never written out.
//   y   [K] x [N P Q], depth R S C: rows of weights, and of the image under each position and tap
//   gx  [C] x [N H W], depth (taps of the phase) K: the same with gy for the image and the weights turned
//   gw  [K] x [R S C], depth N P Q: rows of gy, and of the image under each position and tap
// Stretches of the depth as in conv2d.cu: no atomics, the bits repeat.
#include <cstdint>

#include "cuda/conv2d.cuh"
#include "cuda/gemm_bf16.cuh"

namespace striate::cuda {
namespace {

using conv::Patches, conv::Planes, gemm_bf16::Factors, gemm_bf16::kEight, gemm_bf16::Stage;

constexpr int kThreads = 256;  // of the kernels that lay out

/// To `to` and, for each further part, a group further.
template <int kParts>
__device__ __forceinline__ void store_eight(uint16_t* to, const float (&v)[kEight]) {
  uint32_t pair[kParts][4];
  STRIATE_UNROLL
  for (int i = 0; i < 4; ++i) {
    uint16_t left[kParts], right[kParts];
    gemm_bf16::split(v[2 * i], left);
    gemm_bf16::split(v[2 * i + 1], right);
    STRIATE_UNROLL
    for (int p = 0; p < kParts; ++p) pair[p][i] = left[p] | static_cast<uint32_t>(right[p]) << 16;
  }
  STRIATE_UNROLL
  for (int p = 0; p < kParts; ++p)
    __stcg(reinterpret_cast<uint4*>(to + p * Factors<kParts>::kGroup),
           make_uint4(pair[p][0], pair[p][1], pair[p][2], pair[p][3]));  // nvcc takes a plain one apart
}

/// x [N,channels,plane] to [N,plane] rows of factors. A warp has `across` eights of neighbouring positions.
template <int kParts, class T>
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
  store_eight<kParts>(to + at * eights * (kEight * kParts) + Factors<kParts>::place(channel), v);
}

/// Weights as rows of (tap, column): of a filter where the columns are channels, of a channel where they are filters.
struct WeightRows {
  const float* w;
  int64_t rows, columns, row, column;  // `row`, `column`: elements from one to the next
  int32_t width, step;                 // of the window, and from tap to tap
  ConvPhase taps;
};
template <int kParts>
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
  store_eight<kParts>(to + (row * taps + tap) * eights * (kEight * kParts) + Factors<kParts>::place(eight * kEight), v);
}

__device__ __forceinline__ bool within(const Patches<uint16_t>& of, int32_t line, int32_t column) {
  return static_cast<uint32_t>(line) < static_cast<uint32_t>(of.height) &&
         static_cast<uint32_t>(column) < static_cast<uint32_t>(of.width);
}

/// The parts of an eight.
template <class S>
__device__ __forceinline__ void copy_parts(uint16_t* to, const uint16_t* from, bool there) {
  STRIATE_UNROLL
  for (int p = 0; p < S::kParts; ++p) copy_async<16>(to + p * S::kGroup, from + p * S::kGroup, there);
}

/// Tiles whose depth is (tap, channel): rows of weights, and what positions see. A thread copies one eight of the depth
/// for kEachA rows and kEachB positions.
template <class S>
struct TapDepth {
  static constexpr int kDepth = S::kDepth, kParts = S::kParts;
  static constexpr int kAcross = kDepth / kEight, kLines = S::kThreads / kAcross;
  static constexpr int kEachA = S::kM / kLines, kEachB = S::kN / kLines;
  static constexpr int kPitch = Stage<S, false>::kPitchA;
  const Patches<uint16_t> from;
  const int32_t channels;  // padded
  const uint16_t* row;
  const int64_t row_step;
  int rows;  // of the thread's kEachA, those there are
  const uint16_t* image[kEachB];
  int32_t line[kEachB], column[kEachB];
  int32_t channel, down, across;  // in the depth

  __device__ __forceinline__ TapDepth(const uint16_t* w, const Patches<uint16_t>& patches, int32_t channels_, int64_t m,
                                      int64_t n, int64_t depth, int64_t begin)
      : from(patches), channels(channels_), row_step(kLines * depth * kParts) {
    const gemm::Corner<S> corner(n);
    const int own = threadIdx.x / kAcross;
    const int64_t first = begin + threadIdx.x % kAcross * kEight;
    row = w + (corner.m + own) * depth * kParts + S::place(first);
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
    const int32_t tap = static_cast<int32_t>(first / channels);
    channel = static_cast<int32_t>(first - static_cast<int64_t>(tap) * channels);
    down = tap / from.across;
    across = tap % from.across;
  }
  __device__ __forceinline__ void operator()(uint16_t* a, uint16_t* b) {
    const bool there = kDepth == S::kGroup || down < from.down;
    const int at = threadIdx.x / kAcross * kPitch + S::place(threadIdx.x % kAcross * kEight);
    STRIATE_UNROLL
    for (int i = 0; i < kEachA; ++i) copy_parts<S>(a + at + i * kLines * kPitch, row + i * row_step, there && i < rows);
    STRIATE_UNROLL
    for (int i = 0; i < kEachB; ++i) {
      const int32_t h = line[i] + from.direction * down, v = column[i] + from.direction * across;
      const bool inside = there && within(from, h, v);
      const int64_t pixel = inside ? h * from.width + v : 0;
      copy_parts<S>(b + at + i * kLines * kPitch, image[i] + pixel * channels * kParts + S::place(channel), inside);
    }
    row += kDepth * kParts;
    for (channel += kDepth; channel >= channels; channel -= channels)
      if (++across == from.across) {
        across = 0;
        ++down;
      }
  }
};

template <class S>
__global__ void __launch_bounds__(S::kThreads, S::kBlocks)
    conv_bf16_kernel(const uint16_t* w, Patches<uint16_t> patches, int32_t channels, int64_t m, int64_t n,
                     int64_t depth, int64_t length, float* parts, Planes planes) {
  STRIATE_DYNAMIC_SHARED(uint16_t, shared);
  const int64_t begin = blockIdx.z * length, end = min(depth, begin + length);
  TapDepth<S> load(w, patches, channels, m, n, depth, begin);
  float sum[S::kA][S::kB][4] = {};
  gemm_bf16::multiply<S, false>(sum, shared, end - begin, load);
  gemm_bf16::store<S>(sum, shared, m, n, parts, planes);
}

/// Tiles whose depth is positions: rows of gy, and what they see under the taps of kN columns (tap, channel). A thread
/// copies one eight of the columns for some of the positions.
template <class S>
struct PositionDepth {
  static constexpr int kDepth = S::kDepth, kParts = S::kParts;
  static constexpr int kAcrossA = S::kM / kEight, kLinesA = S::kThreads / kAcrossA, kEachA = kDepth / kLinesA;
  static constexpr int kAcrossB = S::kN / kEight, kLinesB = S::kThreads / kAcrossB, kEachB = kDepth / kLinesB;
  static constexpr int kPitchA = Stage<S, true>::kPitchA, kPitchB = Stage<S, true>::kPitchB;
  const Patches<uint16_t> from;
  const int64_t end, width;  // of the positions, and of a row of gy
  const int32_t channels;    // padded
  const uint16_t* row;
  int64_t at;  // the first position of the tile
  const uint16_t* image[kEachB];
  int32_t line[kEachB], column[kEachB];
  int32_t down, across, channel;   // of the thread's columns
  int32_t images, lines, columns;  // that a step goes on by
  bool row_there;

  __device__ __forceinline__ PositionDepth(const uint16_t* gy, int64_t width_, const Patches<uint16_t>& patches,
                                           int32_t channels_, int64_t n, int64_t begin, int64_t end_)
      : from(patches), end(end_), width(width_), channels(channels_), at(begin) {
    const gemm::Corner<S> corner(n);
    const int64_t filter = corner.m + threadIdx.x % kAcrossA * kEight;
    row_there = filter < width;
    row = gy + (begin + threadIdx.x / kAcrossA) * width * kParts + S::place(filter);
    const int64_t place = corner.n + threadIdx.x % kAcrossB * kEight;
    const int32_t tap = static_cast<int32_t>(place / channels);
    channel = static_cast<int32_t>(place % channels);
    // A column that does not exist lies outside for every position.
    down = place < n ? tap / from.across + from.first_line : -(1 << 30);
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
    uint16_t* to_a = a + threadIdx.x / kAcrossA * kPitchA + S::place(threadIdx.x % kAcrossA * kEight);
    STRIATE_UNROLL
    for (int i = 0; i < kEachA; ++i)
      copy_parts<S>(to_a + i * kLinesA * kPitchA, row + i * kLinesA * width * kParts,
                    row_there && at + threadIdx.x / kAcrossA + i * kLinesA < end);
    uint16_t* to_b = b + threadIdx.x / kAcrossB * kPitchB + S::place(threadIdx.x % kAcrossB * kEight);
    STRIATE_UNROLL
    for (int i = 0; i < kEachB; ++i) {
      const int32_t h = line[i] * from.step + down, v = column[i] * from.step + across;
      const bool inside = at + threadIdx.x / kAcrossB + i * kLinesB < end && within(from, h, v);
      const int64_t pixel = inside ? h * from.width + v : 0;
      copy_parts<S>(to_b + i * kLinesB * kPitchB, image[i] + pixel * channels * kParts + S::place(channel), inside);
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
    row += kDepth * width * kParts;
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
    conv_grad_w_bf16_kernel(const uint16_t* gy, int64_t width, Patches<uint16_t> patches, int32_t channels, int64_t m,
                            int64_t n, int64_t depth, int64_t length, float* parts, Taps taps) {
  STRIATE_DYNAMIC_SHARED(uint16_t, shared);
  const int64_t begin = blockIdx.z * length, end = min(depth, begin + length);
  PositionDepth<S> load(gy, width, patches, channels, n, begin, end);
  float sum[S::kA][S::kB][4] = {};
  gemm_bf16::multiply<S, true>(sum, shared, end - begin, load);
  gemm_bf16::store<S>(sum, shared, m, n, parts, taps);
}

/// `launch(tile, plan, parts)`, and the stretches' sums where there are several.
template <int kParts, class Place, class Launch>
void product(const core::Context& ctx, int64_t m, int64_t n, int64_t depth, const Place& place, Launch&& launch) {
  const int processors = device_of(ctx).processors;
  gemm_bf16::with_tile<kParts>(m, n, depth, processors, [&](auto tile) {
    const gemm_bf16::Plan<decltype(tile)> plan(m, n, depth, processors);
    float* parts = plan.stretches > 1 ? ctx.scratch<float>(static_cast<size_t>(plan.stretches * m * n)) : nullptr;
    launch(tile, plan, parts);
    if (parts)
      STRIATE_LAUNCH(add_stretches_in_place_kernel<Place>, blocks_for(m * n, gemm::kThreads), gemm::kThreads, 0,
                     stream_of(ctx), parts, plan.stretches, m * n, n, place);
  });
}

/// y, or a phase of gx.
template <int kParts>
void patch_product(const core::Context& ctx, const WeightRows& weights, Patches<uint16_t> patches, int64_t images,
                   const Planes& planes) {
  const int64_t taps = patches.down * patches.across, channels = Factors<kParts>::padded(weights.columns);
  const int64_t eights = channels / kEight, count = weights.rows * taps * eights, depth = taps * channels;
  uint16_t* rows = ctx.scratch<uint16_t>(static_cast<size_t>(weights.rows * depth * kParts));
  STRIATE_LAUNCH(weight_rows_kernel<kParts>, blocks_for(count, kThreads), kThreads, 0, stream_of(ctx), weights, count,
                 eights, rows);
  patches.image = static_cast<int64_t>(patches.height) * patches.width * channels * kParts;
  const int64_t m = weights.rows, n = images * patches.lines * patches.columns;
  product<kParts>(ctx, m, n, depth, planes, [&](auto tile, const auto& plan, float* parts) {
    using S = decltype(tile);
    STRIATE_LAUNCH(conv_bf16_kernel<S>, plan.grid, S::kThreads, (Stage<S, false>::kBytes), stream_of(ctx), rows,
                   patches, narrow(channels), m, n, depth, plan.length, parts, planes);
  });
}

template <int kParts, class T>
const uint16_t* channels_last(const core::Context& ctx, const T* x, int64_t images, int64_t channels, int64_t plane) {
  const int64_t wide = Factors<kParts>::padded(channels), eights = wide / kEight, positions = images * plane;
  const int across = eights >= 4 ? 4 : eights >= 2 ? 2 : 1;
  uint16_t* to = ctx.scratch<uint16_t>(static_cast<size_t>(positions * wide * kParts));
  const int64_t groups = (eights + across - 1) / across, lines = kThreads / across;
  STRIATE_LAUNCH((channels_last_kernel<kParts, T>), blocks_for((positions + lines - 1) / lines * groups, 1), kThreads,
                 0, stream_of(ctx), x, positions, plane, channels, eights, across, to);
  return to;
}
template <int kParts>
const uint16_t* images_last(const core::Context& ctx, const ConvLayer& l, const core::View& x) {
  if constexpr (kParts == 1)
    if (x.dtype == core::Dtype::u8) return channels_last<1>(ctx, x.as<uint8_t>(), l.N, l.C, l.H * l.W);
  return channels_last<kParts>(ctx, x.as<float>(), l.N, l.C, l.H * l.W);
}

template <int kParts>
void grad_w(const core::Context& ctx, const ConvLayer& l, const uint16_t* x, const uint16_t* gy, float* gw) {
  const int64_t wide = Factors<kParts>::padded(l.C), n = l.R * l.S * wide, depth = l.N * l.P * l.Q;
  Patches<uint16_t> patches = patches_of(l, x);
  patches.image = l.H * l.W * wide * kParts;
  const Taps taps{gw, l.C * l.R * l.S, l.C, wide, l.R * l.S, nullptr};
  product<kParts>(ctx, l.K, n, depth, taps, [&](auto tile, const auto& plan, float* parts) {
    using S = decltype(tile);
    STRIATE_LAUNCH(conv_grad_w_bf16_kernel<S>, plan.grid, S::kThreads, (Stage<S, true>::kBytes), stream_of(ctx), gy,
                   S::padded(l.K), patches, narrow(wide), l.K, n, depth, plan.length, parts, taps);
  });
}

}  // namespace

template <int kParts>
void conv_forward_bf16(const core::Context& ctx, const ConvLayer& l, const core::View& x, const float* w,
                       const float* bias, float* y) {
  const int64_t area = l.R * l.S;
  const ConvPhase all{0, 0, narrow(l.R), narrow(l.S)};
  patch_product<kParts>(ctx, {w, l.K, l.C, l.C * area, area, narrow(l.S), 1, all},
                        patches_of(l, images_last<kParts>(ctx, l, x)), l.N, planes_of(l, bias, y));
}

template <int kParts>
void conv_backward_bf16(const core::Context& ctx, const ConvLayer& l, const core::View& x, const float* w,
                        const float* gy, float* gx, float* gw) {
  const int64_t area = l.R * l.S;
  const uint16_t* g = channels_last<kParts>(ctx, gy, l.N, l.K, l.P * l.Q);
  if (gx)
    for_each_phase(ctx, l, g, gx, [&](const ConvPhase& phase, const Patches<uint16_t>& patches, const Planes& planes) {
      patch_product<kParts>(ctx, {w, l.C, l.K, area, l.C * area, narrow(l.S), narrow(l.stride), phase}, patches, l.N,
                            planes);
    });
  if (gw) grad_w<kParts>(ctx, l, images_last<kParts>(ctx, l, x), g, gw);
}

template void conv_forward_bf16<1>(const core::Context&, const ConvLayer&, const core::View&, const float*,
                                   const float*, float*);
template void conv_forward_bf16<3>(const core::Context&, const ConvLayer&, const core::View&, const float*,
                                   const float*, float*);
template void conv_backward_bf16<1>(const core::Context&, const ConvLayer&, const core::View&, const float*,
                                    const float*, float*, float*);
template void conv_backward_bf16<3>(const core::Context&, const ConvLayer&, const core::View&, const float*,
                                    const float*, float*, float*);

}  // namespace striate::cuda
