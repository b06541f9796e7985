// hebbian_step, hebbian_learn: ops/hebbian.h. One minibatch is three phases of a team of threads (core/parallel.h):
//   renew   what the minibatch before it changed is added to the rows; what they are ranked by is made
//   rank    groups of kGroup patches, in lanes, against rows of w; each ends as two (unit, current) pairs; 2BKD flops
//           (patches that are whitened first: 2BMD flops more)
//   update  the pairs of a row, in the order of the batch (a counting sort): the sum of g v, less s w (s = sum of g
//           current); 4BD flops
// Every thread has a share of the rows. A few threads rank all patches, which each of them gathers, by their own rows:
// rows and patches then stay in a thread's caches, and only pairs go across. Many threads, longer rankings and patches
// that are dear to make share out groups of patches.
// Layout: simd/winners.h, simd/minibatch.h, simd/patches.h, simd/row_sums.h and simd/windows.h; simd/rank_tiles.h with
// AMX. Ranking stores no currents, gathering no more than a minibatch of patches. Numerics: float32 sums along D in
// index order, s and the results in double, in order of batch and unit; the pairs of several shares of rows are merged
// by the order that ranks units. So the number of threads changes no bit.
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
#include <optional>
#include <utility>

#include "core/parallel.h"
#include "core/random.h"

#include "cpu/simd/begin.h"
#include "cpu/simd/minibatch.h"
#include "cpu/simd/patches.h"
#include "cpu/simd/power.h"
#include "cpu/simd/row_sums.h"
#include "cpu/simd/shares.h"
#include "cpu/simd/unit_lanes.h"
#include "cpu/simd/vec.h"
#include "cpu/simd/winners.h"

namespace striate::cpu::STRIATE_SIMD_NS {
namespace {

/// What a minibatch asks for beside its patches.
struct Course {
  double rate;
  bool tally, average;  // average: it ends an iteration of k-means
};

class Learner {
 public:
  /// `windows` if patches are gathered; `bytes` if they are used as those have them, not whitened; `sums` for k-means.
  template <class Options>
  Learner(core::Context& context, const core::View& w, int64_t batch, const Options& o, const Windows* windows,
          bool bytes, float* sums)
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
        groups_(batch) {
    const int64_t threads = batch * k_ * d_ < kWorthSharing ? 1 : core::threads();
    by_rows_ = threads > 1 && threads <= kFew && rank_ == 2 && (bytes || !windows) && k_ >= 2 * kFewestRows;
    team_ = static_cast<int>(std::min(threads, by_rows_ ? k_ / kFewestRows : groups_.count));
    bench_ = context.scratch<Bench>(team_);
    for (int i = 0; i < team_; ++i)
      bench_[i] = Bench::make(context, k_, d_, rank_, groups_, windows, by_rows_, i ? bench_->rows : nullptr);
    share_ = context.scratch<Share>(team_);
    const int64_t sides = (k_ + kSide - 1) / kSide;
    const auto first_row = [&](int64_t i) { return std::min(k_, sides * i / team_ * kSide); };
    for (int i = 0; i < team_; ++i) {
      share_[i] = Share::make(context, first_row(i), first_row(i + 1), groups_.batch);
      share_[i].pairs = i == 0 || by_rows_ ? Pairs::make(context, groups_.vectors) : share_->pairs;
    }
    // For one minibatch alone, bringing all rows into lanes costs more than it saves.
    if (windows && rank_ == 2 && UnitLanes::pay(batch)) lanes_ = UnitLanes::make(context, k_, d_);
#if defined(STRIATE_AMX)
    if (bytes && batch >= UnitTiles::kFewestPatches && d_ >= UnitTiles::kFewestNumbers)
      units_ = UnitTiles::make(context, k_, d_);
#endif
    ranking_ = p_ == 2 ? w_ : context.scratch<float>(k_ * d_);
    if (step_ == op::HebbianStep::max) change_ = context.scratch<float>(k_ * d_);
    wins_ = context.scratch<int64_t>(k_);
    losses_ = context.scratch<int64_t>(k_);
    gains_ = context.scratch<double>(k_);
    for (int64_t k = 0; k < k_; ++k) wins_[k] = losses_[k] = 0, gains_[k] = 0;
  }

