// max_pool       y[n,c,p,q] = max of x over the window of size x size at (p, q) * stride - padding; outside the image
//                nothing takes part. x [N,C,H,W] -> y [N,C,P,Q], P = (H + 2 padding - size) / stride + 1 rounded down.
//                A NaN in a window gives NaN.
// max_pool_grad  gx: each gy goes to the first position (row by row) of its window that attains the maximum; where
//                windows overlap, gradients add.
// avg_pool       y = sum of x over the window / size^2, zeros outside (so padding counts, as in PyTorch's default)
// avg_pool_grad  gx: gy / size^2 to every position of its window
// Sums in float32, windows in the order of (p, q). Repeatable to the bit.
#pragma once
#include "ops/contract.h"

namespace striate::op {

struct MaxPool {
  static constexpr const char* signature = "x f32 [N,C,H,W] -> y f32 [N,C,P,Q]";
  struct Options {
    int64_t size = 2, stride = 2, padding = 0;
  };
  static void options(OptionVisitor& v, Options& o) {
    v.integer("size", o.size, 1, 1 << 20);
    v.integer("stride", o.stride, 1, 1 << 20);
    v.integer("padding", o.padding, 0, 1 << 20);
  }
  static void infer(Shapes& s, const Options& o) {
    const int64_t height = s['H'] + 2 * o.padding, width = s['W'] + 2 * o.padding;
    if (o.size > height || o.size > width)
      s.refuse("size", std::to_string(o.size), "at most the height and width of x", core::ErrorKind::option);
    if (2 * o.padding > o.size)
      s.refuse("padding", std::to_string(o.padding), "at most half of size", core::ErrorKind::option);
    s.set('P', (height - o.size) / o.stride + 1);
    s.set('Q', (width - o.size) / o.stride + 1);
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

struct AvgPool : MaxPool {};

struct AvgPoolGrad : MaxPool {
  static constexpr const char* signature = "gy f32 [N,C,P,Q] -> gx f32 [N,C,H,W]";
  struct Options : MaxPool::Options {
    int64_t height = 1, width = 1;  // of x
  };
  static void options(OptionVisitor& v, Options& o) {
    MaxPool::options(v, o);
    v.integer("height", o.height, 1, 1 << 20);
    v.integer("width", o.width, 1, 1 << 20);
  }
  static void infer(Shapes& s, const Options& o) {
    const int64_t p = s['P'], q = s['Q'];
    s.set('H', o.height);
    s.set('W', o.width);
    MaxPool::infer(s, o);
    if (s['P'] != p || s['Q'] != q)
      s.refuse("gy", core::shape_text(s.input("gy")),
               "[N,C,P,Q] with P = " + std::to_string(s['P']) + ", Q = " + std::to_string(s['Q']));
  }
};

}  // namespace striate::op
