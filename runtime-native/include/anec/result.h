// A value or an Error: how every function that can fail for the user's reason answers.
//
// Nothing in the runtime throws. `addon.cpp` is the one file that turns an Error into something
// JavaScript sees.

#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace anec {

struct Error {
  std::string code;     // E06xx
  std::string message;  // one sentence
  std::string detail;   // exact words of the system or the numbers behind the message; may be empty
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  T& value() { return *std::get_if<0>(&state_); }
  const T& value() const { return *std::get_if<0>(&state_); }
  const Error& error() const { return *std::get_if<1>(&state_); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}

  bool ok() const { return !error_.has_value(); }
  const Error& error() const { return *error_; }

 private:
  std::optional<Error> error_;
};

}  // namespace anec
