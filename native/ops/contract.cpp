#include "ops/contract.h"

#include <algorithm>
#include <cctype>
#include <cstring>

namespace striate::op {
namespace {

std::vector<std::string> split(const std::string& text, const std::string& separator) {
  std::vector<std::string> parts;
  size_t begin = 0;
  for (size_t end; (end = text.find(separator, begin)) != std::string::npos; begin = end + separator.size())
    parts.push_back(text.substr(begin, end - begin));
  parts.push_back(text.substr(begin));
  return parts;
}

[[noreturn]] void mistake(const char* op, const std::string& text) {
  throw core::Error(core::ErrorKind::internal, op, "the signature is wrong near '" + text + "'");
}

std::vector<Argument> parse_arguments(const char* op, const std::string& text) {
  std::vector<Argument> list;
  if (text.empty()) return list;
  for (const std::string& part : split(text, "], ")) {
    const std::vector<std::string> words = split(part, " ");
    if (words.size() != 3 || words[0].empty() || words[2].empty() || words[2][0] != '[') mistake(op, part);
    Argument a;
    a.name = words[0];
    if ((a.optional = a.name.back() == '?')) a.name.pop_back();
    if ((a.in_place = a.name.back() == '&')) a.name.pop_back();
    for (const std::string& name : split(words[1], "|")) {
      core::Dtype dtype;
      if (!core::find_dtype(name, &dtype)) mistake(op, part);
      a.dtypes.push_back(dtype);
    }
    a.axes = words[2].substr(1);
    if (!a.axes.empty() && a.axes.back() == ']') a.axes.pop_back();
    if (!a.axes.empty()) a.axis = split(a.axes, ",");
    list.push_back(a);
  }
  return list;
}

std::string dtypes_text(const Argument& a) {
  std::string text;
  for (size_t i = 0; i < a.dtypes.size(); ++i)
    text += (i == 0 ? "" : i + 1 == a.dtypes.size() ? " or " : ", ") + std::string(core::dtype_name(a.dtypes[i]));
  return text;
}

}  // namespace

Signature parse_signature(const char* op, const char* text) {
  const std::vector<std::string> sides = split(text, " -> ");
  if (sides.size() > 2) mistake(op, text);
  Signature s;
  s.inputs = parse_arguments(op, sides[0]);
  if (sides.size() == 2) s.outputs = parse_arguments(op, sides[1]);
  return s;
}

Shapes::Shapes(const char* op, const Signature& signature, std::vector<core::View> inputs, std::vector<bool> wanted)
    : op_(op), signature_(signature), inputs_(std::move(inputs)), wanted_(std::move(wanted)) {
  if (wanted_.empty()) wanted_.assign(signature.outputs.size(), true);
  std::fill(std::begin(axes_), std::end(axes_), -1);
  any_.rank = -1;
  for (size_t i = 0; i < inputs_.size(); ++i)
    if (inputs_[i].rank >= 0) bind(signature_.inputs[i], inputs_[i]);
}

const core::View& Shapes::input(const char* name) const {
  for (size_t i = 0; i < inputs_.size(); ++i)
    if (signature_.inputs[i].name == name) return inputs_[i];
  throw core::Error(core::ErrorKind::internal, op_, std::string("the contract has no input '") + name + "'");
}

bool Shapes::wants(const char* name) const {
  for (size_t i = 0; i < wanted_.size(); ++i)
    if (signature_.outputs[i].name == name) return wanted_[i];
  throw core::Error(core::ErrorKind::internal, op_, std::string("the contract has no output '") + name + "'");
}

void Shapes::bind(const Argument& argument, const core::View& view) {
  if (std::find(argument.dtypes.begin(), argument.dtypes.end(), view.dtype) == argument.dtypes.end())
    refuse(argument.name, std::string(core::dtype_name(view.dtype)) + " " + core::shape_text(view),
           dtypes_text(argument));
  if (argument.axes == "...") {
    if (any_.rank < 0) {
      any_ = view;
    } else if (any_.rank != view.rank || !std::equal(any_.shape, any_.shape + any_.rank, view.shape)) {
      refuse(argument.name, core::shape_text(view), core::shape_text(any_) + " from " + signature_.inputs[0].name);
    }
    return;
  }
  const std::vector<std::string>& axes = argument.axis;
  std::string known;  // what earlier arguments say of the axes that differ
  bool fits = static_cast<size_t>(view.rank) == axes.size();
  for (size_t i = 0; i < axes.size(); ++i) {
    const char axis = axes[i][0];
    if (std::isdigit(static_cast<unsigned char>(axis))) {
      fits = fits && view.shape[i] == std::stoll(axes[i]);
      continue;
    }
    const int64_t size = axes_[static_cast<unsigned char>(axis)];
    if (size < 0) continue;
    if (!fits || view.shape[i] != size) {
      std::string from;
      for (const Argument& earlier : signature_.inputs) {
        if (earlier.name == argument.name) break;
        if (std::find(earlier.axis.begin(), earlier.axis.end(), axes[i]) != earlier.axis.end()) {
          from = earlier.name;
          break;
        }
      }
      known += std::string(known.empty() ? " with " : ", ") + axis + " = " + std::to_string(size) +
               (from.empty() ? "" : " from " + from);
      fits = false;
    }
  }
  if (!fits) refuse(argument.name, core::shape_text(view), "[" + argument.axes + "]" + known);
  for (size_t i = 0; i < axes.size(); ++i)
    if (!std::isdigit(static_cast<unsigned char>(axes[i][0])))
      axes_[static_cast<unsigned char>(axes[i][0])] = view.shape[i];
}

void Shapes::set_output(const char* name, core::Dtype dtype) { output_dtypes_.emplace_back(name, dtype); }

core::View Shapes::output(const Argument& argument) const {
  core::View view;
  if (argument.axes == "...") {
    view = any_;
    view.data = nullptr;
  } else {
    for (const std::string& axis : argument.axis) {
      const int64_t size = std::isdigit(static_cast<unsigned char>(axis[0])) ? std::stoll(axis) : (*this)[axis[0]];
      if (size < 1)
        throw core::Error(core::ErrorKind::internal, op_,
                          "the contract leaves axis " + axis + " of " + argument.name + " unset");
      view.shape[view.rank++] = size;
    }
  }
  view.dtype = argument.dtypes[0];
  for (const auto& [name, dtype] : output_dtypes_)
    if (name == argument.name) view.dtype = dtype;
  return view;
}

}  // namespace striate::op
