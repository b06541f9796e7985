#include "core/cores.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <sstream>
#include <thread>

#if defined(__linux__)
#include <sched.h>
#endif

namespace striate::core {
namespace {

int affinity() {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) return CPU_COUNT(&set);
#endif
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

constexpr double kUnlimited = std::numeric_limits<double>::infinity();

/// Cores of one cgroup's own quota: `cpu.max` of version 2 ("150000 100000", or "max 100000"), or the two files of
/// version 1 (-1 for none).
double quota_of(const std::string& folder, bool version2) {
  double quota = 0, period = 0;
  if (version2) {
    std::ifstream(folder + "/cpu.max") >> quota >> period;  // "max" is no number and leaves both at 0
  } else {
    std::ifstream(folder + "/cpu.cfs_quota_us") >> quota;
    std::ifstream(folder + "/cpu.cfs_period_us") >> period;
  }
  return quota > 0 && period > 0 ? quota / period : kUnlimited;
}

/// The least quota of the cgroup at `path` below `mount` and of those above it. A path that this namespace does not show
/// ends at the mount, which then is the container's own group.
double least_quota(const std::string& mount, std::string path, bool version2) {
  double least = kUnlimited;
  for (;; path.resize(path.rfind('/'))) {
    least = std::min(least, quota_of(mount + path, version2));
    if (path.empty()) return least;
    if (path.rfind('/') == std::string::npos) path = "/";
  }
}

}  // namespace

int usable_cores(const std::string& root) {
  double quota = kUnlimited;
  std::ifstream groups(root + "/proc/self/cgroup");  // "0::/path" for version 2, "4:cpu,cpuacct:/path" for version 1
  for (std::string line; std::getline(groups, line);) {
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1), path = line.substr(second + 1);
    if (controllers.empty()) quota = std::min(quota, least_quota(root + "/sys/fs/cgroup", path, true));
    std::istringstream names(controllers);
    for (std::string name; std::getline(names, name, ',');)
      if (name == "cpu") quota = std::min(quota, least_quota(root + "/sys/fs/cgroup/cpu", path, false));
  }
  const int cores = affinity();
  return quota < cores ? std::max(1, static_cast<int>(std::ceil(quota))) : cores;
}

}  // namespace striate::core
