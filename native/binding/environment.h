// What one JavaScript environment (the main thread, or a worker) owns: its devices and the way back to its thread.
#pragma once
#include <napi.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_set>
#include <vector>

#include "core/device.h"

namespace striate::binding {

/// The JavaScript error of a native one: an Error with kind, op, argument, actual and expected; lib/errors.ts gives it
/// its class. Null while the environment ends.
napi_value js_error(napi_env env, const core::Error& error);

/// Runs f, turning core::Error into a JavaScript error.
template <class F>
auto translate(Napi::Env env, F&& f) {
  const auto refuse = [env](const core::Error& error) {
    const napi_value e = js_error(env, error);
    return e ? Napi::Error(env, e) : Napi::Error::New(env);
  };
  try {
    return f();
  } catch (const core::Error& e) {
    throw refuse(e);
  } catch (const Napi::Error&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw refuse(core::Error(core::ErrorKind::out_of_memory, "", "the host has no memory left"));
  } catch (const std::exception& e) {
    throw refuse(core::Error(core::ErrorKind::internal, "", e.what()));
  }
}

/// A promise that a stream's thread settles. Made on the JavaScript thread; `settle` may be called once, from any
/// thread.
struct Settlement {
  napi_deferred deferred = nullptr;
  void* data = nullptr;  // malloc'd bytes that become an ArrayBuffer; null resolves with undefined
  size_t bytes = 0;
  std::unique_ptr<core::Error> error;
};

class Environment {
 public:
  explicit Environment(Napi::Env env);
  ~Environment();
  static Environment& of(Napi::Env env) { return *env.GetInstanceData<Environment>(); }

  /// A promise that `job` settles from the device's stream: with the bytes that it leaves in the settlement, with
  /// undefined, or with what it throws. The process stays alive until then.
  Napi::Value queue(Napi::Env env, core::Device& device, std::function<void(Settlement&)> job);

  /// Tells V8 of host memory taken or given back, so that it looks for forgotten tensors when there is much of it. What
  /// V8 hears is the most that was held over the last few thousand tensors: told of every rise and fall of a training
  /// step, it would mark its heap all the time, which takes a core and more.
  void report_memory(Napi::Env env, int64_t bytes);

  std::vector<std::shared_ptr<core::Device>> devices;
  /// The objects behind the handles of devices, by which they are told from those of other addons.
  std::unordered_set<const void*> device_handles;
  int64_t leaked = 0;  // tensors that the garbage collector had to free

 private:
  void settle(Settlement* settlement);
  static void deliver(napi_env env, napi_value, void* context, void* data);
  void close();
  napi_threadsafe_function back_ = nullptr;
  int64_t pending_ = 0;
  int64_t held_ = 0, peak_ = 0, reported_ = 0;  // bytes; peak_ within the window of changes_
  int changes_ = 0;
};

/// The table of a back end: "cpu", "cuda", or "cuda-sim" (from the library at `path`). Null with the reason in one
/// sentence.
const core::BackendTable* load_backend(const std::string& kind, const std::string& path, std::string* reason);

}  // namespace striate::binding
