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
#include "cpu/simd/render_fragments.h"
#include "cpu/simd/render_raster.h"
#include "cpu/simd/render_vertices.h"

namespace striate::cpu::STRIATE_SIMD_NS {
namespace {

using Op = op::RenderScenes;

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

/// Vertices, or triangles, of the image that has most of them.
int64_t most_of(const core::RenderInputs& in, Op::Mesh column) {
  int64_t most = 0;
  for (int64_t n = 0; n < in.images; ++n) {
    int64_t count = 0;
    for (int64_t i = n * in.objects; i < (n + 1) * in.objects; ++i)
      if (in.places[2 * i] >= 0) count += in.meshes[4 * static_cast<int64_t>(in.places[2 * i]) + column];
    most = std::max(most, count);
  }
  return most;
}

/// What one thread needs for one image after another.
class Painter {
 public:
  Painter(core::Context& ctx, const core::RenderInputs& in, const Outputs& out, const Op::Options& o, int64_t vertices,
          int64_t triangles)
      : in_(in),
        out_(out),
        size_(static_cast<int32_t>(o.size)),
        shadows_(o.shadows),
        wide_(padded(o.size)),
        points_{ctx.scratch<float>(static_cast<size_t>(vertices + kLanes)),
                ctx.scratch<float>(static_cast<size_t>(vertices + kLanes)),
                ctx.scratch<float>(static_cast<size_t>(vertices + kLanes))},
        snapped_(ctx.scratch<Snapped>(static_cast<size_t>(vertices + kLanes))),
        samples_{ctx.scratch<int32_t>(static_cast<size_t>(4 * wide_ * size_)),
                 ctx.scratch<int32_t>(static_cast<size_t>(4 * wide_ * size_)), 4 * wide_, size_},
        row_(ctx.scratch<float>(static_cast<size_t>(3 * wide_))),
        taken_(ctx.scratch<uint8_t>(static_cast<size_t>(wide_))),
        alike_(ctx.scratch<uint8_t>(static_cast<size_t>(wide_))),
        record_of_(ctx.scratch<int32_t>(static_cast<size_t>(triangles))),
        records_(ctx.scratch<float>(static_cast<size_t>(kRecord * triangles))) {
    std::fill_n(samples_.nearness, samples_.stride * size_, 0);
    std::fill_n(taken_, wide_, uint8_t{0});
    for (int mask = 1; mask < 16; ++mask) middle_[mask] = middle_of(mask);
    const int32_t map_size = Op::sun_map_size(size_);
    if (out_.images && shadows_)
      map_ = {ctx.scratch<float>(static_cast<size_t>(map_size) * map_size), map_size, map_size};
  }

  void paint(int64_t n) {
    n_ = n;
    place_objects();
    move_vertices();
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
      std::fill_n(record_of_, triangles_, -1);
      known_ = 0;
    }
    for (int32_t y = 0; y < size_; ++y) paint_row(y);
    if (counts[0] == 0) counts[2] = counts[3] = 0;
    counts[1] = has_first_ ? of_first - counts[0] : 0;
    clear_samples();
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
    triangles_ = triangles;
  }

  void move_vertices() {
    lens_ = Lens::of(in_.worlds[Op::kWorld * n_ + Op::focal], size_);
    for (const Object& object : objects_)
      move_points(object.pose, object.vertices, object.vertex_count, points_.from(object.first_vertex));
    if (vertices_ > 0) {
      const Point last = points_[vertices_ - 1];
      for (int32_t v = vertices_; v < vertices_ + kLanes; ++v) {
        points_.x[v] = last.x;
        points_.y[v] = last.y;
        points_.z[v] = last.z;
      }
    }
    snap_points(lens_, points_, vertices_, snapped_);
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
      const Points points = points_.from(object.first_vertex);
      Cutting rest;
      lens_.cut(points[row[0]], points[row[1]], points[row[2]], rest);
      for (int i = 2; i < rest.count; ++i)
        draw_corners(rest.corners[0], rest.corners[i - 1], rest.corners[i], object.front, both,
                     object.first_number + t);
    }
  }
  void draw_corners(const Snapped& a, const Snapped& b, const Snapped& c, int front, bool both, int32_t number) {
    const Reach reach = reach_of(samples_, a, b, c);
    // One branch that nobody foresees instead of two.
    if (reach.empty() | !Outline::is_seen(Outline::area_of(a, b, c), front, both)) return;
    reach_.join(reach);
    Outline outline;
    if (outline.set(a, b, c, front, both)) draw(samples_, outline, reach, number);
  }

