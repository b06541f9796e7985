// add, subtract, multiply, subtract_row, standardise, scale, relu, relu_grad, to_f32, to_f64, unit_rows, copies of rows
// and columns: ops/elementwise.h. Layout: flat; one thread per 4 elements in one access (every buffer is aligned to 64
// bytes), the tail element by element. unit_rows: one warp per row, two passes over it, in float64. Bytes: 12 (binary) or
// 8 an element, so the limit is the memory's bandwidth. Not yet timed on a GPU.
#include <cstdint>

#include "cuda/launch.cuh"
#include "ops/elementwise.h"

namespace striate::cuda {
namespace {

constexpr int kThreads = 256;

template <class T>
using Four = Pack<T, 4>;

template <class T, class R, class F>
__global__ void __launch_bounds__(kThreads) unary_kernel(const T* __restrict__ x, R* __restrict__ y, int64_t n, F f) {
  const int64_t i = 4 * (static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x);
  if (i + 4 <= n) {
    const Four<T> a = pack_at<4>(x + i);
    Four<R> r;
    for (int j = 0; j < 4; ++j) r.v[j] = f(a.v[j]);
    pack_at<4>(y + i) = r;
  } else {
    for (int64_t j = i; j < n; ++j) y[j] = f(x[j]);
  }
}

template <class T, class F>
__global__ void __launch_bounds__(kThreads)
    binary_kernel(const T* __restrict__ x, const T* __restrict__ y, T* __restrict__ z, int64_t n, F f) {
  const int64_t i = 4 * (static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x);
  if (i + 4 <= n) {
    const Four<T> a = pack_at<4>(x + i), b = pack_at<4>(y + i);
    Four<T> r;
    for (int j = 0; j < 4; ++j) r.v[j] = f(a.v[j], b.v[j]);
    pack_at<4>(z + i) = r;
  } else {
    for (int64_t j = i; j < n; ++j) z[j] = f(x[j], y[j]);
  }
}

/// i % d. A 64-bit division is several times as slow as a 32-bit one.
__device__ __forceinline__ int64_t column_of(int64_t i, int64_t d, int64_t count) {
  return count <= INT32_MAX ? static_cast<int32_t>(i) % static_cast<int32_t>(d) : i % d;
}

/// One thread an element; r is read once a row, from the cache.
template <class T>
__global__ void __launch_bounds__(kThreads)
    subtract_row_kernel(const float* __restrict__ x, const float* __restrict__ r, T* __restrict__ y, int64_t d,
                        int64_t count) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= count) return;
  store(y + i, __fsub_rn(load(x + i), load(r + column_of(i, d, count))));
}

/// The same; `deviation` may be null.
__global__ void __launch_bounds__(kThreads)
    standardise_kernel(const float* __restrict__ x, const double* __restrict__ mean,
                       const double* __restrict__ deviation, double* __restrict__ y, int64_t d, int64_t count) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= count) return;
  const int64_t column = column_of(i, d, count);
  const double centred = __dsub_rn(static_cast<double>(x[i]), mean[column]);
  y[i] = deviation ? __ddiv_rn(centred, deviation[column]) : centred;
}

template <class T>
void subtract_row_as(core::Context& ctx, const core::View* in, T* y) {
  const int64_t count = in[0].count();
  if (count == 0) return;
  STRIATE_LAUNCH((subtract_row_kernel<T>), blocks_for(count, kThreads), kThreads, 0, stream_of(ctx), in[0].as<float>(),
                 in[1].as<float>(), y, in[0].shape[1], count);
}

// The intrinsics keep the compiler from fusing what the contract rounds.
struct Sum {
  __device__ float operator()(float x, float y) const { return __fadd_rn(x, y); }
  __device__ double operator()(double x, double y) const { return __dadd_rn(x, y); }
};
struct Difference {
  __device__ float operator()(float x, float y) const { return __fsub_rn(x, y); }
  __device__ double operator()(double x, double y) const { return __dsub_rn(x, y); }
};
struct Product {
  __device__ float operator()(float x, float y) const { return __fmul_rn(x, y); }
  __device__ double operator()(double x, double y) const { return __dmul_rn(x, y); }
};
struct ReluSlope {
  __device__ float operator()(float x, float gy) const { return x > 0 ? gy : 0.0f; }
};
struct Rectify {
  __device__ float operator()(float x) const { return x <= 0 ? 0.0f : x; }
};
struct Affine {
  float factor, offset;
  __device__ float operator()(float x) const { return __fmaf_rn(factor, x, offset); }
};
struct Affine64 {
  double factor, offset;
  __device__ double operator()(double x) const { return __fma_rn(factor, x, offset); }
};
struct UnitRange {
  __device__ float operator()(uint8_t x) const { return __fdiv_rn(static_cast<float>(x), 255.0f); }
};
struct Convert {
  __device__ float operator()(uint8_t x) const { return static_cast<float>(x); }
  __device__ float operator()(int32_t x) const { return __int2float_rn(x); }
  __device__ float operator()(uint16_t x) const { return bf16_to_float(x); }
  __device__ float operator()(double x) const { return static_cast<float>(x); }
  __device__ double operator()(float x) const { return static_cast<double>(x); }
};

