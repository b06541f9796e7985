// The inputs of render_scenes as numbers and sizes, and what must hold for their rows: asked of each by the CPU, and by
// a kernel on CUDA, which only tells that something is wrong; what it is, `check` finds on the host.
#pragma once
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "core/check.h"
#include "core/memo.h"
#include "core/random.h"
#include "core/view.h"
#include "ops/render.h"

namespace striate::core {

struct RenderInputs {
  using Op = op::RenderScenes;
  const float* vertices;
  const int32_t* triangles;
  const int32_t* meshes;
  const uint8_t* textures;
  const float* materials;
  const int32_t* places;
  const float* poses;
  const float* worlds;
  const uint8_t* photos;  // or null
  int64_t vertex_rows, triangle_rows, mesh_rows, texture_rows, material_rows, images, objects;
  uint64_t models[2];  // what triangles and meshes hold; 0: not known

  explicit RenderInputs(const View* in)
      : vertices(in[0].as<float>()),
        triangles(in[1].as<int32_t>()),
        meshes(in[2].as<int32_t>()),
        textures(in[3].as<uint8_t>()),
        materials(in[4].as<float>()),
        places(in[5].as<int32_t>()),
        poses(in[6].as<float>()),
        worlds(in[7].as<float>()),
        photos(in[8].rank >= 0 ? in[8].as<uint8_t>() : nullptr),
        vertex_rows(in[0].shape[0]),
        triangle_rows(in[1].shape[0]),
        mesh_rows(in[2].shape[0]),
        texture_rows(in[3].shape[0]),
        material_rows(in[4].shape[0]),
        images(in[5].shape[0]),
        objects(in[5].shape[1]),
        models{in[1].content, in[2].content} {}

  static STRIATE_HD bool finite(float x) { return x - x == 0; }
  static STRIATE_HD bool range_fits(int32_t first, int32_t count, int64_t all) {
    return first >= 0 && count >= 0 && static_cast<int64_t>(first) + count <= all;
  }
  STRIATE_HD bool mesh_fits(int64_t m) const {
    const int32_t* row = meshes + 4 * m;
    return range_fits(row[0], row[1], vertex_rows) && range_fits(row[2], row[3], triangle_rows);
  }
  STRIATE_HD bool material_fits(int64_t k) const {
    const float texture = materials[Op::kMaterial * k + Op::texture];
    return texture >= -1 && texture < static_cast<float>(texture_rows);
  }
  STRIATE_HD bool world_fits(int64_t n) const {
    const float* world = worlds + Op::kWorld * n;
    for (int i = 0; i < Op::kWorld; ++i)
      if (!finite(world[i])) return false;
    const float all = static_cast<float>(material_rows);
    if (!(world[Op::background] >= 0 && world[Op::background] < static_cast<float>(Op::kBackgrounds))) return false;
    const int kind = static_cast<int>(world[Op::background]);
    const bool land = kind == Op::on_land, room = kind == Op::in_room;
    if (kind == Op::of_photo && !photos) return false;
    const auto row_fits = [=](float row, bool needed) { return row >= (needed ? 0.0f : -1.0f) && row < all; };
    return row_fits(world[Op::floor], land || room) &&
           row_fits(world[Op::wall], room || (land && world[Op::hills] > 0.0f)) && row_fits(world[Op::ceiling], room) &&
           world[Op::focal] > 0.0f;
  }
  STRIATE_HD bool place_fits(int64_t i) const {
    const int32_t mesh = places[2 * i], row = places[2 * i + 1];
    return mesh == -1 || (mesh >= 0 && mesh < mesh_rows && row >= 0 && row < material_rows);
  }
  STRIATE_HD bool pose_fits(int64_t i) const {
    for (int k = 0; k < Op::kPose; ++k)
      if (!finite(poses[Op::kPose * i + k])) return false;
    return true;
  }
  /// Triangle t of the object at place i.
  STRIATE_HD bool triangle_fits(int64_t i, int64_t t) const {
    const int32_t* mesh = meshes + 4 * static_cast<int64_t>(places[2 * i]);
    const int32_t* row = triangles + 4 * (mesh[Op::first_triangle] + t);
    const int32_t count = mesh[Op::vertex_count];
    for (int k = 0; k < 3; ++k)
      if (row[k] < 0 || row[k] >= count) return false;
    return row[3] >= 0 && static_cast<int64_t>(places[2 * i + 1]) + row[3] < material_rows;
  }

