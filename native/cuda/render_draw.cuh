// Triangles of render_scenes into the nearest of each sample. A thread moves, projects and draws a triangle; one of many
// pixels goes to its warp. The nearest is the smallest of 64 bits, nearness before number, by atomics: their order does
// not matter.
#pragma once
#include <cstdint>

#include "core/render_inputs.h"
#include "cuda/render_lanes.cuh"

namespace striate::cuda {

using RenderOp = op::RenderScenes;
using RenderKey = unsigned long long;

inline constexpr int kRenderThreads = 128;
inline constexpr int kOwnPixels = 64;  // a triangle that may reach more goes to its warp
inline constexpr RenderKey kNothing = ~0ull;

/// An object of an image as the other kernels need it.
struct RenderObject {
  int32_t front;  // 0: there is none
  int32_t first_number;
  float scale;
};

/// RenderScratch memory, one after the other for each image.
struct RenderScratch {
  Scene* scenes;
  RenderObject* objects;  // [N,B]
  RenderKey* nearest;     // [N,S,S,4]
  int32_t* map;           // [N,M,M] or null
  uint32_t* covered;      // [N,S,S]: samples of object 0, hidden ones too; null where nothing can hide it
  int32_t size, map_size;
};

__device__ __forceinline__ const int32_t* mesh_of(const core::RenderInputs& in, int64_t place) {
  return in.meshes + 4 * static_cast<int64_t>(in.places[2 * place]);
}
__device__ __forceinline__ const float* material_of(const core::RenderInputs& in, int64_t place, int32_t part) {
  return in.materials + RenderOp::kMaterial * static_cast<int64_t>(in.places[2 * place + 1] + part);
}

/// Where the samples of an image lie and what becomes of a triangle's.
struct ImageSamples {
  RenderKey* nearest;
  uint32_t* covered;  // or null
  int32_t size;
  static constexpr int kSamples = 4, kLeast = 32, kMost = 224;

  static __device__ __forceinline__ int32_t x(int sample) { return sample_x(sample); }
  static __device__ __forceinline__ int32_t y(int sample) { return sample_y(sample); }
  __device__ __forceinline__ void take(const Outline& t, int32_t column, int32_t row, unsigned inside,
                                       int32_t number) const {
    const int32_t pixel = row * size + column;
    if (covered) atomicOr(covered + pixel, inside);
    for (int i = 0; i < kSamples; ++i)
      if (inside >> i & 1) {
        const int32_t q = t.nearness(256 * column + x(i), 256 * row + y(i));
        atomicMin(nearest + 4 * static_cast<int64_t>(pixel) + i,
                  static_cast<RenderKey>(static_cast<uint32_t>(0x7fffffff - q)) << 32 | static_cast<uint32_t>(number));
      }
  }
};
/// The same of texels of the sun's map.
struct MapSamples {
  int32_t* map;
  int32_t size;
  static constexpr int kSamples = 1, kLeast = 128, kMost = 128;

