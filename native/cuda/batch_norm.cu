// batch_norm, batch_norm_grad: ops/batch_norm.h. Three kernels: the sums of a piece of a channel by a block each, in
// float64 and a fixed order; from them what each channel is moved and multiplied by, one thread a channel; the results,
// one thread per 4 elements where planes are whole fours. The second reading of x comes from the L2 cache where the
// layer fits it. Bytes: 8 to 12 an element, gradients 12 to 20. Not yet timed on a GPU.
#include <cstdint>

#include "cuda/launch.cuh"
#include "ops/batch_norm.h"

namespace striate::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int64_t kPiece = 1 << 14;  // elements of a channel that a block sums

template <int kCount>
struct alignas(kCount * sizeof(float)) Pack {
  float v[kCount];
};

struct Sums {
  double first, second;
};

/// What a channel's elements are moved and multiplied by.
struct alignas(16) Channel {
  float centre, factor, offset, slope;
};

struct Planes {
  int64_t images, channels, size;
  int64_t count() const { return images * channels * size; }
};

/// A 64-bit division is several times as slow as a 32-bit one.
__device__ __forceinline__ int64_t divide(int64_t i, int64_t by) {
  return i <= INT32_MAX && by <= INT32_MAX ? static_cast<int32_t>(i) / static_cast<int32_t>(by) : i / by;
}

/// parts[block]: with gy the sums of gy and gy (x - centre), without it of d and d^2, d = x - the channel's first.
template <int kCount>
__global__ void __launch_bounds__(kThreads)
    sums_kernel(const float* __restrict__ x, const float* __restrict__ gy, const float* __restrict__ centre,
                Planes planes, int64_t pieces, Sums* parts) {
  __shared__ Sums part[kThreads / 32];
  const int64_t channel = blockIdx.x / pieces, piece = blockIdx.x % pieces;
  const int64_t end = min(planes.images * planes.size, (piece + 1) * kPiece);
  const double about = static_cast<double>(gy ? centre[channel] : x[channel * planes.size]);
  Sums sums{0, 0};
  // Image and position in its plane, stepped on without a division each time.
  constexpr int64_t kStep = kThreads * kCount;
  int64_t i = piece * kPiece + threadIdx.x * kCount, image = divide(i, planes.size), inside = i - image * planes.size;
  const int64_t images = kStep / planes.size, rest = kStep - images * planes.size;
  for (; i < end; i += kStep) {
    const int64_t at = (image * planes.channels + channel) * planes.size + inside;
    image += images;
    inside += rest;
    if (inside >= planes.size) {
      inside -= planes.size;
      ++image;
    }
    const Pack<kCount> value = *reinterpret_cast<const Pack<kCount>*>(x + at);
    Pack<kCount> g{};
    if (gy) g = *reinterpret_cast<const Pack<kCount>*>(gy + at);
    STRIATE_UNROLL
    for (int j = 0; j < kCount; ++j) {
      const double d = static_cast<double>(value.v[j]) - about, factor = gy ? static_cast<double>(g.v[j]) : d;
      sums.first += factor;
      sums.second += factor * d;
    }
  }
  sums = {warp_sum(sums.first), warp_sum(sums.second)};
  if (threadIdx.x % 32 == 0) part[threadIdx.x / 32] = sums;
  __syncthreads();
  if (threadIdx.x != 0) return;
  for (int i = 1; i < kThreads / 32; ++i) {
    sums.first += part[i].first;
    sums.second += part[i].second;
  }
  parts[blockIdx.x] = sums;
}

__device__ __forceinline__ Sums total_of(const Sums* parts, int64_t pieces, int64_t channel) {
  Sums total{0, 0};
  for (int64_t i = 0; i < pieces; ++i) {
    total.first += parts[channel * pieces + i].first;
    total.second += parts[channel * pieces + i].second;
  }
  return total;
}

__device__ __forceinline__ float moved(float running, double batch, double momentum) {
  return static_cast<float>((1 - momentum) * static_cast<double>(running) + momentum * batch);
}

/// `parts` null: by the running mean and variance, which stay.
__global__ void __launch_bounds__(kThreads)
    normal_channel_kernel(const float* __restrict__ x, const float* __restrict__ gamma, const float* __restrict__ beta,
                          float* mean, float* variance, const Sums* parts, int64_t pieces, Planes planes,
                          double epsilon, double momentum, Channel* channels, float* centre, float* spread) {
  const int64_t c = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (c >= planes.channels) return;
  double m = static_cast<double>(mean[c]), v = static_cast<double>(variance[c]);
  if (parts) {
    const Sums sums = total_of(parts, pieces, c);
    const double count = static_cast<double>(planes.images * planes.size), offset = sums.first / count;
    const double squares = sums.second - sums.first * offset;
    const double all = squares < 0 ? 0 : squares;  // by rounding; a NaN stays
    m = static_cast<double>(x[c * planes.size]) + offset;
    v = all / count;
    mean[c] = moved(mean[c], m, momentum);
    variance[c] = moved(variance[c], all / (count - 1), momentum);
  }
  const float s = static_cast<float>(1 / sqrt(v + epsilon));
  channels[c] = {static_cast<float>(m), gamma[c] * s, beta[c], 0};
  if (centre) centre[c] = channels[c].centre;
  if (spread) spread[c] = s;
}

