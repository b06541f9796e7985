// readout_learn, readout_score: ops/readout.h. Softmax regression by Adam on cached features, rows read where they lie.
// A step has two passes over its rows. Forward: simd/row_dots.h. Gradient and Adam: strips of columns are packed into
// the cache, the next one fetched meanwhile; a tile of kTargets targets by 2 vectors of columns is summed over the
// minibatch in registers, then w, m and v of the tile are brought up to date at once: each is read and written once a
// step, and no gradient is stored. The second pass goes through the columns backwards, so that it starts on what the
// cache still holds. Bytes a step: x twice (once from DRAM where the L3 holds
// a minibatch), 6 T D floats; flops 4 B T D. Numerics: the gradient is summed over at most kRowBlock rows at a time in
// float32, these sums in order; the rest as in the headers.
#include "ops/readout.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "core/parallel.h"
#include "core/random.h"

#include "cpu/simd/begin.h"
#include "cpu/simd/optimiser_step.h"
#include "cpu/simd/row_dots.h"
#include "cpu/simd/softmax.h"

namespace striate::cpu::STRIATE_SIMD_NS {
namespace {

constexpr int kTile = 2;  // vectors of columns
constexpr int64_t kTileColumns = kTile * kLanes, kTaskColumns = 512;

/// The rows that take part, and their checked labels.
template <class T>
struct Rows {
  const T* features;
  const int32_t *labels, *list;
  int64_t d, count;

  Rows(const char* op, const core::View* in, const core::View& list_view, int64_t targets)
      : features(in[0].as<T>()),
        labels(in[1].as<int32_t>()),
        list(list_view.rank >= 0 ? list_view.as<int32_t>() : nullptr),
        d(in[0].shape[1]),
        count(list ? list_view.shape[0] : in[0].shape[0]) {
    const int64_t all = in[0].shape[0];
    for (int64_t i = 0; i < count; ++i) {
      const int64_t row = at(i);
      if (row < 0 || row >= all)
        throw core::Error(core::ErrorKind::data, op, "rows", std::to_string(row) + " at index " + std::to_string(i),
                          "0 to " + std::to_string(all - 1));
      if (labels[row] < 0 || labels[row] >= targets) refuse_label(op, labels[row], row, targets);
    }
  }
  int64_t at(int64_t i) const { return list ? list[i] : i; }
};

/// What the second pass updates.
struct Weights {
  float *w, *m, *v;
  int64_t d;
};

/// Columns [begin, begin + width) of the rows as [tile][row][kTileColumns]: read in the order in which they lie, for a
/// walk down the rows by tiles would wait for each of its cache lines. What is beyond the last column is whatever stood
/// there.
template <class T>
void pack_columns(const T* const* x, int64_t n, int64_t begin, int64_t width, T* panel) {
  for (int64_t r = 0; r < n; ++r) {
    const T* row = x[r] + begin;
    T* to = panel + r * kTileColumns;
    int64_t i = 0;
    for (; i + kTileColumns <= width; i += kTileColumns, to += n * kTileColumns)
      std::memcpy(to, row + i, kTileColumns * sizeof(T));
    std::memcpy(to, row + i, static_cast<size_t>(width - i) * sizeof(T));
  }
}

/// Fetches into the cache what the next call of `pack_columns` reads, a cache line at a time in the order in which the
/// rows lie, while the tiles before it are computed.
template <class T>
struct Ahead {
  static constexpr int64_t kLine = 64 / sizeof(T);
  const T* const* x;
  int64_t n, begin, width;
  int64_t row = 0, column = 0;
  STRIATE_INLINE void fetch() {
    if (row == n) return;
    __builtin_prefetch(x[row] + begin + column, 0, 2);
    column += kLine;
    if (column < width + kLine) return;  // rows need not begin where a line does
    column = 0;
    ++row;
  }
};

/// Gradient of G targets (g [n][G]) at V vectors of packed columns that begin at column `at`, and Adam on them.
template <class T, int G, int V>
__attribute__((noinline)) void learn_tile(const T* x, int64_t n, const float* g, int64_t at, const Weights& to,
                                          const AdamStep& step, Ahead<T>& ahead) {
  for (int j = 0; j < G; ++j)
    for (int v = 0; v < V; ++v) {
      const int64_t i = j * to.d + at + v * kLanes;
      __builtin_prefetch(to.w + i, 1);
      __builtin_prefetch(to.m + i, 1);
      __builtin_prefetch(to.v + i, 1);
    }
  float total[G][V * kLanes] = {};
  Ahead<T> next = ahead;
  for (int64_t first = 0; first < n; first += kRowBlock) {
    vf sum[G][V] = {};
    const int64_t end = std::min(n, first + kRowBlock);
    for (int64_t r = first; r < end; ++r) {
      vf a[V];
      next.fetch();
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) a[v] = load_lanes(x + r * kTileColumns + v * kLanes);
#pragma GCC unroll 10
      for (int j = 0; j < G; ++j) {
        const vf b = vspread(g[r * G + j]);
#pragma GCC unroll 2
        for (int v = 0; v < V; ++v) sum[j][v] = vfma(b, a[v], sum[j][v]);
      }
    }
#pragma GCC unroll 10
    for (int j = 0; j < G; ++j)
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) vstore(total[j] + v * kLanes, vload(total[j] + v * kLanes) + sum[j][v]);
  }
  ahead = next;
  for (int j = 0; j < G; ++j)
    for (int v = 0; v < V; ++v) {
      const int64_t i = j * to.d + at + v * kLanes;
      step(to.w + i, to.m + i, to.v + i, vload(total[j] + v * kLanes));
    }
}

