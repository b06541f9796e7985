// wavelet_conv, wavelet_moments: ops/wavelet.h. Responses of a tile and a few channels in shared memory (wavelet.cuh: one
// block per tile and stretch of channels, one warp per channel), then each warp stores its maps, or one lane sums each
// map over the tile in float64; sums of tiles are added in order by one thread a map.
#include <cstdint>

#include "cuda/wavelet.cuh"

namespace striate::cuda {
namespace {

using wavelet::kPlaces, wavelet::kThreads, wavelet::Layer, wavelet::Mine, wavelet::Place, wavelet::Prepared,
    wavelet::Tile;

template <bool kMirrored>
__global__ void __launch_bounds__(kThreads)
    wavelet_conv_kernel(Layer l, int32_t floats, wavelet::Order order, float* __restrict__ y) {
  STRIATE_DYNAMIC_SHARED(float, shared);
  const Tile tile(l, wavelet::tile_number(l));
  const Mine mine(l, floats, shared);
  if (!mine.any) return;
  wavelet::respond<kMirrored>(l, tile, mine.c, mine.pixels, mine.joins, mine.z);
  __syncwarp();
  for (int32_t i = threadIdx.x % 32; i < kPlaces; i += 32) {
    const Place at(l, tile, i);
    if (!at.valid) continue;
    float* to =
        y + (tile.n + at.image) * order.image + static_cast<int64_t>(tile.p + at.row) * l.Q + tile.q + at.column;
    for (int32_t m = 0; m < l.maps; ++m) to[l.map(mine.c, m) * order.map] = mine.z[m * kPlaces + i];
  }
}

/// sums [n][map][tile of the plane]: of the numbers and of their squares.
template <bool kMirrored>
__global__ void __launch_bounds__(kThreads)
    wavelet_moments_kernel(Layer l, int32_t floats, double2* __restrict__ sums) {
  STRIATE_DYNAMIC_SHARED(float, shared);
  const int32_t of_plane = l.tiles_down * l.tiles_across;
  const int64_t number = wavelet::tile_number(l);
  const Tile tile(l, number);
  const Mine mine(l, floats, shared);
  if (!mine.any) return;
  wavelet::respond<kMirrored>(l, tile, mine.c, mine.pixels, mine.joins, mine.z);
  __syncwarp();
  const int32_t rows = min(l.down, l.P - tile.p), columns = min(l.across, l.Q - tile.q);
  for (int32_t i = threadIdx.x % 32; i < l.maps * l.images; i += 32) {
    const int32_t m = i % l.maps, image = i / l.maps;
    if (tile.n + image >= l.N) continue;
    double sum = 0, square = 0;
    for (int32_t r = 0; r < rows; ++r)
      for (int32_t q = 0; q < columns; ++q) {
        const double v = static_cast<double>(mine.z[m * kPlaces + (image * l.down + r) * l.across + q]);
        sum += v;
        square += v * v;
      }
    sums[((tile.n + image) * l.all_maps() + l.map(mine.c, m)) * of_plane + number % of_plane] =
        make_double2(sum, square);
  }
}

/// One thread per map of an image.
template <class T>
__global__ void __launch_bounds__(kThreads)
    wavelet_pooled_kernel(const double2* __restrict__ sums, int64_t count, int32_t tiles, double places,
                          T* __restrict__ pooled, double* __restrict__ squares) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= count) return;
  double sum = 0, square = 0;
#pragma unroll 8
  for (int32_t t = 0; t < tiles; ++t) {
    const double2 v = sums[i * tiles + t];
    sum += v.x;
    square += v.y;
  }
  pooled[i] = static_cast<T>(sum / places);
  squares[i] = square;
}

/// One thread per map: over the images in order.
__global__ void __launch_bounds__(kThreads) wavelet_squares_kernel(const double* __restrict__ of_images, int64_t images,
                                                                   int64_t maps, double* __restrict__ squares) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= maps) return;
  double sum = 0;
#pragma unroll 8
  for (int64_t n = 0; n < images; ++n) sum += of_images[n * maps + i];
  squares[i] = sum;
}

}  // namespace

void wavelet::write_maps(const core::Context& ctx, const Prepared& p, Order order, float* y) {
  const int32_t floats = static_cast<int32_t>(p.floats);
  if (p.mirrored)
    STRIATE_LAUNCH(wavelet_conv_kernel<true>, p.blocks(), kThreads, wavelet::shared_bytes(p), stream_of(ctx), p.layer,
                   floats, order, y);
  else
    STRIATE_LAUNCH(wavelet_conv_kernel<false>, p.blocks(), kThreads, wavelet::shared_bytes(p), stream_of(ctx), p.layer,
                   floats, order, y);
}

void wavelet_conv(core::Context& ctx, const core::View* in, core::View* out, const op::WaveletConv::Options& o) {
  const Prepared p = wavelet::prepare(ctx, in[0], in[1], o, kPlaces, 0);
  const int64_t plane = static_cast<int64_t>(p.layer.P) * p.layer.Q;
  wavelet::write_maps(ctx, p, {p.layer.all_maps() * plane, plane}, out[0].as<float>());
}

void wavelet_moments(core::Context& ctx, const core::View* in, core::View* out, const op::WaveletMoments::Options& o) {
  const Prepared p = wavelet::prepare(ctx, in[0], in[1], o, kPlaces, 0);
  const Layer& l = p.layer;
  const int32_t floats = static_cast<int32_t>(p.floats), tiles = l.tiles_down * l.tiles_across;
  const int64_t maps = l.all_maps(), count = l.N * maps;
  double2* sums = ctx.scratch<double2>(static_cast<size_t>(count * tiles));
  double* of_images = ctx.scratch<double>(static_cast<size_t>(count));
  if (p.mirrored)
    STRIATE_LAUNCH(wavelet_moments_kernel<true>, p.blocks(), kThreads, wavelet::shared_bytes(p), stream_of(ctx), l,
                   floats, sums);
  else
    STRIATE_LAUNCH(wavelet_moments_kernel<false>, p.blocks(), kThreads, wavelet::shared_bytes(p), stream_of(ctx), l,
                   floats, sums);
  const double places = static_cast<double>(l.P) * l.Q;
  const unsigned blocks = blocks_for(count, kThreads);
  if (o.store)
    STRIATE_LAUNCH(wavelet_pooled_kernel<double>, blocks, kThreads, 0, stream_of(ctx), sums, count, tiles, places,
                   out[0].as<double>(), of_images);
  else
    STRIATE_LAUNCH(wavelet_pooled_kernel<float>, blocks, kThreads, 0, stream_of(ctx), sums, count, tiles, places,
                   out[0].as<float>(), of_images);
  STRIATE_LAUNCH(wavelet_squares_kernel, blocks_for(maps, kThreads), kThreads, 0, stream_of(ctx), of_images, l.N, maps,
                 out[1].as<double>());
}

}  // namespace striate::cuda
