// hebbian_step, hebbian_learn: ops/hebbian.h. One minibatch is
//   rank    groups of kGroup patches, in lanes, against all rows of w; each ends as two (unit, current) pairs; 2BKD
//           flops
//           (patches that are whitened first: 2BMD flops more)
//   sort    the 2B pairs by unit, keeping the order of the batch (a counting sort)
//   update  row by row: the sum of g v in that order, less s w (s = sum of g current), onto the row at once; 4BD flops
// Layout: simd/winners.h, simd/minibatch.h, simd/patches.h, simd/row_sums.h and simd/windows.h; simd/rank_tiles.h with
// AMX. Ranking stores no currents, gathering no more than a minibatch of patches. Numerics: float32 sums along D in
// index order, s and the results in double, in order of batch and unit. A group and a row are each the work of one
// thread, so the number of threads changes no bit.
// A NaN current ranks below every number; a patch with a NaN has no other current, so it selects units 0 and m-1 and
// makes their rows NaN. The maximum of the 'max' step passes over NaN.
// Why so: the step of 1000 patches, D = 48, K = 400, runs at 73-78 % of the FMA peak of one core (EPYC Zen 5, AVX-512),
// D = 192 at 78-80 %; four passes over a row's entries instead of one cost 10 % at D = 48, patches from u8 images 10 %,
// rank 7 18 %.
#include "ops/hebbian.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>

#include "core/parallel.h"
#include "core/random.h"

#include "cpu/simd/begin.h"
#include "cpu/simd/minibatch.h"
#include "cpu/simd/patches.h"
#include "cpu/simd/power.h"
#include "cpu/simd/row_sums.h"
#include "cpu/simd/vec.h"
#include "cpu/simd/winners.h"

namespace striate::cpu::STRIATE_SIMD_NS {
namespace {

constexpr int64_t kStrip = 16;  // rows an update task

/// Sums over minibatches.
struct Tally {
  int64_t *wins, *losses;  // [K]
  double* gains;           // [K]
  double energy = 0;
  int64_t patches = 0;
};

class Learner {
 public:
  /// `windows` if patches are gathered; `bytes` if they are used as those have them, not whitened; `sums` for k-means.
  template <class Options>
  Learner(core::Context& context, const core::View& w, int64_t batch, const Options& o, const Windows* windows,
          [[maybe_unused]] bool bytes, float* sums)
      : w_(w.as<float>()),
        sums_(sums),
        k_(w.shape[0]),
        d_(w.shape[1]),
        rank_(std::max<int64_t>(o.rank, 2)),  // the best two are found whatever is asked for
        alone_wins_(o.rank == 1),
        weight_{1, static_cast<float>(-o.anti_hebbian)},
        step_(sums ? op::HebbianStep::count : o.step),
        p_(o.p),
        power_(o.p - 1),
        groups_(batch),
        strips_((k_ + kStrip - 1) / kStrip),
        alone_(batch * k_ * d_ < kWorthSharing) {
    benches_ = alone_ ? 1 : core::threads() < groups_.count ? core::threads() : static_cast<int>(groups_.count);
    bench_ = context.scratch<Bench>(benches_);
    const int64_t numbers = windows ? windows->d() : 0, wide = (numbers + kLanes - 1) / kLanes * kLanes;
    for (int i = 0; i < benches_; ++i) {
      Bench& b = bench_[i];
      b.tile = context.scratch<float>(d_ * kGroup);
      b.zero = context.scratch<uint8_t>(kGroup);
      b.bytes = context.scratch<uint8_t>(kGroup * wide + 16);
      b.patches = context.scratch<float>(kGroup * wide);
      b.offset = context.scratch<int64_t>(kGroup);
      b.announced = -1;
      b.windows = 0;
      b.index = i;
#if defined(STRIATE_AMX)
      b.tiles = PatchTiles::make(context, d_, windows && windows->centre);
#endif
      b.rank.currents = context.scratch<float>(k_ * kLanes);
      b.rank.list = b.rank.log = nullptr;
      b.rank.unit = nullptr;
      if (rank_ > 2) {
        b.rank.list = context.scratch<float>(kGroup * (rank_ > kShortList ? rank_ : kShortList));
        b.rank.log = context.scratch<float>(kGroup * k_);
        b.rank.unit = context.scratch<int32_t>(kGroupVectors * k_);
      }
    }
#if defined(STRIATE_AMX)
    if (bytes && batch >= UnitTiles::kFewestPatches && d_ >= UnitTiles::kFewestNumbers)
      units_ = UnitTiles::make(context, k_, d_);
#endif
    selected_ = context.scratch<int32_t>(2 * batch);
    current_ = context.scratch<float>(2 * batch);
    entries_ = context.scratch<int64_t>(2 * batch);
    start_ = context.scratch<int64_t>(k_);
    won_ = context.scratch<int64_t>(k_);
    lost_ = context.scratch<int64_t>(k_);
    gain_ = context.scratch<double>(k_);
    norm_ = context.scratch<double>(k_);
    ranking_ = p_ == 2 ? w_ : context.scratch<float>(k_ * d_);
    if (step_ == op::HebbianStep::max) {
      change_ = context.scratch<float>(k_ * d_);
      largest_ = context.scratch<float>(strips_);
    }
    tally_.wins = context.scratch<int64_t>(k_);
    tally_.losses = context.scratch<int64_t>(k_);
    tally_.gains = context.scratch<double>(k_);
    for (int64_t k = 0; k < k_; ++k) tally_.wins[k] = tally_.losses[k] = tally_.gains[k] = 0;
  }