template <class T, class F>
void binary_of(core::Context& ctx, const core::View* in, core::View* out, F f) {
  const int64_t n = in[0].count();
  if (n == 0) return;
  STRIATE_LAUNCH((binary_kernel<T, F>), blocks_for(n, 4 * kThreads), kThreads, 0, stream_of(ctx), in[0].as<T>(),
                 in[1].as<T>(), out[0].as<T>(), n, f);
}
template <class F>
void binary(core::Context& ctx, const core::View* in, core::View* out, F f) {
  if (in[0].dtype == core::Dtype::f64)
    binary_of<double>(ctx, in, out, f);
  else
    binary_of<float>(ctx, in, out, f);
}

template <class T, class R = float, class F>
void unary(core::Context& ctx, const core::View* in, core::View* out, F f) {
  const int64_t n = in[0].count();
  if (n == 0) return;
  STRIATE_LAUNCH((unary_kernel<T, R, F>), blocks_for(n, 4 * kThreads), kThreads, 0, stream_of(ctx), in[0].as<T>(),
                 out[0].as<R>(), n, f);
}

__global__ void __launch_bounds__(kThreads)
    unit_rows_kernel(const float* __restrict__ x, float* __restrict__ y, int64_t rows, int64_t d) {
  const int64_t row = (static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x) / 32;
  const int lane = threadIdx.x % 32;
  if (row >= rows) return;  // whole warps leave
  const float* from = x + row * d;
  double sum = 0;
  for (int64_t i = lane; i < d; i += 32) sum += static_cast<double>(from[i]) * static_cast<double>(from[i]);
  sum = warp_sum(sum);
  const double factor = sum == 0 ? 0 : 1 / sqrt(sum);
  for (int64_t i = lane; i < d; i += 32) y[row * d + i] = static_cast<float>(from[i] * factor);
}

/// One thread a T; rows of `width` of them, `from_pitch` and `to_pitch` apart.
template <class T>
__global__ void __launch_bounds__(kThreads)
    copy_rectangle_kernel(const T* __restrict__ from, int64_t from_pitch, T* __restrict__ to, int64_t to_pitch,
                          int64_t width, int64_t count) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= count) return;
  // A 64-bit division is several times as slow as a 32-bit one.
  const int64_t row = count <= INT32_MAX ? static_cast<int32_t>(i) / static_cast<int32_t>(width) : i / width;
  const int64_t column = i - row * width;
  to[row * to_pitch + column] = from[row * from_pitch + column];
}

template <class T>
void copy_rectangle_as(core::Context& ctx, const char* from, size_t from_pitch, char* to, size_t to_pitch, size_t width,
                       int64_t rows) {
  const auto units = [](size_t bytes) { return static_cast<int64_t>(bytes / sizeof(T)); };
  const int64_t count = units(width) * rows;
  if (count == 0) return;
  STRIATE_LAUNCH((copy_rectangle_kernel<T>), blocks_for(count, kThreads), kThreads, 0, stream_of(ctx),
                 reinterpret_cast<const T*>(from), units(from_pitch), reinterpret_cast<T*>(to), units(to_pitch),
                 units(width), count);
}

/// Copies `rows` pieces of `width` bytes that lie `from_pitch` and `to_pitch` bytes apart, in the widest accesses that
/// all of these are aligned to.
void copy_rectangle(core::Context& ctx, const char* from, size_t from_pitch, char* to, size_t to_pitch, size_t width,
                    int64_t rows) {
  const size_t bits = reinterpret_cast<size_t>(from) | reinterpret_cast<size_t>(to) | from_pitch | to_pitch | width;
  const auto copy = bits % 16 == 0  ? copy_rectangle_as<Four<uint32_t>>
                    : bits % 8 == 0 ? copy_rectangle_as<Four<uint16_t>>
                    : bits % 4 == 0 ? copy_rectangle_as<uint32_t>
                                    : copy_rectangle_as<uint16_t>;
  copy(ctx, from, from_pitch, to, to_pitch, width, rows);
}

}  // namespace

