// readout_learn, readout_score: ops/readout.h. Softmax regression by Adam on cached features, rows read where they lie.
// Steps of few targets: readout_few.cuh. Of many, a step is four kernels and no wait: logits (gemm.cuh, the minibatch's rows gathered by a list, D cut into stretches),
// softmax (one warp per row, which first adds the stretches in their order), the gradient of w with Adam on its tile
// while it is in registers (no gradient is stored), and the bias with the tally of losses. The lists of rows are made
// for many steps at once. Bytes a step: x twice (the second time from L2 where a minibatch fits), 6 T D floats; flops 4
// B T D. Numerics: float32 products and sums; losses in float64.
#include <algorithm>
#include <cmath>
#include <cstdint>

#include "core/random.h"
#include "cuda/device.cuh"
#include "cuda/gemm.cuh"
#include "cuda/readout_few.cuh"
#include "ops/readout.h"

namespace striate::cuda {
namespace {

using readout::Bias, readout::kThreads, readout::RowResult, readout::Tally;

#if defined(STRIATE_CUDA_SIM)
constexpr int64_t kListed = 100, kScored = 48;  // small, so that tests cross the seams
#else
constexpr int64_t kListed = 1 << 20;  // rows listed at once
constexpr int64_t kScored = 4096;     // rows scored at once
#endif

/// Rows of the minibatches from `first_step` on, `count` in all. In order, minibatches are counted from the call's
/// first.
__global__ void __launch_bounds__(kThreads)
    minibatch_rows_kernel(const int32_t* __restrict__ rows, int64_t all, int64_t batch, int64_t first_step,
                          int64_t call_step, bool shuffle, uint64_t seed, int64_t count, int32_t* __restrict__ list) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= count) return;
  const int64_t an_epoch = all / batch, step = first_step + i / batch;
  int64_t place = (step - call_step) % an_epoch * batch + i % batch;
  if (shuffle) {
    const core::Permutation order(static_cast<uint64_t>(all), seed, static_cast<uint32_t>(step / an_epoch));
    place = static_cast<int64_t>(order(static_cast<uint64_t>(step % an_epoch * batch + i % batch)));
  }
  list[i] = rows ? rows[place] : static_cast<int32_t>(place);
}

/// Logits of a row from its stretches, and what follows from them; g and prediction where they are given. The row's
/// label is that of list[i], or of first + i.
__global__ void __launch_bounds__(kThreads)
    readout_rows_kernel(const float* __restrict__ parts, int64_t stretches, const float* __restrict__ b,
                        const int32_t* __restrict__ labels, const int32_t* __restrict__ list, int64_t first, int64_t n,
                        int64_t targets, float scale, float* logits, float* g, double* losses, uint8_t* wrong,
                        int32_t* prediction) {
  const int64_t i = (static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x) / 32;
  if (i >= n) return;  // whole warps leave
  const int lane = threadIdx.x % 32;
  float* x = logits + i * targets;
  for (int64_t t = lane; t < targets; t += 32) {
    float sum = 0;
    for (int64_t s = 0; s < stretches; ++s) sum += __ldg(parts + (s * n + i) * targets + t);
    x[t] = sum + __ldg(b + t);
  }
  __syncwarp();
  RowResult{g ? g + i * targets : nullptr, losses + i, wrong + i, prediction ? prediction + i : nullptr}(
      x, targets, labels[list ? list[i] : first + i], scale);
}

__global__ void __launch_bounds__(kThreads) readout_bias_kernel(Bias bias) { bias(blockIdx.x); }

__global__ void __launch_bounds__(kThreads)
    tally_kernel(const double* __restrict__ losses, const uint8_t* __restrict__ wrong, int64_t n, Tally* tally) {
  double loss;
  int64_t errors;
  block_tally<kThreads>(losses, wrong, n, loss, errors);
  if (threadIdx.x == 0) *tally = {loss, errors};
}

