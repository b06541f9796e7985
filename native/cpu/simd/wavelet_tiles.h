// How the fused ops walk over the places of the maps. Where channels are few, several images together fill the lanes: a
// bundle. A segment is a stretch of one row of one bundle, a tile several segments, as many as make a product worth its
// weights; channels come in blocks whose responses at a tile stay in the second cache. Included after simd/begin.h.
#pragma once
#include <algorithm>
#include <cstdint>

#include "cpu/simd/mix_tile.h"
#include "cpu/simd/wavelet_layer.h"

namespace striate::cpu::STRIATE_SIMD_NS::wavelet {
namespace {

constexpr int64_t kBlockChannels = 32, kTilePlaces = 48;

struct Tiling {
  const Layer& l;
  int64_t bundle, vectors;    // images of a bundle, its vectors
  int64_t block, blocks;      // vectors of a block
  int64_t step;               // floats from place to place of a block's maps
  int64_t segments, stretch;  // of a tile; room for the places of each
  int32_t* offsets;           // [image of a bundle][C maps]: of each map of a block

  /// With at most so many images to a bundle.
  Tiling(core::Context& ctx, const Layer& layer, int64_t most = kLanes) : l(layer) {
    bundle = 1;
    if (l.C < kBlockChannels)
      while (bundle < std::min(l.N, most) && Planes::vectors(bundle * l.C) * kLanes * 8 > bundle * l.C * 9) ++bundle;
    vectors = Planes::vectors(bundle * l.C);
    block = l.C <= kBlockChannels ? vectors : kBlockChannels / kLanes;
    blocks = (vectors + block - 1) / block;
    step = block * l.maps * kLanes;
    stretch = std::min(kStretch, l.Q);
    const int64_t places = stretch * bundle;
    segments = std::clamp<int64_t>((kTilePlaces + places / 2) / places, 1, kTilePlaces);
    offsets = ctx.scratch<int32_t>(static_cast<size_t>(bundle * l.channels()));
    for (int64_t i = 0; i < bundle; ++i)
      for (int64_t c = 0; c < l.C; ++c)
        for (int64_t map = 0; map < l.maps; ++map) {
          const int64_t lane = i * l.C + c, v = lane / kLanes % block;
          offsets[(i * l.C + c) * l.maps + map] = static_cast<int32_t>((v * l.maps + map) * kLanes + lane % kLanes);
        }
  }
  int64_t places() const { return segments * stretch; }  // room of a tile
  int64_t block_channels(int64_t b) const { return std::min(l.C, (b + 1) * block * kLanes) - first_channel(b); }
  int64_t first_channel(int64_t b) const { return blocks == 1 ? 0 : b * block * kLanes; }
  /// Numbers of a place that block b adds to an image's products.
  int64_t depth(int64_t b) const { return block_channels(b) * l.maps; }
  const int32_t* offset(int64_t image, int64_t b) const { return offsets + (image * l.C + first_channel(b)) * l.maps; }
  int64_t bundle_segments() const { return l.P * l.stretches(); }
  int64_t tiles(int64_t images) const {
    return ((images + bundle - 1) / bundle * bundle_segments() + segments - 1) / segments;
  }

  struct Segment {
    int64_t bundle, p, q, count;
  };
  /// Segments of tile t, at most `segments`; how many there are.
  int64_t list(int64_t t, int64_t images, Segment* to) const {
    const int64_t all = (images + bundle - 1) / bundle * bundle_segments(), across = l.stretches();
    const int64_t some = std::min(segments, all - t * segments);
    for (int64_t i = 0; i < some; ++i) {
      const int64_t s = t * segments + i, q = s % across * kStretch;
      to[i] = {s / bundle_segments(), s / across % l.P, q, std::min(kStretch, l.Q - q)};
    }
    return some;
  }
};

}  // namespace
}  // namespace striate::cpu::STRIATE_SIMD_NS::wavelet
