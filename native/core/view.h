// A view: pointer, element type and shape of contiguous, row-major memory. It owns nothing.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

namespace striate::core {

// The element types: X(name, bytes). Everything else asks this list: the contracts' grammar, the binding, `describe()`.
#define STRIATE_DTYPES(X) X(f32, 4) X(bf16, 2) X(i32, 4) X(u8, 1) X(f64, 8)

enum class Dtype : int32_t {
#define STRIATE_DTYPE(name, bytes) name,
  STRIATE_DTYPES(STRIATE_DTYPE)
#undef STRIATE_DTYPE
};

struct DtypeInfo {
  Dtype dtype;
  const char* name;
  size_t bytes;
};
/// One row a type, at the index of its value.
inline constexpr DtypeInfo kDtypes[] = {
#define STRIATE_DTYPE(name, bytes) {Dtype::name, #name, bytes},
    STRIATE_DTYPES(STRIATE_DTYPE)
#undef STRIATE_DTYPE
};

inline constexpr int kMaxRank = 6;
inline constexpr size_t kAlignment = 64;  // of every buffer, on every device

constexpr size_t dtype_bytes(Dtype t) { return kDtypes[static_cast<int>(t)].bytes; }
constexpr const char* dtype_name(Dtype t) { return kDtypes[static_cast<int>(t)].name; }
/// The type of that name; false when there is none.
inline bool find_dtype(const std::string& name, Dtype* dtype) {
  for (const DtypeInfo& known : kDtypes)
    if (name == known.name) {
      *dtype = known.dtype;
      return true;
    }
  return false;
}

struct View {
  void* data = nullptr;
  Dtype dtype = Dtype::f32;
  int32_t rank = 0;
  int64_t shape[kMaxRank] = {};
  /// Names what an input holds: whoever has read memory of this number knows what is in it. 0: not known.
  uint64_t content = 0;

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