  template <class Source>
  void minibatch(Source& source, double rate, bool tally) {
    if (p_ != 2) raise_rows();
    rank(source);
    sort();
    update(source.rows, source.stride, rate, tally);
    if (tally) add_up();
  }

  /// The end of an iteration of k-means.
  void average() {
    share(k_, [&](int64_t k) {
      float* const sums = sums_ + k * d_;
      const double length = norm(sums, sums);
      const vf divisor = vbroadcast(static_cast<float>(length));
      over_row(d_, [&](int64_t i, int64_t n) {
        if (length > 0) store_row(w_ + k * d_ + i, n, load_row(sums + i, n) / divisor);
        store_row(sums + i, n, vf{});
      });
    });
  }

  /// Writes the tallies that were asked for.
  void finish(core::View* out) const {
    for (int64_t k = 0; k < k_; ++k) {
      if (out[0].data) out[0].as<int32_t>()[k] = saturated(tally_.wins[k]);
      if (out[1].data) out[1].as<int32_t>()[k] = saturated(tally_.losses[k]);
      if (out[2].data) out[2].as<float>()[k] = static_cast<float>(tally_.gains[k]);
    }
    if (out[3].data)
      *out[3].as<float>() =
          tally_.patches ? static_cast<float>(tally_.energy / static_cast<double>(tally_.patches)) : 0.0f;
  }

 private:
  /// Multiply-adds of a minibatch below which waking another thread costs more than its help (B 100, D 48, K 400 on two
  /// cores of a Zen 5: 0.73x with it).
  static constexpr int64_t kWorthSharing = 4 << 20;

  template <class F>
  void share(int64_t count, F&& f) const {
    if (alone_)
      for (int64_t i = 0; i < count; ++i) f(i);
    else
      core::parallel_for(count, f);
  }

  static int32_t saturated(int64_t n) { return static_cast<int32_t>(n < INT32_MAX ? n : INT32_MAX); }

  /// ranking = sign(w) |w|^(p-1)
  void raise_rows() {
    share(k_, [&](int64_t k) {
      over_row(d_, [&](int64_t i, int64_t n) {
        const vf x = load_row(w_ + k * d_ + i, n);
        vf size[1] = {vselect(x < vf{}, -x, x)};
        power_.apply(size);
        store_row(ranking_ + k * d_ + i, n, vselect(x < vf{}, -size[0], size[0]));
      });
    });
  }

  /// Each bench takes groups one by one, knowing its next while it works on one: a busy core simply takes fewer.
  template <class Source>
  void rank(Source& source) {
    std::atomic<int64_t> taken{benches_};
#if defined(STRIATE_AMX)
    if (units_.at) share(units_.groups(), [&](int64_t group) { units_.pack(group, ranking_, bench_->tiles.centred); });
    const bool tiled = units_.at && units_.fits();
#endif
    share(benches_, [&](int64_t i) {
      Bench& bench = bench_[i];
#if defined(STRIATE_AMX)
      const tiles::Registers registers(tiled ? tiles::kSide : 0);
      bench.tiled = tiled;
#endif
      for (int64_t g = i; g < groups_.count;) {
        const int64_t next = taken.fetch_add(1, std::memory_order_relaxed);
        source.load(groups_, g, next, d_, bench);
        const int width = groups_.width(g);
        if (width == 3)
          rank_group<3>(source, g, bench);
        else if (width == 2)
          rank_group<2>(source, g, bench);
        else
          rank_group<1>(source, g, bench);
        g = next;
      }
    });
  }

