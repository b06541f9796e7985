// Whitening of patches, z / |z| with z = Z v + offset, for minibatches of patches that stand in rows. Included after
// simd/patches.h.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>

#include "cpu/simd/patches.h"

namespace striate::cpu::STRIATE_SIMD_NS {
namespace {

struct Whitening {
  const float* matrix;  // [D][stride]: Z by its columns, zeros beyond E
  const float* offset;  // [stride], zeros beyond E
  int64_t inputs, stride;

  static int64_t padded(int64_t outputs) { return (outputs + kLanes - 1) / kLanes * kLanes; }
  static int64_t floats(int64_t inputs, int64_t outputs) { return (inputs + 1) * padded(outputs); }

  /// Of z [E,D] and offset [E]; `memory` holds what `floats` says.
  Whitening(const float* z, const float* added, int64_t inputs, int64_t outputs, float* memory)
      : matrix(memory), offset(memory + inputs * padded(outputs)), inputs(inputs), stride(padded(outputs)) {
    std::memset(memory, 0, static_cast<size_t>(floats(inputs, outputs)) * sizeof(float));
    for (int64_t e = 0; e < outputs; ++e)
      for (int64_t d = 0; d < inputs; ++d) memory[d * stride + e] = z[e * inputs + d];
    std::memcpy(memory + inputs * stride, added, static_cast<size_t>(outputs) * sizeof(float));
  }

  /// to[i] = z / |z| of patch i, in rows of `stride` numbers; zero[i] tells a z that counts as zero.
  void apply(const float* patches, int64_t step, int64_t count, float* to, uint8_t* zero) const {
    int64_t i = 0;
    for (; i + 4 <= count; i += 4) rows<4>(patches + i * step, step, to + i * stride);
    for (; i < count; ++i) rows<1>(patches + i * step, step, to + i * stride);
    for (i = 0; i < count; ++i) zero[i] = unit(to + i * stride);
  }

 private:
  template <int kRows>
  STRIATE_INLINE void rows(const float* patches, int64_t step, float* to) const {
    int64_t e = 0;
    for (; e + 2 * kLanes <= stride; e += 2 * kLanes) piece<kRows, 2>(patches, step, e, to);
    if (e < stride) piece<kRows, 1>(patches, step, e, to);
  }
  template <int kRows, int kVectors>
  STRIATE_INLINE void piece(const float* patches, int64_t step, int64_t e, float* to) const {
    vf sum[kRows][kVectors];
    for (int i = 0; i < kRows; ++i)
      for (int v = 0; v < kVectors; ++v) sum[i][v] = vload(offset + e + v * kLanes);
    for (int64_t d = 0; d < inputs; ++d) {
      const float* from = matrix + d * stride + e;
      for (int i = 0; i < kRows; ++i) {
        const vf x = vbroadcast(patches[i * step + d]);
        for (int v = 0; v < kVectors; ++v) sum[i][v] = vfma(x, vload(from + v * kLanes), sum[i][v]);
      }
    }
    for (int i = 0; i < kRows; ++i)
      for (int v = 0; v < kVectors; ++v) vstore(to + i * stride + e + v * kLanes, sum[i][v]);
  }
  STRIATE_INLINE bool unit(float* z) const {
    vd even{}, odd{};
    for (int64_t e = 0; e < stride; e += kLanes) {
      const vf x = vload(z + e);
      even += vwiden<0>(x) * vwiden<0>(x);
      odd += vwiden<1>(x) * vwiden<1>(x);
    }
    const double square = vsum(even + odd);
    const bool zero = square <= kZeroPatch;
    const vf factor = vbroadcast(zero ? 0.0f : static_cast<float>(1 / std::sqrt(square)));
    for (int64_t e = 0; e < stride; e += kLanes) vstore(z + e, vload(z + e) * factor);
    return zero;
  }
};

}  // namespace
}  // namespace striate::cpu::STRIATE_SIMD_NS
