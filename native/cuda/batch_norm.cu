// batch_norm, batch_norm_grad: ops/batch_norm.h. Two kernels: the sums of a piece of a channel by a block each, in
// float64 and a fixed order; and the results, where each block first adds up its channel's pieces, which costs less than
// a kernel between them. The second reading of x comes from the L2 cache where the layer fits it. Bytes: 8 to 12 an
// element, gradients 12 to 20.
#include <cstdint>

#include "cuda/launch.cuh"
#include "ops/batch_norm.h"

namespace striate::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int64_t kPiece = 1 << 12, kPieces = 64;  // elements of a channel that a block takes at least; blocks at most

struct Sums {
  double first, second;
};

/// What a channel's elements are moved and multiplied by.
struct alignas(16) Channel {
  float centre, factor, offset, slope;
};

struct Planes {
  int64_t images, channels, size, piece, pieces;
  __host__ __device__ int64_t of_channel() const { return images * size; }
};

/// A 64-bit division is several times as slow as a 32-bit one.
__device__ __forceinline__ int64_t divide(int64_t i, int64_t by) {
  return i <= INT32_MAX && by <= INT32_MAX ? static_cast<int32_t>(i) / static_cast<int32_t>(by) : i / by;
}

/// f(i) for the packs of the block's piece of its channel: i is a pack's first element in x.
template <int kCount, class F>
__device__ __forceinline__ void for_each_pack(const Planes& planes, int64_t channel, F&& f) {
  constexpr int64_t kStep = kThreads * kCount;
  const int64_t piece = blockIdx.x % planes.pieces, end = min(planes.of_channel(), (piece + 1) * planes.piece);
  // Image and position in its plane, stepped on without a division each time.
  int64_t i = piece * planes.piece + threadIdx.x * kCount;
  int64_t image = divide(i, planes.size), inside = i - image * planes.size;
  const int64_t images = kStep / planes.size, rest = kStep - images * planes.size;
  for (; i < end; i += kStep) {
    f((image * planes.channels + channel) * planes.size + inside);
    image += images;
    inside += rest;
    if (inside >= planes.size) {
      inside -= planes.size;
      ++image;
    }
  }
}