  int32_t count_samples() const {
    int32_t count = 0;
    for (int32_t y = reach_.rows.first; y <= reach_.rows.last; ++y) {
      const int32_t* q = samples_.nearness + y * samples_.stride;
      for (int32_t i = 4 * reach_.columns.first; i < 4 * (reach_.columns.last + 1); ++i) count += q[i] > 0;
    }
    return count;
  }

  /// For the next image.
  void clear_samples() {
    const int32_t first = reach_.columns.first / Samples::kPixels * Samples::kPixels;
    const int32_t until = reach_.columns.last / Samples::kPixels * Samples::kPixels + Samples::kPixels;
    for (int32_t y = reach_.rows.first; y <= reach_.rows.last; ++y)
      std::fill_n(samples_.nearness + y * samples_.stride + 4 * first, 4 * (until - first), 0);
  }

  void draw_shadows() {
    SunView& view = scene_.view;
    double low[3], high[3];
    sun_bounds(view, points_, vertices_, low, high);
    view.set_bounds(low, high, map_.size);
    if (view.size == 0) return;
    std::memset(map_.nearness, 0, static_cast<size_t>(view.size) * view.size * sizeof(float));
    snap_points(view, points_, vertices_, snapped_);
    for (const Object& object : objects_) {
      const Snapped* snapped = snapped_ + object.first_vertex;
      for (int32_t t = 0; t < object.triangle_count; ++t) {
        const int32_t* row = object.triangles + 4 * static_cast<int64_t>(t);
        const Snapped &a = snapped[row[0]], &b = snapped[row[1]], &c = snapped[row[2]];
        const Reach reach = reach_of(map_, a, b, c);
        const bool both = material_of(object, row[3])[Op::two_sided] != 0;
        if ((a.q == 0) | (b.q == 0) | (c.q == 0) | reach.empty() |
            !Outline::is_seen(Outline::area_of(a, b, c), -object.front, both))
          continue;
        Outline outline;
        if (outline.set(a, b, c, -object.front, both)) draw(map_, outline, reach, 0);
      }
    }
  }

  void paint_row(int32_t y) {
    const bool reached = y >= reach_.rows.first && y <= reach_.rows.last;
    const int32_t first = reached ? reach_.columns.first / kLanes * kLanes : size_;
    const int32_t until = reached ? std::min<int32_t>(reach_.columns.last / kLanes * kLanes + kLanes, size_) : size_;
    look_at_row(y, first, until);
    if (!out_.images) return;
    paint_background(y, first, until);
    if (!reached) return;
    const int32_t* number = samples_.triangle + y * samples_.stride;
    for (int32_t x = first; x < until; ++x)
      for (int left = taken_[x]; left;) {
        const int lowest = __builtin_ctz(static_cast<unsigned>(left));
        const int32_t triangle = number[4 * x + lowest];
        int mask = left & alike_[x];
        if (lowest > 0) {
          mask = 0;
          for (int i = lowest; i < 4; ++i) mask |= (left >> i & (number[4 * x + i] == triangle)) << i;
        }
        left &= ~mask;
        add_fragment(x, y, triangle, mask);
      }
    if (pending_.count > 0) shade_pending(y);
    for (int32_t x = first; x < until; x += kLanes)
      put_pixels(x, y, {vload(row_ + x), vload(row_ + wide_ + x), vload(row_ + 2 * wide_ + x)}, true);
  }

  /// Share of a pixel that some of its samples are.
  static float share_of(int mask) {
    return 0.25f * static_cast<float>(__builtin_popcount(static_cast<unsigned>(mask)));
  }

