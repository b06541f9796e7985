#include "binding/call.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "binding/environment.h"
#include "binding/tensor.h"
#include "binding/values.h"
#include "core/fault.h"
#include "ops/table.h"

namespace striate::binding {
namespace {

struct Row {
  const char* name;
  const char* text;
  op::Signature signature;
  std::shared_ptr<void> (*options)(op::OptionVisitor&);
  void (*infer)(op::Shapes&, const void*);
};

template <class Contract>
std::shared_ptr<void> visit_options(op::OptionVisitor& visitor) {
  auto options = std::make_shared<typename Contract::Options>();
  Contract::options(visitor, *options);
  return options;
}

template <class Contract>
void infer(op::Shapes& shapes, const void* options) {
  Contract::infer(shapes, *static_cast<const typename Contract::Options*>(options));
}

const std::vector<Row>& rows() {
#define STRIATE_ROW(name, Contract)                                                                                  \
  {#name, op::Contract::signature, op::parse_signature(#name, op::Contract::signature), visit_options<op::Contract>, \
   infer<op::Contract>},
  static const std::vector<Row> table = {STRIATE_OPS(STRIATE_ROW)};
#undef STRIATE_ROW
  return table;
}

int find_row(const Napi::Value& number) {
  int64_t i;
  if (!whole_number(number, 0, op::kCount - 1, &i))
    throw core::Error(core::ErrorKind::option, "call", "op", value_text(number), "an op of native/ops/table.h");
  return static_cast<int>(i);
}

std::string number_text(double x) {
  char text[32];
  if (x == std::floor(x) && std::abs(x) < 1e15)
    std::snprintf(text, sizeof text, "%.0f", x);
  else
    std::snprintf(text, sizeof text, "%.6g", x);
  return text;
}

class Parser : public op::OptionVisitor {
 public:
  Parser(const char* op, const Napi::Value& options) : op_(op) {
    if (options.IsUndefined()) return;
    if (options.Type() != napi_object || options.IsArray()) refuse("options", value_text(options), "an object");
    object_ = options.As<Napi::Object>();
  }
  void real(const char* name, double& value, double low, double high) override {
    Napi::Value v;
    if (!find(name, &v)) return;
    const double x = v.IsNumber() ? v.As<Napi::Number>().DoubleValue() : NAN;
    if (!(x >= low && x <= high))
      refuse(name, value_text(v), "a number from " + number_text(low) + " to " + number_text(high));
    value = x;
  }
  void integer(const char* name, int64_t& value, int64_t low, int64_t high) override {
    Napi::Value v;
    if (!find(name, &v)) return;
    if (!whole_number(v, static_cast<double>(low), static_cast<double>(high), &value))
      refuse(name, value_text(v),
             "a whole number from " + number_text(static_cast<double>(low)) + " to " +
                 number_text(static_cast<double>(high)));
  }
  void flag(const char* name, bool& value) override {
    Napi::Value v;
    if (!find(name, &v)) return;
    if (!v.IsBoolean()) refuse(name, value_text(v), "true or false");
    value = v.As<Napi::Boolean>();
  }
  void choice(const char* name, int32_t& value, std::initializer_list<const char*> words) override {
    Napi::Value v;
    if (!find(name, &v)) return;
    std::string list;
    int32_t i = 0;
    for (const char* word : words) {
      if (v.IsString() && v.As<Napi::String>().Utf8Value() == word) {
        value = i;
        return;
      }
      list += (list.empty()                                  ? "'"
               : i + 1 == static_cast<int32_t>(words.size()) ? " or '"
                                                             : ", '") +
              std::string(word) + "'";
      ++i;
    }
    refuse(name, value_text(v), list);
  }
  /// Refuses what no visit asked for.
  void finish() {
    if (object_.IsEmpty()) return;
    const Napi::Array keys = object_.GetPropertyNames();
    if (keys.Length() == found_) return;
    for (uint32_t i = 0; i < keys.Length(); ++i) {
      const std::string key = Napi::Value(keys[i]).ToString();
      if (std::count(known_.begin(), known_.end(), key)) continue;
      std::sort(known_.begin(), known_.end());
      std::string list;
      for (const std::string& name : known_) list += (list.empty() ? "" : ", ") + name;
      refuse(key, "no option of it", list.empty() ? "no options" : "one of " + list);
    }
  }

