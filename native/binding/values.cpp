#include "binding/values.h"

#include <cmath>

namespace striate::binding {

std::string value_text(const Napi::Value& value) {
  switch (value.Type()) {
    case napi_undefined:
      return "missing";
    case napi_null:
      return "null";
    case napi_boolean:
      return value.As<Napi::Boolean>() ? "true" : "false";
    case napi_number:
      return value.ToString();
    case napi_string:
      return "'" + value.As<Napi::String>().Utf8Value() + "'";
    case napi_symbol:
      return "a symbol";
    case napi_function:
      return "a function";
    case napi_bigint:
      return "a bigint";
    default:
      return value.IsArray() ? "an array" : "an object";
  }
}

bool whole_number(const Napi::Value& value, double low, double high, int64_t* number) {
  if (!value.IsNumber()) return false;
  const double x = value.As<Napi::Number>().DoubleValue();
  if (!(x >= low && x <= high) || x != std::floor(x)) return false;
  *number = static_cast<int64_t>(x);
  return true;
}

}  // namespace striate::binding
