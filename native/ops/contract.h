// How an op states what it takes and gives. One row of table.h names the op and its contract, a struct with
//   signature         "x f32|u8 [N,C,H,W], w f32 [K,C,R,S] -> y f32 [N,K,P,Q]": inputs, then outputs, each with its
//                     element types (core/view.h) and axes. A letter is an axis and has one size throughout; `...` is
//                     any shape (one throughout); a number is that size; [] is a scalar. `w&` is updated in place; `i?`
//                     may be left out (an input) or is made on request (an output); `s&?` is both.
//   Options           a plain struct of double, int64_t, bool and (for choices) int32_t, whose initialisers are the
//                     defaults
//   options(v, o)     one line an option: v.real / v.integer / v.flag / v.choice, with its name and range
//   infer(shapes, o)  sets the axes that only the outputs have, and refuses combinations that no single range can
// The binding checks a call against it and parses its options; both back ends get views in the order of the signature
// and a filled Options. Nothing else repeats an op's name, defaults or ranges.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "core/check.h"
#include "core/context.h"
#include "core/view.h"

namespace striate::op {

struct Argument {
  std::string name;
  std::vector<core::Dtype> dtypes;
  std::string axes;               // without brackets: "N,C,H,W", "...", "" for a scalar
  std::vector<std::string> axis;  // each of them; none for a scalar
  bool optional = false, in_place = false;
};

struct Signature {
  std::vector<Argument> inputs, outputs;
};

/// Parses the grammar above. Throws core::Error on a mistake in it (a bug of the table, found when the addon loads).
Signature parse_signature(const char* op, const char* text);

/// The axes and views of one call while it is checked.
class Shapes {
 public:
  /// `wanted` has one entry an output; without it, all are.
  Shapes(const char* op, const Signature& signature, std::vector<core::View> inputs, std::vector<bool> wanted = {});

  /// Size of an axis; -1 when nothing has set it.
  int64_t operator[](char axis) const { return axes_[static_cast<unsigned char>(axis)]; }
  void set(char axis, int64_t size) { axes_[static_cast<unsigned char>(axis)] = size; }
  /// The input of that name; its rank is -1 when an optional input was left out.
  const core::View& input(const char* name) const;
  bool has(const char* name) const { return input(name).rank >= 0; }
  /// Whether the call makes the output of that name.
  bool wants(const char* name) const;
  const char* op() const { return op_; }
  [[noreturn]] void refuse(const std::string& argument, const std::string& actual, const std::string& expected,
                           core::ErrorKind kind = core::ErrorKind::shape) const {
    throw core::Error(kind, op_, argument, actual, expected);
  }
  /// Element type of an output that may have several; without a call, the first that the signature lists.
  void set_output(const char* name, core::Dtype dtype);
  /// The output's element type and shape, from the axes.
  core::View output(const Argument& argument) const;

 private:
  const char* op_;
  const Signature& signature_;
  std::vector<core::View> inputs_;
  std::vector<bool> wanted_;
  int64_t axes_[128];
  core::View any_;  // the shape behind `...`
  std::vector<std::pair<std::string, core::Dtype>> output_dtypes_;
  void bind(const Argument& argument, const core::View& view);
};

/// Value of an option as it came from JavaScript.
struct OptionValue {
  enum Kind { number, boolean, text, other } kind = other;
  double real = 0;
  bool flag = false;
  std::string string;
};

/// Visits options; one class parses them (binding), another describes them (docs, `describe()`).
class OptionVisitor {
 public:
  virtual ~OptionVisitor() = default;
  virtual void real(const char* name, double& value, double low, double high) = 0;
  virtual void integer(const char* name, int64_t& value, int64_t low, int64_t high) = 0;
  virtual void flag(const char* name, bool& value) = 0;
  /// `value` is the index of the chosen word.
  virtual void choice(const char* name, int32_t& value, std::initializer_list<const char*> words) = 0;
};

/// A kernel: inputs and outputs in the order of the signature. A view whose rank is -1 was left out.
template <class Contract>
using Kernel = void (*)(core::Context&, const core::View* in, core::View* out, const typename Contract::Options&);
using Launch = void (*)(core::Context&, const core::View* in, core::View* out, const void* options);

struct NoOptions {};

// What several families share, for their contracts to inherit.

/// Patches of images.
struct Patches {
  /// How a patch is scaled: divided by its 2-norm, or not at all.
  enum Normalise : int32_t { patch, none };
  static void normalise(OptionVisitor& v, int32_t& value) { v.choice("normalise", value, {"patch", "none"}); }
  /// Windows in all the images: the patches of one epoch.
  static int64_t patches(int64_t n, int64_t h, int64_t w, int64_t window) {
    return n * (h - window + 1) * (w - window + 1);
  }
};

/// Element type of a result whose bytes may be halved.
struct Stored {
  enum Store : int32_t { f32, bf16 };
  static void store(OptionVisitor& v, int32_t& value) { v.choice("store", value, {"f32", "bf16"}); }
  static core::Dtype dtype(int32_t store) { return store == bf16 ? core::Dtype::bf16 : core::Dtype::f32; }
};

}  // namespace striate::op