  /// `next()` brings the source to its next minibatch and says what that asks for; nothing at the end.
  template <class Source, class Next>
  void run(Source& source, Next&& next) {
    std::optional<Course> course = next();
    bool averages = false;
    core::parallel_phases(
        team_,
        [&](int64_t phase, int i, int member) {
          if (phase % 3 == 0) {
            if (course && !source.ready)
              for (int64_t g = first_group(i); g < first_group(i + 1); ++g) source.gather(groups_, g, bench_[member]);
            renew(share_[i], averages);
          } else if (phase % 3 == 1) {
            rank(source, i, bench_[member]);
          } else {
            update(source, share_[i], bench_[member], *course);
          }
        },
        [&](int64_t phase) {
          if (phase % 3 == 0) return start_ranking(course.has_value());
          if (phase % 3 == 1) return true;
          finish_update(*course);
          averages = course->average;
          course = next();
          return true;
        });
  }

  /// Writes the tallies that were asked for.
  void finish(core::View* out) const {
    for (int64_t k = 0; k < k_; ++k) {
      if (out[0].data) out[0].as<int32_t>()[k] = saturated(wins_[k]);
      if (out[1].data) out[1].as<int32_t>()[k] = saturated(losses_[k]);
      if (out[2].data) out[2].as<float>()[k] = static_cast<float>(gains_[k]);
    }
    if (out[3].data)
      *out[3].as<float>() = patches_ ? static_cast<float>(energy_ / static_cast<double>(patches_)) : 0.0f;
  }

 private:
  /// Multiply-adds of a minibatch below which another thread costs more than its help.
  static constexpr int64_t kWorthSharing = 1 << 19;
  static constexpr int64_t kFew = 4;          // threads that share out rows
  static constexpr int64_t kSide = 16;        // rows of a tile
  static constexpr int64_t kFewestRows = 32;  // of such a share: two tiles, so that none is left with a single row

  static int32_t saturated(int64_t n) { return static_cast<int32_t>(n < INT32_MAX ? n : INT32_MAX); }

  void renew(const Share& s, bool averages) {
    if (step_ == op::HebbianStep::max) add_change(s);
    const auto renew_row = [&](int64_t row) {
      const int64_t k = s.from + row;
      if (averages) average(k);
      if (p_ != 2) raise(k);
      if (lanes_.at) lanes_.set(k, ranking_ + k * d_);
    };
    if (averages || !started_)
      for (int64_t row = 0; row < s.count; ++row) renew_row(row);
    else
      for (int64_t i = 0; i < s.hits; ++i) renew_row(s.hit[i]);
#if defined(STRIATE_AMX)
    if (units_.at)
      for (int64_t k = s.from; k < s.from + s.count; k += tiles::kSide)
        units_.pack(k / tiles::kSide, ranking_, bench_->tiles.centred);
#endif
  }

  /// The row's sums become the row, at the end of an iteration of k-means.
  void average(int64_t k) {
    float* const sums = sums_ + k * d_;
    const double length = norm(sums, sums);
    const vf divisor = vbroadcast(static_cast<float>(length));
    over_row(d_, [&](int64_t i, int64_t n) {
      if (length > 0) store_row(w_ + k * d_ + i, n, load_row(sums + i, n) / divisor);
      store_row(sums + i, n, vf{});
    });
  }

  /// ranking = sign(w) |w|^(p-1)
  void raise(int64_t k) {
    over_row(d_, [&](int64_t i, int64_t n) {
      const vf x = load_row(w_ + k * d_ + i, n);
      vf size[1] = {vselect(x < vf{}, -x, x)};
      power_.apply(size);
      store_row(ranking_ + k * d_ + i, n, vselect(x < vf{}, -size[0], size[0]));
    });
  }

  bool start_ranking(bool goes_on) {
#if defined(STRIATE_AMX)
    tiled_ = goes_on && units_.at && units_.fits();
#endif
    taken_ = 0;
    started_ = true;
    return goes_on;
  }

  int64_t first_group(int share) const { return groups_.count * share / team_; }

  /// Groups of patches are taken one by one, so that a busy core takes fewer; or all of them for a share of rows.
  template <class Source>
  void rank(Source& source, int i, Bench& bench) {
#if defined(STRIATE_AMX)
    const tiles::Registers registers(tiled_ ? tiles::kSide : 0);
    bench.tiled = tiled_;
#endif
    const int64_t first = first_group(i), end = first_group(i + 1);
    int64_t g = -1;
    const auto next = [&] { return by_rows_ ? g + 1 : taken_.fetch_add(1, std::memory_order_relaxed); };
    while ((g = next()) < groups_.count) {
      source.announce(groups_, g, !by_rows_ || (g >= first && g < end), bench);
      const uint8_t* const zero = source.load(groups_, g, g + (by_rows_ ? 1 : team_), d_, bench);
      const int width = groups_.width(g);
      if (width == 3)
        rank_group<3>(source, g, zero, share_[i], bench);
      else if (width == 2)
        rank_group<2>(source, g, zero, share_[i], bench);
      else
        rank_group<1>(source, g, zero, share_[i], bench);
      source.gather_announced(groups_, g, bench);
    }
    bench.kept = source.number;
  }

