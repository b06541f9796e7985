// wavelet_conv     every channel of x by every filter of a bank that all channels share: one low-pass phi and L complex
//   wavelets psi_l. bank [1 + 2 L, S, S], S odd, centred: row 0 is phi, rows 1 + 2 l and 2 + 2 l are the real and the
//   imaginary part of psi_l. With f * x = sum over u of f(u) x(p - u), as published (a convolution, not a correlation):
//     y [N, C (1 + L), P, Q]:  the C maps phi * x, then (channel by channel, and in it orientation by orientation)
//     modulus |psi_l * x|, or relu max(Re psi_l * x, 0); none: [N, C (1 + 2 L), P, Q], Re and Im of each in turn
//   x [N,C,H,W] f32, or u8 that stands for x / 255. Border (Passi, Robinson, Bonner, after Rainbow): an axis is
//   reflected by 2 pixels (an odd one by 1 before, 2 after), the grid so made is taken as circular, however long the
//   filter, 2 pixels are cropped again from each side; subsample 2 keeps the even places of the grid and crops 1.
//   So P is H / subsample of an even H, and (H - 1) / subsample of an odd one.
// wavelet_moments  of the maps y above, without writing them: pooled [N,E] the mean of each map, squares [E] the sum of
//   its squares over images and places (float64)
// wavelet_mix      out = w y + b at every place: [N,K,P,Q]; `normalise` then divides each place's K numbers by their
//   Euclidean norm (0 stays 0), which `norms` [N,P,Q] gives on request
// wavelet_conv_grad, wavelet_mix_grad  gradients of these, each made on request; the responses are computed again. A
//   modulus has the gradient 0 at 0. wavelet_mix_grad of a normalised result needs that result and its norms.
// Numerics: float32 products and sums; the filters' parts that are even or odd along each axis are used apart, so that
// a response's error is about (S^2 / 4 + 8) 2^-24 times the sum of |part| |x|. x is finite, or NaN, which spreads. A
// modulus is sqrt(Re^2 + Im^2) in float32: right where the squares are within its range, and to 2^-74 below.
// Repeatable to the bit whatever the number of threads.
#pragma once
#include "ops/contract.h"

namespace striate::op {

/// How one axis of a map is bordered, filtered and cropped.
struct WaveletAxis {
  int64_t size, before, grid, step, positions;

  WaveletAxis(int64_t size_, int64_t subsample)
      : size(size_),
        before(size_ % 2 ? 1 : 2),
        grid(size_ + before + 2),
        step(subsample),
        positions((grid - 4) / step) {}

  /// The pixel at a place of the grid, any whole number: circular on the grid, reflected from there on.
  int64_t pixel(int64_t place) const {
    if (size == 1) return 0;
    const int64_t period = 2 * (size - 1), i = (((place % grid + grid) % grid - before) % period + period) % period;
    return i < size ? i : period - i;
  }
  /// Length of the axis with all that the filter reaches, so that position p reads [p step, p step + side).
  int64_t extent(int64_t side) const { return (positions - 1) * step + side; }
  /// The pixel at each place of that extent.
  int64_t reached(int64_t place, int64_t side) const { return pixel(2 + place - side / 2); }
};

struct WaveletConv {
  static constexpr const char* signature = "x f32|u8 [N,C,H,W], bank f32 [B,R,S] -> y f32 [N,E,P,Q]";
  enum Nonlinearity : int32_t { modulus, relu, none };
  struct Options {
    int64_t subsample = 1;
    int32_t nonlinearity = modulus;
  };
  template <class O>
  static void shared_options(OptionVisitor& v, O& o) {
    v.integer("subsample", o.subsample, 1, 2);
    v.choice("nonlinearity", o.nonlinearity, {"modulus", "relu", "none"});
  }
  static void options(OptionVisitor& v, Options& o) { shared_options(v, o); }
  static constexpr int64_t kMostSide = 31, kMostRows = 65;

