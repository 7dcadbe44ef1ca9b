// What a call of the library throws, for tests.
#pragma once

#include <future>
#include <stdexcept>
#include <string>

#include "sluice/error.hpp"
#include "tests/support/catch.hpp"

namespace sluice::tests {

template <class F>
Error error_of(F&& call) {
  try {
    call();
  } catch (const Error& error) {
    return error;
  }
  FAIL("no exception");
  throw std::logic_error("not reached");
}

/// What comes out of a future.
template <class T>
std::string code_of(std::future<T>& future) {
  return error_of([&] { future.get(); }).code();
}
template <class T>
std::string code_of(std::future<T>&& future) {
  return code_of(future);
}

}  // namespace sluice::tests
