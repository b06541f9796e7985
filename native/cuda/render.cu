// render_scenes: ops/render.h.
//   check     what the rows name; the op waits for its verdict, and what is wrong is then found on the host
//   prepare   a block an image: its objects, its lights, and what the sun's map must hold
//   draw      render_draw.cuh: once for the image, and once for the sun's map
//   paint     a thread a pixel, 8 x 4 a warp: counts, background, what is seen of the triangles
// Not yet timed on a GPU.
#include <cstdint>
#include <vector>

#include "cuda/device.cuh"
#include "cuda/render_draw.cuh"
#include "ops/render.h"

namespace striate::cuda {
namespace {

using Op = RenderOp;

constexpr int kThreads = kRenderThreads, kWarps = kThreads / 32;

struct Outputs {
  uint8_t* images;  // or null, as those below
  int32_t* counts;
  uint8_t* masks;
  float* depths;
};

__global__ void __launch_bounds__(kThreads) render_check_kernel(core::RenderInputs in, unsigned long long* flag) {
  const int64_t places = in.images * in.objects;
  bool fits = true;
  for (int64_t i = blockIdx.x; i < places; i += gridDim.x) {
    const int32_t mesh = in.places[2 * i];
    if (!in.place_fits(i) || !in.pose_fits(i) || (mesh >= 0 && !in.mesh_fits(mesh))) {
      fits = false;
    } else if (mesh >= 0) {
      const int32_t count = in.meshes[4 * static_cast<int64_t>(mesh) + Op::triangle_count];
      for (int32_t t = threadIdx.x; t < count; t += kThreads) fits = fits && in.triangle_fits(i, t);
    }
  }
  const int64_t step = static_cast<int64_t>(gridDim.x) * kThreads;
  const int64_t thread = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  for (int64_t i = thread; i < in.mesh_rows; i += step) fits = fits && in.mesh_fits(i);
  for (int64_t i = thread; i < in.material_rows; i += step) fits = fits && in.material_fits(i);
  for (int64_t i = thread; i < in.images; i += step) fits = fits && in.world_fits(i);
  if (!fits) report_fault(flag, 0);
}

__global__ void __launch_bounds__(kThreads)
    render_prepare_kernel(core::RenderInputs in, RenderScratch to, Outputs out) {
  const int64_t n = blockIdx.x;
  if (threadIdx.x == 0) {
    int32_t triangles = 0;
    for (int64_t i = n * in.objects; i < (n + 1) * in.objects; ++i) {
      RenderObject object = {0, triangles, 0};
      if (in.places[2 * i] >= 0) {
        object.front = handedness(in.poses + Op::kPose * i);
        object.scale = scale_of(in.poses + Op::kPose * i);
        triangles += mesh_of(in, i)[Op::triangle_count];
      }
      to.objects[i] = object;
    }
    int32_t* counts = out.counts + 6 * n;
    counts[0] = counts[1] = counts[4] = counts[5] = 0;
    counts[2] = counts[3] = to.size;
  }
  if (!out.images) return;
  __shared__ Scene scene;
  if (threadIdx.x == 0) scene.set(in.worlds + Op::kWorld * n, to.size);
  __syncthreads();
  if (to.map) {
    double low[3] = {1e300, 1e300, 1e300}, high[3] = {-1e300, -1e300, -1e300};
    for (int64_t i = n * in.objects; i < (n + 1) * in.objects; ++i) {
      if (to.objects[i].front == 0) continue;
      const int32_t* mesh = mesh_of(in, i);
      for (int32_t v = threadIdx.x; v < mesh[Op::vertex_count]; v += kThreads) {
        const Point p =
            move_point(in.poses + Op::kPose * i, in.vertices + 6 * static_cast<int64_t>(mesh[Op::first_vertex] + v));
        const double at[3] = {SunView::along(scene.view.across, p), SunView::along(scene.view.up, p),
                              SunView::along(scene.view.towards, p)};
        for (int k = 0; k < 3; ++k) {
          low[k] = at[k] < low[k] ? at[k] : low[k];
          high[k] = at[k] > high[k] ? at[k] : high[k];
        }
      }
    }
    __shared__ double lows[3][kWarps], highs[3][kWarps];
    for (int k = 0; k < 3; ++k) {
      for (int bits = 16; bits; bits >>= 1) {
        const double other_low = __shfl_xor_sync(0xffffffffu, low[k], bits);
        const double other_high = __shfl_xor_sync(0xffffffffu, high[k], bits);
        low[k] = other_low < low[k] ? other_low : low[k];
        high[k] = other_high > high[k] ? other_high : high[k];
      }
      if (threadIdx.x % 32 == 0) {
        lows[k][threadIdx.x / 32] = low[k];
        highs[k][threadIdx.x / 32] = high[k];
      }
    }
    __syncthreads();
    if (threadIdx.x == 0) {
      for (int k = 0; k < 3; ++k)
        for (int w = 0; w < kWarps; ++w) {
          low[k] = lows[k][w] < low[k] ? lows[k][w] : low[k];
          high[k] = highs[k][w] > high[k] ? highs[k][w] : high[k];
        }
      scene.view.set_bounds(low, high, to.map_size);
    }
  }
  __syncthreads();
  const auto* from = reinterpret_cast<const uint32_t*>(&scene);
  auto* words = reinterpret_cast<uint32_t*>(to.scenes + n);
  for (int i = threadIdx.x; i < static_cast<int>(sizeof(Scene) / 4); i += kThreads) words[i] = from[i];
}

struct Blend {
  Vec<float> colour;
  __device__ __forceinline__ void add(const Vec<float>& c, float share) {
    colour.x += c.x * share;
    colour.y += c.y * share;
    colour.z += c.z * share;
  }
};

/// What is seen of triangle `number` of image n in the samples of `mask`.
__device__ __forceinline__ Vec<float> shade_triangle(const core::RenderInputs& in, const RenderScratch& from,
                                                     const Scene& scene, const int32_t* map, int64_t n, int32_t number,
                                                     int mask, int32_t column, int32_t row) {
  int64_t place = n * in.objects;
  while (from.objects[place].front == 0 ||
         number >= from.objects[place].first_number + mesh_of(in, place)[Op::triangle_count])
    ++place;
  const int32_t* mesh = mesh_of(in, place);
  const float* pose = in.poses + Op::kPose * place;
  const int32_t* triangle =
      in.triangles + 4 * static_cast<int64_t>(mesh[Op::first_triangle] + number - from.objects[place].first_number);
  const float* vertex[3];
  Point corner[3];
  for (int i = 0; i < 3; ++i) {
    vertex[i] = in.vertices + 6 * static_cast<int64_t>(mesh[Op::first_vertex] + triangle[i]);
    const float *v = vertex[i], *m = pose;
    corner[i] = {m[0] * v[0] + m[1] * v[1] + m[2] * v[2] + m[3], m[4] * v[0] + m[5] * v[1] + m[6] * v[2] + m[7],
                 m[8] * v[0] + m[9] * v[1] + m[10] * v[2] + m[11]};
  }
  const Fragment<float, int32_t> f =
      fragment_of(scene, pose, from.objects[place].scale, material_of(in, place, triangle[3]), vertex, corner);
  const Place middle = middle_of(mask);
  return shade(scene, Library{in.materials, in.textures}, map, f,
               screen_x(middle.x, static_cast<float>(column), from.size),
               screen_y(middle.y, static_cast<float>(row), from.size));
}

/// A warp has 8 x 4 pixels, a block four of them side by side.
__global__ void __launch_bounds__(kThreads)
    render_paint_kernel(core::RenderInputs in, RenderScratch from, Outputs out) {
  const int32_t size = from.size, wide = (size + 31) / 32, high = (size + 3) / 4;
  const int64_t n = blockIdx.x / (wide * high), plane = static_cast<int64_t>(size) * size;
  const int32_t tile = static_cast<int32_t>(blockIdx.x % (wide * high));
  const int32_t column = tile % wide * 32 + static_cast<int32_t>(threadIdx.x / 32 * 8 + threadIdx.x % 8);
  const int32_t row = tile / wide * 4 + static_cast<int32_t>(threadIdx.x % 32 / 8);
  const bool there = column < size && row < size;
  const int64_t pixel = static_cast<int64_t>(row) * size + column, at = n * plane + pixel;

  int32_t number[4];
  uint32_t least = 0x7fffffff;
  int taken = 0, seen = 0;  // samples with an object, and with object 0
  if (there) {
    const RenderObject first = from.objects[n * in.objects];
    const int32_t until = first.front == 0 ? 0 : mesh_of(in, n * in.objects)[Op::triangle_count];
    STRIATE_UNROLL for (int i = 0; i < 4; ++i) {
      const RenderKey key = from.nearest[4 * at + i];
      number[i] = static_cast<int32_t>(key);
      if (key == kNothing) continue;
      taken |= 1 << i;
      if (number[i] < until) {
        ++seen;
        least = min(least, static_cast<uint32_t>(key >> 32));
      }
    }
    if (out.masks) out.masks[at] = static_cast<uint8_t>((seen * 255 + 2) / 4);
    if (out.depths) out.depths[at] = seen ? static_cast<float>(kNearness / (0x7fffffff - least)) : 0.0f;
  }
  const int covered = there && from.covered ? __popc(from.covered[at]) : seen;
  if (__any_sync(0xffffffffu, covered)) {
    constexpr unsigned kAll = 0xffffffffu;
    const unsigned all = __reduce_add_sync(kAll, static_cast<unsigned>(seen));
    const unsigned hidden = __reduce_add_sync(kAll, static_cast<unsigned>(covered - seen));
    const unsigned left = __reduce_min_sync(kAll, static_cast<unsigned>(seen ? column : size));
    const unsigned top = __reduce_min_sync(kAll, static_cast<unsigned>(seen ? row : size));
    const unsigned right = __reduce_max_sync(kAll, static_cast<unsigned>(seen ? column + 1 : 0));
    const unsigned bottom = __reduce_max_sync(kAll, static_cast<unsigned>(seen ? row + 1 : 0));
    if (threadIdx.x % 32 == 0) {
      int32_t* counts = out.counts + 6 * n;
      atomicAdd(counts, static_cast<int32_t>(all));
      atomicAdd(counts + 1, static_cast<int32_t>(hidden));
      atomicMin(counts + 2, static_cast<int32_t>(left));
      atomicMin(counts + 3, static_cast<int32_t>(top));
      atomicMax(counts + 4, static_cast<int32_t>(right));
      atomicMax(counts + 5, static_cast<int32_t>(bottom));
    }
  }
  if (!there || !out.images) return;

  const Scene& scene = from.scenes[n];
  const int32_t* map = from.map + n * from.map_size * from.map_size;
  uint8_t* image = out.images + 3 * n * plane + pixel;
  const uint8_t* photo = scene.background == Op::of_photo ? in.photos + 3 * n * plane + pixel : nullptr;
  if (photo && !taken) {
    for (int c = 0; c < 3; ++c) image[c * plane] = photo[c * plane];
    return;
  }
  Blend blend = {};
  if (taken != 15) {
    const float unit = 1.0f / static_cast<float>(size), share = 1 - 0.25f * static_cast<float>(__popc(taken));
    const float x = static_cast<float>(2 * column + 1) * unit - 1, y = 1 - static_cast<float>(2 * row + 1) * unit;
    if (photo)
      blend.add({decode(photo[0]), decode(photo[plane]), decode(photo[2 * plane])}, share);
    else
      blend.add(background_at<float, int32_t>(scene, Library{in.materials, in.textures}, map, x, y), share);
  }
  for (int left = taken; left;) {
    const int lowest = __ffs(left) - 1;
    int32_t wanted = 0;
    int mask = 0;
    STRIATE_UNROLL for (int i = 0; i < 4; ++i) wanted = i == lowest ? number[i] : wanted;
    STRIATE_UNROLL for (int i = 0; i < 4; ++i) mask |= (left >> i & (number[i] == wanted)) << i;
    left &= ~mask;
    blend.add(shade_triangle(in, from, scene, map, n, wanted, mask, column, row),
              0.25f * static_cast<float>(__popc(mask)));
  }
  image[0] = static_cast<uint8_t>(encode<float, int32_t>(blend.colour.x));
  image[plane] = static_cast<uint8_t>(encode<float, int32_t>(blend.colour.y));
  image[2 * plane] = static_cast<uint8_t>(encode<float, int32_t>(blend.colour.z));
}

/// The box of what is not seen is none.
__global__ void __launch_bounds__(kThreads) render_finish_kernel(int32_t* counts, int64_t images) {
  const int64_t n = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (n < images && counts[6 * n] == 0) counts[6 * n + 2] = counts[6 * n + 3] = 0;
}

/// Throws what is wrong with the inputs, of which a kernel said that something is.
[[noreturn]] void refuse(const core::Context& ctx, const core::View* in) {
  core::View host[9];
  std::vector<std::vector<char>> copies;
  for (int i = 0; i < 9; ++i) {
    host[i] = in[i];
    if (i == 3 || i == 8 || in[i].rank < 0) continue;  // textures and photos are not looked at
    copies.emplace_back(in[i].bytes());
    check(cudaMemcpyAsync(copies.back().data(), in[i].data, in[i].bytes(), cudaMemcpyDeviceToHost, stream_of(ctx)),
          "cudaMemcpyAsync");
    host[i].data = copies.back().data();
  }
  check(cudaStreamSynchronize(stream_of(ctx)), "cudaStreamSynchronize");
  core::RenderInputs(host).check();
  throw core::Error(core::ErrorKind::internal, "render_scenes", "a kernel refused what the host accepts");
}

}  // namespace

void render_scenes(core::Context& ctx, const core::View* in, core::View* out, const Op::Options& o) {
  const core::RenderInputs inputs(in);
  const Outputs outputs = {out[0].rank >= 0 ? out[0].as<uint8_t>() : nullptr, out[1].as<int32_t>(),
                           out[2].rank >= 0 ? out[2].as<uint8_t>() : nullptr,
                           out[3].rank >= 0 ? out[3].as<float>() : nullptr};
  const cudaStream_t stream = stream_of(ctx);
  const int64_t images = inputs.images, places = images * inputs.objects, pixels = o.size * o.size;

  unsigned long long* flag = clear_flag(ctx);
  const int64_t rows = std::max({places, inputs.mesh_rows / kThreads, inputs.material_rows / kThreads});
  STRIATE_LAUNCH(render_check_kernel, blocks_for(std::min<int64_t>(rows + 1, 1 << 16), 1), kThreads, 0, stream, inputs,
                 flag);
  if (read_flag(ctx) != kNoFault) refuse(ctx, in);

  RenderScratch scratch = {};
  scratch.size = static_cast<int32_t>(o.size);
  scratch.objects = ctx.scratch<RenderObject>(static_cast<size_t>(places));
  scratch.nearest = ctx.scratch<RenderKey>(static_cast<size_t>(4 * images * pixels));
  const auto set = [&](auto* memory, int value, int64_t count) {
    check(cudaMemsetAsync(memory, value, static_cast<size_t>(count) * sizeof *memory, stream), "cudaMemsetAsync");
  };
  set(scratch.nearest, 0xff, 4 * images * pixels);
  if (inputs.objects > 1) {
    scratch.covered = ctx.scratch<uint32_t>(static_cast<size_t>(images * pixels));
    set(scratch.covered, 0, images * pixels);
  }
  if (outputs.images) {
    scratch.scenes = ctx.scratch<Scene>(static_cast<size_t>(images));
    if (o.shadows) {
      scratch.map_size = Op::sun_map_size(o.size);
      const int64_t texels = images * scratch.map_size * scratch.map_size;
      scratch.map = ctx.scratch<int32_t>(static_cast<size_t>(texels));
      set(scratch.map, 0, texels);
    }
  }
  STRIATE_LAUNCH(render_prepare_kernel, blocks_for(images, 1), kThreads, 0, stream, inputs, scratch, outputs);
  // So many blocks a place that few images fill the device too.
  const int chunks = static_cast<int>(std::clamp<int64_t>(8 * device_of(ctx).processors / places, 1, 16));
  STRIATE_LAUNCH((render_draw_kernel<false>), blocks_for(places * chunks, 1), kThreads, 0, stream, inputs, scratch,
                 chunks);
  if (scratch.map)
    STRIATE_LAUNCH((render_draw_kernel<true>), blocks_for(places * chunks, 1), kThreads, 0, stream, inputs, scratch,
                   chunks);
  const int64_t tiles = (o.size + 31) / 32 * ((o.size + 3) / 4);
  STRIATE_LAUNCH(render_paint_kernel, blocks_for(images * tiles, 1), kThreads, 0, stream, inputs, scratch, outputs);
  STRIATE_LAUNCH(render_finish_kernel, blocks_for(images, kThreads), kThreads, 0, stream, outputs.counts, images);
}

}  // namespace striate::cuda
