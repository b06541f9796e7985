// The loops of the rules (ops/rules.h), once for both back ends, over their kernels: a struct `Kernels` has those of
// STRIATE_RULE_OPS by name, and
//   Totals(ctx, k)                  what minibatches of k units counted, added up where the data are
//     .add(wins, gains, energy)     of one minibatch; with k = 0 there is only an energy, and all weigh the same
//     .write(wins, gains, energy)
//   Pace(ctx, products)             called after each minibatch, of so many multiply-adds; bounds what is queued
#pragma once
#include <utility>
#include <vector>

#include "ops/elementwise.h"
#include "ops/gather.h"
#include "ops/linear.h"
#include "ops/reduce.h"
#include "ops/rules.h"

#define STRIATE_RULE_OPS(X)            \
  X(gather_patches, GatherPatches)     \
  X(linear, Linear)                    \
  X(unit_rows, UnitRows)               \
  X(matmul, Matmul)                    \
  X(competition, Competition)          \
  X(competitive_step, CompetitiveStep) \
  X(add, Add)                          \
  X(subtract, Subtract)                \
  X(multiply, Multiply)                \
  X(scale, Scale)                      \
  X(reduce, Reduce)                    \
  X(copy_rows, CopyRows)

namespace striate::op {

/// Scratch memory of one minibatch: once it is reset the next, whose ops take the same, is given the same blocks.
class MinibatchArena final : public core::Arena {
 public:
  explicit MinibatchArena(core::Arena& from) : from_(from) {}
  void* take(size_t bytes) override {
    if (next_ == blocks_.size()) blocks_.push_back({nullptr, 0});
    Block& block = blocks_[next_++];
    if (!block.memory || block.bytes < bytes) block = {from_.take(bytes), bytes};
    return block.memory;
  }
  void reset() override { next_ = 0; }

 private:
  struct Block {
    void* memory;
    size_t bytes;
  };
  core::Arena& from_;
  std::vector<Block> blocks_;
  size_t next_ = 0;
};

/// float32 (or another 4 bytes an element) in scratch memory.
inline core::View scratch_view(core::Context& ctx, int64_t rows, int64_t columns) {
  core::View view;
  view.data = ctx.scratch<float>(static_cast<size_t>(rows * columns));
  view.rank = 2;
  view.shape[0] = rows;
  view.shape[1] = columns;
  return view;
}

template <class Kernels>
class MinibatchLoop {
 public:
  MinibatchLoop(core::Context& ctx, const core::View* in, const Minibatches::Options& o)
      : ctx_(ctx),
        o_(o),
        arena_(*ctx.arena),
        inner_(ctx),
        images_(in[0]),
        z_(in[2]),
        offset_(in[3]),
        windows_(scratch_view(ctx, o.batch, in[0].shape[1] * o.window * o.window)) {
    inner_.arena = &arena_;
    if (!whitens()) return;
    projected_ = scratch_view(ctx, o.batch, z_.shape[0]);
    whitened_ = scratch_view(ctx, o.batch, z_.shape[0]);
  }

  /// Calls step(patches, learning rate, whether it is counted) for each minibatch; false if it was told to stop.
  template <class Step>
  bool run(double products, Step&& step) {
    if (whitens()) products += static_cast<double>(z_.count()) * static_cast<double>(o_.batch);
    typename Kernels::Pace pace(ctx_, products);
    for (int64_t t = o_.first_step; t < o_.first_step + o_.steps; ++t) {
      if (ctx_.stop()) return false;
      arena_.reset();
      step(gathered(t), Minibatches::rate(o_, t), t >= Minibatches::tally_from(o_));
      pace();
    }
    return true;
  }

  /// Its scratch memory is that of the minibatch.
  core::Context& inner() { return inner_; }

 private:
  bool whitens() const { return z_.rank >= 0; }

