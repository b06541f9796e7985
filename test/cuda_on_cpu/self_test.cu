// Whether the simulation of CUDA on the CPU keeps CUDA's meaning: run in every order of threads, each against a plain
// loop, and with kernels that are wrong on purpose. Compiles under nvcc too, so that a GPU can be asked the same:
//   g++ -std=c++20 -DSTRIATE_CUDA_SIM -Inative -Itest/cuda_on_cpu -x c++ test/cuda_on_cpu/self_test.cu
//     test/cuda_on_cpu/*.cpp -pthread
//   nvcc -std=c++20 -arch=sm_90 -Inative test/cuda_on_cpu/self_test.cu
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "cuda/grid.cuh"
#include "cuda/launch.cuh"

namespace {

using namespace striate;
using namespace striate::cuda;

int failures = 0;
void expect(bool good, const char* what) {
  if (good) return;
  ++failures;
  std::printf("FAILED: %s\n", what);
}

float value(int i) { return static_cast<float>((i * 7919 + 13) % 1009) / 1009.0f - 0.5f; }

template <class T>
struct Device {
  T* data = nullptr;
  size_t count;
  explicit Device(size_t count) : count(count) {
    check(cudaMalloc(reinterpret_cast<void**>(&data), count * sizeof(T)), "cudaMalloc");
  }
  explicit Device(const std::vector<T>& host) : Device(host.size()) {
    check(cudaMemcpy(data, host.data(), count * sizeof(T), cudaMemcpyHostToDevice), "cudaMemcpy");
  }
  ~Device() { cudaFree(data); }
  std::vector<T> host() const {
    std::vector<T> h(count);
    check(cudaMemcpy(h.data(), data, count * sizeof(T), cudaMemcpyDeviceToHost), "cudaMemcpy");
    return h;
  }
};

template <int kThreads>
__global__ void sum_kernel(const float* x, int n, float* sums, unsigned* visits) {
  __shared__ float part[kThreads / 32];
  float s = 0;
  for (int i = blockIdx.x * kThreads + threadIdx.x; i < n; i += gridDim.x * kThreads) s += x[i];
  for (int bits = 16; bits; bits >>= 1) s += __shfl_down_sync(0xffffffffu, s, bits);
  if (threadIdx.x % 32 == 0) part[threadIdx.x / 32] = s;
  __syncthreads();
  if (threadIdx.x == 0) {
    for (int i = 1; i < kThreads / 32; ++i) part[0] += part[i];
    sums[blockIdx.x] = part[0];
  }
  atomicAdd(visits, 1u);
}

__global__ void product_kernel(const float* a, const float* b, float* c, int m, int n, int d) {
  constexpr int kTile = 16;
  STRIATE_DYNAMIC_SHARED(float, tile);
  float *x = tile, *y = tile + kTile * kTile;
  const int row = blockIdx.y * kTile + threadIdx.y, column = blockIdx.x * kTile + threadIdx.x;
  float sum = 0;
  for (int k = 0; k < d; k += kTile) {
    x[threadIdx.y * kTile + threadIdx.x] = row < m && k + int(threadIdx.x) < d ? a[row * d + k + threadIdx.x] : 0;
    y[threadIdx.y * kTile + threadIdx.x] =
        column < n && k + int(threadIdx.y) < d ? b[(k + threadIdx.y) * n + column] : 0;
    __syncthreads();
    for (int i = 0; i < kTile; ++i) sum += x[threadIdx.y * kTile + i] * y[i * kTile + threadIdx.x];
    __syncthreads();
  }
  if (row < m && column < n) c[row * n + column] = sum;
}

__global__ void lanes_kernel(int* out) {
  const int lane = threadIdx.x % 32, i = threadIdx.x;
  int* mine = out + 8 * i;
  mine[0] = __shfl_sync(0xffffffffu, i, 5);
  mine[1] = __shfl_xor_sync(0xffffffffu, i, 3);
  mine[2] = __shfl_up_sync(0xffffffffu, i, 2, 8);
  mine[3] = __shfl_down_sync(0xffffffffu, i, 4, 16);
  mine[4] = static_cast<int>(__ballot_sync(0xffffffffu, i % 3 == 0));
  // The two halves of a warp go their own ways and meet again.
  if (lane < 16) {
    mine[5] = 0;
    for (int k = 0; k < 3; ++k) mine[5] += __shfl_xor_sync(0x0000ffffu, i, 1 << k);
  } else {
    mine[5] = __any_sync(0xffff0000u, lane == 31) + 2 * __all_sync(0xffff0000u, lane == 31);
  }
  __syncwarp();
  mine[6] = static_cast<int>(__reduce_max_sync(0xffffffffu, static_cast<unsigned>(i)));
  mine[7] = __syncthreads_count(i % 5 == 0);
}

__global__ void mma_kernel(const float* a, const float* b, float* tf32, float* bf16) {
  const int group = threadIdx.x / 4, member = threadIdx.x % 4;
  float d[4] = {}, e[4] = {};
  for (int k = 0; k < 16; k += 8) {  // a 16 x 16 row-major, b 16 x 8
    const uint32_t x[4] = {to_tf32(a[group * 16 + k + member]), to_tf32(a[(group + 8) * 16 + k + member]),
                           to_tf32(a[group * 16 + k + member + 4]), to_tf32(a[(group + 8) * 16 + k + member + 4])};
    const uint32_t y[2] = {to_tf32(b[(k + member) * 8 + group]), to_tf32(b[(k + member + 4) * 8 + group])};
    mma_tf32(d, x, y);
  }
  __shared__ __align__(16) uint16_t tile[16 * 16 + 16 * 8];
  for (int i = threadIdx.x; i < 16 * 16; i += 32) tile[i] = float_to_bf16(a[i]);
  for (int i = threadIdx.x; i < 16 * 8; i += 32) tile[256 + i] = float_to_bf16(b[i]);
  __syncwarp();
  uint32_t x[4], y[4];
  load_matrix_x4(x, tile + (threadIdx.x % 16) * 16 + threadIdx.x / 16 * 8);
  load_matrix_x4<true>(y, tile + 256 + (threadIdx.x % 16) * 8);
  const uint32_t pair[2] = {y[0], y[1]};
  mma_bf16(e, x, pair);
  for (int i = 0; i < 4; ++i) {
    const int place = (group + i / 2 * 8) * 8 + 2 * member + i % 2;
    tf32[place] = d[i];
    bf16[place] = e[i];
  }
}

__global__ void ring_kernel(int* cells, int rounds) {
  __shared__ int mine;  // each block has its own, though all are alive
  if (threadIdx.x == 0) mine = cells[blockIdx.x];
  __syncthreads();
  for (int r = 0; r < rounds; ++r) {
    const int next = __ldcg(cells + (blockIdx.x + 1) % gridDim.x);
    grid_sync();
    if (threadIdx.x == 0) {
      mine += next;
      __stcg(cells + blockIdx.x, mine);
    }
    grid_sync();
  }
}

#if defined(STRIATE_CUDA_SIM)
__global__ void early_return_kernel(int* out) {
  if (threadIdx.x == 7) return;
  __syncthreads();
  out[threadIdx.x] = 1;
}
__global__ void missing_lane_kernel(int* out) {
  if (threadIdx.x % 32 == 31) return;
  out[threadIdx.x] = __shfl_xor_sync(0xffffffffu, 1, 1);
}
__global__ void split_barrier_kernel(int* out) {
  if (threadIdx.x < 32)
    __syncthreads();
  else
    __syncthreads();
  out[threadIdx.x] = 1;
}

#endif

void test_sum() {
  const int n = 10007, blocks = 5;
  std::vector<float> x(n);
  double expected = 0;
  for (int i = 0; i < n; ++i) expected += x[i] = value(i);
  Device<float> dx(x), sums(blocks);
  Device<unsigned> visits(std::vector<unsigned>{0});
  STRIATE_LAUNCH((sum_kernel<256>), blocks, 256, 0, nullptr, dx.data, n, sums.data, visits.data);
  double sum = 0;
  for (float s : sums.host()) sum += s;
  expect(std::fabs(sum - expected) < 1e-3, "sum by shuffles and shared memory");
  expect(visits.host()[0] == 256 * blocks, "atomicAdd counts every thread");
}

void test_product() {
  const int m = 37, n = 53, d = 41;
  std::vector<float> a(m * d), b(d * n);
  for (size_t i = 0; i < a.size(); ++i) a[i] = value(static_cast<int>(i));
  for (size_t i = 0; i < b.size(); ++i) b[i] = value(static_cast<int>(i) + 77);
  Device<float> da(a), db(b), dc(m * n);
  STRIATE_LAUNCH(product_kernel, dim3((n + 15) / 16, (m + 15) / 16), dim3(16, 16), 2 * 256 * sizeof(float), nullptr,
                 da.data, db.data, dc.data, m, n, d);
  const std::vector<float> c = dc.host();
  bool good = true;
  for (int i = 0; i < m; ++i)
    for (int j = 0; j < n; ++j) {
      double sum = 0;
      for (int k = 0; k < d; ++k) sum += static_cast<double>(a[i * d + k]) * b[k * n + j];
      good &= std::fabs(sum - c[i * n + j]) < 1e-5;
    }
  expect(good, "product through dynamic shared memory");
}

void test_lanes() {
  const int threads = 96;
  Device<int> out(8 * threads);
  STRIATE_LAUNCH(lanes_kernel, 1, threads, 0, nullptr, out.data);
  const std::vector<int> r = out.host();
  bool good[8];
  for (bool& g : good) g = true;
  for (int i = 0; i < threads; ++i) {
    const int lane = i % 32, base = i - lane;
    unsigned votes = 0;
    for (int k = 0; k < 32; ++k) votes |= ((base + k) % 3 == 0 ? 1u : 0u) << k;
    good[0] &= r[8 * i] == base + 5;
    good[1] &= r[8 * i + 1] == (i ^ 3);
    good[2] &= r[8 * i + 2] == (lane % 8 < 2 ? i : i - 2);
    good[3] &= r[8 * i + 3] == (lane % 16 < 12 ? i + 4 : i);
    good[4] &= static_cast<unsigned>(r[8 * i + 4]) == votes;
    good[5] &= r[8 * i + 5] == (lane < 16 ? (i ^ 1) + (i ^ 2) + (i ^ 4) : 1);
    good[6] &= r[8 * i + 6] == base + 31;
    good[7] &= r[8 * i + 7] == 20;
  }
  const char* names[] = {"shfl",   "shfl_xor",   "shfl_up",    "shfl_down",
                         "ballot", "half warps", "reduce_max", "syncthreads_count"};
  for (int k = 0; k < 8; ++k) expect(good[k], names[k]);
}

void test_mma() {
  std::vector<float> a(256), b(128);
  for (int i = 0; i < 256; ++i) a[i] = static_cast<float>((i * 37 + 5) % 61 - 30);  // exact in bf16 and tf32
  for (int i = 0; i < 128; ++i) b[i] = static_cast<float>((i * 17 + 3) % 53 - 26);
  Device<float> da(a), db(b), t(128), h(128);
  STRIATE_LAUNCH(mma_kernel, 1, 32, 0, nullptr, da.data, db.data, t.data, h.data);
  const std::vector<float> tf32 = t.host(), bf16 = h.host();
  bool good_t = true, good_h = true;
  for (int i = 0; i < 16; ++i)
    for (int j = 0; j < 8; ++j) {
      float sum = 0;
      for (int k = 0; k < 16; ++k) sum += a[i * 16 + k] * b[k * 8 + j];
      good_t &= tf32[i * 8 + j] == sum;
      good_h &= bf16[i * 8 + j] == sum;
    }
  expect(good_t, "mma m16n8k8 tf32");
  expect(good_h, "mma m16n8k16 bf16 with ldmatrix");
}

void test_grid() {
  const int blocks = std::min(5, resident_blocks(ring_kernel, 64, 0, 3)), rounds = 7;
  std::vector<int> cells(blocks);
  for (int i = 0; i < blocks; ++i) cells[i] = i + 1;
  Device<int> d(cells);
  STRIATE_LAUNCH_COOPERATIVE(ring_kernel, blocks, 64, 0, nullptr, d.data, rounds);
  for (int r = 0; r < rounds; ++r) {
    const std::vector<int> old = cells;
    for (int i = 0; i < blocks; ++i) cells[i] += old[(i + 1) % blocks];
  }
  expect(d.host() == cells, "grid barrier between live blocks");
}

#if defined(STRIATE_CUDA_SIM)
template <auto kKernel>
void expect_refusal(const char* phrase) {
  Device<int> out(64);
  std::string text;
  try {
    STRIATE_LAUNCH(kKernel, 2, 64, 0, nullptr, out.data);
  } catch (const core::Error& e) {
    text = e.what();
  }
  expect(text.find(phrase) != std::string::npos && text.find("self_test.cu:") != std::string::npos, phrase);
}
#endif

}  // namespace

int main() {
  for (const char* order : {"forward", "backward", "shuffle"}) {
    setenv("STRIATE_SIM_ORDER", order, 1);
    test_sum();
    test_product();
    test_lanes();
    test_mma();
    test_grid();
#if defined(STRIATE_CUDA_SIM)
    expect_refusal<early_return_kernel>("waits for ever at a barrier");
    expect_refusal<missing_lane_kernel>("waits for ever at a warp operation");
    expect_refusal<split_barrier_kernel>("meet at different barriers");
#endif
  }
  std::printf(failures ? "%d failed\n" : "cuda on cpu: all good\n", failures);
  return failures != 0;
}
