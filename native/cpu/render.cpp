// render_scenes: ops/render.h. An image a task: its vertices, the nearest triangle of every sample (simd/
// render_raster.h), the sun's map, then row by row the background and what is seen of the triangles, gathered into
// vectors, shaded (core/render_shade.h, core/render_background.h) and encoded.
#include "ops/render.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <vector>

#include "core/parallel.h"
#include "core/render_inputs.h"

#include "cpu/simd/begin.h"
#include "cpu/simd/render_raster.h"

namespace striate::cpu::STRIATE_SIMD_NS {
namespace {

using Op = op::RenderScenes;
using FragmentOfOne = Fragment<float, int32_t>;

struct Object {
  const float* pose;
  const float* vertices;
  const int32_t* triangles;
  int32_t vertex_count, triangle_count, first_vertex, first_number, material, front;
  float scale;
};

struct Outputs {
  uint8_t* images;  // or null, as those below
  int32_t* counts;
  uint8_t* masks;
  float* depths;
};

int64_t padded(int64_t size) { return (size + kLanes - 1) / kLanes * kLanes; }

/// Vertices of the image that has most.
int64_t most_vertices(const core::RenderInputs& in) {
  int64_t most = 0;
  for (int64_t n = 0; n < in.images; ++n) {
    int64_t count = 0;
    for (int64_t i = n * in.objects; i < (n + 1) * in.objects; ++i)
      if (in.places[2 * i] >= 0) count += in.meshes[4 * static_cast<int64_t>(in.places[2 * i]) + Op::vertex_count];
    most = std::max(most, count);
  }
  return most;
}

/// What one thread needs for one image after another.
class Painter {
 public:
  Painter(core::Context& ctx, const core::RenderInputs& in, const Outputs& out, const Op::Options& o, int64_t vertices)
      : in_(in),
        out_(out),
        size_(static_cast<int32_t>(o.size)),
        shadows_(o.shadows),
        wide_(padded(o.size)),
        points_(ctx.scratch<Point>(static_cast<size_t>(vertices))),
        snapped_(ctx.scratch<Snapped>(static_cast<size_t>(vertices))),
        samples_{ctx.scratch<int32_t>(static_cast<size_t>(4 * wide_ * size_)),
                 ctx.scratch<int32_t>(static_cast<size_t>(4 * wide_ * size_)), 4 * wide_, size_},
        row_(ctx.scratch<float>(static_cast<size_t>(4 * wide_))),
        taken_(ctx.scratch<uint8_t>(static_cast<size_t>(wide_))) {
    const int32_t map_size = Op::sun_map_size(size_);
    if (out_.images && shadows_)
      map_ = {ctx.scratch<int32_t>(static_cast<size_t>(map_size) * map_size), nullptr, map_size, map_size};
  }

  void paint(int64_t n) {
    n_ = n;
    known_ = -1;
    place_objects();
    move_vertices();
    std::memset(samples_.nearness, 0, static_cast<size_t>(samples_.stride * size_) * sizeof(int32_t));
    reach_ = {{size_, -1}, {size_, -1}};
    int32_t of_first = 0;
    for (size_t i = 0; i < objects_.size(); ++i) {
      draw_object(objects_[i]);
      if (i == 0) of_first = count_samples();
    }
    int32_t* const counts = out_.counts + 6 * n_;
    std::fill_n(counts, 6, 0);
    counts[2] = counts[3] = size_;
    if (out_.images) {
      scene_.set(in_.worlds + Op::kWorld * n_, size_);
      if (shadows_ && !objects_.empty()) draw_shadows();
    }
    for (int32_t y = 0; y < size_; ++y) paint_row(y);
    if (counts[0] == 0) counts[2] = counts[3] = 0;
    counts[1] = has_first_ ? of_first - counts[0] : 0;
  }

 private:
  void place_objects() {
    objects_.clear();
    int32_t vertices = 0, triangles = 0;
    has_first_ = false;
    for (int64_t b = 0; b < in_.objects; ++b) {
      const int64_t i = n_ * in_.objects + b;
      const int32_t mesh = in_.places[2 * i];
      if (mesh < 0) continue;
      const int32_t* row = in_.meshes + 4 * static_cast<int64_t>(mesh);
      const float* pose = in_.poses + Op::kPose * i;
      const int32_t front = handedness(pose);
      if (front == 0) continue;
      objects_.push_back({pose, in_.vertices + 6 * static_cast<int64_t>(row[0]),
                          in_.triangles + 4 * static_cast<int64_t>(row[2]), row[1], row[3], vertices, triangles,
                          in_.places[2 * i + 1], front, scale_of(pose)});
      has_first_ = has_first_ || b == 0;
      vertices += row[1];
      triangles += row[3];
    }
    vertices_ = vertices;
  }

