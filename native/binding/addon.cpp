// The addon's surface. lib/native.ts types it; nothing else in lib touches it.
#include <napi.h>

#include <cstdlib>
#include <cstring>

#include "binding/call.h"
#include "binding/environment.h"
#include "binding/sums.h"
#include "binding/tensor.h"
#include "binding/values.h"
#include "core/cores.h"
#include "core/lapack.h"
#include "core/parallel.h"
#include "cpu/backend.h"

namespace striate::binding {
namespace {

// probe(kind, path) -> { count, reason, library }: whether a back end can be used, without opening a device.
Napi::Value probe(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  std::string reason;
  const core::BackendTable* table =
      load_backend(info[0].ToString(), info[1].IsString() ? info[1].ToString().Utf8Value() : "", &reason);
  char why[1024] = "";
  const int32_t count = table ? table->device_count(why, sizeof why) : 0;
  Napi::Object o = Napi::Object::New(env);
  o.Set("count", count);
  o.Set("built", table != nullptr);
  o.Set("reason", count > 0 ? std::string() : table ? std::string(why) : reason);
  return o;
}

// limits(device, seconds) -> Promise of a Float64Array's buffer: float32 GFLOP/s, GB/s read, GB/s copied; on the CPU with
// the current threads.
Napi::Value limits(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  return translate(env, [&] {
    core::Device& device = *NativeDevice::from(info[0], "limits")->device();
    const double seconds = info[1].IsNumber() ? info[1].As<Napi::Number>().DoubleValue() : 0;
    if (!(seconds > 0 && seconds <= 60))
      throw core::Error(core::ErrorKind::option, "limits", "seconds", value_text(info[1]),
                        "a number above 0, at most 60");
    return Environment::of(env).queue(env, device, [&device, seconds](Settlement& s) {
      const core::Limits limits = device.limits(seconds);
      s.bytes = sizeof limits;
      s.data = std::malloc(s.bytes);
      std::memcpy(s.data, &limits, s.bytes);
    });
  });
}

}  // namespace

Napi::Object start(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new Environment(env));
  exports.Set("Device", NativeDevice::define(env));
  exports.Set("tensor", NativeTensor::functions(env));
  exports.Set("ops", op_names(env));
  exports.Set("call", Napi::Function::New(env, call, "call"));
  exports.Set("check", Napi::Function::New(env, check, "check"));
  exports.Set("describe", Napi::Function::New(env, describe, "describe"));
  exports.Set("probe", Napi::Function::New(env, probe, "probe"));
  exports.Set("limits", Napi::Function::New(env, limits, "limits"));
  exports.Set("sums", sums(env));
  exports.Set("threads", Napi::Function::New(
                             env,
                             [](const Napi::CallbackInfo& info) -> Napi::Value {
                               return translate(info.Env(), [&]() -> Napi::Value {
                                 if (info[0].IsNumber()) core::set_threads(info[0].ToNumber());
                                 return Napi::Number::New(info.Env(), core::threads());
                               });
                             },
                             "threads"));
  exports.Set("usableCores", Napi::Function::New(
                                 env,
                                 [](const Napi::CallbackInfo& info) -> Napi::Value {
                                   const std::string root = info[0].IsString() ? info[0].ToString().Utf8Value() : "";
                                   return Napi::Number::New(info.Env(), core::usable_cores(root));
                                 },
                                 "usableCores"));
  exports.Set("leaked", Napi::Function::New(
                            env,
                            [](const Napi::CallbackInfo& info) -> Napi::Value {
                              return Napi::Number::New(info.Env(),
                                                       static_cast<double>(Environment::of(info.Env()).leaked));
                            },
                            "leaked"));
  exports.Set("lapack", Napi::Function::New(
                            env,
                            [](const Napi::CallbackInfo& info) -> Napi::Value {
                              std::string why;
                              const core::Lapack* table = core::lapack(&why);
                              return Napi::String::New(
                                  info.Env(), table ? table->name : "own eigenvalues (no LAPACK: " + why + ")");
                            },
                            "lapack"));
  exports.Set("instructionSet", cpu::instruction_set());
  return exports;
}

}  // namespace striate::binding

static Napi::Object striate_start(Napi::Env env, Napi::Object exports) { return striate::binding::start(env, exports); }
NODE_API_MODULE(addon, striate_start)
