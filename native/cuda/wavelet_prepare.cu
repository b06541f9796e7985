// What the wavelet kernels are told before they start (wavelet.cuh): the bank taken apart on the host, as tables, and the
// tile that suits the map. The bank is a few kilobytes; reading it waits for the stream, and so its tables are kept on
// the device for the calls to come.
#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include "cuda/wavelet.cuh"

namespace striate::cuda::wavelet {
namespace {

using core::wavelet::Plan;

constexpr int64_t kMostFloats = 28 << 10, kMostTileFloats = 8 << 10;  // of shared memory: a block's, a channel's pixels
constexpr int kFirst[core::wavelet::kParities] = {0, kEven + kMixed, kEven, kEven + 2 * kMixed};
constexpr int kMost[core::wavelet::kParities] = {kEven, kMixed, kMixed, kOdd};

bool fits(const Plan& plan) {
  for (int parity = 0; parity < core::wavelet::kParities; ++parity)
    if (plan.count[parity] > kMost[parity]) return false;
  return true;
}

/// The bank in as few rounds as the kernels' registers allow, orientations whole.
struct Tables {
  std::vector<Round> rounds;
  std::vector<float> weights;
  std::vector<int2> terms;

  Tables(const float* bank, int64_t filters, int64_t side, int32_t nonlinearity) {
    const bool imaginary = nonlinearity != op::WaveletConv::relu;
    terms.assign(static_cast<size_t>(filters * kTerms), int2{-1, 0});
    for (int64_t row = 0; row < filters;) {
      int64_t count = row == 0 ? 1 : 2;
      while (row + count < filters && fits(Plan(bank, row, count + 2, side, imaginary))) count += 2;
      add(Plan(bank, row, count, side, imaginary), row);
      row += count;
    }
  }

  /// Whether the kernels may join values as Mirrored does, without asking.
  bool mirrored() const {
    using M = Mirrored;
    if (rounds.size() != 1 || rounds[0].filters != 1 + 2 * M::kOrientations) return false;
    const auto is = [&](int filter, std::array<int, 2> slots, std::array<float, 2> signs) {
      for (int k = 0; k < kTerms; ++k) {
        const int2 term = terms[static_cast<size_t>(filter * kTerms + k)];
        float sign;
        std::memcpy(&sign, &term.y, sizeof sign);
        const bool wanted = k < 2 && slots[static_cast<size_t>(k)] >= 0;
        if (term.x != (wanted ? slots[static_cast<size_t>(k)] : -1)) return false;
        if (wanted && sign != signs[static_cast<size_t>(k)]) return false;
      }
      return true;
    };
    const int odd_even = kEven, even_odd = kEven + kMixed, odd = kEven + 2 * kMixed, alone = M::kPairs;
    bool all = is(0, {0, -1}, {1, 0});
    for (int l = 0; l < M::kOrientations; ++l) {
      const int pair = M::pair(l), re = 1 + 2 * l, im = re + 1;
      const float sign = M::sign(l);
      if (l == alone)
        all = all && is(re, {1 + alone, -1}, {1, 0}) && is(im, {odd_even + alone, -1}, {1, 0});
      else if (l == M::kOrientations - 1)
        all = all && is(re, {2 + alone, -1}, {1, 0}) && is(im, {even_odd + alone, -1}, {1, 0});
      else
        all = all && is(re, {1 + pair, odd + pair}, {1, sign}) && is(im, {odd_even + pair, even_odd + pair}, {1, sign});
    }
    return all;
  }

