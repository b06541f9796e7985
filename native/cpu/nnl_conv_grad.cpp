// nnl_conv_grad: ops/nnl_conv.h. For each image, filter by filter, the slopes d = gy n z^(n-1) of the pooled cells that
// have one, with their places: from the saved y and index, or from the cosines made again (simd/pooled_cosines.h). Then
//   gw  the sum of d v / |v| over them, rows of C*R*S numbers gathered by place (simd/patch_rows.h)
//   gx  the sum over filters of d (w - c v / |v|) / |v| at each place, less its mean if centred, added to the pixels of
//       its patch
// With a pool most positions get no gradient, so the sums run over the cells that have one: 2 K P Q C R S flops an
// image with P, Q after the pool. Images go in groups that do not depend on the number of threads, each with sums of
// its own for gw and gb, which are then added in order; sums of one image are made apart, so that the error grows with
// cells + images, not with their product.
// gw and gb from a saved y and index, pool 11/2, K = 400, one thread of a Zen 5: 11300 images/s at W = 4, 8200 at
// W = 8, half and a quarter of the time of nnl_conv.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include "core/check.h"
#include "core/parallel.h"
#include "ops/nnl_conv.h"

namespace striate::cpu {
namespace {
[[noreturn, maybe_unused]] void refuse_place(int32_t place, int64_t positions) {
  throw core::Error(core::ErrorKind::data, "nnl_conv_grad", "index", std::to_string(place),
                    "0 to " + std::to_string(positions - 1));
}
}  // namespace
}  // namespace striate::cpu

#include "cpu/simd/begin.h"
#include "cpu/simd/patch_rows.h"
#include "cpu/simd/pooled_cosines.h"
#include "cpu/simd/power.h"
#include "cpu/simd/vec.h"

namespace striate::cpu::STRIATE_SIMD_NS {
namespace {

constexpr int64_t kGroups = 16;          // of images, at most
constexpr int64_t kSumBytes = 64 << 20;  // of the groups' sums
constexpr int64_t kAhead = 256;          // numbers of y, gy and index asked for early: the streams are short (-20 %)
using vu = uint32_t __attribute__((vector_size(kLanes * 4)));

/// The maxima of one image: cosine[k][cell] and place[k][cell].
template <class Cell>
struct Cells {
  const Layer& l;
  int64_t cells, block;
  float* cosine;
  int32_t* place;

  void take(int64_t first, int64_t count, const float* from) const {
    const int64_t vectors = l.block_vectors(block);
    for (int64_t v = 0; v < vectors; ++v)
      for (int part = 0; part < 2; ++part) {
        const int64_t k = (block * kMaxVectors + v) * kLanes;
        float* to = part ? reinterpret_cast<float*>(place) : cosine;
        to_planes(from + v * Cell::kFloats + part * kLanes, vectors * Cell::kFloats, count,
                  std::min<int64_t>(kLanes, l.K - k), to + k * cells + first, cells, false);
      }
  }
  void done(int64_t) const {}
};

/// What the slopes of one filter in one image are made of: z = cosine + bias, or the saved y.
struct Slopes {
  const Power& power;
  const float *gy, *z;
  const int32_t* place;
  float bias;
  bool saved, cosines;  // cosines: those of the cells too
  int64_t count, positions;

  /// Gathers the cells whose slope is not 0 and returns the sum of the slopes.
  float gather(FilterCells& cells) const {
    vf sum{};
    cells.count = 0;
    for (int64_t i = 0; i < count; i += kLanes) {
      const size_t some = static_cast<size_t>(std::min<int64_t>(kLanes, count - i)) * sizeof(float);
      __builtin_prefetch(z + i + kAhead);
      __builtin_prefetch(gy + i + kAhead);
      __builtin_prefetch(place + i + kAhead);
      vf d[1] = {}, g[1] = {};
      vi at{};
      if (count - i >= kLanes) {
        d[0] = vload(z + i), g[0] = vload(gy + i), at = vload(place + i);
      } else {
        std::memcpy(&d[0], z + i, some), std::memcpy(&g[0], gy + i, some), std::memcpy(&at, place + i, some);
      }
      if (saved) check(at);
      const vf cosine = saved ? d[0] - broadcast(bias) : d[0];
      if (!saved) d[0] += broadcast(bias);
      power.slope(d, g);
      sum += d[0];
      keep(cells, d[0], cosine, at);
    }
    return vsum(sum);
  }

