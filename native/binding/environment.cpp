#include "binding/environment.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>

#include "core/host_memory.h"
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
  if (s->data) core::Results::give(s->data, s->bytes);
  delete s;
}

}  // namespace

napi_value js_error(napi_env env, const core::Error& error) {
  const auto text = [env](const std::string& s) {
    napi_value value = nullptr;
    napi_create_string_utf8(env, s.c_str(), s.size(), &value);
    return value;
  };
  napi_value e = nullptr;
  if (napi_create_error(env, nullptr, text(error.what()), &e) != napi_ok) return nullptr;
  napi_set_named_property(env, e, "kind", text(kind_name(error.kind)));
  napi_set_named_property(env, e, "op", text(error.op));
  napi_set_named_property(env, e, "argument", text(error.argument));
  napi_set_named_property(env, e, "actual", text(error.actual));
  napi_set_named_property(env, e, "expected", text(error.expected));
  return e;
}

Environment::Environment(Napi::Env env) {
  const Napi::String name = Napi::String::New(env, "striate");
  if (napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, this, deliver, &back_) !=
      napi_ok)
    throw Napi::Error::New(env);
  napi_unref_threadsafe_function(env, back_);
  // Hooks run last in, first out: this one, added after the function's own, still finds the function open.
  napi_add_env_cleanup_hook(env, [](void* self) { static_cast<Environment*>(self)->close(); }, this);
}

Environment::~Environment() = default;

void Environment::close() {
  for (const auto& device : devices) device->cancel();
  for (const auto& device : devices) device->stream.drain();
}

Napi::Value Environment::queue(Napi::Env env, core::Device& device, std::function<void(Settlement&)> job) {
  napi_deferred deferred;
  napi_value promise;
  if (napi_create_promise(env, &deferred, &promise) != napi_ok) throw Napi::Error::New(env);
  auto* s = new Settlement;
  s->deferred = deferred;
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

// Every call below fails while a worker is being ended, and nobody is left to hear of it: no exception of Napi's C++
// classes may leave this function, which Node calls as plain C.
void Environment::deliver(napi_env env, napi_value, void* context, void* data) {
  auto* s = static_cast<Settlement*>(data);
  if (!env) return discard(s);  // the environment is gone
  auto* self = static_cast<Environment*>(context);
  if (--self->pending_ == 0) napi_unref_threadsafe_function(env, self->back_);
  napi_value value = nullptr;
  if (s->error) {
    if ((value = js_error(env, *s->error))) napi_reject_deferred(env, s->deferred, value);
    return discard(s);
  }
  if (s->data) {
    const auto give_back = [](napi_env, void* memory, void* bytes) {
      core::Results::give(memory, reinterpret_cast<size_t>(bytes));
    };
    void* bytes = reinterpret_cast<void*>(s->bytes);
    if (napi_create_external_arraybuffer(env, s->data, s->bytes, give_back, bytes, &value) == napi_ok)
      s->data = nullptr;
  } else {
    napi_get_undefined(env, &value);
  }
  if (value) napi_resolve_deferred(env, s->deferred, value);
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
