#include <type_traits>
#include <utility>

#include "core/library.h"
#include "cuda/cudnn.h"
#include "cuda/device.cuh"

#if !defined(STRIATE_CUDA_SIM) && __has_include(<cudnn.h>)
#include <cudnn.h>

#include <cstddef>
namespace {
using striate::cuda::Cudnn;
static_assert(std::is_same_v<cudnnHandle_t, Cudnn::Handle> && sizeof(cudnnStatus_t) == sizeof(int));
static_assert(std::is_same_v<cudnnTensorDescriptor_t, Cudnn::Tensor>);
static_assert(std::is_same_v<cudnnFilterDescriptor_t, Cudnn::Filter>);
static_assert(std::is_same_v<cudnnConvolutionDescriptor_t, Cudnn::Convolution>);
static_assert(CUDNN_STATUS_SUCCESS == Cudnn::success && CUDNN_TENSOR_NCHW == Cudnn::nchw);
static_assert(CUDNN_DATA_FLOAT == Cudnn::f32 && CUDNN_CROSS_CORRELATION == Cudnn::cross_correlation);
static_assert(CUDNN_FMA_MATH == Cudnn::fma_math && CUDNN_DEFAULT_MATH == Cudnn::default_math &&
              CUDNN_DETERMINISTIC == Cudnn::deterministic);
static_assert(CUDNN_CONVOLUTION_FWD_ALGO_FFT == Cudnn::forward_transforms &&
              CUDNN_CONVOLUTION_FWD_ALGO_DIRECT < Cudnn::forward_transforms);
static_assert(CUDNN_CONVOLUTION_BWD_DATA_ALGO_1 == Cudnn::grad_x_direct);
static_assert(CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1 == Cudnn::grad_w_direct);
template <class Perf>
constexpr bool kSameChoice = sizeof(Perf) == sizeof(Cudnn::Choice) &&
                             offsetof(Perf, status) == offsetof(Cudnn::Choice, status) &&
                             offsetof(Perf, memory) == offsetof(Cudnn::Choice, memory) &&
                             offsetof(Perf, determinism) == offsetof(Cudnn::Choice, determinism) &&
                             offsetof(Perf, mathType) == offsetof(Cudnn::Choice, math);
static_assert(kSameChoice<cudnnConvolutionFwdAlgoPerf_t> && kSameChoice<cudnnConvolutionBwdDataAlgoPerf_t> &&
              kSameChoice<cudnnConvolutionBwdFilterAlgoPerf_t>);
using In = const void*;
using Out = void*;
template <class T>
T any();
static_assert(std::is_same_v<cudnnStatus_t, decltype(cudnnSetTensor4dDescriptor(any<Cudnn::Tensor>(), CUDNN_TENSOR_NCHW,
                                                                                CUDNN_DATA_FLOAT, 1, 1, 1, 1))>);
static_assert(std::is_same_v<cudnnStatus_t, decltype(cudnnSetFilter4dDescriptor(any<Cudnn::Filter>(), CUDNN_DATA_FLOAT,
                                                                                CUDNN_TENSOR_NCHW, 1, 1, 1, 1))>);
static_assert(std::is_same_v<cudnnStatus_t,
                             decltype(cudnnSetConvolution2dDescriptor(any<Cudnn::Convolution>(), 1, 1, 1, 1, 1, 1,
                                                                      CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT))>);
static_assert(std::is_same_v<cudnnStatus_t,
                             decltype(cudnnConvolutionForward(
                                 any<Cudnn::Handle>(), any<In>(), any<Cudnn::Tensor>(), any<In>(), any<Cudnn::Filter>(),
                                 any<In>(), any<Cudnn::Convolution>(), CUDNN_CONVOLUTION_FWD_ALGO_GEMM, any<Out>(),
                                 size_t(), any<In>(), any<Cudnn::Tensor>(), any<Out>()))>);
static_assert(std::is_same_v<cudnnStatus_t,
                             decltype(cudnnConvolutionBackwardData(
                                 any<Cudnn::Handle>(), any<In>(), any<Cudnn::Filter>(), any<In>(), any<Cudnn::Tensor>(),
                                 any<In>(), any<Cudnn::Convolution>(), CUDNN_CONVOLUTION_BWD_DATA_ALGO_1, any<Out>(),
                                 size_t(), any<In>(), any<Cudnn::Tensor>(), any<Out>()))>);
static_assert(std::is_same_v<cudnnStatus_t,
                             decltype(cudnnConvolutionBackwardFilter(
                                 any<Cudnn::Handle>(), any<In>(), any<Cudnn::Tensor>(), any<In>(), any<Cudnn::Tensor>(),
                                 any<In>(), any<Cudnn::Convolution>(), CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1, any<Out>(),
                                 size_t(), any<In>(), any<Cudnn::Filter>(), any<Out>()))>);
}  // namespace
#endif

