// cuDNN's convolutions through a table that is filled at run time, as cublas.h: STRIATE_CUDNN, libcudnn.so.9, .8.
// Only algorithms that keep the op's word are taken: float32 products without TF32, the same bits every time, and no
// Winograd or Fourier transform, whose error grows with pixels outside the window.
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <string>

#include "cuda/launch.cuh"

struct cudnnContext;
struct cudnnTensorStruct;
struct cudnnFilterStruct;
struct cudnnConvolutionStruct;

namespace striate::cuda {

struct Cudnn {
  using Handle = cudnnContext*;
  using Tensor = cudnnTensorStruct*;
  using Filter = cudnnFilterStruct*;
  using Convolution = cudnnConvolutionStruct*;
  // The enumerations of cudnn_ops and cudnn_cnn that are used here; cudnn.cu compares them where those headers exist.
  static constexpr int success = 0, nchw = 0, f32 = 0, cross_correlation = 1, default_math = 0, fma_math = 3,
                       deterministic = 1;
  /// Algorithms, one numbering for each product.
  static constexpr int forward_transforms = 4, grad_x_direct = 1, grad_w_direct = 1;
  /// cudnnConvolutionFwdAlgoPerf_t and its two sisters.
  struct Choice {
    int algorithm, status;
    float time;
    size_t memory;
    int determinism, math, reserved[3];
  };

  int (*create)(Handle*);
  int (*destroy)(Handle);
  int (*set_stream)(Handle, cudaStream_t);
  size_t (*get_version)();
  int (*create_tensor)(Tensor*);
  int (*destroy_tensor)(Tensor);
  int (*set_tensor)(Tensor, int format, int type, int n, int c, int h, int w);
  int (*create_filter)(Filter*);
  int (*destroy_filter)(Filter);
  int (*set_filter)(Filter, int type, int format, int k, int c, int h, int w);
  int (*create_convolution)(Convolution*);
  int (*destroy_convolution)(Convolution);
  int (*set_convolution)(Convolution, int pad_h, int pad_w, int stride_h, int stride_w, int dilation_h, int dilation_w,
                         int mode, int type);
  int (*set_math)(Convolution, int math);
  int (*choose_forward)(Handle, Tensor x, Filter w, Convolution, Tensor y, int wanted, int* count, Choice*);
  int (*choose_grad_x)(Handle, Filter w, Tensor gy, Convolution, Tensor gx, int wanted, int* count, Choice*);
  int (*choose_grad_w)(Handle, Tensor x, Tensor gy, Convolution, Filter gw, int wanted, int* count, Choice*);
  int (*forward)(Handle, const void* alpha, Tensor, const void* x, Filter, const void* w, Convolution, int algorithm,
                 void* workspace, size_t bytes, const void* beta, Tensor, void* y);
  int (*grad_x)(Handle, const void* alpha, Filter, const void* w, Tensor, const void* gy, Convolution, int algorithm,
                void* workspace, size_t bytes, const void* beta, Tensor, void* gx);
  int (*grad_w)(Handle, const void* alpha, Tensor, const void* x, Tensor, const void* gy, Convolution, int algorithm,
                void* workspace, size_t bytes, const void* beta, Filter, void* gw);

  int major = 0, minor = 0;
};

/// The table, or null with the reason. The search is made once.
const Cudnn* cudnn(std::string* reason = nullptr);

struct ConvLayer {
  int64_t N, C, H, W, K, R, S, P, Q, stride, padding;
};

/// One layer's descriptors, and the algorithm of each product once it was asked for.
struct CudnnPlan {
  Cudnn::Tensor x = nullptr, y = nullptr;
  Cudnn::Filter w = nullptr;
  Cudnn::Convolution convolution = nullptr;
  struct Algorithm {
    bool asked = false, found = false;
    int number = 0;
    size_t memory = 0;
  } algorithm[3];
};
/// A device's own.
struct CudnnState {
  Cudnn::Handle handle = nullptr;
  std::map<std::array<int64_t, 9>, CudnnPlan> plans;
};
void close_cudnn(CudnnState& state);

enum class ConvProduct { forward, grad_x, grad_w };

/// y, gx or gw into `to`, from the other two in the order x, w, gy. False when cuDNN is not there, has no algorithm
/// that qualifies, or a size is past 32 bits: nothing is done then.
bool cudnn_product(const core::Context& ctx, const ConvLayer& layer, ConvProduct product, const float* a,
                   const float* b, float* to);

}  // namespace striate::cuda