 private:
  void check(vi at) const {
    const vi bad = (vi)((vu)at >= static_cast<uint32_t>(positions));
    int32_t any = 0;
    for (int lane = 0; lane < kLanes; ++lane) any |= bad[lane];
    if (!any) return;
    for (int lane = 0; lane < kLanes; ++lane)
      if (bad[lane]) refuse_place(at[lane], positions);
  }
  /// Writes up to kLanes floats past the last.
  void keep(FilterCells& cells, vf d, vf cosine, vi at) const {
#if STRIATE_SIMD == 4
    const __mmask16 there = _mm512_cmp_ps_mask((__m512)d, _mm512_setzero_ps(), _CMP_NEQ_UQ);
    vstore(cells.slope + cells.count, (vf)_mm512_maskz_compress_ps(there, (__m512)d));
    vstore(cells.place + cells.count, (vi)_mm512_maskz_compress_epi32(there, (__m512i)at));
    if (cosines) vstore(cells.cosine + cells.count, (vf)_mm512_maskz_compress_ps(there, (__m512)cosine));
    cells.count += __builtin_popcount(there);
#else
    for (int lane = 0; lane < kLanes; ++lane) {
      cells.slope[cells.count] = d[lane];
      cells.place[cells.count] = at[lane];
      if (cosines) cells.cosine[cells.count] = cosine[lane];
      cells.count += d[lane] != 0;
    }
#endif
  }
};

/// gx of one image from sum[place][tap] = sum of d w and along[place] = sum of d c.
void fold_gx(const Layer& l, const Image& image, const PatchRows& rows, int64_t step, float* sum, const float* along,
             float* gx) {
  std::fill(gx, gx + l.C * l.H * l.W, 0.0f);
  for (int64_t p = 0; p < l.P; ++p)
    for (int64_t q = 0; q < l.Q; ++q) {
      const int64_t place = p * l.Q + q;
      float* g = sum + place * step;
      if (l.patch) {
        const float* v = rows.numbers + rows.start[place];
        const float factor = image.factor[place], drive = along[place];
        const float mean = l.centre ? image.mean[place] : 0, rest = l.centre ? image.mean_rest[place] : 0;
        for (int64_t t = 0; t < l.taps; ++t) g[t] = (g[t] - drive * ((v[t] - mean - rest) * factor)) * factor;
      }
      if (l.centre) {
        double mean = 0;
        for (int64_t t = 0; t < l.taps; ++t) mean += g[t];
        mean /= static_cast<double>(l.taps);
        for (int64_t t = 0; t < l.taps; ++t) g[t] = static_cast<float>(g[t] - mean);
      }
      const int64_t column = q * l.stride - l.padding;
      const int64_t begin = std::max<int64_t>(0, -column), end = std::min(l.S, l.W - column);
      for (int64_t r = 0, t = 0; r < l.R; ++r) {
        const int64_t h = p * l.stride + r - l.padding;
        for (int64_t c = 0; c < l.C; ++c, t += l.S)
          if (h >= 0 && h < l.H)
            for (int64_t s = begin; s < end; ++s) gx[(c * l.H + h) * l.W + column + s] += g[t + s];
      }
    }
}

}  // namespace

void nnl_conv_grad(core::Context& ctx, const core::View* in, core::View* out, const op::NnlConv::Options& o) {
  Layer l = make_layer(in[0], in[1], o);
  const WindowPlan rows(o.pool_size, o.pool_stride, o.pool_padding, l.P),
      columns(o.pool_size, o.pool_stride, o.pool_padding, l.Q);
  const int64_t cells = rows.outputs * columns.outputs, positions = l.P * l.Q, step = PatchRows::step(l);
  const float *w = in[1].as<float>(), *gy = in[2].as<float>();
  const float* bias = in[3].rank >= 0 ? in[3].as<float>() : nullptr;
  const bool saved = in[4].rank >= 0;
  float* gx = out[0].rank >= 0 ? out[0].as<float>() : nullptr;
  float* gw = out[1].rank >= 0 ? out[1].as<float>() : nullptr;
  float* gb = out[2].rank >= 0 ? out[2].as<float>() : nullptr;
  const Power power(o.power, o.rectify);

  // A group's sums for one filter have one order whichever task makes them, so how the filters are split may follow the
  // number of threads. gx sums over the filters: then they stay together.
  const int64_t groups = std::clamp<int64_t>(kSumBytes / (l.K * step * 4), 1, std::min(kGroups, l.N));
  const int64_t threads = core::threads();
  const int64_t parts = gx || threads == 1 ? 1 : std::clamp<int64_t>((2 * threads + groups - 1) / groups, 1, l.blocks);
  const int64_t tasks = groups * parts, slots = std::min(threads, tasks);
  const int64_t image_floats = Image::floats(l), row_floats = PatchRows::floats(l);
  const int64_t memory_floats = saved ? 0 : align_up(BlockMemory::floats<AnyPlaceCell>(l, rows, columns));
  const int64_t cosine_floats = saved ? 0 : align_up(l.K * cells), list_floats = align_up(cells + kLanes);
  const int64_t gx_floats = gx ? positions * step + align_up(positions) : 0;
  const int64_t slot_floats =
      align_up(image_floats + row_floats + memory_floats + 2 * cosine_floats + 3 * list_floats + gx_floats);

  l.offset = ctx.scratch<int64_t>(static_cast<size_t>(l.taps));
  l.filters = ctx.scratch<float>(static_cast<size_t>(l.filter_floats()));
  int64_t* centred_offset = ctx.scratch<int64_t>(static_cast<size_t>(l.taps));
  for (int64_t t = 0; t < l.taps; ++t) centred_offset[t] = t * kTileStride;
  int64_t* start = ctx.scratch<int64_t>(static_cast<size_t>(positions));
  PatchRows::place_patches(l, start);
  float* memory = ctx.scratch<float>(static_cast<size_t>(slots * slot_floats));
  float* sums = ctx.scratch<float>(static_cast<size_t>(gw ? groups * l.K * step : 1));
  float* slope_sums = ctx.scratch<float>(static_cast<size_t>(groups * l.K));
  float* row_w = ctx.scratch<float>(static_cast<size_t>(gx ? l.K * step : 1));  // w in the order of the patches' rows
#if defined(STRIATE_AMX)
  l.tiles.used = l.tiles.used && !saved;  // no products are made
#endif
  pack_filters(l, w);
  if (gx)
    for (int64_t k = 0; k < l.K; ++k) {
      float* to = row_w + k * step;
      std::fill(to, to + step, 0.0f);
      PatchRows::each_tap_row(l, [&](int64_t t, int64_t from) {
        for (int64_t s = 0; s < l.S; ++s) to[t + s] = w[k * l.taps + from + s];
      });
    }

  uint32_t infinite = 0;
  for (int64_t i = 0; i < in[1].count(); ++i) infinite |= is_infinite(w[i]);

  std::atomic<int64_t> next{0};
  core::parallel_for(slots, [&](int64_t slot) {
    float* mine = memory + slot * slot_floats;
    const auto take = [&mine](int64_t floats) {
      mine += floats;
      return mine - floats;
    };
    Image image(l, take(image_floats));
    const PatchRows patches{take(row_floats), start};
    float* const block_memory = take(memory_floats);
    float* const cosine = take(cosine_floats);
    int32_t* const place = reinterpret_cast<int32_t*>(take(cosine_floats));
    FilterCells list;
    list.slope = take(list_floats);
    list.cosine = take(list_floats);
    list.place = reinterpret_cast<int32_t*>(take(list_floats));
    float *const sum = take(gx_floats), *const along = sum + positions * step;

    for (int64_t task; (task = next.fetch_add(1, std::memory_order_relaxed)) < tasks && !ctx.stop();) {
      const int64_t group = task / parts, part = task % parts;
      const int64_t first_block = l.blocks * part / parts, last_block = l.blocks * (part + 1) / parts;
      const int64_t first = first_block * kMaxVectors * kLanes, last = std::min(l.K, last_block * kMaxVectors * kLanes);
      float *group_sum = sums + group * l.K * step, *group_slopes = slope_sums + group * l.K;
      if (gw) std::fill(group_sum + first * step, group_sum + last * step, 0.0f);
      std::fill(group_slopes + first, group_slopes + last, 0.0f);
      for (int64_t n = l.N * group / groups; n < l.N * (group + 1) / groups && !ctx.stop(); ++n) {
        if (!saved || gw || gx) image.fill(l, in[0], n);
        if (gw || gx) patches.fill(l, image);
        if (!saved) {
          const auto run = [&](auto cell) {
            using Cell = decltype(cell);
            const BlockMemory m = BlockMemory::make<Cell>(l, rows, columns, block_memory, centred_offset);
            for (int64_t block = first_block; block < last_block; ++block)
              any_block<Cell>(l, image, rows, columns, block, m, Cells<Cell>{l, cells, block, cosine, place});
          };
          if (infinite || !image.finite)
            run(AnyPlaceCell{});
          else
            run(PlaceCell{});
        }
        if (gx) std::fill(sum, sum + gx_floats, 0.0f);
        for (int64_t k = first; k < last; ++k) {
          const int64_t row = (n * l.K + k) * cells;
          const Slopes slopes{.power = power,
                              .gy = gy + row,
                              .z = saved ? in[4].as<float>() + row : cosine + k * cells,
                              .place = saved ? in[5].as<int32_t>() + row : place + k * cells,
                              .bias = bias ? bias[k] : 0.0f,
                              .saved = saved,
                              .cosines = gx && l.patch,
                              .count = cells,
                              .positions = positions};
          group_slopes[k] += slopes.gather(list);
          if (gw)
            tap_pieces(l.taps, [&](auto vectors, int64_t tap) {
              if (l.centre)
                add_patches<vectors(), true>(patches, image, list, tap, group_sum + k * step);
              else
                add_patches<vectors(), false>(patches, image, list, tap, group_sum + k * step);
            });
          if (!gx) continue;
          tap_pieces(l.taps,
                     [&](auto vectors, int64_t tap) { add_filter<vectors()>(list, row_w + k * step, step, tap, sum); });
          for (int64_t i = 0; l.patch && i < list.count; ++i) along[list.place[i]] += list.slope[i] * list.cosine[i];
        }
        if (gx) fold_gx(l, image, patches, step, sum, along, gx + n * l.C * l.H * l.W);
      }
    }
  });

  if (gw)
    core::parallel_for(l.K, [&](int64_t k) {
      float* total = sums + k * step;
      for (int64_t group = 1; group < groups; ++group)
        for (int64_t t = 0; t < step; ++t) total[t] += sums[(group * l.K + k) * step + t];
      PatchRows::each_tap_row(l, [&](int64_t t, int64_t to) {
        for (int64_t s = 0; s < l.S; ++s) gw[k * l.taps + to + s] = total[t + s];
      });
    });
  for (int64_t k = 0; gb && k < l.K; ++k) {
    float total = slope_sums[k];
    for (int64_t group = 1; group < groups; ++group) total += slope_sums[group * l.K + k];
    gb[k] = total;
  }
}

}  // namespace striate::cpu::STRIATE_SIMD_NS
#include "cpu/simd/end.h"