  template <int V, class Source>
  void rank_group(Source& source, int64_t g, Bench& bench) {
    Winners winners;
    const int64_t size = groups_.size(g);
    Units units{ranking_, k_, d_, rank_};
#if defined(STRIATE_AMX)
    const RankTiles tiles{units_, bench.tiles};
    if (bench.tiled) units.tiles = &tiles;
#endif
    rank_units<V>(bench.tile, size, units, bench.rank, winners,
                  source.while_ranking(bench, (k_ + kUnits - 1) / kUnits));
#if defined(STRIATE_AMX)
    if (bench.tiled) bench.tiles.scale(winners, size);
#endif
    int32_t* selected = selected_ + 2 * groups_.begin(g);
    float* current = current_ + 2 * groups_.begin(g);
    for (int64_t i = 0; i < size; ++i) {
      selected[2 * i] = bench.zero[i] ? -1 : winners.first[i];
      selected[2 * i + 1] = bench.zero[i] || alone_wins_ ? -1 : winners.last[i];
      current[2 * i] = winners.first_current[i];
      current[2 * i + 1] = winners.last_current[i];
    }
  }

  /// Entry e is the winner (even) or the unit of rank m (odd) of patch e / 2.
  void sort() {
    const int64_t entries = 2 * groups_.batch;
    for (int64_t k = 0; k < k_; ++k) won_[k] = lost_[k] = 0;
    for (int64_t e = 0; e < entries; e += 2) {
      if (selected_[e] < 0) continue;
      ++won_[selected_[e]];
      if (!alone_wins_) ++lost_[selected_[e + 1]];
    }
    int64_t at = 0;
    for (int64_t k = 0; k < k_; ++k) {
      start_[k] = at;
      at += won_[k] + lost_[k];
    }
    for (int64_t e = 0; e < entries; ++e)
      if (selected_[e] >= 0) entries_[start_[selected_[e]]++] = e;  // start_[k] ends as the start of k + 1
  }

  void update(const float* rows, int64_t stride, double rate, bool tally) {
    const EntryRows patches{rows, stride, d_, weight_};
    share(strips_, [&](int64_t strip) {
      const int64_t end = (strip + 1) * kStrip < k_ ? (strip + 1) * kStrip : k_;
      vf largest{};
      for (int64_t k = strip * kStrip; k < end; ++k) {
        const int64_t first = k ? start_[k - 1] : 0, count = start_[k] - first;
        const int64_t* const entries = entries_ + first;
        if (!count) continue;
        double s = 0;
        for (int64_t n = 0; n < count; ++n) {
          const int64_t e = entries[n];
          s += weight_[e & 1] * static_cast<double>(current_[e]);
        }
        gain_[k] = s;
        float* const w = w_ + k * d_;
        if (tally) norm_[k] = norm(w, ranking_ + k * d_);
        const vf less = vbroadcast(static_cast<float>(-s));
        if (sums_) {
          float* const sums = sums_ + k * d_;
          patches.sum(entries, count,
                      [&](int64_t i, int64_t n, vf sum) { store_row(sums + i, n, load_row(sums + i, n) + sum); });
        } else if (step_ == op::HebbianStep::max) {
          float* const change = change_ + k * d_;
          patches.sum(entries, count, [&](int64_t i, int64_t n, vf sum) {
            const vf dw = vfma(less, load_row(w + i, n), sum);
            store_row(change + i, n, dw);
            largest = vmax(vmax(dw, -dw), largest);
          });
        } else {
          const vf factor = vbroadcast(static_cast<float>(rate / static_cast<double>(count)));
          patches.sum(entries, count, [&](int64_t i, int64_t n, vf sum) {
            const vf old = load_row(w + i, n);
            store_row(w + i, n, vfma(factor, vfma(less, old, sum), old));
          });
        }
      }
      if (step_ == op::HebbianStep::max) {
        float lane[kLanes];
        vstore(lane, largest);
        for (int i = 1; i < kLanes; ++i) lane[0] = lane[i] > lane[0] ? lane[i] : lane[0];
        largest_[strip] = lane[0];
      }
    });
    if (step_ != op::HebbianStep::max) return;
    float largest = 1e-30f;
    for (int64_t i = 0; i < strips_; ++i) largest = largest_[i] > largest ? largest_[i] : largest;
    const vf factor = vbroadcast(static_cast<float>(rate / largest));
    share(strips_, [&](int64_t strip) {
      const int64_t end = (strip + 1) * kStrip < k_ ? (strip + 1) * kStrip : k_;
      for (int64_t k = strip * kStrip; k < end; ++k) {
        if (!(won_[k] + lost_[k])) continue;
        float* const w = w_ + k * d_;
        const float* const dw = change_ + k * d_;
        over_row(d_, [&](int64_t i, int64_t n) {
          store_row(w + i, n, vfma(factor, load_row(dw + i, n), load_row(w + i, n)));
        });
      }
    });
  }