/// parts[block]: with gy the sums of gy and gy (x - centre), without it of d and d^2, d = x - the channel's first.
template <int kCount>
__global__ void __launch_bounds__(kThreads) sums_kernel(const float* __restrict__ x, const float* __restrict__ gy,
                                                        const float* __restrict__ centre, Planes planes, Sums* parts) {
  __shared__ Sums part[kThreads / 32];
  const int64_t channel = blockIdx.x / planes.pieces;
  const double about = static_cast<double>(gy ? centre[channel] : x[channel * planes.size]);
  Sums sums{0, 0};
  for_each_pack<kCount>(planes, channel, [&](int64_t i) {
    const Pack<float, kCount> value = pack_at<kCount>(x + i);
    Pack<float, kCount> g{};
    if (gy) g = pack_at<kCount>(gy + i);
    STRIATE_UNROLL
    for (int j = 0; j < kCount; ++j) {
      const double d = static_cast<double>(value.v[j]) - about, factor = gy ? static_cast<double>(g.v[j]) : d;
      sums.first += factor;
      sums.second += factor * d;
    }
  });
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

__device__ __forceinline__ float moved(float running, double batch, double momentum) {
  return static_cast<float>((1 - momentum) * static_cast<double>(running) + momentum * batch);
}

/// The forward pass. Without training by the running mean and variance, which stay.
struct Normal {
  const float *x, *gamma, *beta;
  float *mean, *variance, *centre, *spread;
  double epsilon, momentum;
  bool training;
  /// `kept`: this block writes what there is of the channel beside y.
  __device__ Channel operator()(const Planes& planes, int64_t c, const Sums& sums, bool kept) const {
    double m, v;
    if (training) {
      const double count = static_cast<double>(planes.of_channel()), offset = sums.first / count;
      const double squares = sums.second - sums.first * offset;
      const double all = squares < 0 ? 0 : squares;  // by rounding; a NaN stays
      m = static_cast<double>(x[c * planes.size]) + offset;
      v = all / count;
      if (kept) {
        mean[c] = moved(mean[c], m, momentum);
        variance[c] = moved(variance[c], all / (count - 1), momentum);
      }
    } else {
      m = static_cast<double>(mean[c]);
      v = static_cast<double>(variance[c]);
    }
    const float s = static_cast<float>(1 / sqrt(v + epsilon)), middle = static_cast<float>(m);
    if (kept && centre) centre[c] = middle;
    if (kept && spread) spread[c] = s;
    return {middle, gamma[c] * s, beta[c], 0};
  }
};

struct Gradient {
  const float *gamma, *centre, *spread;
  float *ggamma, *gbeta;
  __device__ Channel operator()(const Planes& planes, int64_t c, const Sums& sums, bool kept) const {
    const double s = static_cast<double>(spread[c]), count = static_cast<double>(planes.of_channel());
    if (kept && ggamma) ggamma[c] = static_cast<float>(sums.second * s);
    if (kept && gbeta) gbeta[c] = static_cast<float>(sums.first);
    return {centre[c], gamma[c] * spread[c], static_cast<float>(sums.first / count),
            static_cast<float>(sums.second * s * s / count)};
  }
};

/// y, or gx when there is a gy; neither when `to` is null. `parts` null: no sums are asked for.
template <int kCount, class Of>
__global__ void __launch_bounds__(kThreads)
    apply_kernel(const float* __restrict__ x, const float* __restrict__ gy, Of of, const Sums* __restrict__ parts,
                 Planes planes, float* __restrict__ to) {
  __shared__ Channel shared;
  const int64_t channel = blockIdx.x / planes.pieces;
  if (threadIdx.x < 32) {
    Sums total{0, 0};
    for (int64_t i = threadIdx.x; parts && i < planes.pieces; i += 32) {
      total.first += parts[channel * planes.pieces + i].first;
      total.second += parts[channel * planes.pieces + i].second;
    }
    total = {warp_sum(total.first), warp_sum(total.second)};
    if (threadIdx.x == 0) shared = of(planes, channel, total, blockIdx.x % planes.pieces == 0);
  }
  __syncthreads();
  if (!to) return;
  const Channel c = shared;
  for_each_pack<kCount>(planes, channel, [&](int64_t i) {
    const Pack<float, kCount> value = pack_at<kCount>(x + i);
    Pack<float, kCount> g{}, result;
    if (gy) g = pack_at<kCount>(gy + i);
    STRIATE_UNROLL
    for (int j = 0; j < kCount; ++j) {
      const float d = value.v[j] - c.centre;
      result.v[j] = gy ? ((g.v[j] - c.offset) - d * c.slope) * c.factor : d * c.factor + c.offset;
    }
    pack_at<kCount>(to + i) = result;
  });
}

/// The sums first where they are asked for, then `of` and what follows from it.
template <class Of>
void run(core::Context& ctx, const float* x, const float* gy, const float* centre, const Of& of, const Planes& planes,
         bool summed, float* to) {
  const int64_t blocks = planes.channels * planes.pieces;
  Sums* parts = summed ? ctx.scratch<Sums>(static_cast<size_t>(blocks)) : nullptr;
  const auto with = [&](auto count) {
    constexpr int kCount = decltype(count)::value;
    if (summed)
      STRIATE_LAUNCH(sums_kernel<kCount>, blocks_for(blocks, 1), kThreads, 0, stream_of(ctx), x, gy, centre, planes,
                     parts);
    STRIATE_LAUNCH((apply_kernel<kCount, Of>), blocks_for(blocks, 1), kThreads, 0, stream_of(ctx), x, gy, of, parts,
                   planes, to);
  };
  planes.size % 4 == 0 ? with(std::integral_constant<int, 4>{}) : with(std::integral_constant<int, 1>{});
}

Planes planes_of(const core::View& x) {
  Planes planes{x.shape[0], x.shape[1], x.shape[2] * x.shape[3], kPiece, 1};
  while (planes.piece * kPieces < planes.of_channel()) planes.piece *= 2;
  planes.pieces = (planes.of_channel() + planes.piece - 1) / planes.piece;
  return planes;
}

float* wanted(const core::View& view) { return view.rank >= 0 ? view.as<float>() : nullptr; }

}  // namespace

void batch_norm(core::Context& ctx, const core::View* in, core::View* out, const op::BatchNorm::Options& o) {
  const float* x = in[0].as<float>();
  const Normal of{x,
                  in[1].as<float>(),
                  in[2].as<float>(),
                  in[3].as<float>(),
                  in[4].as<float>(),
                  wanted(out[1]),
                  wanted(out[2]),
                  o.epsilon,
                  o.momentum,
                  o.training};
  run(ctx, x, nullptr, nullptr, of, planes_of(in[0]), o.training, out[0].as<float>());
}

void batch_norm_grad(core::Context& ctx, const core::View* in, core::View* out, const op::NoOptions&) {
  const float* centre = in[2].as<float>();
  const Gradient of{in[1].as<float>(), centre, in[3].as<float>(), wanted(out[1]), wanted(out[2])};
  run(ctx, in[0].as<float>(), in[4].as<float>(), centre, of, planes_of(in[0]), true, wanted(out[0]));
}

}  // namespace striate::cuda