 private:
  bool find(const char* name, Napi::Value* v) {
    known_.push_back(name);
    if (object_.IsEmpty()) return false;
    *v = object_.Get(name);
    if (v->IsUndefined()) return false;
    ++found_;
    return true;
  }
  [[noreturn]] void refuse(const std::string& argument, const std::string& actual, const std::string& expected) {
    throw core::Error(core::ErrorKind::option, op_, argument, actual, expected);
  }
  const char* op_;
  Napi::Object object_;
  std::vector<std::string> known_;  // short names: no memory of their own
  uint32_t found_ = 0;
};

// One call on its way through the device's queue.
struct Work {
  int op;
  std::vector<core::View> in, out;
  std::vector<std::shared_ptr<core::Buffer>> keep;
  std::shared_ptr<void> options;
};

std::vector<bool> parse_request(const Row& row, const Napi::Value& value) {
  std::vector<bool> wanted;
  for (const op::Argument& a : row.signature.outputs) wanted.push_back(!a.optional);
  if (value.IsUndefined()) return wanted;
  std::string outputs;
  for (const op::Argument& a : row.signature.outputs) outputs += (outputs.empty() ? "" : ", ") + a.name;
  const auto refuse = [&](const Napi::Value& v) {
    throw core::Error(core::ErrorKind::option, row.name, "of", value_text(v), "a list of outputs, of " + outputs);
  };
  if (!value.IsArray()) refuse(value);
  const Napi::Array names = value.As<Napi::Array>();
  for (uint32_t i = 0; i < names.Length(); ++i) {
    const Napi::Value name = names[i];
    bool found = false;
    for (size_t j = 0; j < wanted.size(); ++j)
      if (name.IsString() && row.signature.outputs[j].name == name.As<Napi::String>().Utf8Value())
        wanted[j] = found = true;
    if (!found) refuse(name);
  }
  return wanted;
}

/// Everything that can be refused from shapes, element types and options alone.
op::Shapes check_call(const Row& row, const std::vector<core::View>& inputs, const Napi::Value& options,
                      const std::vector<bool>& wanted, std::shared_ptr<void>* parsed) {
  op::Shapes shapes(row.name, row.signature, inputs, wanted);
  Parser parser(row.name, options);
  *parsed = row.options(parser);
  parser.finish();
  row.infer(shapes, parsed->get());
  return shapes;
}

[[noreturn]] void refuse_missing(const Row& row, const op::Argument& argument) {
  throw core::Error(core::ErrorKind::shape, row.name, argument.name, "missing",
                    std::string(core::dtype_name(argument.dtypes[0])) + " [" + argument.axes + "]");
}

}  // namespace

Napi::Array op_names(Napi::Env env) {
  Napi::Array names = Napi::Array::New(env, op::kCount);
  for (uint32_t i = 0; i < op::kCount; ++i) names[i] = Napi::String::New(env, rows()[i].name);
  return names;
}

Napi::Value check(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  return translate(env, [&]() -> Napi::Value {
    const Row& row = rows()[static_cast<size_t>(find_row(info[0]))];
    const Napi::Array given = info[1].As<Napi::Array>();
    std::vector<core::View> inputs;
    for (size_t i = 0; i < row.signature.inputs.size(); ++i) {
      const Napi::Value value = given[static_cast<uint32_t>(i)];
      core::View view;
      view.rank = -1;
      if (value.IsObject()) {
        const Napi::Object o = value.As<Napi::Object>();
        view = parse_shape(o.Get("shape"), parse_dtype(o.Get("dtype"), row.name), row.name);
      } else if (!row.signature.inputs[i].optional) {
        refuse_missing(row, row.signature.inputs[i]);
      }
      inputs.push_back(view);
    }
    std::shared_ptr<void> options;
    check_call(row, inputs, info[2], parse_request(row, info[3]), &options);
    return env.Undefined();
  });
}

Napi::Value call(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  return translate(env, [&]() -> Napi::Value {
    auto work = std::make_shared<Work>();
    work->op = find_row(info[0]);
    const Row& row = rows()[static_cast<size_t>(work->op)];
    const std::vector<op::Argument>& arguments = row.signature.inputs;

    if (!info[1].IsArray())
      throw core::Error(core::ErrorKind::shape, row.name, "inputs", "no array", "an array of tensors");
    const Napi::Array inputs = info[1].As<Napi::Array>();
    if (inputs.Length() > arguments.size())
      throw core::Error(core::ErrorKind::shape, row.name, "inputs", std::to_string(inputs.Length()) + " tensors",
                        "at most " + std::to_string(arguments.size()));
    work->in.reserve(arguments.size());
    work->out.reserve(row.signature.outputs.size());
    work->keep.reserve(arguments.size() + row.signature.outputs.size());
    std::shared_ptr<core::Device> device;
    std::vector<NativeTensor*> tensors;
    tensors.reserve(arguments.size());
    for (size_t i = 0; i < arguments.size(); ++i) {
      const Napi::Value value = inputs[static_cast<uint32_t>(i)];
      if (value.IsUndefined() || value.IsNull()) {
        if (!arguments[i].optional) refuse_missing(row, arguments[i]);
        core::View absent;
        absent.rank = -1;
        work->in.push_back(absent);
        tensors.push_back(nullptr);
        continue;
      }
      NativeTensor* tensor = NativeTensor::from(value, row.name, arguments[i].name);
      const std::shared_ptr<core::Device>& on = tensor->buffer()->device();
      if (device && on != device)
        throw core::Error(core::ErrorKind::device, row.name, arguments[i].name, std::string("on ") + on->table->kind,
                          std::string("the device of the tensors before it, ") + device->table->kind);
      device = on;
      if (arguments[i].in_place) tensor->buffer()->renew();
      work->in.push_back(tensor->view());
      work->in.back().content = tensor->buffer()->content();
      work->keep.push_back(tensor->buffer());
      tensors.push_back(tensor);
    }
    for (size_t i = 0; i < arguments.size(); ++i)
      for (size_t j = 0; arguments[i].in_place && j < arguments.size(); ++j)
        if (i != j && tensors[i] && tensors[j] && tensors[i]->buffer() == tensors[j]->buffer())
          throw core::Error(core::ErrorKind::shape, row.name, arguments[i].name,
                            "the same memory as " + arguments[j].name,
                            "memory of its own, since it is updated in place");

    const std::vector<bool> wanted = parse_request(row, info[3]);
    const op::Shapes shapes = check_call(row, work->in, info[2], wanted, &work->options);
    Napi::Array outputs = Napi::Array::New(env, wanted.size());
    for (size_t i = 0; i < wanted.size(); ++i) {
      core::View view;
      view.rank = -1;
      if (!wanted[i]) {
        outputs[static_cast<uint32_t>(i)] = env.Null();
      } else {
        view = shapes.output(row.signature.outputs[i]);
        auto buffer = device->allocate(view.bytes(), row.name);
        view.data = buffer->data();
        work->keep.push_back(buffer);
        outputs[static_cast<uint32_t>(i)] = NativeTensor::make(env, std::move(buffer), view);
      }
      work->out.push_back(view);
    }
    device->stream.submit_op([work, device = device.get(), name = row.name] {
      core::Fault fault;
      if (device->table->launch(device->handle(), work->op, work->in.data(), work->out.data(), work->options.get(),
                                device->stream.cancelled(), &fault)) {
        if (!fault.op[0]) {
          core::Error e(static_cast<core::ErrorKind>(fault.kind), name, fault.text);
          throw e;
        }
        throw core::error_of(fault);
      }
    });
    return outputs;
  });
}

namespace {

class Describer : public op::OptionVisitor {
 public:
  explicit Describer(Napi::Env env) : env_(env), list_(Napi::Array::New(env)) {}
  Napi::Array list() const { return list_; }
  void real(const char* name, double& value, double low, double high) override {
    Napi::Object o = add(name, "real");
    o.Set("default", value);
    o.Set("low", low);
    o.Set("high", high);
  }
  void integer(const char* name, int64_t& value, int64_t low, int64_t high) override {
    Napi::Object o = add(name, "integer");
    o.Set("default", static_cast<double>(value));
    o.Set("low", static_cast<double>(low));
    o.Set("high", static_cast<double>(high));
  }
  void flag(const char* name, bool& value) override { add(name, "flag").Set("default", value); }
  void choice(const char* name, int32_t& value, std::initializer_list<const char*> words) override {
    Napi::Object o = add(name, "choice");
    Napi::Array array = Napi::Array::New(env_);
    for (const char* word : words) array[array.Length()] = Napi::String::New(env_, word);
    o.Set("words", array);
    o.Set("default", words.begin()[value]);
  }

