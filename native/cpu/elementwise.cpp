// add, subtract, multiply, subtract_row, standardise, scale, relu, relu_grad, to_f32, to_f64, unit_rows, copies of rows
// and columns: ops/elementwise.h. One pass over memory each: 12 (binary) or 8 bytes an element, so the limit is DRAM bandwidth.
#include "ops/elementwise.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "core/parallel.h"

#include "cpu/simd/begin.h"
#include "cpu/simd/vec.h"

namespace striate::cpu::STRIATE_SIMD_NS {
namespace {

constexpr int64_t kChunk = 1 << 14;  // elements a task: 64 KiB of each operand

/// Calls f(begin, end) over [0, n) in chunks.
template <class F>
void for_chunks(int64_t n, F&& f) {
  core::parallel_for((n + kChunk - 1) / kChunk, [&](int64_t i) { f(i * kChunk, std::min(n, (i + 1) * kChunk)); });
}

template <class T, class F>
void binary_of(const core::View* in, core::View* out, F&& f) {
  const T *x = in[0].as<T>(), *y = in[1].as<T>();
  T* z = out[0].as<T>();
  for_chunks(in[0].count(), [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) z[i] = f(x[i], y[i]);
  });
}
template <class F>
void binary(const core::View* in, core::View* out, F&& f) {
  if (in[0].dtype == core::Dtype::f64)
    binary_of<double>(in, out, f);
  else
    binary_of<float>(in, out, f);
}

template <class T, class R = float, class F>
void unary(const core::View* in, core::View* out, F&& f) {
  const T* x = in[0].as<T>();
  R* y = out[0].as<R>();
  for_chunks(in[0].count(), [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) y[i] = f(x[i]);
  });
}

STRIATE_INLINE void put(float* to, float x) { *to = x; }
STRIATE_INLINE void put(uint16_t* to, float x) { *to = to_bf16(x); }

/// f(row, begin, end) over rows of x [N,D]. A task is a strip of a row that what belongs to the columns shares the cache
/// with, or several short rows.
template <class F>
void for_rows(const core::View& x, F&& f) {
  const int64_t n = x.shape[0], d = x.shape[1], strips = (d + kChunk - 1) / kChunk,
                together = std::max<int64_t>(1, kChunk / std::max<int64_t>(1, d));
  core::parallel_for((n + together - 1) / together * strips, [=](int64_t task) {
    const int64_t first = task / strips * together, begin = task % strips * kChunk, end = std::min(d, begin + kChunk);
    for (int64_t row = first; row < std::min(n, first + together); ++row) f(row, begin, end);
  });
}

template <class T>
void less_row(const core::View* in, T* y) {
  const int64_t d = in[0].shape[1];
  const float *x = in[0].as<float>(), *r = in[1].as<float>();
  for_rows(in[0], [=](int64_t row, int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) put(y + row * d + i, x[row * d + i] - r[i]);
  });
}

/// Copies `rows` pieces of `width` bytes that lie `from_pitch` and `to_pitch` bytes apart. A task takes about kPiece
/// bytes: part of a long row, or many short ones.
void copy_rectangle(const char* from, size_t from_pitch, char* to, size_t to_pitch, size_t width, int64_t rows) {
  constexpr size_t kPiece = 1 << 18;
  if (width == 0) return;
  const int64_t parts = static_cast<int64_t>((width + kPiece - 1) / kPiece),
                together = std::max<int64_t>(1, static_cast<int64_t>(kPiece / width));
  core::parallel_for((rows + together - 1) / together * parts, [=](int64_t task) {
    const int64_t first = task / parts * together;
    const size_t begin = static_cast<size_t>(task % parts) * kPiece, bytes = std::min(kPiece, width - begin);
    for (int64_t row = first; row < std::min(rows, first + together); ++row)
      std::memcpy(to + static_cast<size_t>(row) * to_pitch + begin,
                  from + static_cast<size_t>(row) * from_pitch + begin, bytes);
  });
}

}  // namespace