  /// Which samples there is an object in, which have the first one's triangle, and what is seen of object 0.
  void look_at_row(int32_t y, int32_t first, int32_t until) {
    uint8_t* const mask = out_.masks ? out_.masks + (n_ * size_ + y) * size_ : nullptr;
    float* const depth = out_.depths ? out_.depths + (n_ * size_ + y) * size_ : nullptr;
    if (mask) std::memset(mask, 0, static_cast<size_t>(size_));
    if (depth) std::fill_n(depth, size_, 0.0f);
    constexpr int kPixels = Samples::kPixels;
    const int32_t* q = samples_.nearness + y * samples_.stride;
    const int32_t* number = samples_.triangle + y * samples_.stride;
    const vi own = vset(has_first_ ? objects_[0].triangle_count : 0);
    for (int32_t x = first; x < until; x += kPixels) {
      const vi seen = vload(q + 4 * x) > 0, triangle = vload(number + 4 * x);
      const unsigned frame = x + kPixels <= size_ ? ~0u : (1u << 4 * (size_ - x)) - 1;
      const unsigned taken = lane_bits(seen) & frame, alike = lane_bits(triangle == first_of_four(triangle)),
                     of_first = lane_bits(triangle < own) & taken;
      for (int i = 0; i < kPixels; ++i) {
        taken_[x + i] = taken >> 4 * i & 15;
        alike_[x + i] = alike >> 4 * i & 15;
      }
      if (of_first == 0) continue;
      int32_t* const counts = out_.counts + 6 * n_;
      counts[0] += __builtin_popcount(of_first);
      counts[2] = std::min(counts[2], x + __builtin_ctz(of_first) / 4);
      counts[3] = std::min(counts[3], y);
      counts[4] = std::max(counts[4], x + (31 - __builtin_clz(of_first)) / 4 + 1);
      counts[5] = std::max(counts[5], y + 1);
      for (int i = 0; i < kPixels; ++i) {
        const int own_samples = of_first >> 4 * i & 15;
        if (own_samples == 0) continue;
        if (mask)
          mask[x + i] = static_cast<uint8_t>((__builtin_popcount(static_cast<unsigned>(own_samples)) * 255 + 2) / 4);
        if (!depth) continue;
        int32_t nearest = 0;
        for (int k = 0; k < 4; ++k)
          if (own_samples >> k & 1) nearest = std::max(nearest, q[4 * (x + i) + k]);
        depth[x + i] = static_cast<float>(kNearness / nearest);
      }
    }
  }

  /// The row's pixels from `first` up to `until`, which objects reach, into row_, the others into the image.
  void paint_background(int32_t y, int32_t first, int32_t until) {
    const Library library = {in_.materials, in_.textures};
    if (scene_.background == Op::of_photo) {
      const int64_t plane = static_cast<int64_t>(size_) * size_;
      for (int c = 0; c < 3; ++c) {
        const int64_t at = (3 * n_ + c) * plane + static_cast<int64_t>(y) * size_;
        std::memcpy(out_.images + at, in_.photos + at, static_cast<size_t>(size_));
        for (int32_t x = first; x < until; ++x)
          row_[c * wide_ + x] = (1.0f - share_of(taken_[x])) * decode(in_.photos[at + x]);
      }
      return;
    }
    vf lane;
    for (int l = 0; l < kLanes; ++l) lane[l] = static_cast<float>(2 * l + 1);
    const float unit = 1.0f / static_cast<float>(size_);
    const vf down = vspread(1.0f - static_cast<float>(2 * y + 1) * unit);
    for (int32_t x = 0; x < size_; x += kLanes) {
      const vf across = (lane + static_cast<float>(2 * x)) * unit - 1.0f;
      if (x < first || x >= until) {
        put_pixels(x, y, background_at<vf, vi>(scene_, library, map_.nearness, across, down), false);
        continue;
      }
      vf share;
      for (int l = 0; l < kLanes; ++l) share[l] = 1.0f - share_of(taken_[x + l]);
      Vec<vf> colour = {};
      if (lanes_any(share > 0.0f)) colour = background_at<vf, vi>(scene_, library, map_.nearness, across, down);
      vstore(row_ + x, colour.x * share);
      vstore(row_ + wide_ + x, colour.y * share);
      vstore(row_ + 2 * wide_ + x, colour.z * share);
    }
  }

  void add_fragment(int32_t x, int32_t y, int32_t number, int mask) {
    int32_t& record = record_of_[number];
    if (record < 0) record = add_record(number);
    pending_.add(records_ + static_cast<int64_t>(kRecord) * record, x, middle_[mask], share_of(mask));
    if (pending_.count == kLanes) shade_pending(y);
  }
  int32_t add_record(int32_t number) {
    size_t i = 0;
    while (number >= objects_[i].first_number + objects_[i].triangle_count) ++i;
    const Object& object = objects_[i];
    const int32_t* row = object.triangles + 4 * static_cast<int64_t>(number - object.first_number);
    const float* const vertex[3] = {object.vertices + 6 * static_cast<int64_t>(row[0]),
                                    object.vertices + 6 * static_cast<int64_t>(row[1]),
                                    object.vertices + 6 * static_cast<int64_t>(row[2])};
    const Points points = points_.from(object.first_vertex);
    const Point corner[3] = {points[row[0]], points[row[1]], points[row[2]]};
    const Fragment<float, int32_t> fragment =
        fragment_of(scene_, object.pose, object.scale, material_of(object, row[3]), vertex, corner);
    std::memcpy(records_ + static_cast<int64_t>(kRecord) * known_, &fragment, sizeof fragment);
    return known_++;
  }

