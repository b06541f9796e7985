// Sums over the devices of several processes, for lib/run, which knows the processes.
#pragma once
#include <napi.h>

namespace striate::binding {

/// library(device)               -> { library, reason }: the name and version of what would add up; empty, with the reason
/// key(device)                   -> the bytes by which the processes know each other, made by one of them for all
/// join(device, key, rank, size) -> a promise: the device is one of them
/// add(device, tensors)          queues the sums of the tensors, in place; all processes add up the same ones
/// breakOff(device, reason)      ends sums that wait; nothing can be read from the device any more
/// watch(device)                 does so where the library has noticed that another process is gone
Napi::Object sums(Napi::Env env);

}  // namespace striate::binding
