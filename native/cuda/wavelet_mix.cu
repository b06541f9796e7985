// wavelet_mix: ops/wavelet.h. One block per tile of 64 places and 64, 128 or 256 outputs: the responses of eight channels
// (wavelet.cuh) and those channels' weights in shared memory, then their products, each of 256 threads 4 places by 4, 8
// or 16 outputs in registers; so maps are made and used in shared memory, once for every 256 outputs. Where tiles are too
// few for the device, several blocks share the channels of one, and their sums are added up in order. That and
// `normalise` are kernels of their own over what was written. Of so few places that even this leaves multiprocessors
// idle, the maps are written and mixed by one product.
// Per place, channel and output nine fused multiply-adds; per 4 places and 16 outputs five reads of 16 bytes.
// Numerics: float32, in order of channels and maps; a norm's squares in float64.
#include <cstdint>

#include "cuda/gemm.cuh"
#include "cuda/wavelet.cuh"

namespace striate::cuda {
namespace {

using wavelet::kPlaces, wavelet::kThreads, wavelet::Layer, wavelet::Place, wavelet::Prepared, wavelet::Tile;

constexpr int kPitch = kPlaces + 1;  // of the outputs on their way out

/// w [K, maps] as [channel, map][wide], zeros beyond K. One block per 32 maps and 32 outputs.
__global__ void __launch_bounds__(kThreads) wavelet_weights_kernel(const float* __restrict__ w, int32_t k_count,
                                                                   int32_t wide, Layer l, float* __restrict__ to) {
  __shared__ float tile[32][33];
  const int32_t lane = threadIdx.x % 32, first_k = static_cast<int32_t>(blockIdx.y) * 32;
  const int64_t maps = l.all_maps(), first = static_cast<int64_t>(blockIdx.x) * 32;
  for (int32_t i = threadIdx.x / 32; i < 32; i += wavelet::kWarps)
    tile[i][lane] = first_k + i < k_count && first + lane < maps ? __ldg(w + (first_k + i) * maps + first + lane) : 0;
  __syncthreads();
  for (int32_t i = threadIdx.x / 32; i < 32 && first + i < maps; i += wavelet::kWarps)
    to[l.row(first + i) * wide + first_k + lane] = tile[lane][i];
}

template <bool kMirrored, int kOutputs>
__global__ void __launch_bounds__(kThreads, 2)
    wavelet_mix_kernel(Layer l, int32_t floats, const float* __restrict__ w, int32_t wide,
                       const float* __restrict__ bias, int32_t k_count, int32_t share, float* __restrict__ y) {
  constexpr int kEach = kOutputs / 16;
  STRIATE_DYNAMIC_SHARED(float, shared);
  float *z = shared, *weights = z + l.channels * l.maps * kPlaces, *own = weights + l.channels * l.maps * kOutputs;
  const int32_t panels = wide / kOutputs, first_output = static_cast<int32_t>(blockIdx.x % panels) * kOutputs;
  const Tile tile(l, blockIdx.x / panels);
  const int32_t warp = threadIdx.x / 32, at_place = threadIdx.x / 16 * 4, at_output = threadIdx.x % 16 * 4;
  float* pixels = own + warp * floats;
  float sum[4][kEach] = {};
  const int32_t first_channel = static_cast<int32_t>(blockIdx.y) * share, last = min(first_channel + share, l.C);
  for (int32_t c = first_channel; c < last; c += l.channels) {
    const int32_t depth = min(l.channels, last - c) * l.maps;
    for (int32_t i = threadIdx.x; i < depth * (kOutputs / 4); i += kThreads)
      copy_async<16>(weights + i * 4, w + (static_cast<int64_t>(c) * l.maps + i / (kOutputs / 4)) * wide +
                                          first_output + i % (kOutputs / 4) * 4);
    copy_commit();
    if (warp < l.channels && c + warp < last)
      wavelet::respond<kMirrored>(l, tile, c + warp, pixels, pixels + l.tile_floats(), z + warp * l.maps * kPlaces);
    copy_wait<0>();
    __syncthreads();
    const float *places = z + at_place, *outputs = weights + at_output;
#pragma unroll 8
    for (int32_t j = 0; j < depth; ++j, places += kPlaces, outputs += kOutputs) {
      const float4 a = *reinterpret_cast<const float4*>(places);
      const float x[4] = {a.x, a.y, a.z, a.w};
      float b[kEach];
      STRIATE_UNROLL
      for (int part = 0; part < kEach / 4; ++part) {
        const float4 four = *reinterpret_cast<const float4*>(outputs + part * 64);
        b[4 * part] = four.x;
        b[4 * part + 1] = four.y;
        b[4 * part + 2] = four.z;
        b[4 * part + 3] = four.w;
      }
      STRIATE_UNROLL
      for (int r = 0; r < 4; ++r) {
        STRIATE_UNROLL
        for (int k = 0; k < kEach; ++k) sum[r][k] += x[r] * b[k];
      }
    }
    __syncthreads();
  }
  STRIATE_UNROLL
  for (int k = 0; k < kEach; ++k) {
    const int32_t output = k / 4 * 64 + at_output + k % 4;
    const float b =
        bias && blockIdx.y == 0 && first_output + output < k_count ? __ldg(bias + first_output + output) : 0.0f;
    STRIATE_UNROLL
    for (int r = 0; r < 4; ++r) shared[output * kPitch + at_place + r] = sum[r][k] + b;
  }
  __syncthreads();
  const int64_t plane = static_cast<int64_t>(l.P) * l.Q;
  for (int32_t i = threadIdx.x % 32; i < kPlaces; i += 32) {
    const Place at(l, tile, i);
    if (!at.valid) continue;
    float* to = y + (blockIdx.y * l.N + tile.n + at.image) * k_count * plane +
                static_cast<int64_t>(tile.p + at.row) * l.Q + tile.q + at.column;
    for (int32_t k = warp; k < min(kOutputs, k_count - first_output); k += wavelet::kWarps)
      to[(first_output + k) * plane] = shared[k * kPitch + i];
  }
}

constexpr int kFinishPlaces = 16, kFinishThreads = 512, kFinishRows = kFinishThreads / kFinishPlaces;

/// y from outputs whose images and maps lie `order` apart, which may be y itself: plus a bias, and over their norm at each
/// place, where asked. A block has 16 places, and a thread every 32nd output of one.
__global__ void __launch_bounds__(kFinishThreads)
    wavelet_finish_kernel(const float* from, wavelet::Order order, const float* __restrict__ bias, float* y,
                          int64_t places, int64_t plane, int32_t k_count, bool normalise, float* __restrict__ norms) {
  __shared__ double squares[kFinishRows][kFinishPlaces + 1];
  const int32_t place = threadIdx.x % kFinishPlaces, row = threadIdx.x / kFinishPlaces;
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kFinishPlaces + place;
  const bool there = i < places;
  const int64_t image = i / plane, at = i % plane;
  from += image * order.image + at;
  y += image * k_count * plane + at;
  double square = 0;
#pragma unroll 8
  for (int32_t k = row; there && k < k_count; k += kFinishRows) {
    const float v = from[k * order.map] + (bias ? __ldg(bias + k) : 0.0f);
    y[k * plane] = v;
    square += static_cast<double>(v) * static_cast<double>(v);
  }
  if (!normalise) return;
  squares[row][place] = square;
  __syncthreads();
  square = 0;
  for (int r = 0; r < kFinishRows; ++r) square += squares[r][place];
  const double factor = square == 0 ? 0.0 : rsqrt(square);
#pragma unroll 8
  for (int32_t k = row; there && k < k_count; k += kFinishRows)
    y[k * plane] = static_cast<float>(static_cast<double>(y[k * plane]) * factor);
  if (there && norms && row == 0) norms[i] = static_cast<float>(sqrt(square));
}

void finish(core::Context& ctx, const float* from, wavelet::Order order, const float* bias, bool normalise,
            core::View* out) {
  const int64_t plane = out[0].shape[2] * out[0].shape[3], places = out[0].shape[0] * plane;
  STRIATE_LAUNCH(wavelet_finish_kernel, blocks_for(places, kFinishPlaces), kFinishThreads, 0, stream_of(ctx), from,
                 order, bias, out[0].as<float>(), places, plane, static_cast<int32_t>(out[0].shape[1]), normalise,
                 out[1].rank >= 0 ? out[1].as<float>() : nullptr);
}

/// Few places leave the fused kernel few blocks: their maps are small, so that they stay in L2, and one product of all
/// channels mixes them.
void mix_few(core::Context& ctx, const core::View* in, core::View* out, const op::WaveletMix::Options& o) {
  const Prepared p = wavelet::prepare(ctx, in[0], in[1], o, kPlaces, 0);
  const int64_t maps = p.layer.all_maps(), k_count = out[0].shape[1], plane = out[0].shape[2] * out[0].shape[3];
  const int64_t places = out[0].shape[0] * plane;
  float* z = ctx.scratch<float>(static_cast<size_t>(maps * places));
  float* y = ctx.scratch<float>(static_cast<size_t>(k_count * places));
  const wavelet::Order order = {plane, places};
  wavelet::write_maps(ctx, p, order, z);
  gemm::multiply<true, false>(ctx, gemm::Operand<float>{in[2].as<float>(), maps, nullptr},
                              gemm::Operand<float>{z, places, nullptr}, k_count, places, maps, nullptr, y,
                              device_of(ctx).processors);
  finish(ctx, y, order, in[3].rank >= 0 ? in[3].as<float>() : nullptr, o.normalise, out);
}

template <bool kMirrored, int kOutputs>
void mix(core::Context& ctx, const core::View* in, core::View* out, const op::WaveletMix::Options& o,
         const Prepared& p) {
  const Layer& l = p.layer;
  const int32_t k_count = static_cast<int32_t>(in[2].shape[0]), wide = (k_count + kOutputs - 1) / kOutputs * kOutputs;
  const cudaStream_t stream = stream_of(ctx);
  float* w = ctx.scratch<float>(static_cast<size_t>(l.all_maps() * wide));
  STRIATE_LAUNCH(wavelet_weights_kernel, dim3(blocks_for(l.all_maps(), 32), wide / 32), kThreads, 0, stream,
                 in[2].as<float>(), k_count, wide, l, w);
  const int64_t floats = std::max<int64_t>(l.channels * (l.maps * (kPlaces + kOutputs) + p.floats), kOutputs * kPitch);
  // Parts of the channels, as many as give every multiprocessor its two blocks.
  constexpr int64_t kMostParts = 32;
  const int64_t blocks = l.tiles() * (wide / kOutputs), steps = (l.C + l.channels - 1) / l.channels;
  const int64_t wanted = std::clamp<int64_t>(2 * device_of(ctx).processors / blocks, 1, std::min(steps, kMostParts));
  const int32_t share = static_cast<int32_t>((steps + wanted - 1) / wanted) * l.channels;
  const int32_t parts = (l.C + share - 1) / share;
  const int64_t plane = static_cast<int64_t>(l.P) * l.Q, size = l.N * k_count * plane;
  float* y = out[0].as<float>();
  float* to = parts > 1 ? ctx.scratch<float>(static_cast<size_t>(parts * size)) : y;
  STRIATE_LAUNCH((wavelet_mix_kernel<kMirrored, kOutputs>), dim3(blocks_for(blocks, 1), parts), kThreads,
                 static_cast<size_t>(floats) * sizeof(float), stream, l, static_cast<int32_t>(p.floats), w, wide,
                 in[3].rank >= 0 ? in[3].as<float>() : nullptr, k_count, share, to);
  if (parts > 1)
    STRIATE_LAUNCH(gemm::add_stretches_kernel, blocks_for(size, gemm::kThreads), gemm::kThreads, 0, stream, to, parts,
                   size, 1, nullptr, y);
  if (o.normalise) finish(ctx, y, {k_count * plane, plane}, nullptr, true, out);
}

}  // namespace

void wavelet_mix(core::Context& ctx, const core::View* in, core::View* out, const op::WaveletMix::Options& o) {
  const int64_t k_count = in[2].shape[0], outputs = k_count <= 64 ? 64 : k_count <= 128 ? 128 : 256;
  const int64_t places = out[0].shape[0] * out[0].shape[2] * out[0].shape[3];
  const int64_t tiles = (places + kPlaces - 1) / kPlaces * ((k_count + outputs - 1) / outputs);
  if (8 * tiles <= device_of(ctx).processors) return mix_few(ctx, in, out, o);
  const Prepared p = wavelet::prepare(ctx, in[0], in[1], o, kPlaces + outputs, 0);
  const auto run = [&](auto mirrored) {
    constexpr bool kMirrored = decltype(mirrored)::value;
    if (outputs == 64)
      mix<kMirrored, 64>(ctx, in, out, o, p);
    else if (outputs == 128)
      mix<kMirrored, 128>(ctx, in, out, o, p);
    else
      mix<kMirrored, 256>(ctx, in, out, o, p);
  };
  p.mirrored ? run(std::true_type{}) : run(std::false_type{});
}

}  // namespace striate::cuda