  /// Throws a data fault that names the first thing that does not fit. Everything is on the host.
  void check() const {
    const auto refuse = [](const char* argument, const std::string& actual, const std::string& expected) {
      throw Error(ErrorKind::data, "render_scenes", argument, actual, expected);
    };
    const auto row = [](const auto* from, int64_t i, int64_t columns) {
      std::string text = "[";
      for (int64_t k = 0; k < columns; ++k) text += (k ? "," : "") + number(from[i * columns + k]);
      return text + "] in row " + std::to_string(i);
    };
    for (int64_t m = 0; m < mesh_rows; ++m)
      if (!mesh_fits(m))
        refuse("meshes", row(meshes, m, 4),
               "first and count within " + std::to_string(vertex_rows) + " vertices and " +
                   std::to_string(triangle_rows) + " triangles");
    for (int64_t k = 0; k < material_rows; ++k)
      if (!material_fits(k))
        refuse("materials",
               "texture " + number(materials[Op::kMaterial * k + Op::texture]) + " in row " + std::to_string(k),
               "-1 to " + std::to_string(texture_rows - 1));
    for (int64_t n = 0; n < images; ++n)
      if (!world_fits(n))
        refuse("worlds", row(worlds, n, Op::kWorld),
               "finite numbers, a focal length, a kind of background from 0 to " +
                   std::string(photos ? "3" : "2 (3 with photos)") + " and rows of materials that it needs, below " +
                   std::to_string(material_rows));
    // Of meshes looked at. Models stay from call to call, and their triangles may be more than the caches hold.
    static thread_local Memo<std::vector<int32_t>, 2, 1> known;
    std::vector<int32_t>& parts =
        known.of({models[0], models[1]}, [&](auto& fresh) { fresh.assign(static_cast<size_t>(mesh_rows), -1); });
    for (int64_t i = 0; i < images * objects; ++i) {
      if (!place_fits(i))
        refuse("places", row(places, i, 2),
               "a mesh from -1 to " + std::to_string(mesh_rows - 1) + " and a material from 0 to " +
                   std::to_string(material_rows - 1));
      if (!pose_fits(i)) refuse("poses", row(poses, i, Op::kPose), "finite numbers");
      const int32_t mesh = places[2 * i];
      if (mesh < 0) continue;
      int32_t& most = parts[static_cast<size_t>(mesh)];
      const int32_t* range = meshes + 4 * static_cast<int64_t>(mesh);
      if (most < 0) most = highest_part(mesh);
      if (most >= 0 && places[2 * i + 1] + static_cast<int64_t>(most) < material_rows) continue;
      for (int64_t t = 0; t < range[Op::triangle_count]; ++t)
        if (!triangle_fits(i, t))
          refuse("triangles", row(triangles, range[Op::first_triangle] + t, 4),
                 "vertices of the mesh's " + std::to_string(range[Op::vertex_count]) + ", and a part with one of the " +
                     std::to_string(material_rows) + " materials from " + std::to_string(places[2 * i + 1]) + " on");
    }
  }

 private:
  /// Of a mesh's triangles; -1 where there is none, or one of them has no vertices or no part. Without a branch inside:
  /// most calls ask all triangles.
  int32_t highest_part(int64_t m) const {
    const int32_t* mesh = meshes + 4 * m;
    const auto count = static_cast<uint32_t>(mesh[Op::vertex_count]);
    int32_t most = -1, least = 0;
    uint32_t vertex = 0;
    for (int64_t t = mesh[Op::first_triangle];
         t < static_cast<int64_t>(mesh[Op::first_triangle]) + mesh[Op::triangle_count]; ++t) {
      for (int k = 0; k < 3; ++k) vertex = std::max(vertex, static_cast<uint32_t>(triangles[4 * t + k]));
      most = std::max(most, triangles[4 * t + 3]);
      least = std::min(least, triangles[4 * t + 3]);
    }
    return vertex < count && least == 0 ? most : -1;
  }

  static std::string number(float x) {
    std::string text = std::to_string(x);
    if (text.find('.') != std::string::npos) text.erase(text.find_last_not_of('0') + 1);
    if (!text.empty() && text.back() == '.') text.pop_back();
    return text;
  }
  static std::string number(int32_t x) { return std::to_string(x); }
};

}  // namespace striate::core
