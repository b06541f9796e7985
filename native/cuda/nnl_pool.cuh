// The end of nnl_conv's forward kernels: a block's share of the output, and what becomes of a tile of cosines in shared
// memory. The thread that owns a (filter, pooled column) takes the maximum along each row of the tile and merges it
// into the running maxima of the pooled rows above it, so that the K x P x Q map exists one tile at a time. Power and
// store come once, at the end.
#pragma once
#include <algorithm>

#include "cuda/nnl_conv.cuh"
#include "cuda/power.cuh"

namespace striate::cuda {

inline constexpr int kNnlThreads = 256, kNnlPositions = 128, kNnlFilters = 64;  // of a block; of a tile
inline constexpr int kNnlStride = kNnlFilters + 4;  // of a position's cosines: rows may be written 16 bytes wide
inline constexpr int kNnlCell = kNnlFilters + 1;    // of a pooled cell's: filters and cells both spread over the banks

inline constexpr size_t kNnlReserve =
    5 * 1024;  // of shared memory, that a block leaves for the device and for some cells

/// A call's outputs and its split into blocks.
struct NnlForward : NnlOutput {
  int filter_blocks = 0, bands = 0, spans = 0;  // of one image
  int band_rows = 0, span_columns = 0;          // pooled

  /// Splits the output; returns the number of blocks. `tile_bytes` is the shared memory that a block needs beside its
  /// cells.
  int64_t plan(const NnlLayer& l, size_t tile_bytes, int processors) {
    const int limit = shared_limit();
    const auto fitting = [&](int bytes) {
      return std::max(1, (bytes - 1024 - static_cast<int>(tile_bytes)) / static_cast<int>(cell_bytes()));
    };
    // As many pooled cells a block as leave room for a second block on the multiprocessor. Where windows overlap, every
    // split computes the rows between its parts twice: then rather all the memory there is.
    const int image_cells = static_cast<int>(std::min<int64_t>(static_cast<int64_t>(l.pooled_p) * l.pooled_q, 1 << 30));
    const bool one = tile_bytes + kNnlReserve > static_cast<size_t>(limit / 2) ||
                     (l.pool > 2 * l.pool_stride && image_cells > fitting(limit / 2));
    const int cells = pools(l) ? fitting(one ? limit : limit / 2) : 1 << 30;
    filter_blocks = static_cast<int>(l.padded_k / kNnlFilters);
    const auto even = [](int size, int& part, int& parts) {
      parts = (size + part - 1) / part;
      part = (size + parts - 1) / parts;
      parts = (size + part - 1) / part;
    };
    span_columns = std::min(l.pooled_q, cells);
    even(l.pooled_q, span_columns, spans);
    band_rows = std::min(l.pooled_p, std::max(1, cells / span_columns));
    for (;;) {  // small batches are split further, down to one pooled row, to fill the device
      even(l.pooled_p, band_rows, bands);
      const int64_t blocks = l.n * filter_blocks * spans * bands;
      if (blocks >= 2 * processors || band_rows == 1) return blocks;
      band_rows = (band_rows + 1) / 2;
    }
  }
  static bool pools(const NnlLayer& l) { return l.pool > 1 || l.pool_stride > 1; }
  size_t cell_bytes() const { return kNnlCell * (index ? 8 : 4); }
  size_t running_bytes(const NnlLayer& l) const { return pools(l) ? cell_bytes() * band_rows * span_columns : 0; }
};

/// A larger value wins, and a NaN over all; equal values keep the earlier position.
__device__ __forceinline__ bool beats(float c, float best) { return c > best || (c != c && best == best); }
__device__ __forceinline__ float greater(float a, float b) {
#if defined(STRIATE_CUDA_SIM)
  return beats(b, a) ? b : a;
#else
  float r;
  asm("max.NaN.f32 %0, %1, %2;" : "=f"(r) : "f"(a), "f"(b));
  return r;
#endif
}

/// One block: an image, 64 filters, a band of pooled rows and a span of pooled columns, and the positions under them.
template <bool kPool, bool kIndex>
struct NnlBlock {
  const NnlLayer& l;
  const NnlForward& f;
  int64_t image, k0;
  int po0, po_count, qo0, qo_count;  // pooled
  int p0, q0, columns, positions;    // before the pool; positions = rows * columns
  int row0, column0;                 // of the first window, counted from p0 and q0: below 0 where it begins in padding
  float* running;                    // [cell][kNnlCell]
  int* places;

