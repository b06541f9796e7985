// sparse_projection: ops/projection.h. Tasks take stretches of entries: first the gaps, then, from the place where each
// stretch begins, rows and columns. A gap is looked up by the word's highest bits, which leave one bound to ask for most.
#include "ops/projection.h"

#include <algorithm>
#include <cstdint>

#include "core/parallel.h"

#include "cpu/simd/begin.h"

namespace striate::cpu::STRIATE_SIMD_NS {
namespace {

constexpr int64_t kTogether = 16, kStretch = 3 * (int64_t{1} << 12);
constexpr int kBits = 12;

/// core::philox of kTogether counters from `first` on, in loops of which the compiler makes vectors: [word][counter].
void philox_together(uint64_t first, uint64_t key, uint32_t (&words)[4][kTogether]) {
  for (int64_t i = 0; i < kTogether; ++i) {
    const uint64_t counter = first + static_cast<uint64_t>(i);
    words[0][i] = static_cast<uint32_t>(counter);
    words[1][i] = static_cast<uint32_t>(counter >> 32);
    words[2][i] = op::SparseProjection::kStream;
    words[3][i] = 0;
  }
  uint32_t k0 = static_cast<uint32_t>(key), k1 = static_cast<uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u)
    for (int64_t i = 0; i < kTogether; ++i) {
      const uint64_t p0 = uint64_t{0xD2511F53u} * words[0][i], p1 = uint64_t{0xCD9E8D57u} * words[2][i];
      words[0][i] = static_cast<uint32_t>(p1 >> 32) ^ words[1][i] ^ k0;
      words[2][i] = static_cast<uint32_t>(p0 >> 32) ^ words[3][i] ^ k1;
      words[1][i] = static_cast<uint32_t>(p1);
      words[3][i] = static_cast<uint32_t>(p0);
    }
}

/// How many bounds are above a word: at least `least[b]` and at most `least[b - 1]` where its highest bits are b.
struct Gaps {
  const uint32_t* bounds;
  const int32_t* least;  // [-1]: all of them
  int32_t most;          // place of the last
  int32_t of(uint32_t word) const {
    const auto highest = static_cast<int64_t>(word >> (32 - kBits));
    int32_t first = least[highest], last = least[highest - 1];
    for (; last - first > 1;) {
      const int32_t middle = (first + last) / 2;
      (bounds[middle] > word ? first : last) = middle;
    }
    // Without a branch, which would be foretold badly.
    return 1 + first + ((bounds[std::min(first, most)] > word) & (first < last));
  }
};

}  // namespace

void sparse_projection(core::Context& ctx, const core::View* in, core::View* out,
                       const op::SparseProjection::Options& o) {
  const int64_t count = in[0].shape[0], stretches = (o.room + kStretch - 1) / kStretch;
  const auto* bounds = in[0].as<uint32_t>();
  int32_t* least = ctx.scratch<int32_t>((1 << kBits) + 1) + 1;
  int64_t* begins = ctx.scratch<int64_t>(stretches + 1);
  least[-1] = static_cast<int32_t>(count);
  for (int32_t b = (1 << kBits) - 1, above = 0; b >= 0; --b) {
    while (above<count&& static_cast<int32_t>(bounds[above] >> (32 - kBits))> b) ++above;
    least[b] = above;
  }
  const Gaps gaps{bounds, least, static_cast<int32_t>(count - 1)};
  float *values = out[0].as<float>(), value = static_cast<float>(o.value);
  int32_t *columns = out[1].as<int32_t>(), *offsets = out[2].as<int32_t>();
  core::parallel_for(stretches, [&](int64_t stretch) {
    int64_t sum = 0;
    const int64_t end = std::min(o.room, (stretch + 1) * kStretch);
    for (int64_t i = stretch * kStretch; i < end;) {
      uint32_t words[4][kTogether];
      philox_together(static_cast<uint64_t>(i / 3), static_cast<uint64_t>(o.seed), words);
      for (int64_t at = 0; at < 3 * kTogether && i < end; ++at, ++i) {
        const int32_t gap = gaps.of(words[at % 3][at / 3]);
        sum += gap;
        columns[i] = gap;
        values[i] = words[3][at / 3] >> at % 3 & 1 ? value : -value;
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
