#include "binding/tensor.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <future>
#include <iterator>
#include <new>
#include <unordered_set>
#include <utility>
#include <vector>

#include "binding/values.h"
#include "core/host_memory.h"

namespace striate::binding {
namespace {

/// Memory for objects of one size, of one thread. An external value holds any addon's pointer: one that points in here
/// is ours, which is known sooner than by napi_type_tag_object, which makes a BigInt for each. Objects that wait for the
/// garbage collector lie side by side, out of malloc's way.
template <size_t kBytes>
class Slots {
 public:
  ~Slots() {
    for (const uintptr_t chunk : chunks_) std::free(reinterpret_cast<void*>(chunk * kChunk));
  }
  void* take() {
    if (!free_.empty()) {
      void* const slot = free_.back();
      free_.pop_back();
      return slot;
    }
    if (next_ == end_) {
      next_ = static_cast<char*>(std::aligned_alloc(kChunk, kChunk));
      if (!next_) throw std::bad_alloc();
      end_ = next_ + kChunk / kBytes * kBytes;
      chunks_.insert(reinterpret_cast<uintptr_t>(next_) / kChunk);
    }
    return std::exchange(next_, next_ + kBytes);
  }
  void give(void* slot) { free_.push_back(slot); }
  bool hold(const void* slot) const { return chunks_.count(reinterpret_cast<uintptr_t>(slot) / kChunk) > 0; }

