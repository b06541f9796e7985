// reduce, argmax: ops/reduce.h. One pass over x, so the limit is DRAM bandwidth.
// A row is summed by kParts vectors over pieces of kPiece numbers, each piece joined in a fixed tree, the pieces in
// float64. Over rows: float64 throughout, in blocks of rows of a fixed size that are added in order.
#include "ops/reduce.h"

#include <algorithm>
#include <cstdint>

#include "core/parallel.h"

#include "cpu/simd/begin.h"
#include "cpu/simd/softmax.h"

namespace striate::cpu::STRIATE_SIMD_NS {
namespace {

constexpr int kParts = 4;
constexpr int64_t kPiece = 4096, kRowsTask = 4096, kColumnsTask = 1024;

struct Sum {
  static constexpr double start = 0;
  static double join(double a, double b) { return a + b; }
  static double of(const float* x, int64_t n) {
    double total = 0;
    for (int64_t first = 0; first < n; first += kPiece) {
      const float* p = x + first;
      const int64_t count = std::min(kPiece, n - first);
      vf part[kParts] = {};
      int64_t i = 0;
      for (; i + kParts * kLanes <= count; i += kParts * kLanes)
        for (int j = 0; j < kParts; ++j) part[j] = part[j] + vload(p + i + j * kLanes);
      float sum = vsum((part[0] + part[1]) + (part[2] + part[3]));
      for (; i < count; ++i) sum += p[i];
      total += static_cast<double>(sum);
    }
    return total;
  }
};

struct Max {
  static constexpr double start = -__builtin_inf();
  static double join(double a, double b) { return b > a || b != b ? b : a; }
  static double of(const float* x, int64_t n) { return static_cast<double>(x[first_maximum(x, n)]); }
};

/// y[d] over rows: partial results of each block of rows, joined in order.
template <class Op>
void over_rows(core::Context& ctx, const float* x, int64_t n, int64_t d, double scale, float* y) {
  const int64_t blocks = (n + kRowsTask - 1) / kRowsTask, strips = (d + kColumnsTask - 1) / kColumnsTask;
  double* partial = ctx.scratch<double>(blocks * d);
  core::parallel_for(blocks * strips, [=](int64_t task) {
    const int64_t block = task / strips, first = task % strips * kColumnsTask,
                  width = std::min(kColumnsTask, d - first);
    double* sum = partial + block * d + first;
    std::fill(sum, sum + width, Op::start);
    for (int64_t i = block * kRowsTask; i < std::min(n, (block + 1) * kRowsTask); ++i) {
      const float* row = x + i * d + first;
      for (int64_t j = 0; j < width; ++j) sum[j] = Op::join(sum[j], static_cast<double>(row[j]));
    }
  });
  for (int64_t j = 0; j < d; ++j) {
    double total = Op::start;
    for (int64_t block = 0; block < blocks; ++block) total = Op::join(total, partial[block * d + j]);
    y[j] = static_cast<float>(total * scale);
  }
}

/// f(row, its result) for each row.
template <class Op, class F>
void each_row(const float* x, int64_t n, int64_t d, F&& f) {
  const int64_t rows = std::max<int64_t>(1, (1 << 14) / std::max<int64_t>(1, d));
  core::parallel_for((n + rows - 1) / rows, [&](int64_t task) {
    for (int64_t i = task * rows; i < std::min(n, (task + 1) * rows); ++i) f(i, Op::of(x + i * d, d));
  });
}

template <class Op>
void reduce_by(core::Context& ctx, const core::View& x, float* y, int32_t over, bool mean) {
  const float* data = x.as<float>();
  const int64_t n = x.shape[0], d = x.shape[1];
  const int64_t range = over == op::Reduce::rows ? n : over == op::Reduce::columns ? d : n * d;
  const double scale = mean ? 1 / static_cast<double>(range) : 1.0;
  if (over == op::Reduce::rows) {
    over_rows<Op>(ctx, data, n, d, scale, y);
  } else if (over == op::Reduce::columns) {
    each_row<Op>(data, n, d, [=](int64_t i, double value) { y[i] = static_cast<float>(value * scale); });
  } else {
    // Rows mean nothing here: equal pieces of the whole keep few long rows and many short ones alike parallel.
    const int64_t count = n * d, piece = 4 * kPiece, pieces = (count + piece - 1) / piece;
    double* partial = ctx.scratch<double>(pieces);
    core::parallel_for(pieces,
                       [=](int64_t i) { partial[i] = Op::of(data + i * piece, std::min(piece, count - i * piece)); });
    double total = Op::start;
    for (int64_t i = 0; i < pieces; ++i) total = Op::join(total, partial[i]);
    y[0] = static_cast<float>(total * scale);
  }
}

}  // namespace

void reduce(core::Context& ctx, const core::View* in, core::View* out, const op::Reduce::Options& o) {
  float* y = out[0].as<float>();
  if (o.kind == op::Reduce::max)
    reduce_by<Max>(ctx, in[0], y, o.over, false);
  else
    reduce_by<Sum>(ctx, in[0], y, o.over, o.kind == op::Reduce::mean);
}

void argmax(core::Context&, const core::View* in, core::View* out, const op::NoOptions&) {
  const float* x = in[0].as<float>();
  int32_t* index = out[0].as<int32_t>();
  const int64_t n = in[0].shape[0], d = in[0].shape[1],
                rows = std::max<int64_t>(1, (1 << 14) / std::max<int64_t>(1, d));
  core::parallel_for((n + rows - 1) / rows, [=](int64_t task) {
    for (int64_t i = task * rows; i < std::min(n, (task + 1) * rows); ++i)
      index[i] = static_cast<int32_t>(first_maximum(x + i * d, d));
  });
}

}  // namespace striate::cpu::STRIATE_SIMD_NS
#include "cpu/simd/end.h"
