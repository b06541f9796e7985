// What core/render_shade.h asks of a thread with a pixel of its own; then that, core/render_geometry.h and
// core/render_background.h made of it.
#pragma once
#include "cuda/launch.cuh"

#define STRIATE_RENDER_SPACE striate::cuda
#define STRIATE_RENDER_CALL __device__ __forceinline__
#define STRIATE_RENDER_SQRT sqrt

namespace striate::cuda {

__device__ __forceinline__ float lanes_min(float a, float b) { return fminf(a, b); }
__device__ __forceinline__ float lanes_max(float a, float b) { return fmaxf(a, b); }
__device__ __forceinline__ float lanes_sqrt(float a) { return sqrtf(a); }
__device__ __forceinline__ float lanes_select(bool mask, float yes, float no) { return mask ? yes : no; }
__device__ __forceinline__ int32_t lanes_select(bool mask, int32_t yes, int32_t no) { return mask ? yes : no; }
__device__ __forceinline__ int32_t lanes_int(float a) { return static_cast<int32_t>(a); }
__device__ __forceinline__ float lanes_float(int32_t a) { return static_cast<float>(a); }
__device__ __forceinline__ int32_t lanes_bits(float a) { return __float_as_int(a); }
__device__ __forceinline__ bool lanes_any(bool mask) { return mask; }
__device__ __forceinline__ void lanes_pair(const int32_t* from, int32_t at, float& first, float& second) {
  first = static_cast<float>(__ldg(from + at));
  second = static_cast<float>(__ldg(from + at + 1));
}
__device__ __forceinline__ void lanes_bytes(const uint8_t* from, int32_t at, int32_t next, int32_t, float& first,
                                            float& second) {
  first = static_cast<float>(__ldg(from + at));
  second = static_cast<float>(__ldg(from + next));
}

}  // namespace striate::cuda

#include "core/render_background.h"
