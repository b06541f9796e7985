// nnl_conv on 8-bit images: ops/nnl_conv.h, on the tensor cores and yet with float32 products.
// A pixel 0..255, also less an integer, is exact in bf16, and a float32 weight is exactly a sum of three bf16 numbers:
// three bf16 products with float32 accumulators lose nothing (bf16 x 3 with two rounded operands would leave 2^-17).
// Centring: cosines take w - mean(w) with u - round(mean(u)); what is left of the patch's mean, at most 1/2, falls out
// as the weights sum to 0, and its size never exceeds the patch's own spread, so no digits are lost. One block per
// (image, 64 filters, band, span) as in nnl_pool.cuh; tiles of 128 positions x 64 filters, 8 warps of 32 x 32 (2 x 4
// mma m16n8k16, three times each); 64 taps a pass. The filters' parts stay in shared memory for the whole block when
// they fit. Rows of 72 bf16 (nine 16-byte words) let ldmatrix and the gather's 16-byte stores meet no bank twice. Flops
// 3 x 2 N K P Q C R S in bf16. Not yet timed on a GPU.
#include <cstdint>

#include "cuda/device.cuh"
#include "cuda/kernels.cuh"
#include "cuda/nnl_pool.cuh"

namespace striate::cuda {
namespace {

constexpr int kRow = kNnlChunk + 8, kParts = 3;
constexpr int kFilterTile = kParts * kNnlFilters * kRow;  // bf16 numbers of one chunk
constexpr size_t kFixedBytes = sizeof(uint16_t) * kNnlPositions * kRow +
                               sizeof(float) * kNnlPositions * (kNnlStride + 1) + sizeof(NnlTap) * kNnlChunk;

__device__ __forceinline__ void load_filters(const NnlLayer& l, int64_t k0, int64_t chunk, uint16_t* to) {
  const uint16_t* from = l.parts + (k0 / kNnlFilters * l.chunks + chunk) * kParts * kNnlFilters * kNnlChunk;
  constexpr int kWords = kNnlChunk / 8;  // of 16 bytes, in a row
  for (int i = threadIdx.x; i < kParts * kNnlFilters * kWords; i += kNnlThreads)
    copy_async<16>(to + i / kWords * kRow + i % kWords * 8, from + i * 8);
  copy_commit();
}

__device__ __forceinline__ void load_taps(const NnlLayer& l, int64_t d0, NnlTap* to) {
  if (threadIdx.x < kNnlChunk) to[threadIdx.x] = l.tap[min(d0 + threadIdx.x, l.taps - 1)];  // beyond, the weights are 0
}

template <bool kPool, bool kIndex>
__global__ void __launch_bounds__(kNnlThreads, 2) nnl_conv_bytes_kernel(NnlLayer l, NnlForward f, bool resident) {
  STRIATE_DYNAMIC_SHARED(float, cosines);
  float* factors = cosines + kNnlPositions * kNnlStride;
  uint16_t* patches = reinterpret_cast<uint16_t*>(factors + kNnlPositions);
  NnlTap* taps = reinterpret_cast<NnlTap*>(patches + kNnlPositions * kRow);
  uint16_t* filters = reinterpret_cast<uint16_t*>(taps + kNnlChunk);
  NnlBlock<kPool, kIndex> block(l, f, reinterpret_cast<float*>(filters + kFilterTile * (resident ? l.chunks : 1)));
  const int tid = threadIdx.x, lane = tid & 31, warp = tid >> 5;
  const int own = tid % kNnlPositions;
  const int row0 = warp % 4 * 32, column0 = warp / 4 * 32;  // of this warp in the tile
  if (resident)
    for (int64_t chunk = 0; chunk < l.chunks; ++chunk) load_filters(l, block.k0, chunk, filters + chunk * kFilterTile);
  if (l.chunks == 1) load_taps(l, 0, taps);
  __syncthreads();

  for (int first = 0; first < block.positions; first += kNnlPositions) {
    const int count = min(kNnlPositions, block.positions - first);
    const int at = own < count ? first + own : 0;  // beyond the last position its products are dropped
    const NnlPatch<uint8_t> patch(l, block.image, block.p0 + at / block.columns, block.q0 + at % block.columns);
    const float factor = block.factor(block.position(at));
    float sum[2][4][4] = {};
    for (int64_t chunk = 0; chunk < l.chunks; ++chunk) {
      if (l.chunks > 1) {
        __syncthreads();  // the chunk before was multiplied
        load_taps(l, chunk * kNnlChunk, taps);
        if (!resident) load_filters(l, block.k0, chunk, filters);
        __syncthreads();
      }
      const int steps = static_cast<int>(min(l.taps - chunk * kNnlChunk + 15, static_cast<int64_t>(kNnlChunk)) / 16);
      for (int word = tid / kNnlPositions; word < 2 * steps; word += kNnlThreads / kNnlPositions) {
        unsigned bits[8];
        STRIATE_UNROLL
        for (int i = 0; i < 8; ++i) bits[i] = __float_as_uint(patch.pixel(l, taps[8 * word + i]) - patch.mean.x);
        uint4 packed;  // the upper halves are the bf16 numbers
        packed.x = __byte_perm(bits[0], bits[1], 0x7632);
        packed.y = __byte_perm(bits[2], bits[3], 0x7632);
        packed.z = __byte_perm(bits[4], bits[5], 0x7632);
        packed.w = __byte_perm(bits[6], bits[7], 0x7632);
        *reinterpret_cast<uint4*>(patches + own * kRow + 8 * word) = packed;
      }
      if (tid < kNnlPositions) factors[tid] = factor;
      copy_wait<0>();
      __syncthreads();
      const uint16_t* part0 = filters + (resident ? chunk * kFilterTile : 0);
      for (int step = 0; step < steps; ++step) {
        uint32_t a[2][4];
        STRIATE_UNROLL
        for (int i = 0; i < 2; ++i)
          load_matrix_x4(a[i], patches + (row0 + 16 * i + lane % 16) * kRow + 16 * step + lane / 16 * 8);
        STRIATE_UNROLL
        for (int part = kParts - 1; part >= 0; --part) {  // small terms first
          STRIATE_UNROLL
          for (int pair = 0; pair < 2; ++pair) {
            uint32_t b[4];
            const int row = column0 + 16 * pair + lane / 16 * 8 + lane % 8;
            load_matrix_x4(b, part0 + (part * kNnlFilters + row) * kRow + 16 * step + lane / 8 % 2 * 8);
            const uint32_t left[2] = {b[0], b[1]}, right[2] = {b[2], b[3]};
            STRIATE_UNROLL
            for (int i = 0; i < 2; ++i) {
              mma_bf16(sum[i][2 * pair], a[i], left);
              mma_bf16(sum[i][2 * pair + 1], a[i], right);
            }
          }
        }
      }
    }
    // the barriers above stand between these writes and the last tile's readers
    STRIATE_UNROLL
    for (int i = 0; i < 2; ++i) {
      STRIATE_UNROLL
      for (int half = 0; half < 2; ++half) {
        const int row = row0 + 16 * i + 8 * half + lane / 4;
        const float by = factors[row];
        STRIATE_UNROLL
        for (int j = 0; j < 4; ++j)
          *reinterpret_cast<float2*>(cosines + row * kNnlStride + column0 + 8 * j + lane % 4 * 2) =
              make_float2(sum[i][j][2 * half] * by, sum[i][j][2 * half + 1] * by);
      }
    }
    __syncthreads();
    block.take(cosines, first, count);
  }
  __syncthreads();
  block.finish();
}

template <bool kPool, bool kIndex>
void launch(core::Context& ctx, const NnlLayer& l, NnlForward f) {
  // all the filters' parts stay unless that costs the second block of a multiprocessor
  const size_t all = kFixedBytes + sizeof(uint16_t) * kFilterTile * l.chunks;
  const bool resident = l.chunks == 1 || all + kNnlReserve <= static_cast<size_t>(shared_limit() / 2);
  const size_t bytes = resident ? all : kFixedBytes + sizeof(uint16_t) * kFilterTile;
  const int64_t blocks = f.plan(l, bytes, device_of(ctx).processors);
  STRIATE_LAUNCH((nnl_conv_bytes_kernel<kPool, kIndex>), blocks_for(blocks, 1), kNnlThreads, bytes + f.running_bytes(l),
                 stream_of(ctx), l, f, resident);
}

}  // namespace

void nnl_forward_bytes(core::Context& ctx, const NnlLayer& l, NnlForward f) {
  if (NnlForward::pools(l))
    f.index ? launch<true, true>(ctx, l, f) : launch<true, false>(ctx, l, f);
  else
    f.index ? launch<false, true>(ctx, l, f) : launch<false, false>(ctx, l, f);
}

}  // namespace striate::cuda