__global__ void __launch_bounds__(kThreads)
    gradient_channel_kernel(const float* __restrict__ gamma, const float* __restrict__ centre,
                            const float* __restrict__ spread, const Sums* parts, int64_t pieces, Planes planes,
                            Channel* channels, float* ggamma, float* gbeta) {
  const int64_t c = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (c >= planes.channels) return;
  const Sums sums = total_of(parts, pieces, c);
  const double s = static_cast<double>(spread[c]), count = static_cast<double>(planes.images * planes.size);
  if (ggamma) ggamma[c] = static_cast<float>(sums.second * s);
  if (gbeta) gbeta[c] = static_cast<float>(sums.first);
  channels[c] = {centre[c], gamma[c] * spread[c], static_cast<float>(sums.first / count),
                 static_cast<float>(sums.second * s * s / count)};
}

/// y, or gx when there is a gy.
template <int kCount>
__global__ void __launch_bounds__(kThreads)
    apply_kernel(const float* __restrict__ x, const float* __restrict__ gy, const Channel* __restrict__ channels,
                 Planes planes, int64_t packs, float* __restrict__ to) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= packs) return;
  const int64_t plane = divide(i * kCount, planes.size);
  const Channel c = channels[plane - divide(plane, planes.channels) * planes.channels];
  const Pack<kCount> value = reinterpret_cast<const Pack<kCount>*>(x)[i];
  Pack<kCount> g{}, result;
  if (gy) g = reinterpret_cast<const Pack<kCount>*>(gy)[i];
  STRIATE_UNROLL
  for (int j = 0; j < kCount; ++j) {
    const float d = value.v[j] - c.centre;
    result.v[j] = gy ? ((g.v[j] - c.offset) - d * c.slope) * c.factor : d * c.factor + c.offset;
  }
  reinterpret_cast<Pack<kCount>*>(to)[i] = result;
}

int64_t pieces_of(const Planes& planes) { return (planes.images * planes.size + kPiece - 1) / kPiece; }

const Sums* sums_of(core::Context& ctx, const float* x, const float* gy, const float* centre, const Planes& planes) {
  const int64_t pieces = pieces_of(planes), blocks = planes.channels * pieces;
  Sums* parts = ctx.scratch<Sums>(static_cast<size_t>(blocks));
  const auto with = [&](auto count) {
    STRIATE_LAUNCH(sums_kernel<decltype(count)::value>, blocks_for(blocks, 1), kThreads, 0, stream_of(ctx), x, gy,
                   centre, planes, pieces, parts);
  };
  planes.size % 4 == 0 ? with(std::integral_constant<int, 4>{}) : with(std::integral_constant<int, 1>{});
  return parts;
}

void apply(core::Context& ctx, const float* x, const float* gy, const Channel* channels, const Planes& planes,
           float* to) {
  const auto with = [&](auto count) {
    constexpr int kCount = decltype(count)::value;
    const int64_t packs = planes.count() / kCount;
    STRIATE_LAUNCH(apply_kernel<kCount>, blocks_for(packs, kThreads), kThreads, 0, stream_of(ctx), x, gy, channels,
                   planes, packs, to);
  };
  planes.size % 4 == 0 ? with(std::integral_constant<int, 4>{}) : with(std::integral_constant<int, 1>{});
}

Planes planes_of(const core::View& x) { return {x.shape[0], x.shape[1], x.shape[2] * x.shape[3]}; }

float* wanted(const core::View& view) { return view.rank >= 0 ? view.as<float>() : nullptr; }

}  // namespace

void batch_norm(core::Context& ctx, const core::View* in, core::View* out, const op::BatchNorm::Options& o) {
  const Planes planes = planes_of(in[0]);
  const float* x = in[0].as<float>();
  const Sums* parts = o.training ? sums_of(ctx, x, nullptr, nullptr, planes) : nullptr;
  Channel* channels = ctx.scratch<Channel>(static_cast<size_t>(planes.channels));
  STRIATE_LAUNCH(normal_channel_kernel, blocks_for(planes.channels, kThreads), kThreads, 0, stream_of(ctx), x,
                 in[1].as<float>(), in[2].as<float>(), in[3].as<float>(), in[4].as<float>(), parts, pieces_of(planes),
                 planes, o.epsilon, o.momentum, channels, wanted(out[1]), wanted(out[2]));
  apply(ctx, x, nullptr, channels, planes, out[0].as<float>());
}

void batch_norm_grad(core::Context& ctx, const core::View* in, core::View* out, const op::NoOptions&) {
  const Planes planes = planes_of(in[0]);
  const float *x = in[0].as<float>(), *centre = in[2].as<float>(), *gy = in[4].as<float>();
  const Sums* parts = sums_of(ctx, x, gy, centre, planes);
  Channel* channels = ctx.scratch<Channel>(static_cast<size_t>(planes.channels));
  STRIATE_LAUNCH(gradient_channel_kernel, blocks_for(planes.channels, kThreads), kThreads, 0, stream_of(ctx),
                 in[1].as<float>(), centre, in[3].as<float>(), parts, pieces_of(planes), planes, channels,
                 wanted(out[1]), wanted(out[2]));
  if (out[0].rank >= 0) apply(ctx, x, gy, channels, planes, out[0].as<float>());
}

}  // namespace striate::cuda