  __device__ NnlBlock(const NnlLayer& l, const NnlForward& f, float* running) : l(l), f(f), running(running) {
    int64_t block = blockIdx.x;
    k0 = block % f.filter_blocks * kNnlFilters;
    block /= f.filter_blocks;
    qo0 = static_cast<int>(block % f.spans) * f.span_columns;
    block /= f.spans;
    po0 = static_cast<int>(block % f.bands) * f.band_rows;
    image = block / f.bands;
    po_count = min(f.band_rows, l.pooled_p - po0);
    qo_count = min(f.span_columns, l.pooled_q - qo0);
    const int top = po0 * l.pool_stride - l.pool_padding, left = qo0 * l.pool_stride - l.pool_padding;
    p0 = max(top, 0);
    q0 = max(left, 0);
    row0 = top - p0;
    column0 = left - q0;
    columns = min(left + (qo_count - 1) * l.pool_stride + l.pool, l.q) - q0;
    positions = (min(top + (po_count - 1) * l.pool_stride + l.pool, l.p) - p0) * columns;
    places = reinterpret_cast<int*>(running + po_count * qo_count * kNnlCell);
    if constexpr (kPool)
      for (int i = threadIdx.x; i < po_count * qo_count * kNnlCell; i += kNnlThreads) {
        running[i] = -INFINITY;
        const int cell = i / kNnlCell;
        if (kIndex)
          places[i] = position(max(cell / qo_count * l.pool_stride + row0, 0),
                               max(cell % qo_count * l.pool_stride + column0, 0));
      }
  }
  /// Of a row and column under this block, counted over the image.
  __device__ __forceinline__ int position(int row, int column) const { return (p0 + row) * l.q + q0 + column; }
  /// Of the block's i-th position.
  __device__ __forceinline__ int position(int i) const { return position(i / columns, i % columns); }
  /// What the products of a position are multiplied by.
  __device__ __forceinline__ float factor(int place) const {
    return l.factor ? l.factor[image * l.positions() + place] : l.scale;
  }

  /// Takes in cosines [count][kNnlStride], the block's positions from `first`. Between barriers.
  __device__ __forceinline__ void take(const float* cosines, int first, int count) {
    if constexpr (!kPool) {
      for (int i = threadIdx.x; i < kNnlFilters * kNnlPositions; i += kNnlThreads) {
        // a warp: 8 positions (a sector) x 4 filters, which meet no bank twice
        const int at = (i >> 5 & 15) * 8 + (i & 7), filter = (i >> 9) * 4 + (i >> 3 & 3);
        if (at >= count || k0 + filter >= l.k) continue;
        const int place = position(first + at);
        store_at((image * l.k + k0 + filter) * l.positions() + place, k0 + filter, cosines[at * kNnlStride + filter],
                 place);
      }
    } else {
      const int top = first / columns;
      for (int i = threadIdx.x; i < kNnlFilters * qo_count; i += kNnlThreads) {
        const int filter = i % kNnlFilters, qo = i / kNnlFilters;
        for (int row = top; row * columns < first + count; ++row) {
          const int left = qo * l.pool_stride + column0;
          const int begin = max(max(left, 0), first - row * columns);
          const int end = min(min(left + l.pool, columns), first + count - row * columns);
          if (begin >= end) continue;
          const float* c = cosines + (row * columns - first) * kNnlStride + filter;
          float best = c[begin * kNnlStride];
          int place = begin;
          for (int column = begin + 1; column < end; ++column) {
            const float other = c[column * kNnlStride];
            if constexpr (kIndex) {
              if (beats(other, best)) {
                best = other;
                place = column;
              }
            } else {
              best = greater(best, other);
            }
          }
          merge(row, qo, filter, best, place);
        }
      }
    }
  }

  /// After a barrier, once every tile was taken in.
  __device__ __forceinline__ void finish() {
    if constexpr (kPool)
      for (int i = threadIdx.x; i < po_count * qo_count * kNnlFilters; i += kNnlThreads) {
        const int cell = i % (po_count * qo_count), filter = i / (po_count * qo_count);
        if (k0 + filter >= l.k) continue;
        const int64_t row = (image * l.k + k0 + filter) * l.pooled_p + po0 + cell / qo_count;
        store_at(row * l.pooled_q + qo0 + cell % qo_count, k0 + filter, running[cell * kNnlCell + filter],
                 kIndex ? places[cell * kNnlCell + filter] : 0);
      }
  }

 private:
  /// The maximum of one row under pooled column qo, into the pooled rows whose window holds the row.
  __device__ __forceinline__ void merge(int row, int qo, int filter, float best, int column) {
    const int from = row - row0;  // the first window's top
    for (int po = max(0, from - l.pool + l.pool_stride) / l.pool_stride; po < po_count && po * l.pool_stride <= from;
         ++po) {
      if (from >= po * l.pool_stride + l.pool) continue;
      const int cell = (po * qo_count + qo) * kNnlCell + filter;
      if constexpr (kIndex) {
        if (!beats(best, running[cell])) continue;
        places[cell] = position(row, column);
        running[cell] = best;
      } else {
        running[cell] = greater(running[cell], best);
      }
    }
  }
  __device__ __forceinline__ void store_at(int64_t at, int64_t k, float cosine, int place) {
    if (f.bias) cosine += f.bias[k];
    const float y = f.raw ? cosine : rectified_power(cosine, f.power);
    if (f.bf16)
      store(static_cast<uint16_t*>(f.y) + at, y);
    else
      store(static_cast<float*>(f.y) + at, y);
    if constexpr (kIndex) f.index[at] = place;
  }
};

}  // namespace striate::cuda