 private:
  void add(const Plan& plan, int64_t row) {
    rounds.push_back({static_cast<int32_t>(row), static_cast<int32_t>(plan.filters)});
    const size_t start = weights.size();
    weights.resize(start + static_cast<size_t>((plan.reach + 1) * (plan.reach + 1) * kTap), 0.0f);
    int parity_of[kValues];
    for (int parity = 0; parity < core::wavelet::kParities; ++parity) {
      const int64_t a0 = core::wavelet::odd_rows(parity), b0 = core::wavelet::odd_columns(parity);
      for (int v = 0; v < plan.count[parity]; ++v) {
        parity_of[plan.first[parity] + v] = parity;
        for (int64_t a = a0; a <= plan.reach; ++a)
          for (int64_t b = b0; b <= plan.reach; ++b)
            weights[start + static_cast<size_t>((a * (plan.reach + 1) + b) * kTap + kFirst[parity] + v)] =
                plan.weights[parity]
                            [static_cast<size_t>(((a - a0) * plan.columns(parity) + b - b0) * plan.count[parity] + v)];
      }
    }
    for (int64_t f = 0; f < plan.filters; ++f) {
      int2* to = terms.data() + (row + f) * kTerms;
      // In the order of the slots.
      for (const core::wavelet::Term& term : plan.terms[static_cast<size_t>(f)]) {
        const int parity = parity_of[term.value];
        int2 made{kFirst[parity] + term.value - plan.first[parity], 0};
        std::memcpy(&made.y, &term.sign, sizeof term.sign);
        int2* at = to;
        while (at->x >= 0 && at->x < made.x) ++at;
        std::copy_backward(at, to + kTerms - 1, to + kTerms);
        *at = made;
      }
    }
  }
};

/// The tile with the least to do: places computed in vain, and pixels copied.
void choose_tile(Layer& l) {
  double best = 0;
  for (int32_t across = 1; across <= std::min(l.Q, kPlaces); ++across) {
    const int32_t down = std::min(l.P, kPlaces / across);
    const int32_t rows = (down - 1) * l.step + l.side, columns = (across - 1) * l.step + l.side;
    const int64_t room = std::min<int64_t>(kPlaces / (down * across), kMostTileFloats / (rows * columns));
    const int64_t images = down == l.P && across == l.Q ? std::clamp<int64_t>(room, 1, l.N) : 1;
    const double tiles =
        static_cast<double>((l.N + images - 1) / images) * ((l.P + down - 1) / down) * ((l.Q + across - 1) / across);
    // A copy of up to 32 pixels takes a dozen instructions, a place's responses some 800.
    const int32_t copies = columns < 32 ? (rows + 32 / columns - 1) / (32 / columns) : (columns + 31) / 32 * rows;
    const double cost = tiles * (kPlaces * 800.0 + static_cast<double>(images * copies) * 32 * 12);
    if (best != 0 && cost >= best) continue;
    best = cost;
    l.down = down;
    l.across = across;
    l.images = static_cast<int32_t>(images);
    l.tile_rows = rows;
    l.tile_columns = columns;
    l.tiles_down = (l.P + down - 1) / down;
    l.tiles_across = (l.Q + across - 1) / across;
  }
}

}  // namespace

namespace {

/// A bank on maps of one size, as tables on the device.
struct Known {
  uint64_t content;  // of the bank
  int64_t h, w, subsample;
  int32_t nonlinearity;
  bool mirrored;
  Layer layer;  // its tables
  std::shared_ptr<void> memory;
};
/// A network has a few banks, each on maps of a few sizes.
constexpr size_t kMostKnown = 64;

Known read_bank(const core::Context& ctx, const core::View& x, const core::View& bank,
                const op::WaveletConv::Options& o, const op::WaveletAxis& down, const op::WaveletAxis& across) {
  const cudaStream_t stream = stream_of(ctx);
  std::vector<float> filters(static_cast<size_t>(bank.count()));
  check(cudaMemcpyAsync(filters.data(), bank.data, bank.bytes(), cudaMemcpyDeviceToHost, stream), "cudaMemcpyAsync");
  check(cudaStreamSynchronize(stream), "cudaStreamSynchronize");
  const Tables tables(filters.data(), bank.shape[0], bank.shape[1], o.nonlinearity);
  const int64_t side = bank.shape[1];
  std::vector<int32_t> places;
  for (const op::WaveletAxis* axis : {&down, &across}) {
    const int64_t reached = axis->extent(side);
    for (int64_t i = 0; i < reached + kPlaces * o.subsample; ++i)
      places.push_back(static_cast<int32_t>(axis->reached(std::min(i, reached - 1), side)));
  }
  Known made{bank.content, x.shape[2], x.shape[3], o.subsample, o.nonlinearity, false, {}, nullptr};
  size_t bytes = 0;
  const auto room = [&](const auto& from) {
    const size_t at = bytes;
    bytes += (from.size() * sizeof(from[0]) + core::kAlignment - 1) / core::kAlignment * core::kAlignment;
    return at;
  };
  const size_t rounds = room(tables.rounds), weights = room(tables.weights), terms = room(tables.terms),
               places_at = room(places);
  made.memory = {allocate_memory(stream, bytes), [stream](void* memory) { release_memory(stream, memory); }};
  const auto upload = [&](const auto& from, size_t at) {
    using T = std::decay_t<decltype(from[0])>;
    T* to = reinterpret_cast<T*>(static_cast<char*>(made.memory.get()) + at);
    check(cudaMemcpyAsync(to, from.data(), from.size() * sizeof(T), cudaMemcpyHostToDevice, stream), "cudaMemcpyAsync");
    return to;
  };
  Layer& l = made.layer;
  l.side = static_cast<int32_t>(side);
  l.reach = l.side / 2;
  l.filters = static_cast<int32_t>(bank.shape[0]);
  l.row_of = upload(places, places_at);
  l.column_of = l.row_of + down.extent(side) + kPlaces * o.subsample;
  l.rounds = static_cast<int32_t>(tables.rounds.size());
  l.round = upload(tables.rounds, rounds);
  l.weights = upload(tables.weights, weights);
  l.terms = upload(tables.terms, terms);
  made.mirrored = o.nonlinearity == op::WaveletConv::modulus && tables.mirrored();
  return made;
}

}  // namespace

Prepared prepare(const core::Context& ctx, const core::View& x, const core::View& bank,
                 const op::WaveletConv::Options& o, int64_t each, int64_t more) {
  if (x.shape[1] * x.shape[2] * x.shape[3] > INT32_MAX || x.shape[2] * x.shape[3] > 1 << 28)
    throw core::Error(core::ErrorKind::shape, "", "x", core::shape_text(x),
                      "images of fewer than 2^31 numbers, 2^28 pixels, on this device");
  const op::WaveletAxis down(x.shape[2], o.subsample), across(x.shape[3], o.subsample);
  std::shared_ptr<void>& kept = device_of(ctx).wavelets;
  if (!kept) kept = std::make_shared<std::vector<Known>>();
  auto& banks = *static_cast<std::vector<Known>*>(kept.get());
  auto known = std::find_if(banks.begin(), banks.end(), [&](const Known& k) {
    return bank.content && k.content == bank.content && k.h == x.shape[2] && k.w == x.shape[3] &&
           k.subsample == o.subsample && k.nonlinearity == o.nonlinearity;
  });
  if (known == banks.end()) {
    if (banks.size() >= kMostKnown) banks.erase(banks.begin());
    banks.push_back(read_bank(ctx, x, bank, o, down, across));
    known = banks.end() - 1;
  }
  Prepared made{};
  made.layer = known->layer;
  made.mirrored = known->mirrored;
  Layer& l = made.layer;
  l.x = x.data;
  l.bytes = x.dtype == core::Dtype::u8;
  l.N = x.shape[0];
  l.C = static_cast<int32_t>(x.shape[1]);
  l.H = static_cast<int32_t>(x.shape[2]);
  l.W = static_cast<int32_t>(x.shape[3]);
  l.P = static_cast<int32_t>(down.positions);
  l.Q = static_cast<int32_t>(across.positions);
  l.step = static_cast<int32_t>(o.subsample);
  l.maps = static_cast<int32_t>(op::WaveletConv::maps(bank.shape[0], o.nonlinearity));
  l.nonlinearity = o.nonlinearity;
  choose_tile(l);
  made.floats = l.tile_floats() + (made.mirrored ? 0 : kJoinFloats);
  l.channels = kWarps;
  while (l.channels > 1 && (l.channels / 2 >= l.C || l.channels * (made.floats + each * l.maps + more) > kMostFloats))
    l.channels /= 2;
  return made;
}

}  // namespace striate::cuda::wavelet
