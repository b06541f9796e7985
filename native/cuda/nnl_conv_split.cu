// nnl_conv on the tensor cores and yet with float32 products: ops/nnl_conv.h.
// Operands are sums of bf16 numbers. A pixel 0..255, also less an integer, is one bf16 exactly, and a float32 weight is
// three of them exactly: three products with float32 sums lose nothing. A float pixel is three as well, and the six
// largest of the nine products leave 2^-23 of |x w|. Centring: cosines take w - mean(w) with u - round(mean(u)); what
// is left of the patch's mean, at most 1/2, falls out as the weights sum to 0, and its size never exceeds the patch's
// own spread, so no digits are lost. A block is (image, up to 8 x 16 filters, band of pooled rows, span of pooled
// columns), and a warp 16 filters. The block walks down the rows of positions: it gathers the patches of 32 neighbours
// while those before are multiplied (m = filters, n = positions), so that a thread meets the same filters and columns
// in every row. Rows pool in groups of `stride`: a thread's maximum of each group stays in its own 16-byte words of
// shared memory, a pooled row is the maximum of pool / stride whole groups and the beginning of one more, and only that
// row of maxima is laid out for the pool across columns, with power and store at once. No position is computed twice
// where one band and one span hold the image. Flops 3 (bytes) or 6 (floats) x 2 N K P Q C R S in bf16.
#include <algorithm>
#include <cstdint>

#include "cuda/device.cuh"
#include "cuda/nnl_conv_split.cuh"
#include "cuda/power.cuh"
#include "ops/nnl_conv.h"

