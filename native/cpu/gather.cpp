// gather_images, gather_patches: ops/gather.h. Images are copied row by row (whole, when nothing is moved); patches are
// those of hebbian_learn by the same code, simd/windows.h, or of floats. Bound by the memory's bandwidth.
#include "ops/gather.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>

#include "core/check.h"
#include "core/parallel.h"
#include "core/random.h"

#include "cpu/simd/begin.h"
#include "cpu/simd/windows.h"

namespace striate::cpu::STRIATE_SIMD_NS {
namespace {

void check_rows(const int32_t* rows, int64_t n, int64_t all) {
  for (int64_t i = 0; i < n; ++i)
    if (rows[i] < 0 || rows[i] >= all)
      throw core::Error(core::ErrorKind::data, "gather_images", "rows",
                        std::to_string(rows[i]) + " at index " + std::to_string(i), "0 to " + std::to_string(all - 1));
}

/// One image of `lines` rows of w elements, `h` of them a channel.
template <class T>
void copy_moved(const T* from, T* to, int64_t lines, int64_t h, int64_t w, const int32_t* shift) {
  const int64_t down = shift[0], right = shift[1];
  const int64_t end_row = std::min(h, h + down);
  for (int64_t line = 0; line < lines; ++line, to += w) {
    const int64_t y = line % h;
    if (y < down || y >= end_row) {
      std::fill(to, to + w, T{});
      continue;
    }
    const T* source = from + (line - down) * w;
    if (shift[2]) {  // y[i] = source[w - 1 - i - right]
      const int64_t begin = std::clamp<int64_t>(-right, 0, w), end = std::clamp<int64_t>(w - right, 0, w);
      std::fill(to, to + begin, T{});
      for (int64_t i = begin; i < end; ++i) to[i] = source[w - 1 - i - right];
      std::fill(to + std::max(begin, end), to + w, T{});
    } else {  // y[i] = source[i - right]
      const int64_t begin = std::clamp<int64_t>(right, 0, w), end = std::clamp<int64_t>(w + right, 0, w);
      std::fill(to, to + begin, T{});
      if (begin < end) std::copy(source + begin - right, source + end - right, to + begin);
      std::fill(to + std::max(begin, end), to + w, T{});
    }
  }
}

template <class T>
void gather(const core::View* in, core::View* out) {
  const core::View& images = in[0];
  const int64_t n = in[1].shape[0], h = images.shape[2], w = images.shape[3], lines = images.shape[1] * h;
  const T* from = images.as<T>();
  const int32_t* rows = in[1].as<int32_t>();
  const int32_t* shift = in[2].rank >= 0 ? in[2].as<int32_t>() : nullptr;
  T* to = out[0].as<T>();
  const int64_t size = lines * w, each = std::max<int64_t>(1, (1 << 16) / std::max<int64_t>(1, size));
  core::parallel_for((n + each - 1) / each, [=](int64_t task) {
    for (int64_t i = task * each; i < std::min(n, (task + 1) * each); ++i) {
      const T* image = from + rows[i] * size;
      if (shift && (shift[3 * i] || shift[3 * i + 1] || shift[3 * i + 2]))
        copy_moved(image, to + i * size, lines, h, w, shift + 3 * i);
      else
        std::memcpy(to + i * size, image, static_cast<size_t>(size) * sizeof(T));
    }
  });
}

/// The floats of a window, one after the other.
void gather_floats(const Windows& s, const float* from, float* to) {
  for (int64_t c = 0; c < s.c; ++c)
    for (int64_t r = 0; r < s.window; ++r, to += s.window) std::copy_n(from + (c * s.h + r) * s.w, s.window, to);
}

/// Sum of f(i) for i < d in float64: a sum a lane, the lanes then in order.
template <class F>
STRIATE_INLINE double sum_lanes(int64_t d, F&& f) {
  double lane[kLanes] = {};
  const int64_t whole = d - d % kLanes;
  for (int64_t i = 0; i < whole; i += kLanes)
    for (int l = 0; l < kLanes; ++l) lane[l] += f(i + l);
  for (int64_t i = whole; i < d; ++i) lane[i - whole] += f(i);
  for (int l = 1; l < kLanes; ++l) lane[0] += lane[l];
  return lane[0];
}

/// Turns the floats of a window into a patch.
void normalise_floats(const Windows& s, float* v, int64_t d) {
  const double mean =
      s.centre ? sum_lanes(d, [v](int64_t i) { return static_cast<double>(v[i]); }) / static_cast<double>(d) : 0.0;
  const double square = sum_lanes(d, [v, mean](int64_t i) {
    const double x = static_cast<double>(v[i]) - mean;
    return x * x;
  });
  const float less = static_cast<float>(mean);
  const float factor = square <= kZeroPatch ? 0.0f : s.unit ? static_cast<float>(1 / std::sqrt(square)) : 1.0f;
  for (int64_t i = 0; i < d; ++i) v[i] = (v[i] - less) * factor;
}

}  // namespace

void gather_images(core::Context&, const core::View* in, core::View* out, const op::NoOptions&) {
  check_rows(in[1].as<int32_t>(), in[1].shape[0], in[0].shape[0]);
  if (in[0].dtype == core::Dtype::u8)
    gather<uint8_t>(in, out);
  else
    gather<float>(in, out);
}

void gather_patches(core::Context& ctx, const core::View* in, core::View* out, const op::GatherPatches::Options& o) {
  const core::View& images = in[0];
  const bool floats = images.dtype == core::Dtype::f32;
  const Windows windows{floats ? nullptr : images.as<uint8_t>(),
                        images.shape[0],
                        images.shape[1],
                        images.shape[2],
                        images.shape[3],
                        o.window,
                        o.centre,
                        o.normalise == op::GatherPatches::patch};
  const float* const values = floats ? images.as<float>() : nullptr;
  const uint64_t count = static_cast<uint64_t>(windows.count()), batch = static_cast<uint64_t>(o.batch),
                 per_epoch = count / batch, step = static_cast<uint64_t>(o.step);
  const core::Permutation order(count, static_cast<uint64_t>(o.seed), static_cast<uint32_t>(step / per_epoch));
  const uint64_t at = step % per_epoch * batch;
  float* const to = out[0].as<float>();
  const int64_t d = windows.d(), wide = (d + kLanes - 1) / kLanes * kLanes, tasks = (o.batch + kOffsets - 1) / kOffsets;
  uint8_t* const all_bytes = ctx.scratch<uint8_t>(static_cast<size_t>(tasks * (wide + 16)));
  float* const all_rows = ctx.scratch<float>(static_cast<size_t>(tasks * wide));
  core::parallel_for(tasks, [&](int64_t task) {
    const int64_t first = task * kOffsets;
    const int size = static_cast<int>(std::min<int64_t>(kOffsets, o.batch - first));
    int64_t offset[kOffsets];
    shuffled_offsets(windows, order, at + static_cast<uint64_t>(first), size, offset);
    if (values) {
      for (int i = 0; i < size; ++i) {
        gather_floats(windows, values + offset[i], to + (first + i) * d);
        normalise_floats(windows, to + (first + i) * d, d);
      }
      return;
    }
    uint8_t* const bytes = all_bytes + task * (wide + 16);
    float* const row = all_rows + task * wide;  // a patch is written in whole vectors, which a row of `to` may not have
    for (int i = 0; i < size; ++i) {
      if (i + 1 < size) prefetch_window(windows, offset[i + 1]);
      gather_bytes(windows, offset[i], bytes);
      if (wide > d) std::memset(bytes + d, 0, static_cast<size_t>(wide - d));
      normalise_bytes(windows, bytes, d, measure_bytes(windows, bytes, d), row);
      std::memcpy(to + (first + i) * d, row, static_cast<size_t>(d) * sizeof(float));
    }
  });
}

}  // namespace striate::cpu::STRIATE_SIMD_NS
#include "cpu/simd/end.h"
