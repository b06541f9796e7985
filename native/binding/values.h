// JavaScript values in the words of an error.
#pragma once
#include <napi.h>

#include <string>

namespace striate::binding {

/// What a refused value is: "5", "'text'", "null", "missing", "an array", "an object".
std::string value_text(const Napi::Value& value);

/// The value, which must be a whole number from `low` to `high`: false when it is not.
bool whole_number(const Napi::Value& value, double low, double high, int64_t* number);

}  // namespace striate::binding