  void move_vertices() {
    lens_ = Lens::of(in_.worlds[Op::kWorld * n_ + Op::focal], size_);
    for (const Object& object : objects_)
      for (int32_t v = 0; v < object.vertex_count; ++v)
        points_[object.first_vertex + v] = move_point(object.pose, object.vertices + 6 * static_cast<int64_t>(v));
    for (int32_t v = 0; v < vertices_; ++v)
      snapped_[v] = lens_.holds(points_[v]) ? lens_.snap(points_[v]) : Snapped{0, 0, 0};
  }

  const float* material_of(const Object& object, int32_t part) const {
    return in_.materials + Op::kMaterial * static_cast<int64_t>(object.material + part);
  }

  void draw_object(const Object& object) {
    const Snapped* snapped = snapped_ + object.first_vertex;
    for (int32_t t = 0; t < object.triangle_count; ++t) {
      const int32_t* row = object.triangles + 4 * static_cast<int64_t>(t);
      const Snapped corner[3] = {snapped[row[0]], snapped[row[1]], snapped[row[2]]};
      const bool both = material_of(object, row[3])[Op::two_sided] != 0;
      if (corner[0].q != 0 && corner[1].q != 0 && corner[2].q != 0) {
        draw_corners(corner[0], corner[1], corner[2], object.front, both, object.first_number + t);
        continue;
      }
      const Point* points = points_ + object.first_vertex;
      Cutting rest;
      lens_.cut(points[row[0]], points[row[1]], points[row[2]], rest);
      for (int i = 2; i < rest.count; ++i)
        draw_corners(rest.corners[0], rest.corners[i - 1], rest.corners[i], object.front, both,
                     object.first_number + t);
    }
  }
  void draw_corners(const Snapped& a, const Snapped& b, const Snapped& c, int front, bool both, int32_t number) {
    Outline outline;
    if (!outline.set(a, b, c, front, both)) return;
    const Reach reach = reach_of<PixelLanes>(samples_, outline);
    if (reach.empty()) return;
    reach_.join(reach);
    draw<PixelLanes>(samples_, outline, reach, number);
  }

  int32_t count_samples() const {
    int32_t count = 0;
    for (int32_t y = reach_.rows.first; y <= reach_.rows.last; ++y) {
      const int32_t* q = samples_.nearness + y * samples_.stride;
      for (int32_t i = 4 * reach_.columns.first; i < 4 * (reach_.columns.last + 1); ++i) count += q[i] > 0;
    }
    return count;
  }

  void draw_shadows() {
    SunView& view = scene_.view;
    double low[3], high[3];
    std::fill_n(low, 3, HUGE_VAL);
    std::fill_n(high, 3, -HUGE_VAL);
    for (int32_t v = 0; v < vertices_; ++v) {
      const double at[3] = {view.along(view.across, points_[v]), view.along(view.up, points_[v]),
                            view.along(view.towards, points_[v])};
      for (int k = 0; k < 3; ++k) {
        low[k] = at[k] < low[k] ? at[k] : low[k];
        high[k] = at[k] > high[k] ? at[k] : high[k];
      }
    }
    view.set_bounds(low, high, map_.size);
    if (view.size == 0) return;
    std::memset(map_.nearness, 0, static_cast<size_t>(view.size) * view.size * sizeof(int32_t));
    for (int32_t v = 0; v < vertices_; ++v)
      snapped_[v] = SunView::holds(points_[v]) ? view.snap(points_[v]) : Snapped{0, 0, 0};
    for (const Object& object : objects_) {
      const Snapped* snapped = snapped_ + object.first_vertex;
      for (int32_t t = 0; t < object.triangle_count; ++t) {
        const int32_t* row = object.triangles + 4 * static_cast<int64_t>(t);
        const Snapped &a = snapped[row[0]], &b = snapped[row[1]], &c = snapped[row[2]];
        Outline outline;
        if (a.q == 0 || b.q == 0 || c.q == 0 ||
            !outline.set(a, b, c, -object.front, material_of(object, row[3])[Op::two_sided] != 0))
          continue;
        const Reach reach = reach_of<TexelLanes>(map_, outline);
        if (!reach.empty()) draw<TexelLanes>(map_, outline, reach, 0);
      }
    }
  }