void add(core::Context&, const core::View* in, core::View* out, const op::NoOptions&) {
  binary(in, out, [](auto x, auto y) { return x + y; });
}
void subtract(core::Context&, const core::View* in, core::View* out, const op::NoOptions&) {
  binary(in, out, [](auto x, auto y) { return x - y; });
}
void multiply(core::Context&, const core::View* in, core::View* out, const op::NoOptions&) {
  binary(in, out, [](auto x, auto y) { return x * y; });
}
void subtract_row(core::Context&, const core::View* in, core::View* out, const op::SubtractRow::Options&) {
  if (out[0].dtype == core::Dtype::bf16)
    less_row(in, out[0].as<uint16_t>());
  else
    less_row(in, out[0].as<float>());
}
void relu_grad(core::Context&, const core::View* in, core::View* out, const op::NoOptions&) {
  binary_of<float>(in, out, [](float x, float gy) { return x > 0 ? gy : 0.0f; });
}
void relu(core::Context&, const core::View* in, core::View* out, const op::NoOptions&) {
  unary<float>(in, out, [](float x) { return x <= 0 ? 0.0f : x; });
}
void standardise(core::Context&, const core::View* in, core::View* out, const op::NoOptions&) {
  const int64_t d = in[0].shape[1];
  const float* x = in[0].as<float>();
  const double *mean = in[1].as<double>(), *deviation = in[2].rank >= 0 ? in[2].as<double>() : nullptr;
  double* y = out[0].as<double>();
  for_rows(in[0], [=](int64_t row, int64_t begin, int64_t end) {
    const float* from = x + row * d;
    double* to = y + row * d;
    if (deviation)
      for (int64_t i = begin; i < end; ++i) to[i] = (static_cast<double>(from[i]) - mean[i]) / deviation[i];
    else
      for (int64_t i = begin; i < end; ++i) to[i] = static_cast<double>(from[i]) - mean[i];
  });
}
void scale(core::Context&, const core::View* in, core::View* out, const op::Scale::Options& o) {
  if (in[0].dtype == core::Dtype::f64)
    return unary<double, double>(in, out, [=](double x) { return std::fma(o.factor, x, o.offset); });
  const float factor = static_cast<float>(o.factor), offset = static_cast<float>(o.offset);
  unary<float>(in, out, [=](float x) { return std::fma(factor, x, offset); });
}

void to_f32(core::Context&, const core::View* in, core::View* out, const op::ToF32::Options& o) {
  if (in[0].dtype == core::Dtype::u8) {
    if (o.unit)
      unary<uint8_t>(in, out, [](uint8_t x) { return static_cast<float>(x) / 255.0f; });
    else
      unary<uint8_t>(in, out, [](uint8_t x) { return static_cast<float>(x); });
  } else if (in[0].dtype == core::Dtype::i32) {
    unary<int32_t>(in, out, [](int32_t x) { return static_cast<float>(x); });
  } else if (in[0].dtype == core::Dtype::f64) {
    unary<double>(in, out, [](double x) { return static_cast<float>(x); });
  } else {
    unary<uint16_t>(in, out, [](uint16_t x) {
      const uint32_t bits = static_cast<uint32_t>(x) << 16;
      float y;
      std::memcpy(&y, &bits, 4);
      return y;
    });
  }
}

void to_f64(core::Context&, const core::View* in, core::View* out, const op::NoOptions&) {
  unary<float, double>(in, out, [](float x) { return static_cast<double>(x); });
}

void unit_rows(core::Context&, const core::View* in, core::View* out, const op::NoOptions&) {
  const int64_t k = in[0].shape[0], d = in[0].shape[1];
  const float* x = in[0].as<float>();
  float* y = out[0].as<float>();
  core::parallel_for(k, [=](int64_t row) {
    double sum = 0;
    for (int64_t i = 0; i < d; ++i) sum += static_cast<double>(x[row * d + i]) * x[row * d + i];
    const double factor = sum == 0 ? 0 : 1 / std::sqrt(sum);
    for (int64_t i = 0; i < d; ++i) y[row * d + i] = static_cast<float>(x[row * d + i] * factor);
  });
}

void copy_rows(core::Context&, const core::View* in, core::View*, const op::CopyRows::Options& o) {
  const size_t bytes = in[0].bytes(), row = bytes / static_cast<size_t>(in[0].shape[0]);
  char* to = in[1].as<char>() + static_cast<size_t>(o.at) * row;
  const char* from = in[0].as<char>();
  constexpr int64_t kPiece = 1 << 20;
  core::parallel_for((static_cast<int64_t>(bytes) + kPiece - 1) / kPiece, [=](int64_t i) {
    const size_t begin = static_cast<size_t>(i * kPiece);
    std::memcpy(to + begin, from + begin, std::min<size_t>(kPiece, bytes - begin));
  });
}

void copy_columns(core::Context&, const core::View* in, core::View*, const op::CopyColumns::Options& o) {
  const core::View &x = in[0], &y = in[1];
  const size_t element = core::dtype_bytes(x.dtype), width = static_cast<size_t>(x.shape[1]) * element;
  copy_rectangle(x.as<char>(), width, y.as<char>() + static_cast<size_t>(o.at) * element,
                 static_cast<size_t>(y.shape[1]) * element, width, x.shape[0]);
}

void slice_columns(core::Context&, const core::View* in, core::View* out, const op::SliceColumns::Options& o) {
  const core::View &x = in[0], &y = out[0];
  const size_t element = core::dtype_bytes(x.dtype), width = static_cast<size_t>(o.count) * element;
  copy_rectangle(x.as<char>() + static_cast<size_t>(o.at) * element, static_cast<size_t>(x.shape[1]) * element,
                 y.as<char>(), width, width, x.shape[0]);
}

}  // namespace striate::cpu::STRIATE_SIMD_NS
#include "cpu/simd/end.h"
