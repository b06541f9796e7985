// add, subtract, multiply   z = x + y, x - y, x * y, element by element, one shape, no broadcasting; f32 or f64
// subtract_row   y = x - r for each row of x [N,D], r [D]; y f32, or rounded once more to bf16 (option `store`)
// standardise    y = (x - mean) / deviation in float64, column by column; y = x - mean without deviations
// scale          y = factor * x + offset (one fused multiply-add), f32 or f64
// relu           y = max(x, 0), NaN stays NaN;  relu_grad  gx = gy where x > 0, else 0
// to_f32         y = x / 255 for u8 (option `unit`, default true), x itself otherwise: bf16 exactly, i32 and f64 to the
//                nearest float32 (f64 past its range becomes an infinity)
// to_f64         y = x, exactly
// unit_rows      y_k = x_k / |x_k| in float64, rounded once; a zero row stays zero. A NaN makes its row NaN; an infinity
//                becomes NaN and the rest of its row 0.
// copy_rows      rows at .. at + N of y [M,D] become x [N,D], in place; both of one element type
// copy_columns   columns at .. at + D of y [N,E] become x [N,D], in place; both of one element type
// slice_columns  y [N,D] = columns at .. at + count of x [N,E]
// One rounding an element in the type of the result (subtract_row to bf16: two; standardise: one an operation).
// Repeatable to the bit.
#pragma once
#include "ops/contract.h"

namespace striate::op {

struct Binary {
  static constexpr const char* signature = "x f32|f64 [...], y f32|f64 [...] -> z f32|f64 [...]";
  using Options = NoOptions;
  static void options(OptionVisitor&, Options&) {}
  static void infer(Shapes& s, const Options&) {
    const core::Dtype dtype = s.input("x").dtype;
    if (s.input("y").dtype != dtype)
      s.refuse("y", core::dtype_name(s.input("y").dtype), std::string(core::dtype_name(dtype)) + ", as x");
    s.set_output("z", dtype);
  }
};
struct Add : Binary {};
struct Subtract : Binary {};
struct Multiply : Binary {};

struct SubtractRow : Stored {
  static constexpr const char* signature = "x f32 [N,D], r f32 [D] -> y f32|bf16 [N,D]";
  struct Options {
    int32_t store = f32;
  };
  static void options(OptionVisitor& v, Options& o) { store(v, o.store); }
  static void infer(Shapes& s, const Options& o) { s.set_output("y", dtype(o.store)); }
};

struct Standardise {
  static constexpr const char* signature = "x f32 [N,D], mean f64 [D], deviation? f64 [D] -> y f64 [N,D]";
  using Options = NoOptions;
  static void options(OptionVisitor&, Options&) {}
  static void infer(Shapes&, const Options&) {}
};

struct Scale {
  static constexpr const char* signature = "x f32|f64 [...] -> y f32|f64 [...]";
  struct Options {
    double factor = 1, offset = 0;
  };
  static void options(OptionVisitor& v, Options& o) {
    v.real("factor", o.factor, -3e38, 3e38);
    v.real("offset", o.offset, -3e38, 3e38);
  }
  static void infer(Shapes& s, const Options&) { s.set_output("y", s.input("x").dtype); }
};

struct Relu {
  static constexpr const char* signature = "x f32 [...] -> y f32 [...]";
  using Options = NoOptions;
  static void options(OptionVisitor&, Options&) {}
  static void infer(Shapes&, const Options&) {}
};
struct ReluGrad : Relu {
  static constexpr const char* signature = "x f32 [...], gy f32 [...] -> gx f32 [...]";
};

struct ToF32 {
  static constexpr const char* signature = "x u8|bf16|i32|f64 [...] -> y f32 [...]";
  struct Options {
    bool unit = true;
  };
  static void options(OptionVisitor& v, Options& o) { v.flag("unit", o.unit); }
  static void infer(Shapes&, const Options&) {}
};

struct ToF64 {
  static constexpr const char* signature = "x f32 [...] -> y f64 [...]";
  using Options = NoOptions;
  static void options(OptionVisitor&, Options&) {}
  static void infer(Shapes&, const Options&) {}
};

struct UnitRows {
  static constexpr const char* signature = "x f32 [K,D] -> y f32 [K,D]";
  using Options = NoOptions;
  static void options(OptionVisitor&, Options&) {}
  static void infer(Shapes&, const Options&) {}
};

struct CopyRows {
  static constexpr const char* signature = "x f32|bf16|i32|u8 [N,D], y& f32|bf16|i32|u8 [M,D]";
  struct Options {
    int64_t at = 0;
  };
  static void options(OptionVisitor& v, Options& o) { v.integer("at", o.at, 0, int64_t(1) << 40); }
  static void infer(Shapes& s, const Options& o) {
    if (s.input("x").dtype != s.input("y").dtype)
      s.refuse("y", core::dtype_name(s.input("y").dtype), std::string(core::dtype_name(s.input("x").dtype)) + ", as x");
    if (o.at + s['N'] > s['M'])
      s.refuse("at", std::to_string(o.at), "at most M - N = " + std::to_string(s['M'] - s['N']),
               core::ErrorKind::option);
  }
};

struct CopyColumns {
  static constexpr const char* signature = "x f32|bf16 [N,D], y& f32|bf16 [N,E]";
  struct Options {
    int64_t at = 0;
  };
  static void options(OptionVisitor& v, Options& o) { v.integer("at", o.at, 0, int64_t(1) << 40); }
  static void infer(Shapes& s, const Options& o) {
    if (s.input("x").dtype != s.input("y").dtype)
      s.refuse("y", core::dtype_name(s.input("y").dtype), std::string(core::dtype_name(s.input("x").dtype)) + ", as x");
    if (o.at + s['D'] > s['E'])
      s.refuse("at", std::to_string(o.at), "at most E - D = " + std::to_string(s['E'] - s['D']),
               core::ErrorKind::option);
  }
};

struct SliceColumns {
  static constexpr const char* signature = "x f32|bf16 [N,E] -> y f32|bf16 [N,D]";
  struct Options {
    int64_t at = 0, count = 1;
  };
  static void options(OptionVisitor& v, Options& o) {
    v.integer("at", o.at, 0, int64_t(1) << 40);
    v.integer("count", o.count, 1, int64_t(1) << 40);
  }
  static void infer(Shapes& s, const Options& o) {
    if (o.at + o.count > s['E'])
      s.refuse("at", std::to_string(o.at), "at most E - count = " + std::to_string(s['E'] - o.count),
               core::ErrorKind::option);
    s.set_output("y", s.input("x").dtype);
    s.set('D', o.count);
  }
};

}  // namespace striate::op