  void paint_row(int32_t y) {
    const bool reached = y >= reach_.rows.first && y <= reach_.rows.last;
    const int32_t* q = samples_.nearness + y * samples_.stride;
    const int32_t* number = samples_.triangle + y * samples_.stride;
    const int32_t first = reached ? reach_.columns.first : size_, last = reached ? reach_.columns.last : -1;
    // Samples of each pixel in which there is an object, as bits.
    constexpr int kPixels = PixelLanes::kPixels;
    for (int32_t x = first / kPixels * kPixels; x <= last; x += kPixels) {
      const unsigned bits = lane_bits(vload(q + 4 * x) > 0);
      for (int i = 0; i < kPixels; ++i) taken_[x + i] = bits >> 4 * i & 15;
    }
    look_at_first(y, q, number, first, last);
    if (!out_.images) return;
    float* const behind = row_ + 3 * wide_;
    std::fill_n(behind, wide_, 1.0f);
    for (int32_t x = first; x <= last; ++x) behind[x] = 1.0f - share_of(taken_[x]);
    paint_background(y, behind);
    pending_ = 0;
    for (int32_t x = first; x <= last; ++x)
      for (int left = taken_[x]; left;) {
        const int lowest = __builtin_ctz(static_cast<unsigned>(left));
        const int32_t triangle = number[4 * x + lowest];
        int mask = 0;
        for (int i = lowest; i < 4; ++i) mask |= (left >> i & (number[4 * x + i] == triangle)) << i;
        left &= ~mask;
        add_fragment(x, y, triangle, mask);
      }
    if (pending_) shade_pending();
    write_row(y, first, last);
  }

  /// Share of a pixel that some of its samples are.
  static float share_of(int mask) {
    return 0.25f * static_cast<float>(__builtin_popcount(static_cast<unsigned>(mask)));
  }

  void look_at_first(int32_t y, const int32_t* q, const int32_t* number, int32_t first, int32_t last) {
    uint8_t* const mask = out_.masks ? out_.masks + (n_ * size_ + y) * size_ : nullptr;
    float* const depth = out_.depths ? out_.depths + (n_ * size_ + y) * size_ : nullptr;
    if (mask) std::memset(mask, 0, static_cast<size_t>(size_));
    if (depth) std::fill_n(depth, size_, 0.0f);
    if (!has_first_) return;
    int32_t* const counts = out_.counts + 6 * n_;
    const int32_t until = objects_[0].triangle_count;
    for (int32_t x = first; x <= last; ++x) {
      if (taken_[x] == 0) continue;
      int32_t count = 0, nearest = 0;
      for (int i = 4 * x; i < 4 * x + 4; ++i)
        if (q[i] > 0 && number[i] < until) {
          ++count;
          nearest = std::max(nearest, q[i]);
        }
      if (count == 0) continue;
      if (mask) mask[x] = static_cast<uint8_t>((count * 255 + 2) / 4);
      if (depth) depth[x] = static_cast<float>(kNearness / nearest);
      counts[0] += count;
      counts[2] = std::min(counts[2], x);
      counts[3] = std::min(counts[3], y);
      counts[4] = std::max(counts[4], x + 1);
      counts[5] = std::max(counts[5], y + 1);
    }
  }

  void paint_background(int32_t y, const float* behind) {
    const Library library = {in_.materials, in_.textures};
    if (scene_.background == Op::of_photo) {
      const uint8_t* photo = in_.photos + (3 * n_ * size_ + y) * size_;
      for (int c = 0; c < 3; ++c)
        for (int32_t x = 0; x < size_; ++x)
          row_[c * wide_ + x] = behind[x] * decode(photo[static_cast<int64_t>(c) * size_ * size_ + x]);
      return;
    }
    vf lane;
    for (int l = 0; l < kLanes; ++l) lane[l] = static_cast<float>(2 * l + 1);
    const float unit = 1.0f / static_cast<float>(size_);
    const vf down = vspread(1.0f - static_cast<float>(2 * y + 1) * unit);
    for (int64_t x = 0; x < wide_; x += kLanes) {
      const vf share = vload(behind + x);
      Vec<vf> colour = {};
      if (lanes_any(share > 0.0f)) {
        const vf across = (lane + static_cast<float>(2 * x)) * unit - 1.0f;
        colour = background_at<vf, vi>(scene_, library, map_.nearness, across, down);
      }
      vstore(row_ + x, colour.x * share);
      vstore(row_ + wide_ + x, colour.y * share);
      vstore(row_ + 2 * wide_ + x, colour.z * share);
    }
  }

