// batch_norm, batch_norm_grad: ops/batch_norm.h. A task takes a channel (or the few whose planes share a cache line)
// from its sums to its results, so that a channel that fits the L2 cache comes from memory once: 8 bytes an element,
// gradients 12. Few channels for many threads: the planes are the tasks, and memory is read twice. The sums are those
// of the planes in their order either way.
#include "ops/batch_norm.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "core/parallel.h"

#include "cpu/simd/begin.h"
#include "cpu/simd/vmath.h"
#include "cpu/simd/wide.h"

namespace striate::cpu::STRIATE_SIMD_NS {
namespace {

struct Sums {
  double first = 0, second = 0;
};

/// Sum of the lanes of a + b in a fixed tree.
STRIATE_INLINE double vsum(vd a, vd b) {
  double lane[kLanes / 2];
  vstore(lane, a + b);
  for (int width = kLanes / 4; width > 0; width /= 2)
    for (int i = 0; i < width; ++i) lane[i] += lane[i + width];
  return lane[0];
}

/// Sums over a plane of d = x - about and d^2.
STRIATE_INLINE Sums moments(const float* x, int64_t count, float about) {
  const double shift = static_cast<double>(about);
  vd sum[2] = {}, squares[2] = {};
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int j = 0; j < 2; ++j) {
      const vd d = vload_wide(x + i + j * kLanes / 2) - shift;
      sum[j] = sum[j] + d;
      squares[j] = squares[j] + d * d;
    }
  }
  Sums total{vsum(sum[0], sum[1]), vsum(squares[0], squares[1])};
  for (; i < count; ++i) {
    const double d = static_cast<double>(x[i]) - shift;
    total.first += d;
    total.second += d * d;
  }
  return total;
}

/// Sums over a plane of gy and of gy (x - centre).
STRIATE_INLINE Sums products(const float* x, const float* gy, int64_t count, float centre) {
  const double shift = static_cast<double>(centre);
  vd sum[2] = {}, product[2] = {};
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int j = 0; j < 2; ++j) {
      const vd g = vload_wide(gy + i + j * kLanes / 2);
      sum[j] = sum[j] + g;
      product[j] = product[j] + g * (vload_wide(x + i + j * kLanes / 2) - shift);
    }
  }
  Sums total{vsum(sum[0], sum[1]), vsum(product[0], product[1])};
  for (; i < count; ++i) {
    const double g = static_cast<double>(gy[i]);
    total.first += g;
    total.second += g * (static_cast<double>(x[i]) - shift);
  }
  return total;
}

struct Planes {
  int64_t images, channels, size;
  explicit Planes(const core::View& x) : images(x.shape[0]), channels(x.shape[1]), size(x.shape[2] * x.shape[3]) {}
  int64_t at(int64_t image, int64_t channel) const { return (image * channels + channel) * size; }
  double count() const { return static_cast<double>(images * size); }
};

/// For each channel: the sums of measure(offset of the plane, channel) over its planes, finish(channel, sums), and
/// apply(offset, channel) to each plane.
template <class Measure, class Finish, class Apply>
void each_channel(core::Context& ctx, const Planes& planes, Measure&& measure, Finish&& finish, Apply&& apply) {
  constexpr int64_t kLine = 16;  // floats of a cache line, which no two tasks should write
  const int64_t together = std::max<int64_t>(1, 2 * kLine / planes.size),
                tasks = (planes.channels + together - 1) / together;
  if (tasks >= core::threads() || planes.count() * static_cast<double>(planes.channels) < 1 << 16) {
    core::parallel_for(tasks, [&](int64_t task) {
      for (int64_t c = task * together; c < std::min(planes.channels, (task + 1) * together); ++c) {
        Sums total;
        for (int64_t n = 0; n < planes.images; ++n) {
          const Sums plane = measure(planes.at(n, c), c);
          total.first += plane.first;
          total.second += plane.second;
        }
        finish(c, total);
        for (int64_t n = 0; n < planes.images; ++n) apply(planes.at(n, c), c);
      }
    });
    return;
  }
  Sums* parts = ctx.scratch<Sums>(static_cast<size_t>(planes.images * planes.channels));
  core::parallel_for(planes.images * planes.channels,
                     [&](int64_t i) { parts[i] = measure(i * planes.size, i % planes.channels); });
  for (int64_t c = 0; c < planes.channels; ++c) {
    Sums total;
    for (int64_t n = 0; n < planes.images; ++n) {
      total.first += parts[n * planes.channels + c].first;
      total.second += parts[n * planes.channels + c].second;
    }
    finish(c, total);
  }
  core::parallel_for(planes.images * planes.channels, [&](int64_t i) { apply(i * planes.size, i % planes.channels); });
}

