// max_pool       y[n,c,p,q] = max of x over the window of pool_size x pool_size at (p, q) * stride, no padding
//   x [N,C,H,W] -> y [N,C,P,Q], P = (H - size) / stride + 1.  NaN in a window gives NaN.
// max_pool_grad  gx: each gy goes to the first (row by row) position of its window that attains the maximum; windows
// overlap by adding. Repeatable to the bit.
#pragma once
#include "ops/contract.h"

namespace striate::op {

struct MaxPool {
  static constexpr const char* signature = "x f32 [N,C,H,W] -> y f32 [N,C,P,Q]";
  struct Options {
    int64_t size = 2, stride = 2;
  };
  static void options(OptionVisitor& v, Options& o) {
    v.integer("size", o.size, 1, 1 << 20);
    v.integer("stride", o.stride, 1, 1 << 20);
  }
  static void infer(Shapes& s, const Options& o) {
    if (o.size > s['H'] || o.size > s['W'])
      s.refuse("size", std::to_string(o.size), "at most the height and width of x", core::ErrorKind::option);
    s.set('P', (s['H'] - o.size) / o.stride + 1);
    s.set('Q', (s['W'] - o.size) / o.stride + 1);
  }
};

struct MaxPoolGrad : MaxPool {
  static constexpr const char* signature = "x f32 [N,C,H,W], gy f32 [N,C,P,Q] -> gx f32 [N,C,H,W]";
  static void infer(Shapes& s, const Options& o) {
    const int64_t p = s['P'], q = s['Q'];
    MaxPool::infer(s, o);
    if (s['P'] != p || s['Q'] != q)
      s.refuse("gy", core::shape_text(s.input("gy")),
               "[N,C,P,Q] with P = " + std::to_string(s['P']) + ", Q = " + std::to_string(s['Q']));
  }
};

}  // namespace striate::op
