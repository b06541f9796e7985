// conv2d       y[n,k,p,q] = sum over c,r,s of w[k,c,r,s] x[n, c, p stride + r - padding, q stride + s - padding] + b[k]
//   (a cross-correlation, as networks use the word); x [N,C,H,W] f32, or u8 that stands for x / 255; zeros outside;
//   P = (H + 2 padding - R) / stride + 1 rounded down
// conv2d_grad  gx, gw, gb of it, each made on request; gx only of an f32 x
// Numerics: float32 products, float32 sums in blocks (error at most about C*R*S * 2^-24 * sum |w||x|; gw: N*P*Q in
// place of C*R*S); a GPU may take a factor to the nearest multiple of 2^-133, which only factors below 2^-110 notice.
// With `precision` bfloat16 both factors of every product (x / 255 of bytes, w, gy) are rounded to bfloat16 first, to
// the nearest, ties to even; products are then exact, and sums are float32 as before, but where tensor cores make them
// they cut off what they do not keep (error at most about C*R*S * 2^-23 * sum |w||x| of the rounded factors). b and gb,
// which are factors of nothing, are float32 always; so is everything in memory. A GPU gains speed by it; a CPU computes
// the same numbers, for reproducing, no faster. Repeatable to the bit whatever the number of threads.
#pragma once
#include "ops/contract.h"

namespace striate::op {

struct Conv2d {
  static constexpr const char* signature = "x f32|u8 [N,C,H,W], w f32 [K,C,R,S], b? f32 [K] -> y f32 [N,K,P,Q]";
  enum Precision : int32_t { float32, bfloat16 };
  struct Options {
    int64_t stride = 1, padding = 0;
    int32_t precision = float32;
  };
  static void options(OptionVisitor& v, Options& o) {
    v.integer("stride", o.stride, 1, 1 << 20);
    v.integer("padding", o.padding, 0, 1 << 20);
    v.choice("precision", o.precision, {"float32", "bfloat16"});
  }
  static void infer(Shapes& s, const Options& o) {
    const int64_t height = s['H'] + 2 * o.padding - s['R'], width = s['W'] + 2 * o.padding - s['S'];
    if (height < 0 || width < 0)
      s.refuse("w", core::shape_text(s.input("w")), "a window no larger than the padded image of x");
    if (o.padding >= s['R'] || o.padding >= s['S'])
      s.refuse("padding", std::to_string(o.padding), "less than the window", core::ErrorKind::option);
    s.set('P', height / o.stride + 1);
    s.set('Q', width / o.stride + 1);
  }
};

struct Conv2dGrad : Conv2d {
  static constexpr const char* signature =
      "x f32|u8 [N,C,H,W], w f32 [K,C,R,S], gy f32 [N,K,P,Q] -> gx? f32 [N,C,H,W], gw? f32 [K,C,R,S], gb? f32 [K]";
  static void infer(Shapes& s, const Options& o) {
    const int64_t p = s['P'], q = s['Q'];
    Conv2d::infer(s, o);
    if (s['P'] != p || s['Q'] != q)
      s.refuse("gy", core::shape_text(s.input("gy")),
               "[N,K,P,Q] with P = " + std::to_string(s['P']) + ", Q = " + std::to_string(s['Q']));
    if (s.wants("gx") && s.input("x").dtype == core::Dtype::u8)
      s.refuse("x", "u8 " + core::shape_text(s.input("x")), "f32 where gx is asked for");
  }
};

}  // namespace striate::op
