// One request whose answer is taken by a function, so that no thread has to wait for it: what both
// faces of the library are made of. An operation is a `Start`; the blocking face waits for what
// becomes of it, the other one hands out a future. Any thread. Read on: client/operations.hpp.
#pragma once

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <stop_token>

#include "client/convert.hpp"
#include "client/requester.hpp"

namespace sluice::client {

/// Hears what became of an operation: exactly once, mostly on the connection's thread, which it
/// must not hold up; on that of the caller if it is known at once.
template <class T>
using Done = std::function<void(protocol::Result<T>&&)>;

/// An operation that is ready to begin. Called once.
template <class T>
using Start = std::function<void(Done<T>)>;

/// Bounds the time until a request is answered (`timed_out`): `patience` and the wait that the
/// request asks for itself. No patience, no bound.
void bound(runtime::Message& request, std::optional<std::chrono::milliseconds> patience,
           std::chrono::milliseconds more = {});

/// Sends one request; an `ErrorReply` becomes an error. Once `stop` is requested the request is
/// withdrawn, and its answer still awaited.
Start<runtime::Message> ask(Requester& requester, runtime::Message request, std::stop_token stop);

/// What the server has granted; asks it for a sign of life if it was not reached yet.
Start<ServerLimits> ask_limits(Requester& requester, std::stop_token stop,
                               std::optional<std::chrono::milliseconds> patience);

/// The error an answer is, or the answer.
protocol::Result<runtime::Message> unless_error(runtime::Message&& answer);

/// Starts an operation and waits for its end.
template <class T>
protocol::Result<T> wait_for(const Start<T>& start) {
  const auto promise = std::make_shared<std::promise<protocol::Result<T>>>();
  auto result = promise->get_future();
  start([promise](protocol::Result<T>&& end) { promise->set_value(std::move(end)); });
  return result.get();
}

/// The same, with the exception.
template <class T>
T now(const Start<T>& start) {
  return value_of(wait_for(start));
}

/// Starts an operation and does not wait; the exception comes out of the future.
template <class T>
std::future<T> later(const Start<T>& start) {
  const auto promise = std::make_shared<std::promise<T>>();
  auto result = promise->get_future();
  start([promise](protocol::Result<T>&& end) {
    if (!end)
      promise->set_exception(std::make_exception_ptr(exception_of(end.error())));
    else if constexpr (std::is_void_v<T>)
      promise->set_value();
    else
      promise->set_value(std::move(*end));
  });
  return result;
}

}  // namespace sluice::client