/// to[i] = f(i) over a plane; f takes the position of a vector or of a number.
template <class F>
STRIATE_INLINE void each_element(float* to, int64_t count, F&& f) {
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) vstore(to + i, f([&](const float* p) { return vload(p + i); }));
  for (; i < count; ++i) to[i] = f([&](const float* p) { return p[i]; });
}

}  // namespace

void batch_norm(core::Context& ctx, const core::View* in, core::View* out, const op::BatchNorm::Options& o) {
  const Planes planes(in[0]);
  const float *x = in[0].as<float>(), *gamma = in[1].as<float>(), *beta = in[2].as<float>();
  float *mean = in[3].as<float>(), *variance = in[4].as<float>(), *y = out[0].as<float>();
  const size_t channels = static_cast<size_t>(planes.channels);
  float* centre = out[1].rank >= 0 ? out[1].as<float>() : ctx.scratch<float>(channels);
  float* spread = out[2].rank >= 0 ? out[2].as<float>() : ctx.scratch<float>(channels);
  const auto measure = [=](int64_t at, int64_t c) {
    return o.training ? moments(x + at, planes.size, x[planes.at(0, c)]) : Sums{};
  };
  const auto finish = [=](int64_t c, Sums sums) {
    double m = static_cast<double>(mean[c]), v = static_cast<double>(variance[c]);
    if (o.training) {
      const double count = planes.count(), offset = sums.first / count, squares = sums.second - sums.first * offset;
      const double all = squares < 0 ? 0 : squares;  // by rounding; a NaN stays
      const auto moved = [&](double running, double batch) {
        return static_cast<float>((1 - o.momentum) * running + o.momentum * batch);
      };
      const double centred = static_cast<double>(x[planes.at(0, c)]) + offset;
      mean[c] = moved(m, centred);
      variance[c] = moved(v, all / (count - 1));
      m = centred;
      v = all / count;
    }
    centre[c] = static_cast<float>(m);
    spread[c] = static_cast<float>(1 / std::sqrt(v + o.epsilon));
  };
  each_channel(ctx, planes, measure, finish, [=](int64_t at, int64_t c) {
    const float m = centre[c], factor = gamma[c] * spread[c], offset = beta[c];
    each_element(y + at, planes.size, [=](auto&& load) { return (load(x + at) - m) * factor + offset; });
  });
}

void batch_norm_grad(core::Context& ctx, const core::View* in, core::View* out, const op::NoOptions&) {
  const Planes planes(in[0]);
  const float *x = in[0].as<float>(), *gamma = in[1].as<float>(), *centre = in[2].as<float>(),
              *spread = in[3].as<float>(), *gy = in[4].as<float>();
  float* gx = out[0].rank >= 0 ? out[0].as<float>() : nullptr;
  float* ggamma = out[1].rank >= 0 ? out[1].as<float>() : nullptr;
  float* gbeta = out[2].rank >= 0 ? out[2].as<float>() : nullptr;
  struct Slope {
    float mean, slope;  // mean of gy, and of gy xhat times the spread
  };
  Slope* slopes = ctx.scratch<Slope>(static_cast<size_t>(planes.channels));
  const auto measure = [=](int64_t at, int64_t c) { return products(x + at, gy + at, planes.size, centre[c]); };
  const auto finish = [=](int64_t c, Sums sums) {
    const double s = static_cast<double>(spread[c]), count = planes.count();
    if (ggamma) ggamma[c] = static_cast<float>(sums.second * s);
    if (gbeta) gbeta[c] = static_cast<float>(sums.first);
    slopes[c] = {static_cast<float>(sums.first / count), static_cast<float>(sums.second * s * s / count)};
  };
  each_channel(ctx, planes, measure, finish, [=](int64_t at, int64_t c) {
    if (!gx) return;
    const float m = centre[c], factor = gamma[c] * spread[c];
    const Slope slope = slopes[c];
    each_element(gx + at, planes.size, [=](auto&& load) {
      return ((load(gy + at) - slope.mean) - (load(x + at) - m) * slope.slope) * factor;
    });
  });
}

}  // namespace striate::cpu::STRIATE_SIMD_NS
#include "cpu/simd/end.h"
