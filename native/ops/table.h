// The ops: X(snake_case name, contract). One row is all that an op needs beside its contract, its kernel on each back
// end (striate::cpu::name and striate::cuda::name) and its wrapper in lib/ops. The order is that of the headers; it is
// the op's number. Kernel files include their own contract, not this: a row concerns the back ends and the binding.
#pragma once
#include "ops/batch_norm.h"
#include "ops/competition.h"
#include "ops/conv2d.h"
#include "ops/covariance.h"
#include "ops/eigh.h"
#include "ops/elementwise.h"
#include "ops/gather.h"
#include "ops/hebbian.h"
#include "ops/left_out.h"
#include "ops/linear.h"
#include "ops/loss.h"
#include "ops/nnl_conv.h"
#include "ops/optimiser.h"
#include "ops/pls.h"
#include "ops/pool.h"
#include "ops/products.h"
#include "ops/projection.h"
#include "ops/readout.h"
#include "ops/rectified_power.h"
#include "ops/reduce.h"
#include "ops/render.h"
#include "ops/rules.h"
#include "ops/sparse_matmul.h"
#include "ops/triangle.h"
#include "ops/wavelet.h"

#define STRIATE_OPS(X)                                   \
  X(batch_norm, BatchNorm)                               \
  X(batch_norm_grad, BatchNormGrad)                      \
  X(competition, Competition)                            \
  X(competitive_step, CompetitiveStep)                   \
  X(conv2d, Conv2d)                                      \
  X(conv2d_grad, Conv2dGrad)                             \
  X(covariance, Covariance)                              \
  X(covariance_merge, CovarianceMerge)                   \
  X(eigh, Eigh)                                          \
  X(add, Add)                                            \
  X(subtract, Subtract)                                  \
  X(multiply, Multiply)                                  \
  X(subtract_row, SubtractRow)                           \
  X(standardise, Standardise)                            \
  X(scale, Scale)                                        \
  X(relu, Relu)                                          \
  X(relu_grad, ReluGrad)                                 \
  X(to_f32, ToF32)                                       \
  X(to_f64, ToF64)                                       \
  X(unit_rows, UnitRows)                                 \
  X(copy_rows, CopyRows)                                 \
  X(copy_columns, CopyColumns)                           \
  X(slice_columns, SliceColumns)                         \
  X(gather_images, GatherImages)                         \
  X(gather_patches, GatherPatches)                       \
  X(hebbian_step, HebbianStep)                           \
  X(hebbian_learn, HebbianLearn)                         \
  X(weigh_rows, WeighRows)                               \
  X(left_out_scores, LeftOutScores)                      \
  X(matmul, Matmul)                                      \
  X(linear, Linear)                                      \
  X(linear_grad, LinearGrad)                             \
  X(softmax_cross_entropy, SoftmaxCrossEntropy)          \
  X(softmax_cross_entropy_grad, SoftmaxCrossEntropyGrad) \
  X(mse, Mse)                                            \
  X(mse_grad, MseGrad)                                   \
  X(nnl_conv, NnlConv)                                   \
  X(nnl_conv_grad, NnlConvGrad)                          \
  X(adam, Adam)                                          \
  X(adamw, Adamw)                                        \
  X(sgd, Sgd)                                            \
  X(pls_components, PlsComponents)                       \
  X(max_pool, MaxPool)                                   \
  X(max_pool_grad, MaxPoolGrad)                          \
  X(avg_pool, AvgPool)                                   \
  X(avg_pool_grad, AvgPoolGrad)                          \
  X(centred_products, CentredProducts)                   \
  X(sparse_projection, SparseProjection)                 \
  X(readout_learn, ReadoutLearn)                         \
  X(readout_score, ReadoutScore)                         \
  X(rectified_power, RectifiedPower)                     \
  X(rectified_power_grad, RectifiedPowerGrad)            \
  X(reduce, Reduce)                                      \
  X(argmax, Argmax)                                      \
  X(render_scenes, RenderScenes)                         \
  X(competitive_learn, CompetitiveLearn)                 \
  X(oja_learn, OjaLearn)                                 \
  X(sparse_matmul, SparseMatmul)                         \
  X(triangle, Triangle)                                  \
  X(triangle_grad, TriangleGrad)                         \
  X(wavelet_conv, WaveletConv)                           \
  X(wavelet_moments, WaveletMoments)                     \
  X(wavelet_mix, WaveletMix)                             \
  X(wavelet_conv_grad, WaveletConvGrad)                  \
  X(wavelet_mix_grad, WaveletMixGrad)

namespace striate::op {

enum class Id : int32_t {
#define STRIATE_ID(name, Contract) name,
  STRIATE_OPS(STRIATE_ID)
#undef STRIATE_ID
      count
};
inline constexpr int kCount = static_cast<int>(Id::count);

}  // namespace striate::op