  /// Maps of a channel.
  static int64_t maps(int64_t rows, int32_t nonlinearity) { return nonlinearity == none ? rows : 1 + rows / 2; }
  template <class O>
  static void infer_maps(Shapes& s, const O& o) {
    const int64_t rows = s['B'], side = s['S'];
    if (rows < 3 || rows % 2 == 0 || rows > kMostRows || s['R'] != side || side % 2 == 0 || side > kMostSide)
      s.refuse("bank", core::shape_text(s.input("bank")),
               "[1 + 2 L,S,S] with L from 1 to " + std::to_string(kMostRows / 2) + " and S odd, at most " +
                   std::to_string(kMostSide));
    if (s['H'] < 2 || s['W'] < 2)
      s.refuse("x", core::shape_text(s.input("x")), "maps of at least 2 x 2 pixels (the border leaves nothing of 1)");
    s.set('P', WaveletAxis(s['H'], o.subsample).positions);
    s.set('Q', WaveletAxis(s['W'], o.subsample).positions);
  }
  static void infer(Shapes& s, const Options& o) {
    infer_maps(s, o);
    s.set('E', s['C'] * maps(s['B'], o.nonlinearity));
  }
};

struct WaveletConvGrad : WaveletConv {
  static constexpr const char* signature = "x f32 [N,C,H,W], bank f32 [B,R,S], gy f32 [N,E,P,Q] -> gx f32 [N,C,H,W]";
  static void infer(Shapes& s, const Options& o) {
    const int64_t e = s['E'], p = s['P'], q = s['Q'];
    WaveletConv::infer(s, o);
    if (s['E'] != e || s['P'] != p || s['Q'] != q)
      s.refuse("gy", core::shape_text(s.input("gy")),
               "[N," + std::to_string(s['E']) + "," + std::to_string(s['P']) + "," + std::to_string(s['Q']) +
                   "], the shape of y");
  }
};

struct WaveletMoments : WaveletConv {
  static constexpr const char* signature =
      "x f32|u8 [N,C,H,W], bank f32 [B,R,S] -> pooled f32|f64 [N,E], squares f64 [E]";
  struct Options : WaveletConv::Options {
    int32_t store = 0;
  };
  static void options(OptionVisitor& v, Options& o) {
    shared_options(v, o);
    v.choice("store", o.store, {"f32", "f64"});
  }
  static void infer(Shapes& s, const Options& o) {
    WaveletConv::infer(s, o);
    s.set_output("pooled", o.store ? core::Dtype::f64 : core::Dtype::f32);
  }
};

struct WaveletMix : WaveletConv {
  static constexpr const char* signature =
      "x f32|u8 [N,C,H,W], bank f32 [B,R,S], w f32 [K,E], b? f32 [K] -> y f32 [N,K,P,Q], norms? f32 [N,P,Q]";
  struct Options : WaveletConv::Options {
    bool normalise = false;
  };
  static void options(OptionVisitor& v, Options& o) {
    shared_options(v, o);
    v.flag("normalise", o.normalise);
  }
  static void infer_columns(Shapes& s, const Options& o) {
    const int64_t e = s['E'];
    WaveletConv::infer(s, o);
    if (s['E'] != e)
      s.refuse("w", core::shape_text(s.input("w")),
               "[K," + std::to_string(s['E']) + "], a number for each of the " + std::to_string(s['E'] / s['C']) +
                   " maps of the " + std::to_string(s['C']) + " channels");
  }
  static void infer(Shapes& s, const Options& o) {
    infer_columns(s, o);
    if (s.wants("norms") && !o.normalise)
      s.refuse("normalise", "false", "true where the norms are asked for", core::ErrorKind::option);
  }
};

struct WaveletMixGrad : WaveletMix {
  static constexpr const char* signature =
      "x f32|u8 [N,C,H,W], bank f32 [B,R,S], w f32 [K,E], gy f32 [N,K,P,Q], y? f32 [N,K,P,Q], norms? f32 [N,P,Q] -> "
      "gx? f32 [N,C,H,W], gw? f32 [K,E], gb? f32 [K]";
  static void infer(Shapes& s, const Options& o) {
    const int64_t p = s['P'], q = s['Q'];
    infer_columns(s, o);
    if (s['P'] != p || s['Q'] != q)
      s.refuse("gy", core::shape_text(s.input("gy")),
               "[N,K," + std::to_string(s['P']) + "," + std::to_string(s['Q']) + "], the shape of y");
    for (const char* name : {"y", "norms"})
      if (s.has(name) != o.normalise)
        s.refuse(name, o.normalise ? "left out" : core::shape_text(s.input(name)),
                 o.normalise ? "what wavelet_mix gave, where normalise is on" : "none without normalise");
    if (s.wants("gx") && s.input("x").dtype == core::Dtype::u8)
      s.refuse("x", "u8 " + core::shape_text(s.input("x")), "f32 where gx is asked for");
  }
};

}  // namespace striate::op
