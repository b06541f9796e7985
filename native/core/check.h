// The one error type of the native side: thrown inside a back end, text over the C table, a JavaScript error at the
// binding.
#pragma once
#include <cstdint>
#include <exception>
#include <string>
#include <utility>

namespace striate::core {

enum class ErrorKind : int32_t { shape, option, device, disposed, out_of_memory, data, internal };

class Error : public std::exception {
 public:
  Error(ErrorKind kind, std::string op, std::string argument, std::string actual, std::string expected)
      : kind(kind),
        op(std::move(op)),
        argument(std::move(argument)),
        actual(std::move(actual)),
        expected(std::move(expected)),
        text_((this->op.empty() ? "" : this->op + ": ") + this->argument + " is " + this->actual + "; expected " +
              this->expected) {}
  /// A failure that is no refusal of an argument (a driver fault, a broken invariant): `op: text`.
  Error(ErrorKind kind, std::string op, const std::string& text)
      : kind(kind), op(std::move(op)), text_(this->op.empty() ? text : this->op + ": " + text) {}

  const char* what() const noexcept override { return text_.c_str(); }

  ErrorKind kind;
  std::string op, argument, actual, expected;

 private:
  std::string text_;
};

}  // namespace striate::core
