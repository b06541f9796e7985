// nnl_conv  The layer of Grinberg, Hopfield, Krotov 2019 (section 2, equation 3), with its max pool fused:
//   v = patch of x at (p, q), C*R*S numbers, v -= mean(v) if centre;  c = w_k . v / |v| for normalise 'patch' (0 where
//   |v|^2 <= 2^-126), or w_k . v for 'none';  y = max(max over the pool window of c + b_k, 0)^power, and without
//   `rectify` the maximum with its sign, of power 1 alone; with `bothSigns` y has 2K channels, those of w and b and then
//   those of -w and -b ("polarity splitting", Coates and Ng 2011), at the price of one product
// x [N,C,H,W] f32, or u8 that stands for x / 255; w [K,C,R,S], rows used as they are (unit rows make c a cosine); y
// [N,L,P,Q] with L = K or 2K, f32 or bf16 (option `store`). P = (H + 2 padding - R) / stride + 1, and after a pool
// (P + 2 pool_padding - pool_size) / pool_stride + 1; padded pixels are zeros of the patch, and of a pool's window only
// the positions within the map take part. `index`, on request, is the position p * Q_conv + q of each maximum, the
// lowest one on ties; a NaN in a pool window gives NaN. Numerics: products and sums in float32 (|error of c| <= about
// C*R*S * 2^-24); the power is taken after the pool, in float32, so y's relative error is `power` times that; y is 0
//   where it would be below 2^-126 (as in rectified_power), and the gradient with it.
// nnl_conv_grad  gx (only of an f32 x), gw and gb of the same function, by recomputing c (y may be 0 where x is not):
//   z = c + b;  dy/dw = n z^(n-1) v/|v|,  dy/dv = n z^(n-1) (w - c v/|v|)/|v|,  dy/db = n z^(n-1);  0 at z <= 0 if
//   `rectify`, and the first two at zero patches; a max passes its gradient to the lowest position that attains it. Numerics: float32
//   products and sums, as long as gy n z^(n-1) / |v| is 0 or within float32's normal range (2^-126 to 2^127).
//   With power 1 the y and index that nnl_conv gave may be passed: then nothing is recomputed (an index that is no
//   position is a DataError when the queue reaches it). For a greater power take nnl_conv with power 1 and
//   rectified_power after it: the same function, and this gradient at the cost of the cells alone.
// Repeatable to the bit whatever the number of threads.
#pragma once
#include "ops/contract.h"

namespace striate::op {

struct NnlConv : Patches, Stored {
  static constexpr const char* signature =
      "x f32|u8 [N,C,H,W], w f32 [K,C,R,S], b? f32 [K] -> y f32|bf16 [N,L,P,Q], index? i32 [N,L,P,Q]";
  struct Options {
    double power = 1;
    int64_t stride = 1, padding = 0;
    int32_t normalise = patch;
    bool centre = false, rectify = true, both_signs = false;
    int64_t pool_size = 1, pool_stride = 1, pool_padding = 0;  // 1, 1: no pool
    int32_t store = f32;
  };
  static void options(OptionVisitor& v, Options& o) {
    layer(v, o);
    v.flag("bothSigns", o.both_signs);
    Stored::store(v, o.store);
  }
  /// What the gradient takes too.
  static void layer(OptionVisitor& v, Options& o) {
    v.real("power", o.power, 1, 200);
    v.integer("stride", o.stride, 1, 1 << 20);
    v.integer("padding", o.padding, 0, 1 << 20);
    Patches::normalise(v, o.normalise);
    v.flag("centre", o.centre);
    v.flag("rectify", o.rectify);
    v.integer("poolSize", o.pool_size, 1, 1 << 20);
    v.integer("poolStride", o.pool_stride, 1, 1 << 20);
    v.integer("poolPadding", o.pool_padding, 0, 1 << 20);
  }
  /// Positions of the window along an axis of the image, before any pool.
  static int64_t positions(int64_t image, int64_t window, const Options& o) {
    const int64_t room = image + 2 * o.padding - window;
    return room < 0 ? 0 : room / o.stride + 1;
  }
  /// Windows of the pool along an axis of `positions` positions.
  static int64_t pooled(int64_t positions, const Options& o) {
    return (positions + 2 * o.pool_padding - o.pool_size) / o.pool_stride + 1;
  }
  static void infer(Shapes& s, const Options& o) {
    if (!o.rectify && o.power != 1)
      s.refuse("power", std::to_string(o.power), "1 without rectify", core::ErrorKind::option);
    const int64_t p = positions(s['H'], s['R'], o), q = positions(s['W'], s['S'], o);
    if (p < 1 || q < 1) s.refuse("w", core::shape_text(s.input("w")), "a window no larger than the padded image of x");
    if (2 * o.pool_padding > o.pool_size)
      s.refuse("poolPadding", std::to_string(o.pool_padding), "at most half of poolSize", core::ErrorKind::option);
    const int64_t height = p + 2 * o.pool_padding, width = q + 2 * o.pool_padding;
    if (height < o.pool_size || width < o.pool_size)
      s.refuse("poolSize", std::to_string(o.pool_size),
               "at most the " + std::to_string(height) + " x " + std::to_string(width) + " positions of the window",
               core::ErrorKind::option);
    if (o.padding >= s['R'] || o.padding >= s['S'])
      s.refuse("padding", std::to_string(o.padding), "less than the window", core::ErrorKind::option);
    if (o.both_signs && !o.rectify) s.refuse("bothSigns", "true", "false without rectify", core::ErrorKind::option);
    s.set_output("y", dtype(o.store));
    s.set('L', o.both_signs ? 2 * s['K'] : s['K']);
    s.set('P', pooled(p, o));
    s.set('Q', pooled(q, o));
  }
};

struct NnlConvGrad : NnlConv {
  static constexpr const char* signature =
      "x f32|u8 [N,C,H,W], w f32 [K,C,R,S], gy f32 [N,K,P,Q], b? f32 [K], y? f32 [N,K,P,Q], index? i32 [N,K,P,Q] -> "
      "gx? f32 [N,C,H,W], gw? f32 [K,C,R,S], gb? f32 [K]";
  static void options(OptionVisitor& v, Options& o) { layer(v, o); }
  static void infer(Shapes& s, const Options& o) {
    const int64_t p = s['P'], q = s['Q'];
    NnlConv::infer(s, o);
    if (s['P'] != p || s['Q'] != q)
      s.refuse("gy", core::shape_text(s.input("gy")),
               "[N,K,P,Q] with P = " + std::to_string(s['P']) + ", Q = " + std::to_string(s['Q']));
    if (s.wants("gx") && s.input("x").dtype == core::Dtype::u8)
      s.refuse("x", "u8 " + core::shape_text(s.input("x")), "f32 where gx is asked for");
    if (s.has("y") != s.has("index"))
      s.refuse(s.has("y") ? "index" : "y", "left out", "y and index together, or neither");
    if (s.has("y") && o.power != 1)
      s.refuse("power", std::to_string(o.power), "1 with y and index (take rectified_power after it)",
               core::ErrorKind::option);
  }
};

}  // namespace striate::op