template <class T, int V, int G = kTargets>
STRIATE_INLINE void learn_tile_of(int group, const T* x, int64_t n, const float* g, int64_t at, const Weights& to,
                                  const AdamStep& step, Ahead<T>& ahead) {
  if constexpr (G > 0) {
    if (group == G)
      learn_tile<T, G, V>(x, n, g, at, to, step, ahead);
    else
      learn_tile_of<T, V, G - 1>(group, x, n, g, at, to, step, ahead);
  }
}

/// The last columns, fewer than kLanes.
template <class T>
void learn_rest(const T* x, int64_t n, const float* g, int group, int64_t at, const Weights& to, const AdamStep& step) {
  const int64_t count = to.d - at;
  for (int j = 0; j < group; ++j) {
    vf total{};
    for (int64_t first = 0; first < n; first += kRowBlock) {
      vf sum{};
      for (int64_t r = first; r < std::min(n, first + kRowBlock); ++r)
        sum = vfma(vspread(g[r * group + j]), load_some(x + r * kTileColumns, count), sum);
      total = total + sum;
    }
    float gradient[kLanes];
    vstore(gradient, total);
    const int64_t i = j * to.d + at;
    step.tail(to.w + i, to.m + i, to.v + i, gradient, count);
  }
}

/// The second pass over the columns [begin, end), which `panel` takes. `g` holds the groups of targets one after the
/// other, [n][group] each.
template <class T>
void learn_columns(const T* const* x, int64_t n, const float* g, int64_t targets, int64_t begin, int64_t end,
                   const Weights& weights, const AdamStep& step, T* panel, Ahead<T> ahead) {
  pack_columns(x, n, begin, end - begin, panel);
  for (int64_t at = begin; at < end;) {
    const int64_t left = end - at, width = left >= kTileColumns ? kTileColumns : left >= kLanes ? kLanes : left;
    const T* tile = panel + (at - begin) / kTileColumns * n * kTileColumns + (at - begin) % kTileColumns;
    for_target_groups(targets, [&](int64_t t, int group) {
      const Weights to{weights.w + t * weights.d, weights.m + t * weights.d, weights.v + t * weights.d, weights.d};
      if (width == kTileColumns)
        learn_tile_of<T, kTile>(group, tile, n, g + t * n, at, to, step, ahead);
      else if (width == kLanes)
        learn_tile_of<T, 1>(group, tile, n, g + t * n, at, to, step, ahead);
      else
        learn_rest(tile, n, g + t * n, group, at, to, step);
    });
    at += width;
  }
}