__global__ void readout_result_kernel(const Tally* tally, double rows, float* loss, int32_t* errors) {
  *loss = static_cast<float>(tally->loss / rows);
  *errors = static_cast<int32_t>(tally->errors);
}

/// What becomes of a tile of the gradient of w.
struct Update {
  float *w, *m, *v;
  int64_t d;
  AdamStep step;
  bool aligned;
  template <int kCount>
  __device__ __forceinline__ void operator()(int64_t row, int64_t column, float (&g)[kCount], int64_t left,
                                             int64_t) const {
    const int64_t i = row * d + column;
    if (kCount == 4 && aligned && left >= 4) {
      float4 a = *reinterpret_cast<float4*>(w + i), b = *reinterpret_cast<float4*>(m + i),
             c = *reinterpret_cast<float4*>(v + i);
      step(a.x, b.x, c.x, g[0]);
      step(a.y, b.y, c.y, g[1 % kCount]);
      step(a.z, b.z, c.z, g[2 % kCount]);
      step(a.w, b.w, c.w, g[3 % kCount]);
      *reinterpret_cast<float4*>(w + i) = a;
      *reinterpret_cast<float4*>(m + i) = b;
      *reinterpret_cast<float4*>(v + i) = c;
    } else {
      STRIATE_UNROLL
      for (int j = 0; j < kCount; ++j)
        if (j < left) step(w[i + j], m[i + j], v[i + j], g[j]);
    }
  }
};

/// Scratch of the forward pass over at most `most` rows at once.
template <class T>
class Forward {
 public:
  Forward(core::Context& ctx, const core::View* in, int64_t most)
      : stream_(stream_of(ctx)),
        features_(in[0].as<T>()),
        labels_(in[1].as<int32_t>()),
        d_(in[0].shape[1]),
        targets_(in[2].shape[0]),
        w_(in[2].as<float>()),
        b_(in[3].as<float>()),
        few_(targets_ <= 16),
        cut_((few_ ? (most + 127) / 128 : (most + 63) / 64 * ((targets_ + 63) / 64)), d_, device_of(ctx).processors),
        parts_(ctx.scratch<float>(static_cast<size_t>(cut_.stretches * most * targets_))),
        logits_(ctx.scratch<float>(static_cast<size_t>(most * targets_))) {}

  /// Rows list[0 .. n), or first .. first + n.
  void run(const int32_t* list, int64_t first, int64_t n, float scale, float* g, double* losses, uint8_t* wrong,
           int32_t* prediction) const {
    const gemm::Operand<T> x{list ? features_ : features_ + first * d_, d_, list};
    const gemm::Operand<float> w{w_, d_, nullptr};
    const gemm::Store store{parts_, targets_, n * targets_, nullptr, targets_ % 4 == 0};
    if (few_)
      gemm::launch_product<gemm::Tall, true, true>(stream_, x, w, n, targets_, d_, cut_.length, cut_.stretches, store);
    else
      gemm::launch_product<gemm::Small, true, true>(stream_, x, w, n, targets_, d_, cut_.length, cut_.stretches, store);
    STRIATE_LAUNCH(readout_rows_kernel, blocks_for(n, kThreads / 32), kThreads, 0, stream_, parts_, cut_.stretches, b_,
                   labels_, list, first, n, targets_, scale, logits_, g, losses, wrong, prediction);
  }

 private:
  cudaStream_t stream_;
  const T* features_;
  const int32_t* labels_;
  int64_t d_, targets_;
  const float *w_, *b_;
  bool few_;
  gemm::Cut cut_;
  float *parts_, *logits_;
};