 private:
  Napi::Object add(const char* name, const char* kind) {
    Napi::Object o = Napi::Object::New(env_);
    o.Set("name", name);
    o.Set("kind", kind);
    list_[list_.Length()] = o;
    return o;
  }
  Napi::Env env_;
  Napi::Array list_;
};

Napi::Array describe_arguments(Napi::Env env, const std::vector<op::Argument>& arguments) {
  Napi::Array list = Napi::Array::New(env);
  for (const op::Argument& a : arguments) {
    Napi::Object o = Napi::Object::New(env);
    o.Set("name", a.name);
    o.Set("axes", a.axes);
    o.Set("optional", a.optional);
    o.Set("inPlace", a.in_place);
    Napi::Array dtypes = Napi::Array::New(env);
    for (const core::Dtype t : a.dtypes) dtypes[dtypes.Length()] = Napi::String::New(env, core::dtype_name(t));
    o.Set("dtypes", dtypes);
    list[list.Length()] = o;
  }
  return list;
}

}  // namespace

Napi::Value describe(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Napi::Array list = Napi::Array::New(env);
  for (const Row& row : rows()) {
    Describer describer(env);
    row.options(describer);
    Napi::Object o = Napi::Object::New(env);
    o.Set("name", row.name);
    o.Set("signature", row.text);
    o.Set("inputs", describe_arguments(env, row.signature.inputs));
    o.Set("outputs", describe_arguments(env, row.signature.outputs));
    o.Set("options", describer.list());
    list[list.Length()] = o;
  }
  return list;
}

}  // namespace striate::binding