#if defined(STRIATE_CUDA_SIM)
struct cudnnTensorStruct {
  int64_t n, c, h, w;
};
struct cudnnFilterStruct {
  int64_t k, c, h, w;
};
struct cudnnConvolutionStruct {
  int64_t padding, stride;
};
#endif

namespace striate::cuda {
namespace {

#if defined(STRIATE_CUDA_SIM)
/// f(index into x, into w, into y) for each product of the convolution.
template <class F>
void each_product(const cudnnTensorStruct& x, const cudnnFilterStruct& w, const cudnnTensorStruct& y,
                  const cudnnConvolutionStruct& o, F&& f) {
  for (int64_t n = 0; n < y.n; ++n)
    for (int64_t k = 0; k < y.c; ++k)
      for (int64_t p = 0; p < y.h; ++p)
        for (int64_t q = 0; q < y.w; ++q)
          for (int64_t c = 0; c < x.c; ++c)
            for (int64_t r = 0; r < w.h; ++r)
              for (int64_t s = 0; s < w.w; ++s) {
                const int64_t h = p * o.stride + r - o.padding, v = q * o.stride + s - o.padding;
                if (h >= 0 && h < x.h && v >= 0 && v < x.w)
                  f(((n * x.c + c) * x.h + h) * x.w + v, ((k * x.c + c) * w.h + r) * w.w + s,
                    ((n * y.c + k) * y.h + p) * y.w + q);
              }
}

template <class T>
int create_on_cpu(T** made) {
  *made = new T;
  return Cudnn::success;
}
template <class T>
int destroy_on_cpu(T* made) {
  delete made;
  return Cudnn::success;
}
/// As cuDNN does, what must not be taken comes first: a transform, and one whose bits do not repeat.
int choose_on_cpu(int direct, int wanted, int* count, Cudnn::Choice* choice) {
  *count = wanted < 3 ? wanted : 3;
  for (int i = 0; i < *count; ++i)
    choice[i] = {i == 0 ? Cudnn::forward_transforms + 2 : direct,
                 Cudnn::success,
                 0,
                 static_cast<size_t>(i) * 64,
                 i == 1 ? 0 : Cudnn::deterministic,
                 Cudnn::fma_math,
                 {}};
  return Cudnn::success;
}
template <class T>
void fill_zeros(void* to, const T& shape, int64_t first) {
  float* p = static_cast<float*>(to);
  for (int64_t i = 0; i < first * shape.c * shape.h * shape.w; ++i) p[i] = 0;
}

bool fill(Cudnn& t, std::string*) {
  t.create = [](Cudnn::Handle* h) {
    *h = nullptr;
    return 0;
  };
  t.destroy = [](Cudnn::Handle) { return 0; };
  t.set_stream = [](Cudnn::Handle, cudaStream_t) { return 0; };
  t.get_version = []() -> size_t { return 0; };
  t.create_tensor = create_on_cpu<cudnnTensorStruct>;
  t.destroy_tensor = destroy_on_cpu<cudnnTensorStruct>;
  t.set_tensor = [](Cudnn::Tensor d, int, int, int n, int c, int h, int w) {
    *d = {n, c, h, w};
    return 0;
  };
  t.create_filter = create_on_cpu<cudnnFilterStruct>;
  t.destroy_filter = destroy_on_cpu<cudnnFilterStruct>;
  t.set_filter = [](Cudnn::Filter d, int, int, int k, int c, int h, int w) {
    *d = {k, c, h, w};
    return 0;
  };
  t.create_convolution = create_on_cpu<cudnnConvolutionStruct>;
  t.destroy_convolution = destroy_on_cpu<cudnnConvolutionStruct>;
  t.set_convolution = [](Cudnn::Convolution d, int pad, int, int stride, int, int, int, int, int) {
    *d = {pad, stride};
    return 0;
  };
  t.set_math = [](Cudnn::Convolution, int math) { return math == Cudnn::fma_math ? 0 : 1; };
  t.choose_forward = [](Cudnn::Handle, Cudnn::Tensor, Cudnn::Filter, Cudnn::Convolution, Cudnn::Tensor, int wanted,
                        int* count, Cudnn::Choice* choice) { return choose_on_cpu(0, wanted, count, choice); };
  t.choose_grad_x = [](Cudnn::Handle, Cudnn::Filter, Cudnn::Tensor, Cudnn::Convolution, Cudnn::Tensor, int wanted,
                       int* count,
                       Cudnn::Choice* choice) { return choose_on_cpu(Cudnn::grad_x_direct, wanted, count, choice); };
  t.choose_grad_w = [](Cudnn::Handle, Cudnn::Tensor, Cudnn::Tensor, Cudnn::Convolution, Cudnn::Filter, int wanted,
                       int* count,
                       Cudnn::Choice* choice) { return choose_on_cpu(Cudnn::grad_w_direct, wanted, count, choice); };
  t.forward = [](Cudnn::Handle, const void*, Cudnn::Tensor x, const void* a, Cudnn::Filter w, const void* b,
                 Cudnn::Convolution o, int, void*, size_t, const void*, Cudnn::Tensor y, void* to) {
    fill_zeros(to, *y, y->n);
    each_product(*x, *w, *y, *o, [&](int64_t i, int64_t j, int64_t k) {
      static_cast<float*>(to)[k] += static_cast<const float*>(a)[i] * static_cast<const float*>(b)[j];
    });
    return 0;
  };
  t.grad_x = [](Cudnn::Handle, const void*, Cudnn::Filter w, const void* a, Cudnn::Tensor y, const void* b,
                Cudnn::Convolution o, int, void*, size_t, const void*, Cudnn::Tensor x, void* to) {
    fill_zeros(to, *x, x->n);
    each_product(*x, *w, *y, *o, [&](int64_t i, int64_t j, int64_t k) {
      static_cast<float*>(to)[i] += static_cast<const float*>(a)[j] * static_cast<const float*>(b)[k];
    });
    return 0;
  };
  t.grad_w = [](Cudnn::Handle, const void*, Cudnn::Tensor x, const void* a, Cudnn::Tensor y, const void* b,
                Cudnn::Convolution o, int, void*, size_t, const void*, Cudnn::Filter w, void* to) {
    fill_zeros(to, *w, w->k);
    each_product(*x, *w, *y, *o, [&](int64_t i, int64_t j, int64_t k) {
      static_cast<float*>(to)[j] += static_cast<const float*>(a)[i] * static_cast<const float*>(b)[k];
    });
    return 0;
  };
  return true;
}
#else
bool fill(Cudnn& t, std::string* reason) {
  void* library = core::open_library("STRIATE_CUDNN", {"libcudnn.so.9", "libcudnn.so.8"}, reason, kCudaHomes);
  if (!library) return false;
  const auto find = [&](const char* name, auto& function) {
    return core::find_symbol(library, name, function, reason);
  };
  if (!find("cudnnGetVersion", t.get_version)) return false;
  const size_t version = t.get_version();
  t.major = static_cast<int>(version >= 90000 ? version / 10000 : version / 1000);
  t.minor = static_cast<int>(version >= 90000 ? version % 10000 / 100 : version % 1000 / 100);
  if (t.major < 8) {
    *reason = "version " + std::to_string(t.major) + " cannot be kept from rounding to TF32";
    return false;
  }
  return find("cudnnCreate", t.create) && find("cudnnDestroy", t.destroy) && find("cudnnSetStream", t.set_stream) &&
         find("cudnnCreateTensorDescriptor", t.create_tensor) &&
         find("cudnnDestroyTensorDescriptor", t.destroy_tensor) && find("cudnnSetTensor4dDescriptor", t.set_tensor) &&
         find("cudnnCreateFilterDescriptor", t.create_filter) &&
         find("cudnnDestroyFilterDescriptor", t.destroy_filter) && find("cudnnSetFilter4dDescriptor", t.set_filter) &&
         find("cudnnCreateConvolutionDescriptor", t.create_convolution) &&
         find("cudnnDestroyConvolutionDescriptor", t.destroy_convolution) &&
         find("cudnnSetConvolution2dDescriptor", t.set_convolution) &&
         find("cudnnSetConvolutionMathType", t.set_math) &&
         find("cudnnGetConvolutionForwardAlgorithm_v7", t.choose_forward) &&
         find("cudnnGetConvolutionBackwardDataAlgorithm_v7", t.choose_grad_x) &&
         find("cudnnGetConvolutionBackwardFilterAlgorithm_v7", t.choose_grad_w) &&
         find("cudnnConvolutionForward", t.forward) && find("cudnnConvolutionBackwardData", t.grad_x) &&
         find("cudnnConvolutionBackwardFilter", t.grad_w);
}
#endif

void check_status(int status, const char* what) {
  if (status != Cudnn::success)
    throw core::Error(core::ErrorKind::device, "", std::string(what) + ": cuDNN status " + std::to_string(status));
}

/// The layer's plan, made at its first use.
CudnnPlan& plan_of(const Cudnn& t, Device& device, const ConvLayer& l) {
  CudnnState& state = device.cudnn;
#if !defined(STRIATE_CUDA_SIM)
  if (!state.handle) {
    check_status(t.create(&state.handle), "cudnnCreate");
    check_status(t.set_stream(state.handle, device.stream), "cudnnSetStream");
  }
#endif
  CudnnPlan& plan = state.plans[{l.N, l.C, l.H, l.W, l.K, l.R, l.S, l.stride, l.padding}];
  if (plan.convolution) return plan;
  const auto narrow = [](int64_t x) { return static_cast<int>(x); };
  // A plan that failed half way goes on where it stopped; `convolution` is made last.
  if (!plan.x) check_status(t.create_tensor(&plan.x), "cudnnCreateTensorDescriptor");
  if (!plan.y) check_status(t.create_tensor(&plan.y), "cudnnCreateTensorDescriptor");
  if (!plan.w) check_status(t.create_filter(&plan.w), "cudnnCreateFilterDescriptor");
  check_status(t.set_tensor(plan.x, Cudnn::nchw, Cudnn::f32, narrow(l.N), narrow(l.C), narrow(l.H), narrow(l.W)),
               "cudnnSetTensor4dDescriptor");
  check_status(t.set_tensor(plan.y, Cudnn::nchw, Cudnn::f32, narrow(l.N), narrow(l.K), narrow(l.P), narrow(l.Q)),
               "cudnnSetTensor4dDescriptor");
  check_status(t.set_filter(plan.w, Cudnn::f32, Cudnn::nchw, narrow(l.K), narrow(l.C), narrow(l.R), narrow(l.S)),
               "cudnnSetFilter4dDescriptor");
  Cudnn::Convolution made = nullptr;
  check_status(t.create_convolution(&made), "cudnnCreateConvolutionDescriptor");
  const int padding = narrow(l.padding), stride = narrow(l.stride);
  int status = t.set_convolution(made, padding, padding, stride, stride, 1, 1, Cudnn::cross_correlation, Cudnn::f32);
  if (status == Cudnn::success) status = t.set_math(made, Cudnn::fma_math);
  if (status != Cudnn::success) t.destroy_convolution(made);
  check_status(status, "cudnnSetConvolution2dDescriptor");
  plan.convolution = made;
  return plan;
}

const CudnnPlan::Algorithm& algorithm_of(const Cudnn& t, Cudnn::Handle handle, CudnnPlan& plan, ConvProduct product) {
  CudnnPlan::Algorithm& algorithm = plan.algorithm[static_cast<int>(product)];
  if (algorithm.asked) return algorithm;
  constexpr int kMost = 16;
  constexpr size_t kMemory = size_t(256) << 20;
  Cudnn::Choice choices[kMost] = {};
  int count = 0;
  switch (product) {
    case ConvProduct::forward:
      check_status(t.choose_forward(handle, plan.x, plan.w, plan.convolution, plan.y, kMost, &count, choices),
                   "cudnnGetConvolutionForwardAlgorithm_v7");
      break;
    case ConvProduct::grad_x:
      check_status(t.choose_grad_x(handle, plan.w, plan.y, plan.convolution, plan.x, kMost, &count, choices),
                   "cudnnGetConvolutionBackwardDataAlgorithm_v7");
      break;
    case ConvProduct::grad_w:
      check_status(t.choose_grad_w(handle, plan.x, plan.y, plan.convolution, plan.w, kMost, &count, choices),
                   "cudnnGetConvolutionBackwardFilterAlgorithm_v7");
      break;
  }
  algorithm.asked = true;
  for (int i = 0; i < count && !algorithm.found; ++i) {
    const Cudnn::Choice& c = choices[i];
    const bool direct = product == ConvProduct::forward  ? c.algorithm >= 0 && c.algorithm < Cudnn::forward_transforms
                        : product == ConvProduct::grad_x ? c.algorithm == Cudnn::grad_x_direct
                                                         : c.algorithm == Cudnn::grad_w_direct;
    if (direct && c.status == Cudnn::success && c.determinism == Cudnn::deterministic &&
        (c.math == Cudnn::fma_math || c.math == Cudnn::default_math) && c.memory <= kMemory) {
      algorithm.found = true;
      algorithm.number = c.algorithm;
      algorithm.memory = c.memory;
    }
  }
  return algorithm;
}

}  // namespace

const Cudnn* cudnn(std::string* reason) { return core::library_table<Cudnn, fill>(reason); }

void close_cudnn(CudnnState& state) {
  const Cudnn* t = cudnn();
  if (!t) return;
  for (auto& [key, plan] : state.plans) {
    if (plan.convolution) t->destroy_convolution(plan.convolution);
    if (plan.w) t->destroy_filter(plan.w);
    if (plan.y) t->destroy_tensor(plan.y);
    if (plan.x) t->destroy_tensor(plan.x);
  }
  state.plans.clear();
  if (state.handle) t->destroy(state.handle);
  state.handle = nullptr;
}

bool cudnn_product(const core::Context& ctx, const ConvLayer& l, ConvProduct product, const float* a, const float* b,
                   float* to) {
  const Cudnn* t = cudnn();
  if (!t || l.N * l.C * l.H * l.W > INT32_MAX || l.N * l.K * l.P * l.Q > INT32_MAX || l.K * l.C * l.R * l.S > INT32_MAX)
    return false;
  Device& device = device_of(ctx);
  CudnnPlan& plan = plan_of(*t, device, l);
  const Cudnn::Handle handle = device.cudnn.handle;
  const CudnnPlan::Algorithm& algorithm = algorithm_of(*t, handle, plan, product);
  if (!algorithm.found) return false;
  void* workspace = algorithm.memory ? ctx.scratch<char>(algorithm.memory) : nullptr;
  const float one = 1, zero = 0;
  switch (product) {
    case ConvProduct::forward:
      check_status(t->forward(handle, &one, plan.x, a, plan.w, b, plan.convolution, algorithm.number, workspace,
                              algorithm.memory, &zero, plan.y, to),
                   "cudnnConvolutionForward");
      break;
    case ConvProduct::grad_x:
      check_status(t->grad_x(handle, &one, plan.w, a, plan.y, b, plan.convolution, algorithm.number, workspace,
                             algorithm.memory, &zero, plan.x, to),
                   "cudnnConvolutionBackwardData");
      break;
    case ConvProduct::grad_w:
      check_status(t->grad_w(handle, &one, plan.x, a, plan.y, b, plan.convolution, algorithm.number, workspace,
                             algorithm.memory, &zero, plan.w, to),
                   "cudnnConvolutionBackwardFilter");
      break;
  }
  return true;
}

}  // namespace striate::cuda