  template <int V, class Source>
  void rank_group(Source& source, int64_t g, const uint8_t* zero, const Share& s, Bench& bench) {
    Winners winners;
    const int64_t from = by_rows_ ? s.from : 0, rows = by_rows_ ? s.count : k_;
    Units units{ranking_ + from * d_, rows, d_, rank_};
#if defined(STRIATE_AMX)
    const RankTiles tiles{tiled_ ? units_.rows(from, rows) : units_, bench.tiles};
    if (tiled_) units.tiles = &tiles;
#endif
    const int64_t size = groups_.size(g);
    if (!lanes_.at || !lanes_.rank(from, rows, bench.tile, V * kLanes, size, winners,
                                   source.while_ranking(bench, (rows + 2 * kLanes - 1) / (2 * kLanes))))
      rank_units<V>(bench.tile, size, units, bench.rank, winners,
                    source.while_ranking(bench, (rows + kUnits - 1) / kUnits));
    const Pairs& pairs = s.pairs;
    const vi none = vset(-1), before = vset(static_cast<int32_t>(from));
    for (int64_t v = 0; v < V; ++v) {
      const int64_t at = groups_.begin(g) + v * kLanes;
      const vi there = vload_bytes(zero + v * kLanes) == 0;
      vstore(pairs.unit[0] + at, vselect(there, vload(winners.first + v * kLanes) + before, none));
      vstore(pairs.unit[1] + at, alone_wins_ ? none : vselect(there, vload(winners.last + v * kLanes) + before, none));
      vstore(pairs.current[0] + at, vload(winners.first_current + v * kLanes));
      vstore(pairs.current[1] + at, vload(winners.last_current + v * kLanes));
    }
    if (!by_rows_) scale(source, pairs, groups_.begin(g), V);
  }

  /// Tiles give currents times |v|.
  template <class Source>
  void scale([[maybe_unused]] const Source& source, [[maybe_unused]] const Pairs& pairs, [[maybe_unused]] int64_t at,
             [[maybe_unused]] int64_t vectors) const {
#if defined(STRIATE_AMX)
    if (!tiled_) return;
    for (int i = 0; i < 2; ++i)
      for (int64_t v = 0; v < vectors; ++v) {
        float* const to = pairs.current[i] + at + v * kLanes;
        vstore(to, vload(to) * vload(source.factors() + at + v * kLanes));
      }
#endif
  }

  template <class Source>
  void update(Source& source, Share& s, Bench& bench, const Course& course) {
    if (by_rows_) {
      source.complete(groups_, bench);
      merge(share_, team_, groups_.vectors, alone_wins_, bench.merged);
      scale(source, bench.merged, 0, groups_.vectors);
    }
    const Pairs& pairs = by_rows_ ? bench.merged : s.pairs;
    s.sort(pairs, groups_.batch);
    const EntryRows patches{source.rows_of(bench), source.stride, d_, weight_};
    vf largest{};
    for (int64_t i = 0; i < s.hits; ++i) {
      const int64_t row = s.hit[i], k = s.from + row, count = s.number[row];
      const int64_t* const entries = s.sorted + s.end[row] - count;
      double gain = 0;
      for (int64_t n = 0; n < count; ++n) {
        const int64_t e = entries[n];
        gain += weight_[e & 1] * static_cast<double>(pairs.current[e & 1][e >> 1]);
      }
      s.gain[row] = gain;
      float* const w = w_ + k * d_;
      if (course.tally) {
        s.norm[row] = norm(w, ranking_ + k * d_);
        s.won[row] = std::count_if(entries, entries + count, [](int64_t e) { return e % 2 == 0; });
      }
      const vf less = vbroadcast(static_cast<float>(-gain));
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
        const vf factor = vbroadcast(static_cast<float>(course.rate / static_cast<double>(count)));
        patches.sum(entries, count, [&](int64_t i, int64_t n, vf sum) {
          const vf old = load_row(w + i, n);
          store_row(w + i, n, vfma(factor, vfma(less, old, sum), old));
        });
      }
    }
    float lane[kLanes];
    vstore(lane, largest);
    s.largest = *std::max_element(lane, lane + kLanes);
  }

