// The one generic op call, and the table's description for documentation and tests.
#pragma once
#include <napi.h>

namespace striate::binding {

/// call(number, inputs, options, request) -> outputs in the order of the signature; null for optional ones not requested.
/// An op's number is its place in `op_names`.
Napi::Array op_names(Napi::Env env);
Napi::Value call(const Napi::CallbackInfo& info);
/// check(number, [{ dtype, shape } | null], options): what `call` would refuse, without tensors and without running
/// anything.
Napi::Value check(const Napi::CallbackInfo& info);
/// describe() -> [{ name, signature, options: [{ name, kind, default, low, high, words }] }]
Napi::Value describe(const Napi::CallbackInfo& info);

}  // namespace striate::binding
