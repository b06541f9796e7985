// How many cores this process may use.
#pragma once
#include <string>

namespace striate::core {

/// The cores of this process's affinity, and no more than the CPU quota of its cgroup and of those above it, rounded up
/// (versions 1 and 2; a container's limit is such a quota). `root` stands before /proc and /sys, for tests.
int usable_cores(const std::string& root = "");

}  // namespace striate::core