void add(core::Context& ctx, const core::View* in, core::View* out, const op::NoOptions&) {
  binary(ctx, in, out, Sum{});
}
void subtract(core::Context& ctx, const core::View* in, core::View* out, const op::NoOptions&) {
  binary(ctx, in, out, Difference{});
}
void multiply(core::Context& ctx, const core::View* in, core::View* out, const op::NoOptions&) {
  binary(ctx, in, out, Product{});
}
void subtract_row(core::Context& ctx, const core::View* in, core::View* out, const op::SubtractRow::Options&) {
  if (out[0].dtype == core::Dtype::bf16)
    subtract_row_as(ctx, in, out[0].as<uint16_t>());
  else
    subtract_row_as(ctx, in, out[0].as<float>());
}
void relu_grad(core::Context& ctx, const core::View* in, core::View* out, const op::NoOptions&) {
  binary_of<float>(ctx, in, out, ReluSlope{});
}
void relu(core::Context& ctx, const core::View* in, core::View* out, const op::NoOptions&) {
  unary<float>(ctx, in, out, Rectify{});
}
void standardise(core::Context& ctx, const core::View* in, core::View* out, const op::NoOptions&) {
  const int64_t count = in[0].count();
  if (count == 0) return;
  STRIATE_LAUNCH(standardise_kernel, blocks_for(count, kThreads), kThreads, 0, stream_of(ctx), in[0].as<float>(),
                 in[1].as<double>(), in[2].rank >= 0 ? in[2].as<double>() : nullptr, out[0].as<double>(),
                 in[0].shape[1], count);
}
void scale(core::Context& ctx, const core::View* in, core::View* out, const op::Scale::Options& o) {
  if (in[0].dtype == core::Dtype::f64) return unary<double, double>(ctx, in, out, Affine64{o.factor, o.offset});
  unary<float>(ctx, in, out, Affine{static_cast<float>(o.factor), static_cast<float>(o.offset)});
}

void to_f32(core::Context& ctx, const core::View* in, core::View* out, const op::ToF32::Options& o) {
  if (in[0].dtype == core::Dtype::u8) {
    if (o.unit)
      unary<uint8_t>(ctx, in, out, UnitRange{});
    else
      unary<uint8_t>(ctx, in, out, Convert{});
  } else if (in[0].dtype == core::Dtype::i32) {
    unary<int32_t>(ctx, in, out, Convert{});
  } else if (in[0].dtype == core::Dtype::f64) {
    unary<double>(ctx, in, out, Convert{});
  } else {
    unary<uint16_t>(ctx, in, out, Convert{});
  }
}

void to_f64(core::Context& ctx, const core::View* in, core::View* out, const op::NoOptions&) {
  unary<float, double>(ctx, in, out, Convert{});
}

void unit_rows(core::Context& ctx, const core::View* in, core::View* out, const op::NoOptions&) {
  const int64_t rows = in[0].shape[0], d = in[0].shape[1];
  if (rows * d == 0) return;
  STRIATE_LAUNCH(unit_rows_kernel, blocks_for(rows, kThreads / 32), kThreads, 0, stream_of(ctx), in[0].as<float>(),
                 out[0].as<float>(), rows, d);
}

void copy_rows(core::Context& ctx, const core::View* in, core::View*, const op::CopyRows::Options& o) {
  const size_t bytes = in[0].bytes();
  if (bytes == 0) return;
  const size_t row = bytes / static_cast<size_t>(in[0].shape[0]);
  check(cudaMemcpyAsync(in[1].as<char>() + static_cast<size_t>(o.at) * row, in[0].data, bytes, cudaMemcpyDeviceToDevice,
                        stream_of(ctx)),
        "cudaMemcpyAsync");
}

void copy_columns(core::Context& ctx, const core::View* in, core::View*, const op::CopyColumns::Options& o) {
  const core::View &x = in[0], &y = in[1];
  const size_t element = core::dtype_bytes(x.dtype), width = static_cast<size_t>(x.shape[1]) * element;
  copy_rectangle(ctx, x.as<char>(), width, y.as<char>() + static_cast<size_t>(o.at) * element,
                 static_cast<size_t>(y.shape[1]) * element, width, x.shape[0]);
}

void slice_columns(core::Context& ctx, const core::View* in, core::View* out, const op::SliceColumns::Options& o) {
  const core::View &x = in[0], &y = out[0];
  const size_t element = core::dtype_bytes(x.dtype), width = static_cast<size_t>(o.count) * element;
  copy_rectangle(ctx, x.as<char>() + static_cast<size_t>(o.at) * element, static_cast<size_t>(x.shape[1]) * element,
                 y.as<char>(), width, width, x.shape[0]);
}

}  // namespace striate::cuda
