// sparse_projection: ops/projection.h. Tasks take stretches of entries: first the gaps, then, from the place where each
// stretch begins, rows and columns. A gap is looked up by the word's highest bits, which leave one bound to ask for most.
#include "ops/projection.h"

#include <algorithm>
#include <cstdint>

#include "core/parallel.h"

#include "cpu/simd/begin.h"
#include "cpu/simd/vec.h"

namespace striate::cpu::STRIATE_SIMD_NS {
namespace {

constexpr int64_t kTogether = 16, kStretch = 3 * (int64_t{1} << 12);
constexpr int kBits = 14;

using vu = uint64_t __attribute__((vector_size(kLanes * 4)));
constexpr int64_t kWide = kLanes / 2;

/// Products of numbers below 2^32, one in each lane.
STRIATE_INLINE vu multiply_words(vu a, vu b) {
#if STRIATE_SIMD == 4
  return (vu)_mm512_maskz_mul_epu32(0xff, (__m512i)a, (__m512i)b);
#elif STRIATE_SIMD == 3
  return (vu)_mm256_mul_epu32((__m256i)a, (__m256i)b);
#elif defined(__SSE2__)
  return (vu)_mm_mul_epu32((__m128i)a, (__m128i)b);
#else
  return a * b;
#endif
}

/// core::philox of kTogether counters from `first` on: [word][counter].
void philox_together(uint64_t first, uint64_t key, uint32_t (&words)[4][kTogether]) {
  for (int64_t i = 0; i < kTogether; i += kWide) {
    vu word[4] = {{}, {}, vu{} + op::SparseProjection::kStream, {}};
    for (int64_t lane = 0; lane < kWide; ++lane) {
      const uint64_t counter = first + static_cast<uint64_t>(i + lane);
      word[0][lane] = static_cast<uint32_t>(counter);
      word[1][lane] = counter >> 32;
    }
    uint32_t k0 = static_cast<uint32_t>(key), k1 = static_cast<uint32_t>(key >> 32);
    for (int round = 0; round < 10; ++round, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u) {
      const vu p0 = multiply_words(word[0], vu{} + 0xD2511F53u), p1 = multiply_words(word[2], vu{} + 0xCD9E8D57u);
      word[0] = p1 >> 32 ^ word[1] ^ k0;
      word[2] = p0 >> 32 ^ word[3] ^ k1;
      word[1] = p1 & 0xffffffff;
      word[3] = p0 & 0xffffffff;
    }
    for (int w = 0; w < 4; ++w)
      for (int64_t lane = 0; lane < kWide; ++lane) words[w][i + lane] = static_cast<uint32_t>(word[w][lane]);
  }
}

/// How many bounds are above a word: at least `least[b]` and at most `least[b - 1]` where its highest bits are b.
struct Gaps {
  const uint32_t* bounds;
  const int32_t* least;  // [-1]: all of them
  int32_t most;          // place of the last
  void of(const uint32_t (&words)[kTogether], int32_t (&gaps)[kTogether]) const {
    int32_t asks = 0;
    for (int64_t i = 0; i < kTogether; ++i) {
      const uint32_t word = words[i], highest = word >> (32 - kBits);
      const int32_t first = least[highest], last = least[static_cast<int32_t>(highest) - 1];
      // Without a branch, which would be foretold badly.
      gaps[i] = 1 + first + ((bounds[std::min(first, most)] > word) & (first < last));
      asks |= (last - first > 1) << i;
    }
    for (; asks; asks &= asks - 1) {
      const int i = __builtin_ctz(static_cast<uint32_t>(asks));
      const uint32_t word = words[i];
      const auto highest = static_cast<int32_t>(word >> (32 - kBits));
      int32_t first = least[highest],
              last = least[highest - 1];  // bounds[first - 1] is above the word, bounds[last] not
      while (first < last) {
        const int32_t middle = (first + last) / 2;
        bounds[middle] > word ? first = middle + 1 : last = middle;
      }
      gaps[i] = 1 + first;
    }
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
      int32_t own[3][kTogether];
      for (int w = 0; w < 3; ++w) gaps.of(words[w], own[w]);
      const auto put = [&](int64_t at, int w) {
        sum += own[w][at];
        columns[i] = own[w][at];
        values[i++] = words[3][at] >> w & 1 ? value : -value;
      };
      if (end - i >= 3 * kTogether)
        for (int64_t at = 0; at < kTogether; ++at)
          for (int w = 0; w < 3; ++w) put(at, w);
      else
        for (int64_t at = 0; i < end; ++at)
          for (int w = 0; w < 3 && i < end; ++w) put(at, w);
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