  void shade_pending(int32_t y) {
    pending_.fill_up();
    const vf x = screen_x(vload(pending_.middle_x), lanes_float(vload(pending_.pixel)), size_);
    const vf row = screen_y(vload(pending_.middle_y), vset(static_cast<float>(y)), size_);
    const Vec<vf> colour =
        shade(scene_, Library{in_.materials, in_.textures}, map_.nearness, pending_.fragments(), x, row);
    const vf share = vload(pending_.share), part[3] = {colour.x * share, colour.y * share, colour.z * share};
    for (int l = 0; l < pending_.count; ++l)
      for (int c = 0; c < 3; ++c) row_[c * wide_ + pending_.pixel[l]] += part[c][l];
    pending_.count = 0;
  }

  /// Linear light into the image, from the column x on; of a photo, only where there is an object in front.
  void put_pixels(int32_t x, int32_t y, const Vec<vf>& colour, bool reached) {
    const int64_t plane = static_cast<int64_t>(size_) * size_;
    uint8_t* to = out_.images + 3 * n_ * plane + static_cast<int64_t>(y) * size_ + x;
    const bool photo = reached && scene_.background == Op::of_photo;
    for (const vf light : {colour.x, colour.y, colour.z}) {
      const vi bytes = encode<vf, vi>(light);
      if (x + kLanes <= size_ && !photo) {
        store_bytes(to, bytes);
      } else {
        const int count = std::min(kLanes, size_ - x);
        for (int l = 0; l < count; ++l)
          if (!photo || taken_[x + l]) to[l] = static_cast<uint8_t>(bytes[l]);
      }
      to += plane;
    }
  }

  const core::RenderInputs& in_;
  const Outputs out_;
  const int32_t size_;
  const bool shadows_;
  const int64_t wide_;  // pixels of a row, in whole vectors
  const Points points_;
  Snapped* const snapped_;
  Samples samples_;
  Texels map_{};
  float* const row_;  // red, green and blue
  // Of a row's pixels: their samples with an object, and those with the triangle of the first one.
  uint8_t *const taken_, *const alike_;
  int32_t* const record_of_;  // by triangle; -1: none yet
  float* const records_;      // the triangles seen in the image, as fragments
  Place middle_[16];          // of the samples of a mask
  int64_t n_ = 0;
  std::vector<Object> objects_;
  bool has_first_ = false;
  int32_t vertices_ = 0, triangles_ = 0;
  Lens lens_{};
  Reach reach_{};
  Scene scene_{};
  int32_t known_ = 0;  // records
  FragmentQueue pending_;
};

}  // namespace

void render_scenes(core::Context& ctx, const core::View* in, core::View* out, const Op::Options& o) {
  const core::RenderInputs inputs(in);
  inputs.check();
  const Outputs outputs = {out[0].rank >= 0 ? out[0].as<uint8_t>() : nullptr, out[1].as<int32_t>(),
                           out[2].rank >= 0 ? out[2].as<uint8_t>() : nullptr,
                           out[3].rank >= 0 ? out[3].as<float>() : nullptr};
  const int64_t workers = std::min<int64_t>(inputs.images, core::threads()),
                vertices = most_of(inputs, Op::vertex_count),
                triangles = outputs.images ? most_of(inputs, Op::triangle_count) : 0;
  std::vector<Painter> painters;
  for (int64_t i = 0; i < workers; ++i) painters.emplace_back(ctx, inputs, outputs, o, vertices, triangles);
  std::atomic<int64_t> next{0};
  core::parallel_for(workers, [&](int64_t i) {
    for (int64_t n; (n = next.fetch_add(1)) < inputs.images && !ctx.stop();) painters[static_cast<size_t>(i)].paint(n);
  });
}

}  // namespace striate::cpu::STRIATE_SIMD_NS
#include "cpu/simd/end.h"
