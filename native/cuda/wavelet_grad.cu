// wavelet_conv_grad, wavelet_mix_grad: ops/wavelet.h, in steps over so many images that what lies between is of a bounded
// size. What each map is blamed for is gy, or w' times gy before its norm (gemm.cuh);
//   blame   responses again (wavelet.cuh: one block per tile and stretch of channels, one warp per channel), and from
//           them the gradients of the bank's values: [n][c][round][value][P,Q]
//   spread  one thread per pixel sums, in a fixed order, over the places of the bordered grid that show it, the windows
//           that reach them, and the values; no atomics
//   gw      the maps themselves, then one product a step (gemm.cuh), added in order
//   gb      one block per output, a fixed tree in float64
// Not yet timed on a GPU.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "cuda/gemm.cuh"
#include "cuda/wavelet.cuh"

namespace striate::cuda {
namespace {

using wavelet::kPlaces, wavelet::kTap, wavelet::kTerms, wavelet::kThreads, wavelet::kValues, wavelet::Layer,
    wavelet::Mine, wavelet::Order, wavelet::Place, wavelet::Prepared, wavelet::Round, wavelet::Tile;

constexpr int64_t kStepFloats = 64 << 20, kStepImages = 256;  // of what lies between, at a time

/// g: gradients of the maps, laid out as `order` says. z of a warp's shared memory holds gradients of its values.
__global__ void __launch_bounds__(kThreads)
    wavelet_blame_kernel(Layer l, int32_t floats, Order order, const float* __restrict__ g, float* __restrict__ blame) {
  STRIATE_DYNAMIC_SHARED(float, shared);
  const Tile tile(l, wavelet::tile_number(l));
  const Mine mine(l, floats, shared);
  if (!mine.any) return;
  const int32_t lane = threadIdx.x % 32;
  wavelet::fill_tile(l, tile, mine.c, mine.pixels);
  __syncwarp();
  const float* centre[2];
  wavelet::find_centres(l, tile, mine.pixels, centre);
  const int64_t plane = static_cast<int64_t>(l.P) * l.Q;
  float *values = mine.joins, *sums = values + wavelet::kJoinFloats;
  for (int32_t r = 0; r < l.rounds; ++r) {
    wavelet::keep_values(l, r, centre, values + lane);
    const Round round = l.round[r];
    for (int32_t i = lane; i < kPlaces; i += 32) {
      const Place at(l, tile, i);
      if (!at.valid) continue;
      const int64_t place = static_cast<int64_t>(tile.p + at.row) * l.Q + tile.q + at.column, n = tile.n + at.image;
      for (int v = 0; v < kValues; ++v) sums[v * kPlaces + i] = 0;
      const auto gradient = [&](int32_t map) {
        return __ldg(g + n * order.image + l.map(mine.c, map) * order.map + place);
      };
      const auto give = [&](int32_t f, float x) {
        for (int k = 0; k < kTerms; ++k) {
          const int2 term = __ldg(l.terms + f * kTerms + k);
          if (term.x >= 0) sums[term.x * kPlaces + i] += __int_as_float(term.y) * x;
        }
      };
      for (int32_t f = round.filter; f < round.filter + round.filters;) {
        if (f == 0 || l.nonlinearity == op::WaveletConv::none) {
          give(f, gradient(f));
          ++f;
          continue;
        }
        const float x = gradient(f / 2 + 1), re = wavelet::join(l, f, values + i);
        if (l.nonlinearity == op::WaveletConv::relu) {
          give(f, re <= 0 ? 0.0f : x);
        } else {
          const float im = wavelet::join(l, f + 1, values + i), m = wavelet::modulus(re, im);
          const float each = m == 0 ? 0.0f : x / m;
          give(f, each * re);
          give(f + 1, each * im);
        }
        f += 2;
      }
      float* to = blame + ((n * l.C + mine.c) * l.rounds + r) * kValues * plane + place;
      for (int v = 0; v < kValues; ++v) to[v * plane] = sums[v * kPlaces + i];
    }
  }
}

/// The places of an axis that show each pixel: list[start[i]] to list[start[i + 1] - 1].
struct Shown {
  const int32_t *start, *list;
};

/// One thread per pixel of gx [n][C][H,W].
__global__ void __launch_bounds__(kThreads)
    wavelet_spread_kernel(Layer l, Shown rows, Shown columns, const float* __restrict__ blame, float* __restrict__ gx) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  const int32_t pixels = l.H * l.W;
  if (i >= l.N * l.C * pixels) return;
  const int64_t image = i / pixels, plane = static_cast<int64_t>(l.P) * l.Q;
  const int32_t h = static_cast<int32_t>(i % pixels) / l.W, w = static_cast<int32_t>(i % pixels) % l.W;
  float sum = 0;
  for (int32_t at_row = __ldg(rows.start + h); at_row < __ldg(rows.start + h + 1); ++at_row)
    for (int32_t at_column = __ldg(columns.start + w); at_column < __ldg(columns.start + w + 1); ++at_column) {
      const int32_t row = __ldg(rows.list + at_row) - l.reach, column = __ldg(columns.list + at_column) - l.reach;
      for (int32_t a = -l.reach; a <= l.reach; ++a) {
        const int32_t p = (row - a) / l.step;
        if (row - a < 0 || (row - a) % l.step != 0 || p >= l.P) continue;
        for (int32_t b = -l.reach; b <= l.reach; ++b) {
          const int32_t q = (column - b) / l.step;
          if (column - b < 0 || (column - b) % l.step != 0 || q >= l.Q) continue;
          const float down = a < 0 ? -1.0f : 1.0f, across = b < 0 ? -1.0f : 1.0f;
          for (int32_t r = 0; r < l.rounds; ++r) {
            const float* from = blame + (image * l.rounds + r) * kValues * plane + static_cast<int64_t>(p) * l.Q + q;
            float weight[kTap];
            wavelet::load_tap<5>(weight, l.weights + (static_cast<int64_t>(r) * (l.reach + 1) * (l.reach + 1) +
                                                      (a < 0 ? -a : a) * (l.reach + 1) + (b < 0 ? -b : b)) *
                                                         kTap);
            STRIATE_UNROLL
            for (int v = 0; v < kValues; ++v) {
              const bool odd_row = (v >= wavelet::kEven && v < wavelet::kEven + wavelet::kMixed) ||
                                   v >= wavelet::kEven + 2 * wavelet::kMixed;
              const bool odd_column = v >= wavelet::kEven + wavelet::kMixed;
              sum += weight[v] * (odd_row ? down : 1.0f) * (odd_column ? across : 1.0f) * __ldg(from + v * plane);
            }
          }
        }
      }
    }
  gx[i] = sum;
}

/// gy [n][K][plane] as [K][n, plane], and where y = v / |v| as v's: (gy - (gy . y) y) / |v|, 0 where |v| is 0. One
/// thread per place.
__global__ void __launch_bounds__(kThreads)
    wavelet_place_grad_kernel(const float* __restrict__ gy, const float* __restrict__ y,
                              const float* __restrict__ norms, int64_t places, int64_t plane, int32_t k_count,
                              float* __restrict__ gv) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= places) return;
  const int64_t at = i / plane * k_count * plane + i % plane;
  const double norm = norms ? static_cast<double>(norms[i]) : 1.0;
  double dot = 0;
  for (int32_t k = 0; y && k < k_count; ++k)
    dot += static_cast<double>(gy[at + k * plane]) * static_cast<double>(y[at + k * plane]);
  for (int32_t k = 0; k < k_count; ++k) {
    const float g = gy[at + k * plane];
    gv[k * places + i] =
        !y ? g
        : norm == 0
            ? 0.0f
            : static_cast<float>((static_cast<double>(g) - dot * static_cast<double>(y[at + k * plane])) / norm);
  }
}

