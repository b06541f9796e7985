// A view: pointer, element type and shape of contiguous, row-major memory. It owns nothing.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

namespace striate::core {

enum class Dtype : int32_t { f32, bf16, i32, u8 };

inline constexpr int kMaxRank = 6;
inline constexpr size_t kAlignment = 64;  // of every buffer, on every device

inline size_t dtype_bytes(Dtype t) {
  switch (t) {
    case Dtype::f32:
    case Dtype::i32:
      return 4;
    case Dtype::bf16:
      return 2;
    case Dtype::u8:
      return 1;
  }
  return 0;
}

inline const char* dtype_name(Dtype t) {
  switch (t) {
    case Dtype::f32:
      return "f32";
    case Dtype::bf16:
      return "bf16";
    case Dtype::i32:
      return "i32";
    case Dtype::u8:
      return "u8";
  }
  return "?";
}

struct View {
  void* data = nullptr;
  Dtype dtype = Dtype::f32;
  int32_t rank = 0;
  int64_t shape[kMaxRank] = {};

  int64_t count() const {
    int64_t n = 1;
    for (int i = 0; i < rank; ++i) n *= shape[i];
    return n;
  }
  size_t bytes() const { return static_cast<size_t>(count()) * dtype_bytes(dtype); }
  template <class T>
  T* as() const {
    return static_cast<T*>(data);
  }
};

inline std::string shape_text(const View& v) {
  std::string s = "[";
  for (int i = 0; i < v.rank; ++i) s += (i ? "," : "") + std::to_string(v.shape[i]);
  return s + "]";
}

}  // namespace striate::core
