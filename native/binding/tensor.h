// NativeTensor and NativeDevice: the handles that lib/tensor.ts and lib/device.ts wrap. A tensor's is an external value,
// which takes half as long to make as an object of a class.
#pragma once
#include <napi.h>

#include <memory>
#include <string>

#include "binding/environment.h"
#include "core/view.h"

namespace striate::binding {

/// The element type of that name; an OptionError when there is none.
core::Dtype parse_dtype(const Napi::Value& value, const char* op);
/// A view without memory, of an array of sizes; a ShapeError unless they are whole numbers of at least 1.
core::View parse_shape(const Napi::Value& value, core::Dtype dtype, const char* op);

class NativeDevice : public Napi::ObjectWrap<NativeDevice> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit NativeDevice(const Napi::CallbackInfo& info);
  void Finalize(Napi::Env env) override;
  const std::shared_ptr<core::Device>& device() const { return device_; }
  /// The device behind a JavaScript value; throws DeviceError when it is none.
  static NativeDevice* from(const Napi::Value& value, const char* op);

 private:
  Napi::Value sync(const Napi::CallbackInfo& info);
  Napi::Value use(const Napi::CallbackInfo& info);
  Napi::Value check_guards(const Napi::CallbackInfo& info);
  Napi::Value trim(const Napi::CallbackInfo& info);
  std::shared_ptr<core::Device> device_;
};

class NativeTensor {
 public:
  /// The functions of tensors, which take one first but for those that make one.
  static Napi::Object functions(Napi::Env env);
  static Napi::Value make(Napi::Env env, std::shared_ptr<core::Buffer> buffer, const core::View& view);
  /// The tensor behind a JavaScript value; throws ShapeError when it is none and DisposedError when it was disposed.
  static NativeTensor* from(const Napi::Value& value, const char* op, const std::string& argument);
  const core::View& view() const { return view_; }
  const std::shared_ptr<core::Buffer>& buffer() const { return buffer_; }

 private:
  NativeTensor(Napi::Env env, std::shared_ptr<core::Buffer> buffer, const core::View& view);
  static void* operator new(size_t);
  static void operator delete(void* memory);
  /// Null where the value is no tensor.
  static NativeTensor* behind(const Napi::Value& value);
  static NativeTensor& live(const Napi::CallbackInfo& info, const char* op);
  void drop(Napi::Env env);

  // Tensor.from: (device, typed array, dtype, shape).
  static Napi::Value upload(const Napi::CallbackInfo& info);
  // Tensor.zeros: (device, dtype, shape).
  static Napi::Value zeros(const Napi::CallbackInfo& info);
  // Memory as it is, for what is overwritten before it is read: (device, dtype, shape).
  static Napi::Value empty(const Napi::CallbackInfo& info);
  static Napi::Value read(const Napi::CallbackInfo& info);
  static Napi::Value reshape(const Napi::CallbackInfo& info);
  static Napi::Value to(const Napi::CallbackInfo& info);
  static Napi::Value dispose(const Napi::CallbackInfo& info);
  static Napi::Value shape(const Napi::CallbackInfo& info);
  static Napi::Value dtype(const Napi::CallbackInfo& info);
  static Napi::Value disposed(const Napi::CallbackInfo& info);

  std::shared_ptr<core::Buffer> buffer_;
  core::View view_;
};

}  // namespace striate::binding
