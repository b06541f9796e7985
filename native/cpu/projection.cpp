// sparse_projection: ops/projection.h. Tasks take stretches of entries: first the gaps, then, from the place where each
// stretch begins, rows and columns. A gap is looked up from the word's highest bits, among few bounds for most words.
#include "ops/projection.h"

#include <algorithm>
#include <cstdint>

#include "core/parallel.h"
#include "core/random.h"

#include "cpu/simd/begin.h"

namespace striate::cpu::STRIATE_SIMD_NS {
namespace {

constexpr int64_t kStretch = 3 << 12;
constexpr int kBits = 12;

/// How many bounds are above a word: at least `least[b]` and at most `least[b - 1]` where its highest bits are b.
struct Gaps {
  const uint32_t* bounds;
  const int64_t* least;  // behind it: all of them
  int64_t of(uint32_t word) const {
    const uint32_t highest = word >> (32 - kBits);
    int64_t first = least[highest], last = least[static_cast<int64_t>(highest) - 1];
    while (first < last) {
      const int64_t middle = (first + last) / 2;
      (bounds[middle] > word ? first : last) = bounds[middle] > word ? middle + 1 : middle;
    }
    return 1 + first;
  }
};

}  // namespace

void sparse_projection(core::Context& ctx, const core::View* in, core::View* out,
                       const op::SparseProjection::Options& o) {
  const int64_t count = in[0].shape[0], stretches = (o.room + kStretch - 1) / kStretch;
  const auto* bounds = in[0].as<uint32_t>();
  int64_t *least = ctx.scratch<int64_t>((1 << kBits) + 1) + 1, *begins = ctx.scratch<int64_t>(stretches + 1);
  for (int64_t b = (1 << kBits) - 1, above = 0; b >= -1; --b) {
    while (above < count && bounds[above] >> (32 - kBits) > static_cast<uint32_t>(std::max<int64_t>(b, 0))) ++above;
    least[b] = b < 0 ? count : above;
  }
  const Gaps gaps{bounds, least};
  float *values = out[0].as<float>(), value = static_cast<float>(o.value);
  int32_t *columns = out[1].as<int32_t>(), *offsets = out[2].as<int32_t>();
  core::parallel_for(stretches, [&](int64_t stretch) {
    int64_t sum = 0;
    const int64_t end = std::min(o.room, (stretch + 1) * kStretch);
    for (int64_t i = stretch * kStretch; i < end; i += 3) {
      const core::Philox words =
          core::philox(static_cast<uint64_t>(i / 3), op::SparseProjection::kStream, static_cast<uint64_t>(o.seed));
      for (int64_t j = 0; j < std::min<int64_t>(3, end - i); ++j) {
        const int64_t gap = gaps.of(words.v[j]);
        sum += gap;
        columns[i + j] = static_cast<int32_t>(gap);
        values[i + j] = words.v[3] >> j & 1 ? value : -value;
      }
    }
    begins[stretch + 1] = sum;
  });
  begins[0] = -1;
  for (int64_t stretch = 0; stretch < stretches; ++stretch) begins[stretch + 1] += begins[stretch];
  op::SparseProjection::check_room(begins[stretches], o);
  core::parallel_for(stretches, [&](int64_t stretch) {
    int64_t place = begins[stretch], row = place < 0 ? -1 : std::min(o.rows, place / o.width),
            row_end = (row + 1) * o.width;
    for (int64_t i = stretch * kStretch, end = std::min(o.room, i + kStretch); i < end; ++i) {
      place += columns[i];
      for (; place >= row_end && row < o.rows; row_end += o.width) offsets[++row] = static_cast<int32_t>(i);
      const bool is_in = row < o.rows;
      columns[i] = is_in ? static_cast<int32_t>(place - row_end + o.width) : 0;
      if (!is_in) values[i] = 0;
    }
  });
}

}  // namespace striate::cpu::STRIATE_SIMD_NS
#include "cpu/simd/end.h"
