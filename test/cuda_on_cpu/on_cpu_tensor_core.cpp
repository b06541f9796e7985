// The tensor cores' instructions, lane by lane, and ldmatrix.
#include "cuda_on_cpu.h"

namespace cuda_on_cpu {

// Fragments as in the PTX manual: lane = 4 * group + member.
//   A 16 x 8 (tf32): a[0..3] = (g, t) (g+8, t) (g, t+4) (g+8, t+4);      16 x 16 (bf16): pairs at 2t in place of t, 8
//   further for t+4 B 8 x 8: b[0..1] = (t, g) (t+4, g), or pairs;                        C, D 16 x 8: (g, 2t) (g, 2t+1)
//   (g+8, 2t) (g+8, 2t+1)
namespace {
template <class F>
void mma(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], F&& dot) {
  uint32_t given[6] = {a[0], a[1], a[2], a[3], b[0], b[1]};
  const Payload* all = exchange(0xffffffffu, given, sizeof given, {__FILE__, __LINE__});
  const int group = lane() / 4, member = lane() % 4;
  for (int i = 0; i < 4; ++i) {
    const int row = group + (i / 2) * 8, column = 2 * member + i % 2;
    // Row r of A lies with lanes 4 (r % 8) .., column c of B with lanes 4 c ..
    d[i] = dot(d[i], all + 4 * (row % 8), row / 8, all + 4 * column);
  }
}
}  // namespace

void mma_tf32(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  mma(d, a, b, [](float sum, const Payload* row, int lower, const Payload* column) {
    for (int k = 0; k < 8; ++k) {
      const uint32_t x = row[k % 4].word[lower + 2 * (k / 4)], y = column[k % 4].word[4 + k / 4];
      sum += __uint_as_float(x & 0xffffe000u) * __uint_as_float(y & 0xffffe000u);
    }
    return sum;
  });
}

void mma_bf16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  mma(d, a, b, [](float sum, const Payload* row, int lower, const Payload* column) {
    for (int k = 0; k < 16; ++k) {
      const int member = k % 8 / 2;
      sum += as_bf16(row[member].word[lower + 2 * (k / 8)], k % 2) * as_bf16(column[member].word[4 + k / 8], k % 2);
    }
    return sum;
  });
}

void load_matrix_x4(uint32_t (&r)[4], const void* row, bool transpose) {
  const Payload* all = exchange(0xffffffffu, &row, sizeof row, {__FILE__, __LINE__});
  for (int m = 0; m < 4; ++m) {
    uint16_t pair[2];
    for (int half = 0; half < 2; ++half) {
      int i = lane() / 4, j = 2 * (lane() % 4) + half;
      if (transpose) std::swap(i, j);
      const uint16_t* source;
      std::memcpy(&source, all[8 * m + i].word, sizeof source);
      pair[half] = source[j];
    }
    r[m] = pair[0] | static_cast<uint32_t>(pair[1]) << 16;
  }
}

}  // namespace cuda_on_cpu
