// nnl_conv_grad: ops/nnl_conv.h. Images are taken in groups. For each image of a group, in parallel: the cosines and
// places of the pooled maxima again (simd/pooled_cosines.h), d = gy * n * c^(n-1) at each, the patches v / |v| written
// out, and
//   gx: the sum over filters of d (w - c v / |v|) / |v| at each place, less its mean if centred, added to the pixels of
//   its patch.
// Then for each filter, in parallel: gw = sum of d v / |v| over the group's cells, in the order of images and cells.
// With a pool most positions get no gradient, so the sums run over the cells that have one, as rows of C*R*S numbers.
// Sums of one image are made apart and then added: the error grows with cells + images, not with their product.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <utility>

#include "core/parallel.h"
#include "cpu/kernels.h"
#include "cpu/simd/begin.h"
#include "cpu/simd/pooled_cosines.h"
#include "cpu/simd/power.h"
#include "cpu/simd/vec.h"

namespace striate::cpu::STRIATE_SIMD_NS {
namespace {

constexpr int64_t kGroupBytes = 64 << 20;  // of patches kept for the second step
constexpr int64_t kGroupImages = 32;

/// The maxima of one image: cosine[k][cell] and place[k][cell].
struct Cells {
  const Layer& l;
  int64_t cells, block;
  float* cosine;
  int32_t* place;