/// One block per output: gb (+)= the sum of a row of g [K][count].
__global__ void __launch_bounds__(kThreads)
    wavelet_bias_grad_kernel(const float* __restrict__ g, int64_t count, bool first, float* __restrict__ gb) {
  __shared__ double part[kThreads / 32];
  double sum = 0;
  for (int64_t i = threadIdx.x; i < count; i += kThreads) sum += static_cast<double>(g[blockIdx.x * count + i]);
  sum = warp_sum(sum);
  if (threadIdx.x % 32 == 0) part[threadIdx.x / 32] = sum;
  __syncthreads();
  if (threadIdx.x != 0) return;
  for (int i = 1; i < kThreads / 32; ++i) sum += part[i];
  gb[blockIdx.x] = static_cast<float>(first ? sum : static_cast<double>(gb[blockIdx.x]) + sum);
}

/// to += from.
__global__ void __launch_bounds__(kThreads)
    wavelet_add_kernel(const float* __restrict__ from, int64_t count, float* __restrict__ to) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i < count) to[i] += from[i];
}

/// The places that show each of `size` pixels of an axis.
std::vector<int32_t> shown(int64_t size, int64_t step, int64_t side) {
  const op::WaveletAxis axis(size, step);
  std::vector<int32_t> made(static_cast<size_t>(size + 1)), list;
  for (int64_t i = 0; i < size; ++i) {
    made[static_cast<size_t>(i)] = static_cast<int32_t>(list.size());
    for (int64_t e = 0; e < axis.extent(side); ++e)
      if (axis.reached(e, side) == i) list.push_back(static_cast<int32_t>(e));
  }
  made[static_cast<size_t>(size)] = static_cast<int32_t>(list.size());
  made.insert(made.end(), list.begin(), list.end());
  return made;
}

