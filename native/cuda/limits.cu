// What the GPU can do at most: the yardstick of `striate bench`. Each kernel is launched in bursts that take a few
// milliseconds, of which the shortest counts; a burst ends when the host has seen it end.
//   multiply-adds  8 independent chains a thread, 1,024 threads a multiprocessor: every issue slot holds one
//   read, copy     16 bytes a thread and access, 4 at a time, over 8 MiB for each multiprocessor: far past the caches
#include <algorithm>
#include <chrono>
#include <memory>

#include "cuda/limits.h"

namespace striate::cuda {
namespace {

constexpr int kThreads = 256, kBlocks = 4;  // of a multiprocessor
constexpr int kChains = 8, kLoads = 4;
constexpr int64_t kBytes = 8 << 20;  // for each multiprocessor

__global__ void __launch_bounds__(kThreads) multiply_add_kernel(float* sink, int rounds, float factor, float offset) {
  float chain[kChains];
  STRIATE_UNROLL
  for (int i = 0; i < kChains; ++i) chain[i] = static_cast<float>(threadIdx.x + i);
  for (int round = 0; round < rounds; ++round) {
    STRIATE_UNROLL
    for (int i = 0; i < kChains; ++i) chain[i] = fmaf(chain[i], factor, offset);
  }
  float total = 0;
  STRIATE_UNROLL
  for (int i = 0; i < kChains; ++i) total += chain[i];
  if (total == -1.0f) *sink = total;  // never: the work cannot be left out
}

__global__ void __launch_bounds__(kThreads) read_kernel(const uint4* __restrict__ x, int64_t count, uint4* sink) {
  const int64_t step = static_cast<int64_t>(gridDim.x) * kThreads;
  uint4 total = make_uint4(0, 0, 0, 0);
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; i < count; i += kLoads * step) {
    uint4 v[kLoads];
    STRIATE_UNROLL
    for (int j = 0; j < kLoads; ++j) v[j] = x[i + j * step];
    STRIATE_UNROLL
    for (int j = 0; j < kLoads; ++j)
      total = make_uint4(total.x ^ v[j].x, total.y ^ v[j].y, total.z ^ v[j].z, total.w ^ v[j].w);
  }
  if ((total.x & total.y & total.z & total.w) == 0x12345678u) *sink = total;
}

__global__ void __launch_bounds__(kThreads)
    copy_kernel(const uint4* __restrict__ x, uint4* __restrict__ y, int64_t count) {
  const int64_t step = static_cast<int64_t>(gridDim.x) * kThreads;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; i < count; i += kLoads * step) {
    uint4 v[kLoads];
    STRIATE_UNROLL
    for (int j = 0; j < kLoads; ++j) v[j] = x[i + j * step];
    STRIATE_UNROLL
    for (int j = 0; j < kLoads; ++j) y[i + j * step] = v[j];
  }
}

std::shared_ptr<void> memory(cudaStream_t stream, size_t bytes) {
  return {allocate_memory(stream, bytes), [stream](void* data) { release_memory(stream, data); }};
}

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// Seconds of one call of `launch` in the best of the bursts that `seconds` leave time for.
template <class F>
double shortest(cudaStream_t stream, double seconds, F&& launch) {
  const auto burst = [&](int calls) {
    const double start = now();
    for (int i = 0; i < calls; ++i) launch();
    check(cudaStreamSynchronize(stream), "cudaStreamSynchronize");
    return (now() - start) / calls;
  };
  burst(1);
  const double end = now() + seconds;
  int calls = 1;
  double best = burst(calls);
  while (now() < end) {
    calls = static_cast<int>(std::clamp(4e-3 / best, 1.0, 1e4));
    best = std::min(best, burst(calls));
  }
  return best;
}

}  // namespace

core::Limits measure_limits(const Device& device, double seconds) {
  cudaStream_t stream = device.stream;
  const unsigned blocks = static_cast<unsigned>(kBlocks * device.processors);
  const int64_t bytes = kBytes * device.processors;
  const std::shared_ptr<void> source = memory(stream, static_cast<size_t>(bytes)),
                              target = memory(stream, static_cast<size_t>(bytes));
  check(cudaMemsetAsync(source.get(), 1, static_cast<size_t>(bytes), stream), "cudaMemsetAsync");
  const int64_t count = bytes / static_cast<int64_t>(sizeof(uint4));
  const uint4* from = static_cast<const uint4*>(source.get());
  uint4* to = static_cast<uint4*>(target.get());

  constexpr int kRounds = 4096;
  const double multiply = shortest(stream, seconds, [&] {
    STRIATE_LAUNCH((multiply_add_kernel), blocks, kThreads, 0, stream, static_cast<float*>(target.get()), kRounds,
                   0.999f, 0.001f);
  });
  const double read =
      shortest(stream, seconds, [&] { STRIATE_LAUNCH((read_kernel), blocks, kThreads, 0, stream, from, count, to); });
  const double copy =
      shortest(stream, seconds, [&] { STRIATE_LAUNCH((copy_kernel), blocks, kThreads, 0, stream, from, to, count); });
  const double operations = 2.0 * kChains * kRounds * kThreads * static_cast<double>(blocks);
  return {operations / multiply * 1e-9, static_cast<double>(bytes) / read * 1e-9,
          2 * static_cast<double>(bytes) / copy * 1e-9};
}

}  // namespace striate::cuda