  void add_fragment(int32_t x, int32_t y, int32_t number, int mask) {
    if (number != known_) {
      size_t i = 0;
      while (number >= objects_[i].first_number + objects_[i].triangle_count) ++i;
      const Object& object = objects_[i];
      const int32_t* row = object.triangles + 4 * static_cast<int64_t>(number - object.first_number);
      const float* const vertex[3] = {object.vertices + 6 * static_cast<int64_t>(row[0]),
                                      object.vertices + 6 * static_cast<int64_t>(row[1]),
                                      object.vertices + 6 * static_cast<int64_t>(row[2])};
      const Point* points = points_ + object.first_vertex;
      const Point corner[3] = {points[row[0]], points[row[1]], points[row[2]]};
      fragment_ = fragment_of(scene_, object.pose, object.scale, material_of(object, row[3]), vertex, corner);
      known_ = number;
    }
    constexpr size_t kFields = sizeof fragment_ / 4;
    static_assert(sizeof(Fragment<vf, vi>) == kFields * kLanes * 4);
    uint32_t field[kFields];
    std::memcpy(field, &fragment_, sizeof fragment_);
    uint32_t* const to = fields_ + pending_;
    for (size_t k = 0; k < kFields; ++k) to[k * kLanes] = field[k];
    const Place place = place_of(mask, x, y, size_);
    std::memcpy(to + offsetof(FragmentOfOne, x) / 4 * kLanes, &place.x, 4);
    std::memcpy(to + offsetof(FragmentOfOne, y) / 4 * kLanes, &place.y, 4);
    pixel_[pending_] = x;
    share_[pending_] = share_of(mask);
    if (++pending_ == kLanes) shade_pending();
  }

  void shade_pending() {
    for (int l = pending_; l < kLanes; ++l)  // lanes without a fragment repeat the first
      for (size_t k = 0; k < sizeof fields_ / 4; k += kLanes) fields_[k + l] = fields_[k];
    Fragment<vf, vi> f;
    std::memcpy(&f, fields_, sizeof f);
    const Vec<vf> colour = shade(scene_, Library{in_.materials, in_.textures}, map_.nearness, f);
    for (int l = 0; l < pending_; ++l) {
      float* const to = row_ + pixel_[l];
      to[0] += colour.x[l] * share_[l];
      to[wide_] += colour.y[l] * share_[l];
      to[2 * wide_] += colour.z[l] * share_[l];
    }
    pending_ = 0;
  }

  void write_row(int32_t y, int32_t first, int32_t last) {
    const int64_t plane = static_cast<int64_t>(size_) * size_;
    for (int c = 0; c < 3; ++c) {
      uint8_t* const to = out_.images + (3 * n_ + c) * plane + static_cast<int64_t>(y) * size_;
      for (int32_t x = 0; x < size_; x += kLanes) {
        const vi bytes = encode<vf, vi>(vload(row_ + c * wide_ + x));
        if (x + kLanes <= size_) {
          store_bytes(to + x, bytes);
        } else {
          for (int l = 0; l < size_ - x; ++l) to[x + l] = static_cast<uint8_t>(bytes[l]);
        }
      }
      if (scene_.background != Op::of_photo) continue;
      const uint8_t* photo = in_.photos + (3 * n_ + c) * plane + static_cast<int64_t>(y) * size_;
      for (int32_t x = 0; x < size_; ++x)
        if (x < first || x > last || taken_[x] == 0) to[x] = photo[x];
    }
  }

  const core::RenderInputs& in_;
  const Outputs out_;
  const int32_t size_;
  const bool shadows_;
  const int64_t wide_;  // pixels of a row, in whole vectors
  Point* const points_;
  Snapped* const snapped_;
  Samples samples_, map_{};
  float* const row_;      // red, green, blue, and the share that is background
  uint8_t* const taken_;  // of a row's pixels that are reached
  int64_t n_ = 0;
  std::vector<Object> objects_;
  bool has_first_ = false;
  int32_t vertices_ = 0;
  Lens lens_{};
  Reach reach_{};
  Scene scene_{};
  int32_t known_ = -1;  // the triangle of fragment_
  FragmentOfOne fragment_;
  // Fragments that wait for a whole vector.
  alignas(64) uint32_t fields_[sizeof(Fragment<vf, vi>) / 4];
  int32_t pixel_[kLanes];
  float share_[kLanes];
  int pending_ = 0;
};

}  // namespace

void render_scenes(core::Context& ctx, const core::View* in, core::View* out, const Op::Options& o) {
  const core::RenderInputs inputs(in);
  inputs.check();
  const Outputs outputs = {out[0].rank >= 0 ? out[0].as<uint8_t>() : nullptr, out[1].as<int32_t>(),
                           out[2].rank >= 0 ? out[2].as<uint8_t>() : nullptr,
                           out[3].rank >= 0 ? out[3].as<float>() : nullptr};
  const int64_t workers = std::min<int64_t>(inputs.images, core::threads()), vertices = most_vertices(inputs);
  std::vector<Painter> painters;
  for (int64_t i = 0; i < workers; ++i) painters.emplace_back(ctx, inputs, outputs, o, vertices);
  std::atomic<int64_t> next{0};
  core::parallel_for(workers, [&](int64_t i) {
    for (int64_t n; (n = next.fetch_add(1)) < inputs.images && !ctx.stop();) painters[static_cast<size_t>(i)].paint(n);
  });
}

}  // namespace striate::cpu::STRIATE_SIMD_NS
#include "cpu/simd/end.h"