/// gx of images from the gradients of their maps.
class PixelGradient {
 public:
  PixelGradient(const core::Context& ctx, const Prepared& p, int64_t images) : ctx_(ctx), p_(p) {
    const Layer& l = p.layer;
    const auto upload = [&](int32_t size) {
      const std::vector<int32_t> made = shown(size, l.step, l.side);
      int32_t* to = ctx.scratch<int32_t>(made.size());
      check(cudaMemcpyAsync(to, made.data(), made.size() * sizeof(int32_t), cudaMemcpyHostToDevice, stream_of(ctx)),
            "cudaMemcpyAsync");
      return Shown{to, to + size + 1};
    };
    rows_ = upload(l.H);
    columns_ = upload(l.W);
    blame_ = ctx.scratch<float>(static_cast<size_t>(images * floats(l)));
  }
  /// Floats between the two kernels, an image.
  static int64_t floats(const Layer& l) { return static_cast<int64_t>(l.C) * l.rounds * kValues * l.P * l.Q; }

  void operator()(int64_t first, int64_t images, Order order, const float* g, float* gx) const {
    const Prepared p = p_.of_images(first, images);
    const int64_t pixels = images * p.layer.C * p.layer.H * p.layer.W;
    STRIATE_LAUNCH(wavelet_blame_kernel, p.blocks(), kThreads, wavelet::shared_bytes(p), stream_of(ctx_), p.layer,
                   static_cast<int32_t>(p.floats), order, g, blame_);
    STRIATE_LAUNCH(wavelet_spread_kernel, blocks_for(pixels, kThreads), kThreads, 0, stream_of(ctx_), p.layer, rows_,
                   columns_, blame_, gx);
  }

 private:
  const core::Context& ctx_;
  const Prepared& p_;
  Shown rows_, columns_;
  float* blame_;
};

/// Images of a step that takes so many floats for each.
int64_t most_images(int64_t floats, int64_t images) {
  return std::clamp<int64_t>(kStepFloats / floats, 1, std::min(images, kStepImages));
}

