// What was found out about inputs that stay from call to call, by what they hold (View::content).
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace striate::core {

/// Of the last kPlaces keys; one with a 0, contents that are not known, is never found again.
template <class Value, size_t kKeys, size_t kPlaces>
class Memo {
 public:
  using Key = std::array<uint64_t, kKeys>;
  /// Calls make(value) for a key that is new; where that throws, it stays so.
  template <class F>
  Value& of(const Key& key, F&& make) {
    const bool is_known = std::find(key.begin(), key.end(), uint64_t{0}) == key.end();
    for (size_t i = 0; is_known && i < kPlaces; ++i)
      if (keys_[i] == key) return values_[i];
    const size_t place = next_++ % kPlaces;
    keys_[place] = {};
    make(values_[place]);
    keys_[place] = key;
    return values_[place];
  }

 private:
  std::array<Key, kPlaces> keys_{};
  std::array<Value, kPlaces> values_{};
  size_t next_ = 0;
};

}  // namespace striate::core
