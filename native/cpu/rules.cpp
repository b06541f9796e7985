// competitive_learn, oja_learn: ops/rules.h, by the kernels of their ops (ops/rule_loops.h).
#include <algorithm>
#include <cstdint>

#include "ops/rule_loops.h"

#include "cpu/simd/begin.h"

namespace striate::cpu::STRIATE_SIMD_NS {

#define STRIATE_DECLARE(name, Contract) \
  void name(core::Context&, const core::View* in, core::View* out, const op::Contract::Options& options);
STRIATE_RULE_OPS(STRIATE_DECLARE)
#undef STRIATE_DECLARE

namespace {

struct Kernels {
#define STRIATE_KERNEL(name, Contract) static constexpr op::Kernel<op::Contract> name = &STRIATE_SIMD_NS::name;
  STRIATE_RULE_OPS(STRIATE_KERNEL)
#undef STRIATE_KERNEL

  class Totals {
   public:
    Totals(core::Context& ctx, int64_t k)
        : k_(k),
          wins_(ctx.scratch<int64_t>(static_cast<size_t>(k))),
          gains_(ctx.scratch<double>(static_cast<size_t>(k))) {
      std::fill(wins_, wins_ + k, 0);
      std::fill(gains_, gains_ + k, 0.0);
    }
    void add(const core::View& wins, const core::View& gains, const core::View& energy) {
      int64_t weight = k_ == 0;
      for (int64_t unit = 0; unit < k_; ++unit) {
        const int32_t won = wins.as<int32_t>()[unit];
        wins_[unit] += won;
        gains_[unit] += static_cast<double>(gains.as<float>()[unit]);
        weight += won;
      }
      energy_ += static_cast<double>(*energy.as<float>()) * static_cast<double>(weight);
      weight_ += weight;
    }
    void write(const core::View& wins, const core::View& gains, const core::View& energy) const {
      for (int64_t unit = 0; unit < k_; ++unit) {
        wins.as<int32_t>()[unit] = static_cast<int32_t>(std::min<int64_t>(wins_[unit], INT32_MAX));
        gains.as<float>()[unit] = static_cast<float>(gains_[unit]);
      }
      *energy.as<float>() = weight_ ? static_cast<float>(energy_ / static_cast<double>(weight_)) : 0.0f;
    }

   private:
    int64_t k_, *wins_;
    double* gains_;
    double energy_ = 0;
    int64_t weight_ = 0;
  };

  /// Nothing is queued here.
  struct Pace {
    Pace(const core::Context&, double) {}
    void operator()() {}
  };
};

}  // namespace

void competitive_learn(core::Context& ctx, const core::View* in, core::View* out,
                       const op::CompetitiveLearn::Options& o) {
  op::competitive_learn<Kernels>(ctx, in, out, o);
}

void oja_learn(core::Context& ctx, const core::View* in, core::View* out, const op::OjaLearn::Options& o) {
  op::oja_learn<Kernels>(ctx, in, out, o);
}

}  // namespace striate::cpu::STRIATE_SIMD_NS
#include "cpu/simd/end.h"