  static __device__ __forceinline__ int32_t x(int) { return 128; }
  static __device__ __forceinline__ int32_t y(int) { return 128; }
  __device__ __forceinline__ void take(const Outline& t, int32_t column, int32_t row, unsigned, int32_t) const {
    atomicMax(map + row * size + column, t.nearness(256 * column + 128, 256 * row + 128));
  }
};

/// Every `step_x`-th column and `step_y`-th row of a triangle's reach.
template <class Number, class Samples>
__device__ __forceinline__ void fill(const Samples& to, const Outline& t, const Span& columns, const Span& rows,
                                     int32_t number, int32_t step_x, int32_t step_y) {
  Number at_row[3], inside_of[3][Samples::kSamples];
  STRIATE_UNROLL for (int e = 0; e < 3; ++e) {
    const Number dx = t.edge_x(e), dy = t.edge_y(e);
    at_row[e] = static_cast<Number>(t.edge(e, 256 * columns.first, 256 * rows.first));
    STRIATE_UNROLL for (int i = 0; i < Samples::kSamples; ++i) inside_of[e][i] =
        dx * Samples::y(i) - dy * Samples::x(i);
  }
  for (int32_t row = rows.first; row <= rows.last; row += step_y) {
    Number edge[3] = {at_row[0], at_row[1], at_row[2]};
    for (int32_t column = columns.first; column <= columns.last; column += step_x) {
      unsigned inside = 0;
      STRIATE_UNROLL for (int i = 0; i < Samples::kSamples; ++i) {
        const Number all = (edge[0] + inside_of[0][i]) | (edge[1] + inside_of[1][i]) | (edge[2] + inside_of[2][i]);
        inside |= static_cast<unsigned>(all >= 0) << i;
      }
      if (inside) to.take(t, column, row, inside, number);
      STRIATE_UNROLL for (int e = 0; e < 3; ++e) edge[e] -= static_cast<Number>(t.edge_y(e)) * (256 * step_x);
    }
    STRIATE_UNROLL for (int e = 0; e < 3; ++e) at_row[e] += static_cast<Number>(t.edge_x(e)) * (256 * step_y);
  }
}
template <class Samples>
__device__ __forceinline__ void fill_any(const Samples& to, const Outline& t, const Span& columns, const Span& rows,
                                         int32_t number, int32_t step_x, int32_t step_y) {
  constexpr int32_t kShort = 28000;  // 2 * 28000 * (28000 + 9 * 256) < 2^31
  if (t.high(t.x) - t.low(t.x) <= kShort && t.high(t.y) - t.low(t.y) <= kShort)
    fill<int32_t>(to, t, columns, rows, number, step_x, step_y);
  else
    fill<int64_t>(to, t, columns, rows, number, step_x, step_y);
}

/// Draws a triangle of each lane that has one. All lanes of the warp come.
template <class Samples>
__device__ __forceinline__ void draw(const Samples& to, const Outline& t, bool there, int32_t number, Outline& shared,
                                     int32_t& shared_number) {
  Span columns = {}, rows = {};
  if (there) {
    columns = Span::of(t.low(t.x), t.high(t.x), Samples::kLeast, Samples::kMost, to.size);
    rows = Span::of(t.low(t.y), t.high(t.y), Samples::kLeast, Samples::kMost, to.size);
    there = columns.first <= columns.last && rows.first <= rows.last;
  }
  const bool large = there && (columns.last - columns.first + 1) * (rows.last - rows.first + 1) > kOwnPixels;
  if (there && !large)  // of so few pixels that edge functions are short wherever the triangle ends
    fill_any(to, t, columns, rows, number, 1, 1);
  const int lane = threadIdx.x % 32;
  for (unsigned left = __ballot_sync(0xffffffffu, large); left; left &= left - 1) {
    if (lane == __ffs(static_cast<int>(left)) - 1) {
      shared = t;
      shared_number = number;
    }
    __syncwarp();
    const Outline all = shared;
    const int32_t all_number = shared_number;
    Span across = Span::of(all.low(all.x), all.high(all.x), Samples::kLeast, Samples::kMost, to.size);
    Span down = Span::of(all.low(all.y), all.high(all.y), Samples::kLeast, Samples::kMost, to.size);
    across.first += lane % 8;
    down.first += lane / 8;
    fill_any(to, all, across, down, all_number, 8, 4);
    __syncwarp();
  }
}

/// `chunks` blocks an object of an image.
template <bool kSun>
__global__ void __launch_bounds__(kRenderThreads)
    render_draw_kernel(core::RenderInputs in, RenderScratch to, int chunks) {
  __shared__ Outline outlines[kRenderThreads / 32];
  __shared__ int32_t numbers[kRenderThreads / 32];
  __shared__ Cutting cuttings[kRenderThreads / 32];
  const unsigned block_place = blockIdx.x / static_cast<unsigned>(chunks);
  const int64_t place = block_place, n = block_place / static_cast<unsigned>(in.objects);
  const RenderObject object = to.objects[place];
  if (object.front == 0) return;
  const SunView* view = kSun ? &to.scenes[n].view : nullptr;
  if (kSun && view->size == 0) return;
  const int32_t* mesh = mesh_of(in, place);
  const float* vertices = in.vertices + 6 * static_cast<int64_t>(mesh[RenderOp::first_vertex]);
  const int32_t* triangles = in.triangles + 4 * static_cast<int64_t>(mesh[RenderOp::first_triangle]);
  const float* pose = in.poses + RenderOp::kPose * place;
  const Lens lens = Lens::of(in.worlds[RenderOp::kWorld * n + RenderOp::focal], to.size);
  const int64_t pixels = static_cast<int64_t>(to.size) * to.size;
  const int warp = threadIdx.x / 32;
  const auto samples = [&] {
    if constexpr (kSun)
      return MapSamples{to.map + n * to.map_size * to.map_size, to.map_size};
    else
      return ImageSamples{to.nearest + 4 * pixels * n,
                          to.covered && place == n * in.objects ? to.covered + pixels * n : nullptr, to.size};
  }();
  const int32_t count = mesh[RenderOp::triangle_count], step = chunks * kRenderThreads;
  for (int32_t first = static_cast<int32_t>(blockIdx.x % static_cast<unsigned>(chunks)) * kRenderThreads; first < count;
       first += step) {
    const int32_t t = first + static_cast<int32_t>(threadIdx.x);
    const int32_t number = object.first_number + t;
    const int front = kSun ? -object.front : object.front;
    Outline outline;
    Point corner[3] = {};
    bool there = t < count, both = false, held = true;
    if (there) {
      const int32_t* row = triangles + 4 * static_cast<int64_t>(t);
      both = material_of(in, place, row[3])[RenderOp::two_sided] != 0;
      STRIATE_UNROLL for (int i = 0; i < 3; ++i) {
        corner[i] = move_point(pose, vertices + 6 * static_cast<int64_t>(row[i]));
        held = held && (kSun ? SunView::holds(corner[i]) : lens.holds(corner[i]));
      }
      if constexpr (kSun)
        there = held && outline.set(view->snap(corner[0]), view->snap(corner[1]), view->snap(corner[2]), front, both);
      else
        there = held && outline.set(lens.snap(corner[0]), lens.snap(corner[1]), lens.snap(corner[2]), front, both);
    }
    draw(samples, outline, there, number, outlines[warp], numbers[warp]);
    if constexpr (!kSun) {
      const int lane = threadIdx.x % 32;
      for (unsigned left = __ballot_sync(0xffffffffu, !held); left; left &= left - 1) {
        const bool mine = lane == __ffs(static_cast<int>(left)) - 1;
        Cutting& rest = cuttings[warp];
        if (mine) lens.cut(corner[0], corner[1], corner[2], rest);
        __syncwarp();
        for (int i = 2; i < rest.count; ++i) {
          there = mine && outline.set(rest.corners[0], rest.corners[i - 1], rest.corners[i], front, both);
          draw(samples, outline, there, number, outlines[warp], numbers[warp]);
        }
        __syncwarp();
      }
    }
  }
}

}  // namespace striate::cuda