 private:
  static constexpr size_t kChunk = 1 << 20;
  std::unordered_set<uintptr_t> chunks_;
  std::vector<void*> free_;
  char *next_ = nullptr, *end_ = nullptr;
};
thread_local Slots<sizeof(NativeTensor)> slots;

}  // namespace

core::Dtype parse_dtype(const Napi::Value& value, const char* op) {
  core::Dtype dtype;
  if (value.IsString() && core::find_dtype(value.As<Napi::String>(), &dtype)) return dtype;
  std::string list;
  for (const core::DtypeInfo& known : core::kDtypes)
    list += (list.empty() ? "'" : ", '") + std::string(known.name) + "'";
  throw core::Error(core::ErrorKind::option, op, "dtype", value_text(value), "one of " + list);
}

core::View parse_shape(const Napi::Value& value, core::Dtype dtype, const char* op) {
  core::View view;
  view.dtype = dtype;
  const auto refuse = [op](const std::string& actual, const std::string& expected) {
    throw core::Error(core::ErrorKind::shape, op, "shape", actual, expected);
  };
  if (!value.IsArray()) refuse(value_text(value), "an array of sizes");
  const Napi::Array sizes = value.As<Napi::Array>();
  if (sizes.Length() > static_cast<uint32_t>(core::kMaxRank))
    refuse("of " + std::to_string(sizes.Length()) + " axes", "at most " + std::to_string(core::kMaxRank));
  double count = 1;
  bool whole = true;
  std::string text;
  for (uint32_t i = 0; i < sizes.Length(); ++i) {
    const Napi::Value size = sizes[i];
    text += (i ? "," : "") + value_text(size);
    whole = whole_number(size, 1, 9e15, &view.shape[view.rank]) && whole;
    count *= static_cast<double>(view.shape[view.rank++]);
  }
  if (!whole) refuse("[" + text + "]", "whole numbers of at least 1");
  if (count > 1e15) refuse(core::shape_text(view), "at most 1e15 elements");
  return view;
}

namespace {

/// The typed arrays that hold an element type in JavaScript.
struct HostArray {
  core::Dtype dtype;
  napi_typedarray_type type;
  const char* name;
};
constexpr HostArray kHostArrays[] = {
    {core::Dtype::f32, napi_float32_array, "Float32Array"},
    {core::Dtype::f64, napi_float64_array, "Float64Array"},
    {core::Dtype::i32, napi_int32_array, "Int32Array"},
    {core::Dtype::u8, napi_uint8_array, "Uint8Array"},
    {core::Dtype::u8, napi_uint8_clamped_array, "Uint8ClampedArray"},
    {core::Dtype::bf16, napi_uint16_array, "Uint16Array"},
};

/// The memory of a typed array, once it is known to hold what `view` says.
const void* host_data(const Napi::Value& value, const core::View& view, const char* op) {
  std::string names;
  for (const HostArray& host : kHostArrays)
    if (host.dtype == view.dtype) names += (names.empty() ? "a " : " or ") + std::string(host.name);
  const std::string expected = names + " for " + core::dtype_name(view.dtype);
  if (!value.IsTypedArray()) throw core::Error(core::ErrorKind::shape, op, "data", "no typed array", expected);
  // Asked for directly: Napi::TypedArray goes through the ArrayBuffer, which a SharedArrayBuffer is none of.
  napi_typedarray_type type;
  size_t length;
  void* data;
  napi_get_typedarray_info(value.Env(), value, &type, &length, &data, nullptr, nullptr);
  const auto fits = [&](const HostArray& host) { return host.dtype == view.dtype && host.type == type; };
  if (std::none_of(std::begin(kHostArrays), std::end(kHostArrays), fits))
    throw core::Error(core::ErrorKind::shape, op, "data", "a typed array of another type", expected);
  if (static_cast<int64_t>(length) != view.count())
    throw core::Error(core::ErrorKind::shape, op, "shape", core::shape_text(view),
                      "a product of " + std::to_string(length) + ", the length of data");
  return data;
}

Napi::Array shape_array(Napi::Env env, const core::View& view) {
  Napi::Array sizes = Napi::Array::New(env, static_cast<size_t>(view.rank));
  for (int i = 0; i < view.rank; ++i)
    sizes[static_cast<uint32_t>(i)] = Napi::Number::New(env, static_cast<double>(view.shape[i]));
  return sizes;
}

}  // namespace

Napi::Function NativeDevice::define(Napi::Env env) {
  return DefineClass(
      env, "NativeDevice",
      {InstanceMethod<&NativeDevice::sync>("sync"), InstanceMethod<&NativeDevice::use>("use"),
       InstanceMethod<&NativeDevice::check_guards>("checkGuards"), InstanceMethod<&NativeDevice::trim>("trim")});
}

// open(kind, index, guard, path): a device is opened by constructing its handle.
NativeDevice::NativeDevice(const Napi::CallbackInfo& info) : Napi::ObjectWrap<NativeDevice>(info) {
  Napi::Env env = info.Env();
  translate(env, [&] {
    const std::string kind = info[0].ToString();
    std::string reason;
    const core::BackendTable* table =
        load_backend(kind, info[3].IsString() ? info[3].ToString().Utf8Value() : "", &reason);
    char why[1024] = "";
    const int32_t count = table ? table->device_count(why, sizeof why) : 0;
    if (table && count == 0) reason = why;
    if (count == 0) throw core::Error(core::ErrorKind::device, kind, reason);
    int64_t index;
    if (!whole_number(info[1], 0, count - 1, &index))
      throw core::Error(core::ErrorKind::device, kind, "index", value_text(info[1]),
                        "0 to " + std::to_string(count - 1));
    device_ = core::Device::open(table, static_cast<int32_t>(index), info[2].ToBoolean());
    Environment::of(env).devices.push_back(device_);
  });
  Napi::Object self = info.This().As<Napi::Object>();
  Environment::of(env).device_handles.insert(this);
  self.Set("kind", device_->table->kind);
  self.Set("index", device_->index);
  self.Set("name", static_cast<const char*>(device_->info.name));
  self.Set("libraries", static_cast<const char*>(device_->info.libraries));
  self.Set("memory", static_cast<double>(device_->info.memory));
  self.Set("address", static_cast<const char*>(device_->info.address));
}

void NativeDevice::Finalize(Napi::Env env) {
  if (Environment* environment = env.GetInstanceData<Environment>()) environment->device_handles.erase(this);
}

NativeDevice* NativeDevice::from(const Napi::Value& value, const char* op) {
  // Whatever the value's prototype says.
  void* handle = nullptr;
  if (napi_unwrap(value.Env(), value, &handle) == napi_ok && Environment::of(value.Env()).device_handles.count(handle))
    return static_cast<NativeDevice*>(handle);
  throw core::Error(core::ErrorKind::device, op, "device", "no device", "what cpu() or cuda() returns");
}

Napi::Value NativeDevice::sync(const Napi::CallbackInfo& info) {
  return Environment::of(info.Env()).queue(info.Env(), *device_, [device = device_.get()](Settlement&) {
    if (auto fault = device->stream.take_fault()) throw std::move(*fault);
    device->synchronise();
  });
}

Napi::Value NativeDevice::use(const Napi::CallbackInfo& info) {
  const core::DeviceUse use = device_->use();
  Napi::Object o = Napi::Object::New(info.Env());
  o.Set("liveBytes", static_cast<double>(use.live));
  o.Set("pooledBytes", static_cast<double>(use.pooled));
  o.Set("buffers", static_cast<double>(use.buffers));
  o.Set("allocations", static_cast<double>(use.allocations));
  o.Set("guardFaults", static_cast<double>(use.guard_faults));
  return o;
}

Napi::Value NativeDevice::check_guards(const Napi::CallbackInfo& info) {
  return translate(info.Env(), [&]() -> Napi::Value {
    device_->stream.drain();
    device_->check_guards();
    return info.Env().Undefined();
  });
}

Napi::Value NativeDevice::trim(const Napi::CallbackInfo& info) {
  device_->stream.drain();
  device_->trim();
  return info.Env().Undefined();
}

Napi::Object NativeTensor::functions(Napi::Env env) {
  Napi::Object functions = Napi::Object::New(env);
  const auto add = [&](const char* name, Napi::Value (*function)(const Napi::CallbackInfo&)) {
    functions.Set(name, Napi::Function::New(env, function, name));
  };
  add("upload", upload);
  add("zeros", zeros);
  add("empty", empty);
  add("read", read);
  add("reshape", reshape);
  add("to", to);
  add("dispose", dispose);
  add("shape", shape);
  add("dtype", dtype);
  add("disposed", disposed);
  return functions;
}

void* NativeTensor::operator new(size_t) { return slots.take(); }
void NativeTensor::operator delete(void* memory) { slots.give(memory); }

NativeTensor::NativeTensor(Napi::Env env, std::shared_ptr<core::Buffer> buffer, const core::View& view)
    : buffer_(std::move(buffer)), view_(view) {
  view_.data = buffer_->data();
  if (buffer_->device()->is_host()) Environment::of(env).report_memory(env, static_cast<int64_t>(view_.bytes()));
}

void NativeTensor::drop(Napi::Env env) {
  if (!buffer_) return;
  Environment* environment = env.GetInstanceData<Environment>();  // gone when the environment is torn down
  if (environment && buffer_->device()->is_host())
    environment->report_memory(env, -static_cast<int64_t>(view_.bytes()));
  buffer_.reset();
}

Napi::Value NativeTensor::make(Napi::Env env, std::shared_ptr<core::Buffer> buffer, const core::View& view) {
  auto* const tensor = new NativeTensor(env, std::move(buffer), view);
  const napi_finalize forget = [](napi_env env, void* data, void*) {
    auto* const tensor = static_cast<NativeTensor*>(data);
    Environment* environment = Napi::Env(env).GetInstanceData<Environment>();
    if (environment && tensor->buffer_) ++environment->leaked;
    tensor->drop(env);
    delete tensor;
  };
  napi_value value;
  if (napi_create_external(env, tensor, forget, nullptr, &value) == napi_ok) return Napi::Value(env, value);
  tensor->drop(env);
  delete tensor;
  throw Napi::Error::New(env);
}

NativeTensor* NativeTensor::behind(const Napi::Value& value) {
  void* handle = nullptr;
  const bool is_external = napi_get_value_external(value.Env(), value, &handle) == napi_ok;
  return is_external && slots.hold(handle) ? static_cast<NativeTensor*>(handle) : nullptr;
}

NativeTensor* NativeTensor::from(const Napi::Value& value, const char* op, const std::string& argument) {
  NativeTensor* tensor = behind(value);
  if (!tensor) throw core::Error(core::ErrorKind::shape, op, argument, "no tensor", "a Tensor");
  if (!tensor->buffer_) throw core::Error(core::ErrorKind::disposed, op, argument, "a disposed tensor", "a live one");
  return tensor;
}

NativeTensor& NativeTensor::live(const Napi::CallbackInfo& info, const char* op) {
  NativeTensor* tensor = behind(info[0]);
  if (tensor && !tensor->buffer_) throw core::Error(core::ErrorKind::disposed, op, "tensor", "disposed", "a live one");
  return *from(info[0], op, "tensor");
}

Napi::Value NativeTensor::upload(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  return translate(env, [&] {
    constexpr const char* op = "Tensor.from";
    const std::shared_ptr<core::Device>& device = NativeDevice::from(info[0], op)->device();
    const core::View view = parse_shape(info[3], parse_dtype(info[2], op), op);
    const auto from = static_cast<const char*>(host_data(info[1], view, op));
    const size_t bytes = view.bytes();
    auto buffer = device->allocate(bytes, op);
    if (device->is_host()) {
      std::memcpy(buffer->data(), from, bytes);  // nothing queued can still use this memory: see core::Buffer
    } else {
      auto copy = std::make_shared<std::vector<char>>(from, from + bytes);
      device->stream.submit_op([buffer, copy] {
        buffer->device()->upload(buffer->data(), copy->data(), copy->size());
        buffer->device()->synchronise();
      });
    }
    return make(env, std::move(buffer), view);
  });
}

Napi::Value NativeTensor::zeros(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  return translate(env, [&] {
    constexpr const char* op = "Tensor.zeros";
    const std::shared_ptr<core::Device>& device = NativeDevice::from(info[0], op)->device();
    const core::View view = parse_shape(info[2], parse_dtype(info[1], op), op);
    auto buffer = device->allocate(view.bytes(), op);
    device->stream.submit_op([buffer] {
      if (buffer->device()->is_host()) {
        std::memset(buffer->data(), 0, buffer->bytes());
        return;
      }
      const std::vector<char> nothing(buffer->bytes(), 0);
      buffer->device()->upload(buffer->data(), nothing.data(), nothing.size());
      buffer->device()->synchronise();
    });
    return make(env, std::move(buffer), view);
  });
}

Napi::Value NativeTensor::empty(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  return translate(env, [&] {
    constexpr const char* op = "Tensor.empty";
    const core::View view = parse_shape(info[2], parse_dtype(info[1], op), op);
    return make(env, NativeDevice::from(info[0], op)->device()->allocate(view.bytes(), op), view);
  });
}

Napi::Value NativeTensor::read(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  return translate(env, [&] {
    const NativeTensor& tensor = live(info, "read");
    const auto job = [buffer = tensor.buffer_, bytes = tensor.view_.bytes()](Settlement& s) {
      core::Device& device = *buffer->device();
      if (auto fault = device.stream.take_fault()) throw std::move(*fault);
      s.data = core::Results::take(bytes);
      if (!s.data)
        throw core::Error(core::ErrorKind::out_of_memory, "read", "the host has no memory left for the result");
      s.bytes = bytes;
      device.download(s.data, buffer->data(), bytes);
    };
    return Environment::of(env).queue(env, *tensor.buffer_->device(), job);
  });
}

Napi::Value NativeTensor::reshape(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  return translate(env, [&] {
    const NativeTensor& tensor = live(info, "reshape");
    const core::View view = parse_shape(info[1], tensor.view_.dtype, "reshape");
    const int64_t count = tensor.view_.count();
    if (view.count() != count)
      throw core::Error(core::ErrorKind::shape, "reshape", "shape", core::shape_text(view),
                        "a product of " + std::to_string(count) + ", that of " + core::shape_text(tensor.view_));
    return make(env, tensor.buffer_, view);
  });
}

Napi::Value NativeTensor::to(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  return translate(env, [&] {
    const NativeTensor& tensor = live(info, "to");
    const std::shared_ptr<core::Device>& device = NativeDevice::from(info[1], "to")->device();
    const size_t bytes = tensor.view_.bytes();
    auto copy = device->allocate(bytes, "to");
    auto staged = std::make_shared<std::promise<std::vector<char>>>();
    auto arrived = std::make_shared<std::future<std::vector<char>>>(staged->get_future());
    const auto from = tensor.buffer_;
    from->device()->stream.submit([from, bytes, staged] {
      try {
        std::vector<char> data(bytes);
        from->device()->download(data.data(), from->data(), bytes);
        staged->set_value(std::move(data));
      } catch (...) {
        staged->set_exception(std::current_exception());
      }
    });
    // Within one device the download has run by the time this job starts; between two, this stream waits for the other.
    device->stream.submit_op([copy, arrived] {
      const std::vector<char> data = arrived->get();
      copy->device()->upload(copy->data(), data.data(), data.size());
      copy->device()->synchronise();
    });
    return make(env, std::move(copy), tensor.view_);
  });
}

Napi::Value NativeTensor::dispose(const Napi::CallbackInfo& info) {
  if (NativeTensor* tensor = behind(info[0])) tensor->drop(info.Env());
  return info.Env().Undefined();
}
Napi::Value NativeTensor::shape(const Napi::CallbackInfo& info) {
  const NativeTensor* tensor = behind(info[0]);
  return tensor ? shape_array(info.Env(), tensor->view_) : info.Env().Undefined();
}
Napi::Value NativeTensor::dtype(const Napi::CallbackInfo& info) {
  const NativeTensor* tensor = behind(info[0]);
  return tensor ? Napi::String::New(info.Env(), core::dtype_name(tensor->view_.dtype)) : info.Env().Undefined();
}
Napi::Value NativeTensor::disposed(const Napi::CallbackInfo& info) {
  const NativeTensor* tensor = behind(info[0]);
  return Napi::Boolean::New(info.Env(), !tensor || !tensor->buffer_);
}

}  // namespace striate::binding