  /// |w|_p^(p-1), from the row and what it is ranked by, whose product is the sum of |w|^p.
  double norm(const float* w, const float* ranking) const {
    vd even{}, odd{};
    over_row(d_, [&](int64_t i, int64_t n) {
      const vf x = load_row(w + i, n), y = load_row(ranking + i, n);
      even += vwiden<0>(x) * vwiden<0>(y);
      odd += vwiden<1>(x) * vwiden<1>(y);
    });
    const double sum = vsum(even + odd);
    return p_ == 2 ? std::sqrt(sum) : std::pow(sum, (p_ - 1) / p_);
  }

  void add_up() {
    for (int64_t k = 0; k < k_; ++k) {
      if (!(won_[k] + lost_[k])) continue;
      tally_.wins[k] += won_[k];
      tally_.losses[k] += lost_[k];
      tally_.patches += won_[k];
      tally_.gains[k] += gain_[k];
      if (norm_[k] != 0) tally_.energy -= gain_[k] / norm_[k];  // a row of zeros has no current either
    }
  }

  float *w_, *ranking_;  // rows, and what they are ranked by
  float* sums_;          // [K,D] of an iteration of k-means; null for other rules
  int64_t k_, d_, rank_;
  bool alone_wins_;
  float weight_[2];  // g of a winner and of a unit of rank m
  int32_t step_;
  double p_;
  Power power_;
  Groups groups_;
  int64_t strips_;
  int benches_;
  bool alone_;
  Bench* bench_;
#if defined(STRIATE_AMX)
  UnitTiles units_ = {};  // without memory where tiles do not pay
#endif
  int32_t* selected_;  // [2 B] unit of each entry, -1 for a zero patch
  float* current_;     // [2 B]
  int64_t* entries_;   // [2 B] sorted by unit
  int64_t* start_;     // [K] where the entries of each unit end, once sorted
  int64_t *won_, *lost_;
  double *gain_, *norm_;
  float *change_ = nullptr, *largest_ = nullptr;
  Tally tally_;
};

}  // namespace

void hebbian_step(core::Context& context, const core::View* in, core::View* out, const op::HebbianStep::Options& o) {
  Learner learner(context, in[1], in[0].shape[0], o, nullptr, false, nullptr);
  GivenPatches patches{in[0].as<float>(), in[0].shape[1]};
  learner.minibatch(patches, o.learning_rate, out[0].data || out[1].data || out[2].data || out[3].data);
  learner.finish(out);
}

void hebbian_learn(core::Context& context, const core::View* in, core::View* out, const op::HebbianLearn::Options& o) {
  const core::View& images = in[0];
  const Windows windows{images.as<uint8_t>(), images.shape[0], images.shape[1], images.shape[2],
                        images.shape[3],      o.window,        o.centre,        o.normalise == op::HebbianLearn::patch};
  Learner learner(context, in[1], o.batch, o, &windows, in[2].rank < 0, in[4].as<float>());
  const int64_t d = in[1].shape[1], stride = (d + kLanes - 1) / kLanes * kLanes;
  const uint64_t count = static_cast<uint64_t>(windows.count()), batch = static_cast<uint64_t>(o.batch);
  const uint64_t seed = static_cast<uint64_t>(o.seed), per_epoch = count / batch;
  const auto epoch_of = [&](int64_t step) { return static_cast<uint64_t>(step) / per_epoch; };
  core::Permutation order(count, seed, static_cast<uint32_t>(epoch_of(o.first_step)));
  GatheredPatches patches{windows, context.scratch<float>(o.batch * stride), stride, &order, 0, false};
  std::optional<Whitening> whitening;
  if (in[2].rank >= 0) {
    float* memory = context.scratch<float>(Whitening::floats(windows.d(), d));
    patches.whitening = &whitening.emplace(in[2].as<float>(), in[3].as<float>(), windows.d(), d, memory);
  }
  const int64_t end = o.first_step + o.steps, tally_from = op::HebbianLearn::tally_from(o);
  for (int64_t t = o.first_step; t < end; ++t) {
    if (context.stop()) return;
    const uint64_t place = static_cast<uint64_t>(t) % per_epoch;
    if (place == 0 && t > o.first_step) order = core::Permutation(count, seed, static_cast<uint32_t>(epoch_of(t)));
    patches.at = place * batch;
    patches.goes_on = t + 1 < end && place + 1 < per_epoch;
    learner.minibatch(patches, op::HebbianLearn::rate(o, t), t >= tally_from);
    if (o.iteration > 0 && (t + 1) % o.iteration == 0) learner.average();
  }
  learner.finish(out);
}

}  // namespace striate::cpu::STRIATE_SIMD_NS
#include "cpu/simd/end.h"