  void finish_update(const Course& course) {
    float largest = 1e-30f;
    for (int i = 0; i < team_; ++i) largest = std::max(largest, share_[i].largest);
    factor_ = static_cast<float>(course.rate / largest);
    if (course.tally)
      for (int i = 0; i < team_; ++i) add_up(share_[i]);
  }

  void add_change(const Share& s) const {
    const vf factor = vbroadcast(factor_);
    for (int64_t h = 0; h < s.hits; ++h) {
      const int64_t at = (s.from + s.hit[h]) * d_;
      over_row(d_, [&](int64_t i, int64_t n) {
        store_row(w_ + at + i, n, vfma(factor, load_row(change_ + at + i, n), load_row(w_ + at + i, n)));
      });
    }
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

  void add_up(const Share& s) {
    for (int64_t row = 0; row < s.count; ++row) {
      if (!s.number[row]) continue;
      const int64_t k = s.from + row;
      wins_[k] += s.won[row];
      losses_[k] += s.number[row] - s.won[row];
      patches_ += s.won[row];
      gains_[k] += s.gain[row];
      if (s.norm[row] != 0) energy_ -= s.gain[row] / s.norm[row];  // a row of zeros has no current either
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
  bool by_rows_;  // threads share out rows, not groups of patches, when they rank
  int team_;
  Bench* bench_;  // [team]
  Share* share_;  // [team]
  UnitLanes lanes_ = {};
  bool started_ = false;
#if defined(STRIATE_AMX)
  UnitTiles units_ = {};  // without memory where tiles do not pay
  bool tiled_ = false;
#endif
  alignas(128) std::atomic<int64_t> taken_{0};  // groups
  float* change_ = nullptr;                     // [K,D] of the rows that were hit, to be added with factor_
  float factor_ = 0;
  int64_t *wins_, *losses_;  // of the minibatches that are tallied
  double *gains_, energy_ = 0;
  int64_t patches_ = 0;
};

}  // namespace

void hebbian_step(core::Context& context, const core::View* in, core::View* out, const op::HebbianStep::Options& o) {
  Learner learner(context, in[1], in[0].shape[0], o, nullptr, false, nullptr);
  GivenPatches patches{in[0].as<float>(), in[0].shape[1]};
  std::optional<Course> only = Course{o.learning_rate, out[0].data || out[1].data || out[2].data || out[3].data, false};
  learner.run(patches, [&] { return std::exchange(only, std::nullopt); });
  learner.finish(out);
}

void hebbian_learn(core::Context& context, const core::View* in, core::View* out, const op::HebbianLearn::Options& o) {
  const core::View& images = in[0];
  const Windows windows{images.as<uint8_t>(), images.shape[0], images.shape[1], images.shape[2],
                        images.shape[3],      o.window,        o.centre,        o.normalise == op::HebbianLearn::patch};
  Learner learner(context, in[1], o.batch, o, &windows, in[2].rank < 0, in[4].as<float>());
  const int64_t d = in[1].shape[1];
  const uint64_t count = static_cast<uint64_t>(windows.count()), batch = static_cast<uint64_t>(o.batch);
  const uint64_t seed = static_cast<uint64_t>(o.seed), per_epoch = count / batch;
  const auto epoch_of = [&](int64_t step) { return static_cast<uint64_t>(step) / per_epoch; };
  core::Permutation order(count, seed, static_cast<uint32_t>(epoch_of(o.first_step)));
  GatheredPatches patches(context, windows, o.batch, d, &order);
  std::optional<Whitening> whitening;
  if (in[2].rank >= 0) {
    float* memory = context.scratch<float>(Whitening::floats(windows.d(), d));
    patches.whitening = &whitening.emplace(in[2].as<float>(), in[3].as<float>(), windows.d(), d, memory);
  }
  const int64_t end = o.first_step + o.steps, tally_from = op::HebbianLearn::tally_from(o);
  learner.run(patches, [&, t = o.first_step]() mutable -> std::optional<Course> {
    if (t == end || context.stop()) return std::nullopt;
    const uint64_t place = static_cast<uint64_t>(t) % per_epoch;
    if (place == 0 && t > o.first_step) order = core::Permutation(count, seed, static_cast<uint32_t>(epoch_of(t)));
    patches.number = t;
    patches.at = place * batch;
    patches.ready = patches.goes_on;
    patches.goes_on = t + 1 < end && place + 1 < per_epoch;
    const Course course{op::HebbianLearn::rate(o, t), t >= tally_from, o.iteration > 0 && (t + 1) % o.iteration == 0};
    ++t;
    return course;
  });
  learner.finish(out);
}

}  // namespace striate::cpu::STRIATE_SIMD_NS
#include "cpu/simd/end.h"