namespace striate::cuda {
namespace {

/// kSteps: how many times 16 taps there are, where the filters' numbers stay in registers; else 0.
template <class X, int kSteps, bool kIndex>
__global__ void __launch_bounds__(32 * kMostWarps, 1) nnl_conv_split_kernel(NnlLayer l, Split f, Room room) {
  STRIATE_DYNAMIC_SHARED(float, shared);
  constexpr int kParts = 3, kOwn = kXParts<X>;
  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
  const int state_places = room.state / 8, row_places = room.row / 8;  // floats on from the values
  const int slot_size = f.chunks * kTiles * kState, row_pitch = Room::row_pitch(f.chunks);
  float* state = shared + warp * f.groups * slot_size;
  float* row = shared + room.state / 4 + warp * kFilters * row_pitch;
  uint16_t* tiles = reinterpret_cast<uint16_t*>(shared + (room.state + room.row) / 4);
  float* factors = reinterpret_cast<float*>(tiles + room.tile / 2);
  int* offsets = reinterpret_cast<int*>(factors + 2 * kColumns);  // of the taps
  const int tile_pitch = Room::tile_pitch(f.steps), part_pitch = kColumns * tile_pitch;

  int64_t block = blockIdx.x;
  const int64_t k0 = (block % f.filter_blocks * f.warps + warp) * kFilters;
  block /= f.filter_blocks;
  const int qo0 = static_cast<int>(block % f.spans) * f.span_columns;
  block /= f.spans;
  const int po0 = static_cast<int>(block % f.bands) * f.band_rows;
  const int64_t image = block / f.bands;
  const int po_count = min(f.band_rows, l.pooled_p - po0), qo_count = min(f.span_columns, l.pooled_q - qo0);
  // of the first pooled column and row, before the pool: below 0 where the window begins in padding
  const int left = qo0 * l.pool_stride - l.pool_padding, top = po0 * l.pool_stride - l.pool_padding;
  const int q0 = max(left, 0), columns = min(left + (qo_count - 1) * l.pool_stride + l.pool, l.q) - q0;
  const int bottom = (po_count - 1) * l.pool_stride + l.pool;  // rows from `top`
  const int row_chunks = (columns + kColumns - 1) / kColumns;
  const int whole = l.pool / f.row_stride, rest = l.pool - whole * f.row_stride;
  const int before = rest ? whole : whole - 1;  // whole groups of a pooled row before the one in which it is complete
  const int last_in_group = f.row_stride - 1, completes_at = rest ? rest - 1 : last_in_group;
  const bool works = k0 < l.k;
  const int steps = static_cast<int>((l.taps + 15) / 16);
  const X* pixels = static_cast<const X*>(l.x) + image * l.c * l.h * l.w;
  const float2* means = l.mean ? l.mean + image * l.positions() : nullptr;
  const float* norms = l.factor ? l.factor + image * l.positions() : nullptr;
  const uint4* filters = reinterpret_cast<const uint4*>(l.parts) + k0 / kTileFilters * steps * kParts * 32 + lane;
  const auto take_filters = [&](int step, uint4(&to)[kTiles][kParts]) {
    STRIATE_UNROLL
    for (int t = 0; t < kTiles; ++t) {
      STRIATE_UNROLL
      for (int part = 0; part < kParts; ++part)
        to[t][part] =
            k0 + t * kTileFilters < l.k ? filters[((t * steps + step) * kParts + part) * 32] : make_uint4(0, 0, 0, 0);
    }
  };
  uint4 kept[kSteps ? kSteps : 1][kTiles][kParts];
  if (kSteps && works) {
    STRIATE_UNROLL
    for (int step = 0; step < kSteps; ++step) take_filters(step, kept[step]);
  }
  const bool few_taps = kSteps || steps <= f.steps;  // gathered all at once
  for (int i = threadIdx.x; few_taps && i < 16 * f.steps; i += blockDim.x)
    offsets[i] = l.tap[min(static_cast<int64_t>(i), l.taps - 1)].offset;
  __syncthreads();

  /// The patches of 32 columns of a row, and what their products are multiplied by. Columns beyond the last are as it.
  const auto gather = [&](int p, int chunk, int step0, int half) {
    uint16_t* tile = tiles + half * kOwn * part_pitch + lane * tile_pitch;
    const int count = kSteps ? kSteps : min(f.steps, steps - step0);
    const int column = q0 + min(chunk * kColumns + lane, columns - 1), place = p * l.q + column;
    const int y = p * l.stride - l.padding, x = column * l.stride - l.padding;
    const bool inside = y >= 0 && x >= 0 && y + l.r <= l.h && x + l.s <= l.w;
    const X* first = pixels + (y * l.w + x);
    const float2 mean = means ? means[place] : make_float2(0, 0);
    if (warp == 0) factors[half * kColumns + lane] = norms ? norms[place] : l.scale;
    for (int word = warp; word < 2 * count; word += f.warps) {
      float v[8];
      if (inside && few_taps) {
        const int4 one = *reinterpret_cast<const int4*>(offsets + 8 * word);
        const int4 two = *reinterpret_cast<const int4*>(offsets + 8 * word + 4);
        const int offset[8] = {one.x, one.y, one.z, one.w, two.x, two.y, two.z, two.w};
        STRIATE_UNROLL
        for (int i = 0; i < 8; ++i) v[i] = static_cast<float>(first[offset[i]]);
      } else {
        STRIATE_UNROLL
        for (int i = 0; i < 8; ++i) {
          const int64_t d = 16 * static_cast<int64_t>(step0) + 8 * word + i;
          const NnlTap tap = l.tap[min(d, l.taps - 1)];  // beyond, the weights are 0
          v[i] = 0;
          if (inside || (static_cast<unsigned>(y + tap.r) < static_cast<unsigned>(l.h) &&
                         static_cast<unsigned>(x + tap.s) < static_cast<unsigned>(l.w)))
            v[i] = static_cast<float>(first[tap.offset]);
        }
      }
      if (means) {
        STRIATE_UNROLL
        for (int i = 0; i < 8; ++i) v[i] = kOwn == 1 ? v[i] - mean.x : (v[i] - mean.x) - mean.y;
      }
      unsigned bits[8][3];
      STRIATE_UNROLL
      for (int i = 0; i < 8; ++i) {
        bits[i][0] = __float_as_uint(v[i]);
        if constexpr (kOwn == 3) split_in_three(v[i], bits[i]);
      }
      STRIATE_UNROLL
      for (int part = 0; part < kOwn; ++part) {
        uint4 packed;  // the upper halves are the bf16 numbers
        packed.x = __byte_perm(bits[0][part], bits[1][part], 0x7632);
        packed.y = __byte_perm(bits[2][part], bits[3][part], 0x7632);
        packed.z = __byte_perm(bits[4][part], bits[5][part], 0x7632);
        packed.w = __byte_perm(bits[6][part], bits[7][part], 0x7632);
        *reinterpret_cast<uint4*>(tile + part * part_pitch + 8 * word) = packed;
      }
    }
  };

  /// sum += filters x patches for `count` steps of 16 taps from step0.
  const auto multiply = [&](float (&sum)[kTiles][4][4], int step0, int count, int half) {
    const uint16_t* from =
        tiles + half * kOwn * part_pitch + (lane / 16 * 8 + lane % 8) * tile_pitch + lane / 8 % 2 * 8;
    const auto with = [&](int step, const uint4(&w)[kTiles][kParts]) {
      STRIATE_UNROLL
      for (int pair = 0; pair < 2; ++pair) {
        STRIATE_UNROLL
        for (int own = kOwn - 1; own >= 0; --own) {  // small terms first
          uint32_t b[4];
          load_matrix_x4(b, from + own * part_pitch + 16 * pair * tile_pitch + 16 * step);
          const uint32_t near[2] = {b[0], b[1]}, far[2] = {b[2], b[3]};
          STRIATE_UNROLL
          for (int part = kParts - 1 - own; part >= 0; --part) {
            STRIATE_UNROLL
            for (int t = 0; t < kTiles; ++t) {
              const uint32_t a[4] = {w[t][part].x, w[t][part].y, w[t][part].z, w[t][part].w};
              mma_bf16(sum[t][2 * pair], a, near);
              mma_bf16(sum[t][2 * pair + 1], a, far);
            }
          }
        }
      }
    };
    if constexpr (kSteps) {
      STRIATE_UNROLL
      for (int step = 0; step < kSteps; ++step) with(step, kept[step]);
    } else {
      for (int step = 0; step < count; ++step) {
        uint4 w[kTiles][kParts];
        take_filters(step0 + step, w);
        with(step, w);
      }
    }
  };

  /// What pooled row `po` of the band is of 32 columns: `maxima` of its last group and the groups before that.
  const auto lay_out = [&](Maxima<kIndex> maxima, int slot, int tile, int chunk) {
    const float* from = state + (chunk * kTiles + tile) * kState;
    for (int i = 0; i < before; ++i) {
      slot = slot == 0 ? f.groups - 1 : slot - 1;
      Maxima<kIndex> earlier;
      earlier.load(from + slot * slot_size, state_places);
      maxima.join(earlier);
    }
    float* to = row + (tile * kTileFilters + lane / 4) * row_pitch + chunk * kColumns + lane % 4 * 2;
    STRIATE_UNROLL
    for (int j = 0; j < 4; ++j) {
      float *upper = to + 8 * j, *lower = upper + 8 * row_pitch;
      *reinterpret_cast<float2*>(upper) = make_float2(maxima.value[j].x, maxima.value[j].y);
      *reinterpret_cast<float2*>(lower) = make_float2(maxima.value[j].z, maxima.value[j].w);
      if constexpr (kIndex) {
        *reinterpret_cast<int2*>(upper + row_places) = make_int2(maxima.place[j].x, maxima.place[j].y);
        *reinterpret_cast<int2*>(lower + row_places) = make_int2(maxima.place[j].z, maxima.place[j].w);
      }
    }
  };

  /// The pool across the columns of a row of maxima that is laid out, and its outputs.
  const int plane = l.pooled_p * l.pooled_q;
  const int64_t warp_to = (image * l.k + k0) * plane + static_cast<int64_t>(po0) * l.pooled_q + qo0;
  const int filter_count = static_cast<int>(min(l.k - k0, static_cast<int64_t>(kFilters)));
  const int width = f.fold ? min(columns, kColumns) : columns;
  const auto write = [&](int64_t to, float y) {
    if (f.bf16)
      store(static_cast<uint16_t*>(f.y) + to, y);
    else
      store(static_cast<float*>(f.y) + to, y);
  };
  constexpr int kEach = 5;  // neighbours of 11 columns each, every 2, that a lane makes of the pairs that they share
  const bool paper =
      !kIndex && l.pool == 11 && l.pool_stride == 2 && l.pool_padding == 0 && !f.fold && qo_count >= kEach;
  const auto finish_paper = [&](int po) {
    const int own = lane / 2;
    for (int q = 0; q < qo_count; q += 2 * kEach) {
      const int begin = q + lane % 2 * kEach, qo = min(begin, qo_count - kEach);  // the last may repeat some
      const bool works = begin < qo_count && own < filter_count;
      float* to = row + own * row_pitch + qo;  // over columns that are no longer needed
      float best[kEach];
      if (works) {
        const float2* c = reinterpret_cast<const float2*>(to + qo);
        float2 v[kEach + 5];
        float pair[kEach + 4];
        STRIATE_UNROLL
        for (int i = 0; i < kEach + 5; ++i) v[i] = c[i];
        STRIATE_UNROLL
        for (int i = 0; i < kEach + 4; ++i) pair[i] = greater(v[i].x, v[i].y);
        STRIATE_UNROLL
        for (int i = 0; i < kEach; ++i) {
          best[i] = greater(greater(pair[i], pair[i + 1]), greater(pair[i + 2], pair[i + 3]));
          best[i] = greater(best[i], greater(pair[i + 4], v[i + 5].x));
          if (f.bias) best[i] += f.bias[k0 + own];
        }
        if (!f.raw) rectify_by_squares(best, f.power);
      }
      __syncwarp();
      STRIATE_UNROLL
      for (int i = 0; i < kEach; ++i)
        if (works && qo + i >= begin) to[i] = best[i];
    }
    __syncwarp();
    const int first = lane / 16, size = f.bf16 ? 2 : 4;
    for (int q = lane % 16; q < qo_count; q += 16) {
      const float* from = row + first * row_pitch + q;
      char* to = static_cast<char*>(f.y) + (warp_to + static_cast<int64_t>(first) * plane + po * l.pooled_q + q) * size;
      for (int left = filter_count - first; left > 0; left -= 2, from += 2 * row_pitch, to += 2 * plane * size) {
        if (f.bf16)
          store(reinterpret_cast<uint16_t*>(to), *from);
        else
          store(reinterpret_cast<float*>(to), *from);
      }
    }
  };
  const auto finish = [&](int po) {
    __syncwarp();
    if (paper) finish_paper(po);
    for (int o = lane; !paper && o < filter_count * f.span_columns; o += 32) {
      const int filter = f.span_magic ? static_cast<int>(__umulhi(o, f.span_magic)) : o;
      const int qo = o - filter * f.span_columns;
      if (qo >= qo_count) continue;
      const int from = f.fold ? 0 : qo * l.pool_stride + left - q0;
      const int begin = max(from, 0), end = f.fold ? width : min(from + l.pool, width);
      const float* c = row + filter * row_pitch + begin;
      float best[1] = {c[0]};
      int place = 0;
      if constexpr (kIndex) {
        const int* at = reinterpret_cast<const int*>(c + row_places);
        place = at[0];
        for (int i = 1; i < end - begin; ++i) take_greater(best[0], place, c[i], at[i]);
      } else {
        for (int i = 1; i < end - begin; ++i) best[0] = greater(best[0], c[i]);
      }
      const int64_t to = warp_to + static_cast<int64_t>(filter) * plane + (po * l.pooled_q + qo);
      if (f.bias) best[0] += f.bias[k0 + filter];
      if (!f.raw) rectify_by_squares(best, f.power);
      write(to, best[0]);
      if constexpr (kIndex) f.index[to] = place;
    }
    __syncwarp();
  };

  // Rows of positions are counted from `top`; `next` is what follows the piece that is multiplied.
  const auto needed = [&](int r) {
    return static_cast<unsigned>(top + r) < static_cast<unsigned>(l.p) && (whole > 0 || r % f.row_stride < rest);
  };
  int next_row = 0, next_chunk = 0, next_step = 0;
  while (next_row < bottom && !needed(next_row)) ++next_row;
  if (next_row < bottom) gather(top + next_row, 0, 0, 0);
  __syncthreads();
  int half = 0, slot = 0, in_group = 0, po = -before;  // po: the pooled row that the group completes
  bool begun = false;                                  // the group has a row
  for (int r = 0; r < bottom; ++r) {
    const bool computed = needed(r), ends = in_group == last_in_group;
    const bool complete = in_group == completes_at && po >= 0 && po < po_count;
    float* mine = state + slot * slot_size;
    for (int chunk = 0; chunk < row_chunks; ++chunk) {
      const int kept_chunk = f.fold ? 0 : chunk;
      const bool fresh = !begun && (chunk == 0 || !f.fold), lays_out = complete && (chunk == row_chunks - 1 || !f.fold);
      if (computed) {
        float sum[kTiles][4][4] = {};
        int now = half;
        for (int step0 = 0; step0 < steps; step0 += f.steps) {
          now = half;
          next_step += f.steps;
          if (next_step >= steps) {
            next_step = 0;
            if (++next_chunk == row_chunks) {
              next_chunk = 0;
              do ++next_row;
              while (next_row < bottom && !needed(next_row));
            }
          }
          half ^= 1;
          if (next_row < bottom) gather(top + next_row, next_chunk, next_step, half);
          if (works) multiply(sum, step0, min(f.steps, steps - step0), now);
          if (kSteps || step0 + f.steps >= steps) break;
          __syncthreads();
        }
        if (works) {
          float2 by[4];
          STRIATE_UNROLL
          for (int j = 0; j < 4; ++j)
            by[j] = *reinterpret_cast<const float2*>(factors + now * kColumns + 8 * j + lane % 4 * 2);
          STRIATE_UNROLL
          for (int t = 0; t < kTiles; ++t) {
            Maxima<kIndex> maxima;
            STRIATE_UNROLL
            for (int j = 0; j < 4; ++j) {
              maxima.value[j] = make_float4(sum[t][j][0] * by[j].x, sum[t][j][1] * by[j].y, sum[t][j][2] * by[j].x,
                                            sum[t][j][3] * by[j].y);
              if constexpr (kIndex) {
                const int column = chunk * kColumns + 8 * j + lane % 4 * 2, begin = (top + r) * l.q + q0;
                const int one = begin + min(column, columns - 1), two = begin + min(column + 1, columns - 1);
                maxima.place[j] = make_int4(one, two, one, two);
              }
            }
            float* own = mine + (kept_chunk * kTiles + t) * kState;
            if (!fresh) {
              Maxima<kIndex> earlier;
              earlier.load(own, state_places);
              maxima.join(earlier);
            }
            maxima.store(own, state_places);
            if (lays_out) lay_out(maxima, slot, t, kept_chunk);
          }
        }
        __syncthreads();  // the half that was multiplied may be gathered into
      } else if (works && (complete || ends)) {
        for (int t = 0; t < kTiles; ++t) {
          float* own = mine + (kept_chunk * kTiles + t) * kState;
          Maxima<kIndex> maxima;
          if (fresh) {
            maxima.clear();
            maxima.store(own, state_places);
          } else {
            maxima.load(own, state_places);
          }
          if (lays_out) lay_out(maxima, slot, t, kept_chunk);
        }
      }
    }
    begun = begun || computed;
    if (complete && works) finish(po);
    ++in_group;
    if (ends) {
      in_group = 0;
      begun = false;
      ++po;
      if (++slot == f.groups) slot = 0;
    }
  }
}

template <class X, int kSteps, bool kIndex>
void launch(core::Context& ctx, const NnlLayer& l, const Split& f) {
  const Room room(f, kIndex, kXParts<X>);
  const int bytes = room.all();
  const int64_t blocks = l.n * f.bands * f.spans * f.filter_blocks;
  STRIATE_LAUNCH((nnl_conv_split_kernel<X, kSteps, kIndex>), blocks_for(blocks, 1), 32 * f.warps, bytes, stream_of(ctx),
                 l, f, room);
}

template <class X>
void forward(core::Context& ctx, const NnlLayer& l, const NnlOutput& output) {
  const Split f = plan(l, output, kXParts<X>, device_of(ctx).processors);
  constexpr int kFew = 3;  // steps of 16 taps whose filters stay in registers: 4 x 4 windows of three colours
  if ((l.taps + 15) / 16 == kFew)
    f.index ? launch<X, kFew, true>(ctx, l, f) : launch<X, kFew, false>(ctx, l, f);
  else
    f.index ? launch<X, 0, true>(ctx, l, f) : launch<X, 0, false>(ctx, l, f);
}

}  // namespace

void nnl_forward_split(core::Context& ctx, const NnlLayer& l, const NnlOutput& output) {
  l.bytes ? forward<uint8_t>(ctx, l, output) : forward<float>(ctx, l, output);
}

}  // namespace striate::cuda