/// Lists of the rows of minibatches, for many steps at once. The list of the step before stays.
class Minibatches {
 public:
  Minibatches(core::Context& ctx, const core::View* in, const op::ReadoutLearn::Options& o)
      : stream_(stream_of(ctx)),
        o_(o),
        rows_(in[8].rank >= 0 ? in[8].as<int32_t>() : nullptr),
        all_(rows_ ? in[8].shape[0] : in[0].shape[0]),
        ahead_(std::min(o.steps, std::max<int64_t>(1, kListed / o.batch))),
        lists_(ctx.scratch<int32_t>(static_cast<size_t>(2 * ahead_ * o.batch))) {}
  /// Rows of the call's i-th minibatch; i counts up from 0.
  const int32_t* operator()(int64_t i) const {
    int32_t* list = lists_ + i / ahead_ % 2 * ahead_ * o_.batch;
    if (i % ahead_ == 0) {
      const int64_t count = std::min(ahead_, o_.steps - i) * o_.batch;
      STRIATE_LAUNCH(minibatch_rows_kernel, blocks_for(count, kThreads), kThreads, 0, stream_, rows_, all_, o_.batch,
                     o_.first_step + i, o_.first_step, o_.shuffle, static_cast<uint64_t>(o_.seed), count, list);
    }
    return list + i % ahead_ * o_.batch;
  }

 private:
  cudaStream_t stream_;
  const op::ReadoutLearn::Options& o_;
  const int32_t* rows_;
  int64_t all_, ahead_;
  int32_t* lists_;
};

template <class T>
void learn(core::Context& ctx, const core::View* in, core::View* out, const op::ReadoutLearn::Options& o) {
  const cudaStream_t stream = stream_of(ctx);
  const int64_t batch = o.batch, d = in[0].shape[1], targets = in[2].shape[0];
  const T* features = in[0].as<T>();
  const int32_t* labels = in[1].as<int32_t>();
  float *w = in[2].as<float>(), *mw = in[4].as<float>(), *vw = in[5].as<float>();
  float* g = ctx.scratch<float>(static_cast<size_t>(batch * targets));
  double* losses = ctx.scratch<double>(static_cast<size_t>(batch));
  uint8_t* wrong = ctx.scratch<uint8_t>(static_cast<size_t>(batch));
  Tally* tally = ctx.scratch<Tally>(1);
  const Minibatches minibatch(ctx, in, o);
  check(cudaMemsetAsync(tally, 0, sizeof *tally, stream), "cudaMemsetAsync");
  const float scale = static_cast<float>(1 / static_cast<double>(batch));
  const auto weights_step = [&](int64_t i) {
    return AdamStep(o, op::ReadoutLearn::rate(o, o.first_step + i), o.first_step + i + 1);
  };
  const auto bias_of = [&](int64_t i) {
    auto without_decay = o;
    without_decay.weight_decay = 0;
    const AdamStep step(without_decay, op::ReadoutLearn::rate(o, o.first_step + i), o.first_step + i + 1);
    return Bias{in[3].as<float>(), in[6].as<float>(), in[7].as<float>(), step, g, losses, wrong, tally, batch, targets};
  };
  if (targets <= readout::kFew && batch <= readout::kLargest) {
    const int64_t stretches = (d + readout::kColumns - 1) / readout::kColumns;
    float* parts = ctx.scratch<float>(static_cast<size_t>(batch * stretches * targets));
    const int32_t* before = nullptr;
    for (int64_t i = 0; i <= o.steps && !ctx.stop(); ++i) {
      const int32_t* now = i < o.steps ? minibatch(i) : nullptr;
      const int64_t last = std::max<int64_t>(0, i - 1);
      const readout::Step<T> step{features, w, mw, vw, d, stretches, weights_step(last), bias_of(last), parts};
      const unsigned blocks = blocks_for(stretches + step.bias.blocks(), 1);
      if (d % 4 == 0)
        STRIATE_LAUNCH((readout::few_step_kernel<T, true>), blocks, kThreads, 0, stream, step, before, now);
      else
        STRIATE_LAUNCH((readout::few_step_kernel<T, false>), blocks, kThreads, 0, stream, step, before, now);
      if (now)
        STRIATE_LAUNCH(readout::few_rows_kernel<T>, blocks_for(batch, 1), kThreads, 0, stream, step, labels, now, scale,
                       g, losses, wrong);
      before = now;
    }
  } else {
    const Forward<T> forward(ctx, in, batch);
    for (int64_t i = 0; i < o.steps && !ctx.stop(); ++i) {
      const int32_t* now = minibatch(i);
      forward.run(now, 0, batch, scale, g, losses, wrong, nullptr);
      const gemm::Operand<float> left{g, targets, nullptr};
      const gemm::Operand<T> right{features, d, now};
      const Update update{w, mw, vw, d, weights_step(i), d % 4 == 0};
      if (targets <= 16)
        gemm::launch_product<gemm::Wide, false, false>(stream, left, right, targets, d, batch, batch, 1, update);
      else
        gemm::launch_product<gemm::Small, false, false>(stream, left, right, targets, d, batch, batch, 1, update);
      const Bias bias = bias_of(i);
      STRIATE_LAUNCH(readout_bias_kernel, blocks_for(bias.blocks(), 1), kThreads, 0, stream, bias);
    }
  }
  STRIATE_LAUNCH(readout_result_kernel, 1, 1, 0, stream, tally,
                 static_cast<double>(o.steps) * static_cast<double>(batch), out[0].as<float>(), out[1].as<int32_t>());
}

