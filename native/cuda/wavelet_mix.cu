// wavelet_mix: ops/wavelet.h. One block per tile of 64 places and 64, 128 or 256 outputs: the responses of eight channels
// (wavelet.cuh) and those channels' weights in shared memory, then their products, each of 256 threads 4 places by 4, 8
// or 16 outputs in registers; so maps are made and used in shared memory, once for every 256 outputs. Where tiles are too
// few for the device, several blocks share the channels of one, and their sums are added up in order. `normalise` is a
// kernel of its own over what was written.
// Per place, channel and output nine fused multiply-adds; per 4 places and 16 outputs five reads of 16 bytes.
// Numerics: float32, in order of channels and maps; a norm's squares in float64.
#include <cstdint>

#include "cuda/wavelet.cuh"

namespace striate::cuda {
namespace {

using wavelet::kPlaces, wavelet::kThreads, wavelet::Layer, wavelet::Place, wavelet::Prepared, wavelet::Tile;

constexpr int kPitch = kPlaces + 1;  // of the outputs on their way out

/// w [K, maps] as [channel, map][wide], zeros beyond K. One block per row of it.
__global__ void __launch_bounds__(kPlaces) wavelet_weights_kernel(const float* __restrict__ w, int32_t k_count,
                                                                  int32_t wide, Layer l, float* __restrict__ to) {
  const int32_t row = blockIdx.x;
  const int64_t maps = l.all_maps();
  const float* from = w + l.map(row / l.maps, row % l.maps);
  for (int32_t k = threadIdx.x; k < wide; k += kPlaces)
    to[static_cast<int64_t>(row) * wide + k] = k < k_count ? __ldg(from + k * maps) : 0.0f;
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

/// Adds up `parts` copies of y, `size` apart, and divides each place's outputs by their norm where asked. A block has 16
/// places, and a thread every 32nd output of one.
__global__ void __launch_bounds__(kFinishThreads)
    wavelet_finish_kernel(const float* parts_of, int32_t parts, int64_t size, float* y, int64_t places, int64_t plane,
                          int32_t k_count, bool normalise, float* __restrict__ norms) {
  __shared__ double squares[kFinishRows][kFinishPlaces + 1];
  const int32_t place = threadIdx.x % kFinishPlaces, row = threadIdx.x / kFinishPlaces;
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kFinishPlaces + place;
  const bool there = i < places;
  const int64_t first = there ? i / plane * k_count * plane + i % plane : 0;
  double square = 0;
  for (int32_t k = row; there && k < k_count; k += kFinishRows) {
    const int64_t at = first + k * plane;
    float v = parts_of[at];
    if (parts > 1) {
#pragma unroll 4
      for (int32_t part = 1; part < parts; ++part) v += parts_of[part * size + at];
      y[at] = v;
    }
    square += static_cast<double>(v) * static_cast<double>(v);
  }
  if (!normalise) return;
  squares[row][place] = square;
  __syncthreads();
  square = 0;
  for (int r = 0; r < kFinishRows; ++r) square += squares[r][place];
  const double factor = square == 0 ? 0.0 : rsqrt(square);
  for (int32_t k = row; there && k < k_count; k += kFinishRows) {
    float& v = y[first + k * plane];
    v = static_cast<float>(static_cast<double>(v) * factor);
  }
  if (there && norms && row == 0) norms[i] = static_cast<float>(sqrt(square));
}

template <bool kMirrored, int kOutputs>
void mix(core::Context& ctx, const core::View* in, core::View* out, const op::WaveletMix::Options& o,
         const Prepared& p) {
  const Layer& l = p.layer;
  const int32_t k_count = static_cast<int32_t>(in[2].shape[0]), wide = (k_count + kOutputs - 1) / kOutputs * kOutputs;
  const cudaStream_t stream = stream_of(ctx);
  float* w = ctx.scratch<float>(static_cast<size_t>(l.all_maps() * wide));
  STRIATE_LAUNCH(wavelet_weights_kernel, blocks_for(l.all_maps(), 1), kPlaces, 0, stream, in[2].as<float>(), k_count,
                 wide, l, w);
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
  if (o.normalise || parts > 1)
    STRIATE_LAUNCH(wavelet_finish_kernel, blocks_for(l.N * plane, kFinishPlaces), kFinishThreads, 0, stream, to, parts,
                   size, y, l.N * plane, plane, k_count, o.normalise, out[1].rank >= 0 ? out[1].as<float>() : nullptr);
}

}  // namespace

void wavelet_mix(core::Context& ctx, const core::View* in, core::View* out, const op::WaveletMix::Options& o) {
  const int64_t k_count = in[2].shape[0], outputs = k_count <= 64 ? 64 : k_count <= 128 ? 128 : 256;
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
