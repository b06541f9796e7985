// Errors across the C table: an exception on one side, a Fault's text on the other.
#pragma once
#include <cstdio>
#include <exception>
#include <new>
#include <string>

#include "core/backend.h"
#include "core/check.h"

namespace striate::core {

/// Runs f; returns 0, or 1 with what it threw written to `fault`.
template <class F>
int32_t guarded(Fault* fault, F&& f) {
  const auto copy = [](auto& to, const std::string& from) { std::snprintf(to, sizeof to, "%s", from.c_str()); };
  try {
    f();
    return 0;
  } catch (const Error& e) {
    fault->kind = static_cast<int32_t>(e.kind);
    copy(fault->op, e.op);
    copy(fault->argument, e.argument);
    copy(fault->actual, e.actual);
    copy(fault->expected, e.expected);
    copy(fault->text, e.what());
  } catch (const std::bad_alloc&) {
    fault->kind = static_cast<int32_t>(ErrorKind::out_of_memory);
    copy(fault->text, "the host has no memory left for scratch space");
  } catch (const std::exception& e) {
    fault->kind = static_cast<int32_t>(ErrorKind::internal);
    copy(fault->text, e.what());
  } catch (...) {
    fault->kind = static_cast<int32_t>(ErrorKind::internal);
    copy(fault->text, "unknown failure");
  }
  return 1;
}

/// The exception that a filled fault stands for.
inline Error error_of(const Fault& fault) {
  const auto kind = static_cast<ErrorKind>(fault.kind);
  if (fault.argument[0]) return Error(kind, fault.op, fault.argument, fault.actual, fault.expected);
  Error e(kind, "", fault.text);
  e.op = fault.op;
  return e;
}

}  // namespace striate::core
