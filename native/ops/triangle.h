// triangle       The code of Coates, Ng and Lee 2011 (section 3.2.1, "K-means (triangle)"), of cosines: x_k is that of a
//                patch and of filter k, d_k = sqrt(max(2 - 2 x_k, 0)) the distance between the two at norm 1, and
//                y_k = max(mean over k of d - d_k, 0): about half of the filters, those nearer than most, answer.
// triangle_grad  gx_k = (gy_k a_k - mean over j of gy_j a_j) / d_k with a_k = 1 where y_k > 0, else 0; 0 where d_k is
// x [N,K,P,Q], over the axis K. Float32; |error of y| <= ((K + 3) mean d + 3 d_k) 2^-24. A NaN makes all of its
// position NaN. Repeatable to the bit.
#pragma once
#include "ops/contract.h"

namespace striate::op {

struct Triangle {
  static constexpr const char* signature = "x f32 [N,K,P,Q] -> y f32 [N,K,P,Q]";
  struct Options {};
  static void options(OptionVisitor&, Options&) {}
  static void infer(Shapes&, const Options&) {}
};

struct TriangleGrad : Triangle {
  static constexpr const char* signature = "x f32 [N,K,P,Q], gy f32 [N,K,P,Q] -> gx f32 [N,K,P,Q]";
};

}  // namespace striate::op