template <class T>
void learn(core::Context& ctx, const core::View* in, core::View* out, const op::ReadoutLearn::Options& o) {
  const int64_t targets = in[2].shape[0], d = in[0].shape[1], batch = o.batch;
  const Rows<T> rows("readout_learn", in, in[8], targets);
  const Weights weights{in[2].as<float>(), in[4].as<float>(), in[5].as<float>(), d};
  float *b = in[3].as<float>(), *mb = in[6].as<float>(), *vb = in[7].as<float>();
  const T** x = ctx.scratch<const T*>(batch);
  int32_t* labels = ctx.scratch<int32_t>(batch);
  float *logits = ctx.scratch<float>(batch * targets), *g = ctx.scratch<float>(batch * targets),
        *gb = ctx.scratch<float>(targets);
  double* sum = ctx.scratch<double>(targets);
  const RowDots dots(ctx, batch, d, targets);
  const int64_t epoch_steps = rows.count / batch, tasks = (d + kTaskColumns - 1) / kTaskColumns,
                slots = std::min<int64_t>(core::threads(), tasks);
  T* panels = ctx.scratch<T>(slots * batch * kTaskColumns);
  const float scale = static_cast<float>(1 / static_cast<double>(batch));
  auto unregularised = o;
  unregularised.weight_decay = 0;
  double loss = 0;
  int64_t errors = 0;
  for (int64_t t = o.first_step; t < o.first_step + o.steps && !ctx.stop(); ++t) {
    const core::Permutation order(rows.count, o.seed, static_cast<uint32_t>(t / epoch_steps));
    for (int64_t i = 0; i < batch; ++i) {
      const int64_t row = rows.at(o.shuffle ? static_cast<int64_t>(order(t % epoch_steps * batch + i))
                                            : (t - o.first_step) % epoch_steps * batch + i);
      x[i] = rows.features + row * d;
      labels[i] = rows.labels[row];
    }
    dots(x, batch, weights.w, b, logits);
    std::fill(sum, sum + targets, 0.0);
    for (int64_t i = 0; i < batch; ++i) {
      float* row = logits + i * targets;
      const float own = row[labels[i]];
      const RowSum stats = row_gradient(row, targets, labels[i], scale, row);
      loss += stats.loss(own);
      errors += stats.top != labels[i];
      for (int64_t k = 0; k < targets; ++k) sum[k] += static_cast<double>(row[k]);
    }
    for_target_groups(targets, [&](int64_t first, int group) {
      for (int64_t i = 0; i < batch; ++i)
        std::copy_n(logits + i * targets + first, group, g + first * batch + i * group);
    });
    const double rate = op::ReadoutLearn::rate(o, t);
    const AdamStep step(o, rate, t + 1), bias_step(unregularised, rate, t + 1);
    std::atomic<int64_t> next{tasks};
    core::parallel_for(slots, [&](int64_t slot) {
      const auto take = [&] { return next.fetch_sub(1, std::memory_order_relaxed) - 1; };
      const auto end = [&](int64_t task) { return std::min(d, (task + 1) * kTaskColumns); };
      const bool early = tasks > 4 * slots;  // else nobody takes what another would be idle without
      int64_t following = -1;
      for (int64_t task = take(); task >= 0; task = early ? following : take()) {
        if (early) following = take();
        const int64_t begin = following * kTaskColumns;
        const Ahead<T> ahead{x, following < 0 ? 0 : batch, begin, end(following) - begin};
        learn_columns(x, batch, g, targets, task * kTaskColumns, end(task), weights, step,
                      panels + slot * batch * kTaskColumns, ahead);
      }
    });
    for (int64_t k = 0; k < targets; ++k) gb[k] = static_cast<float>(sum[k]);
    for (int64_t k = 0; k < targets; k += kLanes)
      bias_step.tail(b + k, mb + k, vb + k, gb + k, std::min<int64_t>(kLanes, targets - k));
  }
  *out[0].as<float>() = static_cast<float>(loss / (static_cast<double>(batch) * static_cast<double>(o.steps)));
  *out[1].as<int32_t>() = static_cast<int32_t>(errors);
}

template <class T>
void score(core::Context& ctx, const core::View* in, core::View* out) {
  const int64_t targets = in[2].shape[0], d = in[0].shape[1], block = 1024, piece = 16;
  const Rows<T> rows("readout_score", in, in[4], targets);
  const float *w = in[2].as<float>(), *b = in[3].as<float>();
  int32_t* prediction = out[2].rank >= 0 ? out[2].as<int32_t>() : nullptr;
  const T** x = ctx.scratch<const T*>(block);
  float* logits = ctx.scratch<float>(block * targets);
  double* losses = ctx.scratch<double>(block);
  int32_t* tops = ctx.scratch<int32_t>(block);
  const RowDots dots(ctx, std::min(block, rows.count), d, targets);
  double loss = 0;
  int64_t errors = 0;
  for (int64_t first = 0; first < rows.count && !ctx.stop(); first += block) {
    const int64_t n = std::min(block, rows.count - first);
    for (int64_t i = 0; i < n; ++i) x[i] = rows.features + rows.at(first + i) * d;
    dots(x, n, w, b, logits);
    core::parallel_for((n + piece - 1) / piece, [&](int64_t task) {
      for (int64_t i = task * piece; i < std::min(n, (task + 1) * piece); ++i) {
        const float* row = logits + i * targets;
        const RowSum stats(row, targets);
        losses[i] = stats.loss(row[rows.labels[rows.at(first + i)]]);
        tops[i] = static_cast<int32_t>(stats.top);
      }
    });
    for (int64_t i = 0; i < n; ++i) {
      loss += losses[i];
      errors += tops[i] != rows.labels[rows.at(first + i)];
      if (prediction) prediction[first + i] = tops[i];
    }
  }
  *out[0].as<float>() = static_cast<float>(loss / static_cast<double>(rows.count));
  *out[1].as<int32_t>() = static_cast<int32_t>(errors);
}

}  // namespace

void readout_learn(core::Context& ctx, const core::View* in, core::View* out, const op::ReadoutLearn::Options& o) {
  if (in[0].dtype == core::Dtype::bf16)
    learn<uint16_t>(ctx, in, out, o);
  else
    learn<float>(ctx, in, out, o);
}

void readout_score(core::Context& ctx, const core::View* in, core::View* out, const op::NoOptions&) {
  if (in[0].dtype == core::Dtype::bf16)
    score<uint16_t>(ctx, in, out);
  else
    score<float>(ctx, in, out);
}

}  // namespace striate::cpu::STRIATE_SIMD_NS
#include "cpu/simd/end.h"
