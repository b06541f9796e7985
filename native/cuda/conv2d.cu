// conv2d, conv2d_grad: ops/conv2d.h. Products in float32 (gemm.cuh) whose operands are gathered from the images on
// their way to shared memory (conv_gather.cuh): patches are never written out.
//   y   [K] x [N P Q], depth C R S
//   gx  [C] x [N H W], depth K and the taps that reach the pixel: with a stride the pixels fall into stride^2 phases,
//       each with taps of its own, so that no product with a known zero is made
//   gw  [K] x [C R S], depth N P Q
// Where a product has too few tiles for the GPU, its depth is cut into stretches whose sums are added in order: no
// atomics, the bits repeat. gb: a block a filter, a fixed tree. cuDNN is not asked: of its algorithms those whose bits
// repeat and whose products are float32 and direct trained ResNet-18 (64 x 64, batch 32, an H200) at 0.59 of this speed.
// conv2d_bf16.cu has the tensor cores' products: those in bfloat16, and on GPUs of data centres those of float32 factors
// from 2^24 multiplications on (and 32 channels and filters), each factor three bfloat16 numbers.
#include <cstdint>

#include "cuda/conv2d.cuh"

namespace striate::cuda {
namespace {

using conv::Patches, conv::Planes, gemm::kDepth, gemm::kThreads;

ConvLayer layer_of(const core::View& x, const core::View& w, const core::View& y, const op::Conv2d::Options& o) {
  const ConvLayer l{x.shape[0], x.shape[1], x.shape[2], x.shape[3], w.shape[0], w.shape[2],
                    w.shape[3], y.shape[2], y.shape[3], o.stride,   o.padding};
  if (l.H * l.W >= 1 << 29 || l.P * l.Q >= 1 << 29)
    throw core::Error(core::ErrorKind::shape, "", "x", core::shape_text(x),
                      "images of fewer than 2^29 pixels on this device");
  if (l.C * l.R * l.S > INT32_MAX || l.K * l.R * l.S > INT32_MAX)
    throw core::Error(core::ErrorKind::shape, "", "w", core::shape_text(w), "fewer than 2^31 weights to a filter");
  return l;
}

/// Whether the tensor cores make six products of bfloat16 parts sooner than the ordinary cores make one: not where
/// channels or filters are few and padding is most of a tile, where laying out takes longer than the products, of bytes,
/// or on GPUs whose tensor cores are too slow for it (they are slow in float64 as well). From the shape and the device
/// alone, so that the bits repeat.
bool in_parts(const core::Context& ctx, const ConvLayer& l, const core::View& x) {
  const double products = static_cast<double>(l.N * l.P * l.Q) * static_cast<double>(l.K * l.C * l.R * l.S);
  return device_of(ctx).fast_f64 && x.dtype == core::Dtype::f32 && std::min(l.C, l.K) >= 32 && products >= 1 << 24;
}

template <class S, class T>
__global__ void __launch_bounds__(kThreads, 2)
    conv_kernel(gemm::Operand<float> w, Patches<T> patches, int64_t m, int64_t n, int64_t depth, int64_t length,
                bool aligned, bool split, gemm::Store part, Planes planes) {
  using LoadA = gemm::Loader<float, true, S::kM>;
  using LoadB = conv::PositionLoader<T, S::kN>;
  __shared__ __align__(16) float tile_a[2][kDepth * LoadA::kPitch];
  __shared__ __align__(16) float tile_b[2][kDepth * LoadB::kPitch];
  const gemm::Corner<S> corner(n);
  const int64_t begin = blockIdx.z * length, end = min(depth, begin + length);
  LoadA load_a{w, corner.m, m, end, aligned, {}};
  LoadB load_b(patches, corner.n, n, end);
  if (split)
    gemm::tile_product<S>(load_a, load_b, tile_a, tile_b, m, n, begin, end, part);
  else
    gemm::tile_product<S>(load_a, load_b, tile_a, tile_b, m, n, begin, end, planes);
}

template <class S>
__global__ void __launch_bounds__(kThreads, 2)
    conv_grad_x_kernel(const float* w, int64_t channels, int32_t area, int32_t width, int32_t stride, ConvPhase phase,
                       Patches<float> patches, int64_t n, int64_t depth, int64_t length, bool split, gemm::Store part,
                       Planes planes) {
  using LoadA = conv::TurnedWeightLoader<S::kM>;
  using LoadB = conv::PositionLoader<float, S::kN>;
  __shared__ __align__(16) float tile_a[2][kDepth * LoadA::kPitch];
  __shared__ __align__(16) float tile_b[2][kDepth * LoadB::kPitch];
  const gemm::Corner<S> corner(n);
  const int64_t begin = blockIdx.z * length, end = min(depth, begin + length);
  LoadA load_a{w,      channels,         corner.m,           channels,   end,          area, width,
               stride, phase.first_down, phase.first_across, phase.down, phase.across, {}};
  LoadB load_b(patches, corner.n, n, end);
  if (split)
    gemm::tile_product<S>(load_a, load_b, tile_a, tile_b, channels, n, begin, end, part);
  else
    gemm::tile_product<S>(load_a, load_b, tile_a, tile_b, channels, n, begin, end, planes);
}

template <class S, class T>
__global__ void __launch_bounds__(kThreads, 2)
    conv_grad_w_kernel(conv::PlaneValue gy, conv::TapValue<T> taps, int64_t m, int64_t n, int64_t depth, int64_t length,
                       gemm::Store store) {
  using LoadA = conv::PositionDepthLoader<conv::PlaneValue, S::kM>;
  using LoadB = conv::PositionDepthLoader<conv::TapValue<T>, S::kN>;
  __shared__ __align__(16) float tile_a[2][kDepth * LoadA::kPitch];
  __shared__ __align__(16) float tile_b[2][kDepth * LoadB::kPitch];
  const gemm::Corner<S> corner(n);
  const int64_t begin = blockIdx.z * length, end = min(depth, begin + length);
  LoadA load_a(gy, corner.m, m, end, gy.plane);
  LoadB load_b(taps, corner.n, n, end, gy.plane);
  gemm::tile_product<S>(load_a, load_b, tile_a, tile_b, m, n, begin, end, store);
}

__global__ void __launch_bounds__(kThreads) sum_planes_kernel(const float* __restrict__ gy, int64_t images,
                                                              int64_t filters, int64_t plane, float* __restrict__ gb) {
  __shared__ float part[kThreads / 32];
  float sum = 0;
  for (int64_t i = threadIdx.x; i < images * plane; i += kThreads)
    sum += __ldg(gy + (i / plane * filters + blockIdx.x) * plane + i % plane);
  sum = warp_sum(sum);
  if (threadIdx.x % 32 == 0) part[threadIdx.x / 32] = sum;
  __syncthreads();
  if (threadIdx.x != 0) return;
  for (int i = 1; i < kThreads / 32; ++i) sum += part[i];
  gb[blockIdx.x] = sum;
}

/// Calls run(tile) with the tile that suits [m] x [n], as gemm::multiply chooses.
template <class Run>
void with_tile(int64_t m, int64_t n, int processors, Run&& run) {
  if (m <= 16)
    run(gemm::Wide{});
  else if (((m + 127) / 128) * ((n + 127) / 128) >= processors)
    run(gemm::Square{});
  else
    run(gemm::Small{});
}

/// Grid, stretches and their memory for a product of [m] x [n].
template <class S>
struct Plan {
  gemm::Cut cut;
  dim3 grid;
  Plan(int64_t m, int64_t n, int64_t depth, int processors)
      : cut(((m + S::kM - 1) / S::kM) * ((n + S::kN - 1) / S::kN), depth, processors),
        grid(gemm::grid_of<S>(m, n, cut.stretches)) {}
  bool split() const { return cut.stretches > 1; }
  gemm::Store store(const core::Context& ctx, int64_t m, int64_t n, float* whole) const {
    float* to = split() ? ctx.scratch<float>(static_cast<size_t>(cut.stretches * m * n)) : whole;
    return {to, n, m * n, nullptr, n % 4 == 0};
  }
};

/// `launch(tile, plan, part)`, and the stretches' sums into the planes where there are several.
template <class Launch>
void product_to_planes(const core::Context& ctx, int64_t m, int64_t n, int64_t depth, const Planes& planes,
                       Launch&& launch) {
  const int processors = device_of(ctx).processors;
  with_tile(m, n, processors, [&](auto tile) {
    const Plan<decltype(tile)> plan(m, n, depth, processors);
    const gemm::Store part = plan.store(ctx, m, n, nullptr);
    launch(tile, plan, part);
    if (plan.split())
      STRIATE_LAUNCH(add_stretches_in_place_kernel<Planes>, blocks_for(m * n, kThreads), kThreads, 0, stream_of(ctx),
                     part.c, plan.cut.stretches, m * n, n, planes);
  });
}

template <class T>
void forward(const core::Context& ctx, const ConvLayer& l, const T* x, const float* w, const float* bias, float* y) {
  const int64_t depth = l.C * l.R * l.S, n = l.N * l.P * l.Q;
  const Planes planes = planes_of(l, bias, y);
  const gemm::Operand<float> rows{w, depth, nullptr};
  product_to_planes(ctx, l.K, n, depth, planes, [&](auto tile, const auto& plan, const gemm::Store& part) {
    using S = decltype(tile);
    STRIATE_LAUNCH((conv_kernel<S, T>), plan.grid, kThreads, 0, stream_of(ctx), rows, patches_of(l, x), l.K, n, depth,
                   plan.cut.length, depth % 4 == 0, plan.split(), part, planes);
  });
}

void grad_x(const core::Context& ctx, const ConvLayer& l, const float* w, const float* gy, float* gx) {
  for_each_phase(ctx, l, gy, gx, [&](const ConvPhase& phase, const Patches<float>& patches, const Planes& planes) {
    const int64_t depth = l.K * phase.down * phase.across, n = l.N * planes.lines * planes.columns;
    product_to_planes(ctx, l.C, n, depth, planes, [&](auto tile, const auto& plan, const gemm::Store& part) {
      using S = decltype(tile);
      STRIATE_LAUNCH(conv_grad_x_kernel<S>, plan.grid, kThreads, 0, stream_of(ctx), w, l.C, narrow(l.R * l.S),
                     narrow(l.S), narrow(l.stride), phase, patches, n, depth, plan.cut.length, plan.split(), part,
                     planes);
    });
  });
}

template <class T>
void grad_w(const core::Context& ctx, const ConvLayer& l, const T* x, const float* gy, float* gw) {
  const int processors = device_of(ctx).processors;
  const int64_t n = l.C * l.R * l.S, depth = l.N * l.P * l.Q;
  const conv::PlaneValue planes{gy, l.K * l.P * l.Q, l.P * l.Q};
  const conv::TapValue<T> taps{patches_of(l, x)};
  with_tile(l.K, n, processors, [&](auto tile) {
    using S = decltype(tile);
    const Plan<S> plan(l.K, n, depth, processors);
    const gemm::Store store = plan.store(ctx, l.K, n, gw);
    STRIATE_LAUNCH((conv_grad_w_kernel<S, T>), plan.grid, kThreads, 0, stream_of(ctx), planes, taps, l.K, n, depth,
                   plan.cut.length, store);
    if (plan.split())
      STRIATE_LAUNCH(gemm::add_stretches_kernel, blocks_for(l.K * n, kThreads), kThreads, 0, stream_of(ctx), store.c,
                     plan.cut.stretches, l.K * n, n, nullptr, gw);
  });
}

}  // namespace

void conv2d(core::Context& ctx, const core::View* in, core::View* out, const op::Conv2d::Options& o) {
  const ConvLayer l = layer_of(in[0], in[1], out[0], o);
  const float *w = in[1].as<float>(), *bias = in[2].rank >= 0 ? in[2].as<float>() : nullptr;
  float* y = out[0].as<float>();
  if (o.precision == op::Conv2d::bfloat16)
    conv_forward_bf16<1>(ctx, l, in[0], w, bias, y);
  else if (in_parts(ctx, l, in[0]))
    conv_forward_bf16<3>(ctx, l, in[0], w, bias, y);
  else if (in[0].dtype == core::Dtype::u8)
    forward(ctx, l, in[0].as<uint8_t>(), w, bias, y);
  else
    forward(ctx, l, in[0].as<float>(), w, bias, y);
}

void conv2d_grad(core::Context& ctx, const core::View* in, core::View* out, const op::Conv2dGrad::Options& o) {
  const ConvLayer l = layer_of(in[0], in[1], in[2], o);
  const float *w = in[1].as<float>(), *gy = in[2].as<float>();
  float* gx = out[0].rank >= 0 ? out[0].as<float>() : nullptr;
  float* gw = out[1].rank >= 0 ? out[1].as<float>() : nullptr;
  if (o.precision == op::Conv2d::bfloat16) {
    if (gx || gw) conv_backward_bf16<1>(ctx, l, in[0], w, gy, gx, gw);
  } else if (in_parts(ctx, l, in[0])) {
    if (gx || gw) conv_backward_bf16<3>(ctx, l, in[0], w, gy, gx, gw);
  } else {
    if (gx) grad_x(ctx, l, w, gy, gx);
    if (gw && in[0].dtype == core::Dtype::u8)
      grad_w(ctx, l, in[0].as<uint8_t>(), gy, gw);
    else if (gw)
      grad_w(ctx, l, in[0].as<float>(), gy, gw);
  }
  if (out[2].rank >= 0)
    STRIATE_LAUNCH(sum_planes_kernel, static_cast<unsigned>(l.K), kThreads, 0, stream_of(ctx), gy, l.N, l.K, l.P * l.Q,
                   out[2].as<float>());
}

}  // namespace striate::cuda
