#include "binding/sums.h"

#include <array>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "binding/environment.h"
#include "binding/tensor.h"
#include "core/fault.h"

namespace striate::binding {
namespace {

constexpr const char* kOp = "sums";

core::Device& device_of(const Napi::CallbackInfo& info) { return *NativeDevice::from(info[0], kOp)->device(); }

const core::SumsTable& table_of(const core::Device& device) {
  if (!device.table->sums)
    throw core::Error(core::ErrorKind::device, kOp, "device", device.table->kind, "one that adds up with others: cuda");
  return *device.table->sums;
}

Napi::Value library(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  return translate(env, [&] {
    char text[1024] = "";
    const bool found = table_of(device_of(info)).library(text, sizeof text);
    Napi::Object o = Napi::Object::New(env);
    o.Set("library", found ? text : "");
    o.Set("reason", found ? "" : text);
    return o;
  });
}

Napi::Value key(const Napi::CallbackInfo& info) {
  return translate(info.Env(), [&] {
    core::Device& device = device_of(info);
    auto bytes = Napi::Uint8Array::New(info.Env(), core::kSumsKey);
    core::Fault fault;
    if (table_of(device).make_key(device.handle(), reinterpret_cast<char*>(bytes.Data()), &fault))
      throw core::error_of(fault);
    return bytes;
  });
}

Napi::Value join(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  return translate(env, [&] {
    core::Device& device = device_of(info);
    const core::SumsTable& table = table_of(device);
    std::array<char, core::kSumsKey> key;
    std::memcpy(key.data(), info[1].As<Napi::Uint8Array>().Data(), key.size());
    const int32_t rank = info[2].ToNumber(), size = info[3].ToNumber();
    return Environment::of(env).queue(env, device, [&device, &table, key, rank, size](Settlement&) {
      core::Fault fault;
      if (table.join(device.handle(), key.data(), rank, size, &fault)) throw core::error_of(fault);
    });
  });
}

Napi::Value add(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  return translate(env, [&] {
    core::Device& device = device_of(info);
    const core::SumsTable& table = table_of(device);
    const auto given = info[1].As<Napi::Array>();
    std::vector<core::View> views;
    std::vector<std::shared_ptr<core::Buffer>> keep;
    for (uint32_t i = 0; i < given.Length(); ++i) {
      const std::string argument = "tensors[" + std::to_string(i) + "]";
      NativeTensor* tensor = NativeTensor::from(given[i], kOp, argument);
      if (tensor->buffer()->device().get() != &device || tensor->view().dtype != core::Dtype::f32)
        throw core::Error(core::ErrorKind::shape, kOp, argument, core::dtype_name(tensor->view().dtype),
                          "f32, on the device that adds up");
      tensor->buffer()->renew();
      views.push_back(tensor->view());
      keep.push_back(tensor->buffer());
    }
    device.stream.submit_op([&device, &table, views = std::move(views), keep = std::move(keep)] {
      core::Fault fault;
      if (table.add(device.handle(), views.data(), static_cast<int32_t>(views.size()), &fault))
        throw core::error_of(fault);
    });
    return env.Undefined();
  });
}

Napi::Value break_off(const Napi::CallbackInfo& info) {
  return translate(info.Env(), [&] {
    core::Device& device = device_of(info);
    table_of(device).break_off(device.handle(), info[1].ToString().Utf8Value().c_str());
    return info.Env().Undefined();
  });
}

Napi::Value watch(const Napi::CallbackInfo& info) {
  return translate(info.Env(), [&] {
    core::Device& device = device_of(info);
    table_of(device).watch(device.handle());
    return info.Env().Undefined();
  });
}

}  // namespace

Napi::Object sums(Napi::Env env) {
  Napi::Object o = Napi::Object::New(env);
  o["library"] = Napi::Function::New(env, library);
  o["key"] = Napi::Function::New(env, key);
  o["join"] = Napi::Function::New(env, join);
  o["add"] = Napi::Function::New(env, add);
  o["breakOff"] = Napi::Function::New(env, break_off);
  o["watch"] = Napi::Function::New(env, watch);
  return o;
}

}  // namespace striate::binding