/// Prepared for the gradient kernel, whose warps keep values and their gradients.
Prepared prepare_gradient(const core::Context& ctx, const core::View* in, const op::WaveletConv::Options& o) {
  Prepared p = wavelet::prepare(ctx, in[0], in[1], o, kPlaces, 2 * wavelet::kJoinFloats);
  p.floats = p.layer.tile_floats() + 2 * wavelet::kJoinFloats;
  return p;
}

}  // namespace

void wavelet_conv_grad(core::Context& ctx, const core::View* in, core::View* out, const op::WaveletConv::Options& o) {
  const Prepared p = prepare_gradient(ctx, in, o);
  const Layer& l = p.layer;
  const int64_t plane = static_cast<int64_t>(l.P) * l.Q, step = most_images(PixelGradient::floats(l), l.N);
  const PixelGradient gradient(ctx, p, step);
  for (int64_t n = 0; n < l.N; n += step)
    gradient(n, std::min(step, l.N - n), {l.all_maps() * plane, plane}, in[2].as<float>() + n * l.all_maps() * plane,
             out[0].as<float>() + n * l.C * l.H * l.W);
}

void wavelet_mix_grad(core::Context& ctx, const core::View* in, core::View* out, const op::WaveletMixGrad::Options& o) {
  const Prepared p = prepare_gradient(ctx, in, o);
  const Layer& l = p.layer;
  const cudaStream_t stream = stream_of(ctx);
  const int32_t k_count = static_cast<int32_t>(in[2].shape[0]);
  const int64_t plane = static_cast<int64_t>(l.P) * l.Q, maps = l.all_maps();
  const int processors = device_of(ctx).processors;
  const bool pixels = out[0].rank >= 0, weights = out[1].rank >= 0, bias = out[2].rank >= 0;
  // A step's images follow each other in every row, so that its products are two.
  const int64_t step = most_images((maps + k_count) * plane + (pixels ? PixelGradient::floats(l) : 0), l.N);
  const PixelGradient gradient(ctx, p, pixels ? step : 0);
  float* g = ctx.scratch<float>(static_cast<size_t>(step * k_count * plane));
  float* of_maps = ctx.scratch<float>(static_cast<size_t>(step * maps * plane));
  float* of_step = ctx.scratch<float>(static_cast<size_t>(k_count * maps));
  for (int64_t n = 0; n < l.N; n += step) {
    const int64_t images = std::min(step, l.N - n), places = images * plane, at = n * k_count * plane;
    STRIATE_LAUNCH(wavelet_place_grad_kernel, blocks_for(places, kThreads), kThreads, 0, stream, in[3].as<float>() + at,
                   o.normalise ? in[4].as<float>() + at : nullptr,
                   o.normalise ? in[5].as<float>() + n * plane : nullptr, places, plane, k_count, g);
    if (bias)
      STRIATE_LAUNCH(wavelet_bias_grad_kernel, static_cast<unsigned>(k_count), kThreads, 0, stream, g, places, n == 0,
                     out[2].as<float>());
    const gemm::Operand<float> of_places{g, places, nullptr}, made{of_maps, places, nullptr};
    if (pixels) {
      gemm::multiply<false, false>(ctx, gemm::Operand<float>{in[2].as<float>(), maps, nullptr}, of_places, maps, places,
                                   k_count, nullptr, of_maps, processors);
      gradient(n, images, {plane, places}, of_maps, out[0].as<float>() + n * l.C * l.H * l.W);
    }
    if (weights) {
      wavelet::write_maps(ctx, p.of_images(n, images), {plane, places}, of_maps);
      gemm::multiply<true, true>(ctx, of_places, made, k_count, maps, places, nullptr,
                                 n == 0 ? out[1].as<float>() : of_step, processors);
      if (n > 0)
        STRIATE_LAUNCH(wavelet_add_kernel, blocks_for(k_count * maps, kThreads), kThreads, 0, stream, of_step,
                       k_count * maps, out[1].as<float>());
    }
  }
}

}  // namespace striate::cuda
