#include "binding/environment.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>

#include "core/library.h"
#include "cpu/backend.h"
#include "ops/table.h"

namespace striate::binding {
namespace {

const char* kind_name(core::ErrorKind kind) {
  switch (kind) {
    case core::ErrorKind::shape:
      return "shape";
    case core::ErrorKind::option:
      return "option";
    case core::ErrorKind::device:
      return "device";
    case core::ErrorKind::disposed:
      return "disposed";
    case core::ErrorKind::out_of_memory:
      return "outOfMemory";
    case core::ErrorKind::data:
      return "data";
    case core::ErrorKind::internal:
      break;
  }
  return "internal";
}

void discard(Settlement* s) {
  std::free(s->data);
  delete s;
}

}  // namespace

Napi::Error js_error(Napi::Env env, const core::Error& error) {
  Napi::Error e = Napi::Error::New(env, error.what());
  e.Set("kind", kind_name(error.kind));
  e.Set("op", error.op);
  e.Set("argument", error.argument);
  e.Set("actual", error.actual);
  e.Set("expected", error.expected);
  return e;
}

Environment::Environment(Napi::Env env) {
  napi_value name;
  napi_create_string_utf8(env, "striate", NAPI_AUTO_LENGTH, &name);
  napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, this, deliver, &back_);
  napi_unref_threadsafe_function(env, back_);
  // Hooks run last in, first out: this one, added after the function's own, still finds the function open.
  napi_add_env_cleanup_hook(
      env, [](void* self) { static_cast<Environment*>(self)->close(); }, this);
}

Environment::~Environment() = default;

void Environment::close() {
  for (const auto& device : devices) device->stream.cancel();
  for (const auto& device : devices) device->stream.drain();
}

Napi::Value Environment::queue(Napi::Env env, core::Device& device, std::function<void(Settlement&)> job) {
  auto* s = new Settlement;
  napi_value promise;
  napi_create_promise(env, &s->deferred, &promise);
  if (pending_++ == 0) napi_ref_threadsafe_function(env, back_);
  const auto attempt = [this, s](const auto& work) {
    try {
      work();
      return true;
    } catch (const core::Error& e) {
      s->error = std::make_unique<core::Error>(e);
      return false;
    }
  };
  const bool queued = attempt([&] {
    device.stream.submit([this, s, attempt, job = std::move(job)] {
      attempt([&] { job(*s); });
      settle(s);
    });
  });
  if (!queued) settle(s);
  return Napi::Value(env, promise);
}

void Environment::report_memory(Napi::Env env, int64_t bytes) {
  constexpr int64_t kLump = 1 << 20;
  constexpr int kWindow = 4096;
  held_ += bytes;
  peak_ = std::max(peak_, held_);
  const auto tell = [&](int64_t amount) {
    Napi::MemoryManagement::AdjustExternalMemory(env, amount - reported_);
    reported_ = amount;
  };
  if (held_ >= reported_ + kLump) tell(held_);
  if (++changes_ < kWindow) return;
  if (reported_ >= peak_ + kLump) tell(peak_);
  changes_ = 0;
  peak_ = held_;
}

void Environment::settle(Settlement* s) {
  if (napi_call_threadsafe_function(back_, s, napi_tsfn_nonblocking) != napi_ok) discard(s);
}

void Environment::deliver(napi_env raw, napi_value, void* context, void* data) {
  auto* s = static_cast<Settlement*>(data);
  if (!raw) return discard(s);  // the environment is gone
  auto* self = static_cast<Environment*>(context);
  Napi::Env env(raw);
  Napi::HandleScope scope(env);
  if (--self->pending_ == 0) napi_unref_threadsafe_function(raw, self->back_);
  if (s->error) {
    napi_reject_deferred(raw, s->deferred, js_error(env, *s->error).Value());
  } else if (s->data) {
    Napi::ArrayBuffer buffer =
        Napi::ArrayBuffer::New(env, s->data, s->bytes, [](Napi::Env, void* memory) { std::free(memory); });
    s->data = nullptr;
    napi_resolve_deferred(raw, s->deferred, buffer);
  } else {
    napi_resolve_deferred(raw, s->deferred, env.Undefined());
  }
  discard(s);
}

const core::BackendTable* load_backend(const std::string& kind, const std::string& path, std::string* reason) {
  if (kind == "cpu") return cpu::backend();

  static std::mutex mutex;
  static std::map<std::string, const core::BackendTable*> loaded;
  std::lock_guard<std::mutex> lock(mutex);
  std::string file = path;
  if (file.empty()) {
    Dl_info self;
    if (dladdr(reinterpret_cast<const void*>(&load_backend), &self) && self.dli_fname) file = self.dli_fname;
    const size_t slash = file.rfind('/');
    file = (slash == std::string::npos ? "" : file.substr(0, slash + 1)) + "libstriate_cuda.so";
  }
  if (const auto found = loaded.find(file); found != loaded.end()) return found->second;

  std::string why;
  void* library = core::open_library(nullptr, {file}, &why);
  if (!library) {
    const bool absent = why.find("No such file") != std::string::npos && why.find(file) != std::string::npos;
    *reason = absent ? "this build has no CUDA back end: install nvcc (CUDA 12 or 13) and run `npm run build:native` "
                       "in the package"
                     : "the CUDA back end could not be loaded: " + why;
    return nullptr;
  }
  core::BackendEntry entry;
  const core::BackendTable* table = core::find_symbol(library, "striate_backend", entry, &why) ? entry() : nullptr;
  if (!table || table->version != core::kBackendVersion) {
    *reason = file + " is of another version of Striate: rebuild with `npm run build:native`";
    return nullptr;
  }
  if (table->op_count != op::kCount) {
    *reason = file + " has " + std::to_string(table->op_count) + " ops, the addon " + std::to_string(op::kCount) +
              ": rebuild it";
    return nullptr;
  }
#define STRIATE_COMPARE(name, Contract)                                                           \
  if (std::strcmp(table->op_names[static_cast<int>(op::Id::name)], #name) != 0) {                 \
    *reason = file + " lacks the op " #name " in its place: rebuild with `npm run build:native`"; \
    return nullptr;                                                                               \
  }
  STRIATE_OPS(STRIATE_COMPARE)
#undef STRIATE_COMPARE
  loaded[file] = table;
  return table;
}

}  // namespace striate::binding