template <class T>
void score(core::Context& ctx, const core::View* in, core::View* out) {
  const int32_t* rows = in[4].rank >= 0 ? in[4].as<int32_t>() : nullptr;
  const int64_t all = rows ? in[4].shape[0] : in[0].shape[0];
  const Forward<T> forward(ctx, in, std::min(all, kScored));
  double* losses = ctx.scratch<double>(static_cast<size_t>(all));
  uint8_t* wrong = ctx.scratch<uint8_t>(static_cast<size_t>(all));
  Tally* tally = ctx.scratch<Tally>(1);
  int32_t* prediction = out[2].rank >= 0 ? out[2].as<int32_t>() : nullptr;
  for (int64_t first = 0; first < all && !ctx.stop(); first += kScored)
    forward.run(rows ? rows + first : nullptr, first, std::min(kScored, all - first), 0, nullptr, losses + first,
                wrong + first, prediction ? prediction + first : nullptr);
  STRIATE_LAUNCH(tally_kernel, 1, kThreads, 0, stream_of(ctx), losses, wrong, all, tally);
  STRIATE_LAUNCH(readout_result_kernel, 1, 1, 0, stream_of(ctx), tally, static_cast<double>(all), out[0].as<float>(),
                 out[1].as<int32_t>());
}

/// Looks at every row that takes part and at its label. Waits for the stream.
void check_rows(core::Context& ctx, const char* op, const core::View* in, const core::View& rows) {
  const int64_t all = in[0].shape[0];
  if (all > INT32_MAX)
    throw core::Error(core::ErrorKind::shape, op, "features", core::shape_text(in[0]),
                      "at most 2^31 - 1 rows on this device");
  const bool listed = rows.rank >= 0;
  check_labels(ctx, op, in[1], listed ? rows.as<int32_t>() : nullptr, listed ? rows.shape[0] : all, all,
               in[2].shape[0]);
}

}  // namespace

void readout_learn(core::Context& ctx, const core::View* in, core::View* out, const op::ReadoutLearn::Options& o) {
  check_rows(ctx, "readout_learn", in, in[8]);
  if (in[0].dtype == core::Dtype::bf16)
    learn<uint16_t>(ctx, in, out, o);
  else
    learn<float>(ctx, in, out, o);
}

void readout_score(core::Context& ctx, const core::View* in, core::View* out, const op::NoOptions&) {
  check_rows(ctx, "readout_score", in, in[4]);
  if (in[0].dtype == core::Dtype::bf16)
    score<uint16_t>(ctx, in, out);
  else
    score<float>(ctx, in, out);
}

}  // namespace striate::cuda