  void take(int64_t first, int64_t count, const float* from) const {
    const int64_t vectors = l.block_vectors(block);
    for (int64_t v = 0; v < vectors; ++v) {
      const int64_t k = (block * kMaxVectors + v) * kLanes, lanes = std::min<int64_t>(kLanes, l.K - k);
      for (int64_t i = 0; i < count; i += kLanes) {
        const int some = static_cast<int>(std::min<int64_t>(kLanes, count - i));
        for (int part = 0; part < 2; ++part) {
          vf row[kLanes];
          for (int j = 0; j < kLanes; ++j)
            row[j] = vload(from + ((i + (j < some ? j : 0)) * vectors + v) * PlaceCell::kFloats + part * kLanes);
          transpose(row);
          float* to = part ? reinterpret_cast<float*>(place) : cosine;
          for (int64_t lane = 0; lane < lanes; ++lane)
            vstore_some(to + (k + lane) * cells + first + i, row[lane], some);
        }
      }
    }
  }
};

/// to[i] += scale * from[i]; `count` is a multiple of kLanes.
STRIATE_INLINE void add_scaled(float* to, const float* from, float scale, int64_t count) {
  const vf factor = broadcast(scale);
  for (int64_t i = 0; i < count; i += kLanes) vstore(to + i, vfma(factor, vload(from + i), vload(to + i)));
}

/// unit[position][tap] = (v - mean) * factor, rows of `step` floats, zeros after the taps.
void write_patches(const Layer& l, const Image& image, float* unit, int64_t step) {
  for (int64_t p = 0; p < l.P; ++p)
    for (int64_t q = 0; q < l.Q; ++q) {
      const int64_t position = p * l.Q + q;
      const float* x = image.x + p * l.stride * l.row + q;
      const float factor = image.factor[position];
      const float mean = l.centre ? image.mean[position] : 0, rest = l.centre ? image.mean_rest[position] : 0;
      float* to = unit + position * step;
      for (int64_t t = 0; t < l.taps; ++t) to[t] = (x[l.offset[t]] - mean - rest) * factor;
      for (int64_t t = l.taps; t < step; ++t) to[t] = 0;
    }
}

}  // namespace

void nnl_conv_grad(core::Context& ctx, const core::View* in, core::View* out, const op::NnlConv::Options& o) {
  Layer l = make_layer(in[0], in[1], o);
  const WindowPlan rows(o.pool_size, o.pool_stride, l.P), columns(o.pool_size, o.pool_stride, l.Q);
  const int64_t cells = rows.outputs * columns.outputs, positions = l.P * l.Q;
  const float *w = in[1].as<float>(), *gy = in[2].as<float>();
  float* gx = out[0].rank >= 0 ? out[0].as<float>() : nullptr;
  float* gw = out[1].rank >= 0 ? out[1].as<float>() : nullptr;
  const Power power(o.power);

  const int64_t step = align_up(l.taps);
  const int64_t unit_floats = positions * step, cell_count = align_up(l.K * cells);
  const int64_t group =
      std::clamp<int64_t>(kGroupBytes / (unit_floats * 4 + 12 * cell_count), 1, std::min(kGroupImages, l.N));
  const int64_t slots = std::min<int64_t>(core::threads(), group);
  const int64_t image_floats = Image::floats(l), memory_floats = BlockMemory::floats<PlaceCell>(l, rows, columns);
  const int64_t sum_floats = gx ? positions * step + align_up(positions) : 0;  // of d w, and of d c, by position
  const int64_t slot_floats = align_up(image_floats + memory_floats) + sum_floats;

  l.offset = ctx.scratch<int64_t>(static_cast<size_t>(l.taps));
  l.filters = ctx.scratch<float>(static_cast<size_t>(l.filter_floats()));
  int64_t* centred_offset = ctx.scratch<int64_t>(static_cast<size_t>(l.taps));
  for (int64_t t = 0; t < l.taps; ++t) centred_offset[t] = t * kTileStride;
  float* memory = ctx.scratch<float>(static_cast<size_t>(slots * slot_floats));
  float* units = ctx.scratch<float>(static_cast<size_t>(group * unit_floats));
  float* cosines = ctx.scratch<float>(static_cast<size_t>(group * cell_count));
  float* slopes = ctx.scratch<float>(static_cast<size_t>(group * cell_count));
  int32_t* places = ctx.scratch<int32_t>(static_cast<size_t>(group * cell_count));
  float* even_w = ctx.scratch<float>(static_cast<size_t>(l.K * step));               // w in rows of `step`
  float* totals = ctx.scratch<float>(static_cast<size_t>(gw ? 2 * l.K * step : 1));  // of one image, and of all
  pack_filters(l, w);
  for (int64_t k = 0; k < l.K; ++k) {
    std::memcpy(even_w + k * step, w + k * l.taps, static_cast<size_t>(l.taps) * sizeof(float));
    std::fill(even_w + k * step + l.taps, even_w + (k + 1) * step, 0.0f);
  }
  if (gw) std::fill(totals, totals + 2 * l.K * step, 0.0f);

  const auto add_gx = [&](const Image& image, const float* unit, const float* cosine, const float* slope,
                          const int32_t* place, float* sum, float* to) {
    float* along = sum + positions * step;
    std::fill(sum, sum + sum_floats, 0.0f);
    for (int64_t k = 0; k < l.K; ++k)
      for (int64_t i = k * cells; i < (k + 1) * cells; ++i) {
        const float d = slope[i];
        if (d == 0) continue;
        add_scaled(sum + place[i] * step, even_w + k * step, d, step);
        along[place[i]] += d * cosine[i];
      }
    std::fill(to, to + l.C * l.H * l.W, 0.0f);
    for (int64_t p = 0; p < l.P; ++p)
      for (int64_t q = 0; q < l.Q; ++q) {
        const int64_t position = p * l.Q + q;
        float* g = sum + position * step;
        if (l.patch) {
          add_scaled(g, unit + position * step, -along[position], step);
          for (int64_t t = 0; t < l.taps; ++t) g[t] *= image.factor[position];
        }
        if (l.centre) {
          double mean = 0;
          for (int64_t t = 0; t < l.taps; ++t) mean += g[t];
          mean /= static_cast<double>(l.taps);
          for (int64_t t = 0; t < l.taps; ++t) g[t] = static_cast<float>(g[t] - mean);
        }
        for (int64_t c = 0, t = 0; c < l.C; ++c)
          for (int64_t r = 0; r < l.R; ++r) {
            const int64_t h = p * l.stride + r - l.padding;
            for (int64_t s = 0; s < l.S; ++s, ++t) {
              const int64_t column = q * l.stride + s - l.padding;
              if (h >= 0 && h < l.H && column >= 0 && column < l.W) to[(c * l.H + h) * l.W + column] += g[t];
            }
          }
      }
  };

  for (int64_t start = 0; start < l.N && !ctx.stop(); start += group) {
    const int64_t images = std::min(group, l.N - start);
    std::atomic<int64_t> next{0};
    core::parallel_for(slots, [&](int64_t slot) {
      float* mine = memory + slot * slot_floats;
      float* sum = mine + align_up(image_floats + memory_floats);
      Image image(l, mine);
      const BlockMemory m = BlockMemory::make<PlaceCell>(l, rows, columns, mine + image_floats, centred_offset);
      for (int64_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) < images && !ctx.stop();) {
        const int64_t n = start + i;
        float *unit = units + i * unit_floats, *cosine = cosines + i * cell_count, *slope = slopes + i * cell_count;
        int32_t* place = places + i * cell_count;
        image.fill(l, in[0], n);
        write_patches(l, image, unit, step);
        for (int64_t block = 0; block < l.blocks; ++block)
          any_block<PlaceCell>(l, image, rows, columns, block, m, Cells{l, cells, block, cosine, place});
        // The arrays are padded to whole vectors; what stands in the padding is never read.
        for (int64_t j = 0; j < l.K * cells; j += kLanes) {
          const int some = static_cast<int>(std::min<int64_t>(kLanes, l.K * cells - j));
          vf c[1] = {vload(cosine + j)}, g[1] = {vf{}};
          std::memcpy(&g[0], gy + n * l.K * cells + j, static_cast<size_t>(some) * sizeof(float));
          power.slope(c, g);
          vstore(slope + j, c[0]);
        }
        if (gx) add_gx(image, unit, cosine, slope, place, sum, gx + n * l.C * l.H * l.W);
      }
    });
    if (!gw) continue;
    core::parallel_for(l.K, [&](int64_t k) {
      float *total = totals + 2 * k * step, *one = total + step;
      for (int64_t i = 0; i < images; ++i) {
        const float *unit = units + i * unit_floats, *slope = slopes + i * cell_count;
        const int32_t* place = places + i * cell_count;
        for (int64_t j = k * cells; j < (k + 1) * cells; ++j)
          if (slope[j] != 0) add_scaled(one, unit + place[j] * step, slope[j], step);
        for (int64_t t = 0; t < step; ++t) {
          total[t] += one[t];
          one[t] = 0;
        }
      }
    });
  }
  if (gw)
    for (int64_t k = 0; k < l.K; ++k)
      std::memcpy(gw + k * l.taps, totals + 2 * k * step, static_cast<size_t>(l.taps) * sizeof(float));
}

}  // namespace striate::cpu::STRIATE_SIMD_NS
#include "cpu/simd/end.h"