  const core::View& gathered(int64_t t) {
    GatherPatches::Options how;
    how.window = o_.window;
    how.batch = o_.batch;
    how.step = t;
    how.seed = o_.seed;
    how.normalise = o_.normalise;
    how.centre = o_.centre;
    Kernels::gather_patches(inner_, &images_, &windows_, how);
    if (!whitens()) return windows_;
    const core::View whitening[] = {windows_, z_, offset_};
    Kernels::linear(inner_, whitening, &projected_, {});
    Kernels::unit_rows(inner_, &projected_, &whitened_, {});
    return whitened_;
  }

  core::Context& ctx_;
  const Minibatches::Options& o_;
  MinibatchArena arena_;
  core::Context inner_;
  const core::View &images_, &z_, &offset_;
  core::View windows_, projected_, whitened_;
};

template <class Kernels>
void competitive_learn(core::Context& ctx, const core::View* in, core::View* out, const CompetitiveLearn::Options& o) {
  const core::View& w = in[1];
  const int64_t k = w.shape[0];
  core::View u = scratch_view(ctx, o.batch, k), g = scratch_view(ctx, o.batch, k);
  core::View counts[] = {scratch_view(ctx, 1, k), scratch_view(ctx, 1, k), scratch_view(ctx, 1, 1)};
  MinibatchLoop<Kernels> loop(ctx, in, o);
  typename Kernels::Totals totals(ctx, k);
  const Competition::Options shares{o.kind, o.temperature};
  const double products = 2 * static_cast<double>(w.count()) * static_cast<double>(o.batch);
  if (loop.run(products, [&](const core::View& patches, double rate, bool counted) {
        const core::View currents[] = {patches, w}, learning[] = {patches, u, g, w};
        core::View none[3];
        Kernels::matmul(loop.inner(), currents, &u, {false, true});
        Kernels::competition(loop.inner(), &u, &g, shares);
        Kernels::competitive_step(loop.inner(), learning, counted ? counts : none, {rate, o.step});
        if (counted) totals.add(counts[0], counts[1], counts[2]);
      }))
    totals.write(out[0], out[1], out[2]);
}

template <class Kernels>
void oja_learn(core::Context& ctx, const core::View* in, core::View* out, const OjaLearn::Options& o) {
  core::View w = in[1];
  const int64_t k = w.shape[0], d = w.shape[1];
  core::View next = scratch_view(ctx, k, d), change = scratch_view(ctx, k, d), scaled = scratch_view(ctx, k, d);
  core::View y = scratch_view(ctx, o.batch, k), energy = scratch_view(ctx, 1, 1), mean = scratch_view(ctx, 1, 1);
  core::View made = scratch_view(ctx, o.batch, d), rest = scratch_view(ctx, o.batch, d);
  MinibatchLoop<Kernels> loop(ctx, in, o);
  typename Kernels::Totals totals(ctx, 0);
  const double factor = 1 / static_cast<double>(o.batch);
  const double products = 3 * static_cast<double>(w.count()) * static_cast<double>(o.batch);
  if (!loop.run(products, [&](const core::View& v, double rate, bool counted) {
        core::Context& inner = loop.inner();
        const core::View currents[] = {v, w}, back[] = {y, w}, error[] = {v, made}, learning[] = {y, rest};
        Kernels::matmul(inner, currents, &y, {false, true});
        Kernels::matmul(inner, back, &made, {});
        Kernels::subtract(inner, error, &rest, {});
        Kernels::matmul(inner, learning, &change, {true, false});
        Kernels::scale(inner, &change, &scaled, {rate * factor, 0});
        const core::View moved[] = {w, scaled}, squares[] = {rest, rest};
        Kernels::add(inner, moved, &next, {});
        std::swap(w, next);
        if (!counted) return;
        Kernels::multiply(inner, squares, &made, {});
        Kernels::reduce(inner, &made, &energy, {});
        Kernels::scale(inner, &energy, &mean, {factor, 0});
        totals.add({}, {}, mean);
      }))
    return;
  const core::View rows[] = {w, in[1]};
  if (w.data != in[1].data) Kernels::copy_rows(ctx, rows, nullptr, {});
  totals.write({}, {}, out[0]);
}

}  // namespace striate::op
