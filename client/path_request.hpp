// One request about paths, with an answer of one kind: a path that no server accepts goes nowhere,
// and an error says what it is about, whatever the server has left unsaid. Any thread. Read on:
// client/operations.cpp, client/lock_operations.cpp.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "client/core.hpp"
#include "client/single_request.hpp"

namespace sluice::client {

using Paths = std::vector<std::string>;

/// A path that no server could accept goes nowhere.
protocol::Result<void> check(const Paths& paths);

/// An error of the server's, told from those of this machine in the same words.
protocol::Error of_server(protocol::Error error);

/// What the server has left unsaid: which path, or which server.
tl::unexpected<protocol::Error> named(protocol::Error error, const std::string& path,
                                      const Connection& connection);

template <class T>
protocol::Result<T> named(protocol::Result<T>&& result, const std::string& path,
                          const Connection& connection) {
  if (result) return std::move(result);
  return named(std::move(result.error()), path, connection);
}

/// A lock that the server knows no more is lost.
void note_failure(Connection& connection, const std::string& token, const protocol::Error& error);

/// Sends a message about `paths`, the first of which names an error that has no path.
template <class Reply>
Start<Reply> send(Core& core, Paths paths, runtime::Message message, const std::stop_token& stop,
                  std::chrono::milliseconds more) {
  bound(message, core.patience, more);
  return [&connection = *core.connection, paths = std::move(paths), message = std::move(message),
          stop](Done<Reply> done) {
    if (auto checked = check(paths); !checked)
      return done(tl::make_unexpected(std::move(checked.error())));
    const std::string path = paths.empty() ? std::string() : paths.front();
    ask(connection, message, stop)(
        [&connection, path, done = std::move(done)](protocol::Result<runtime::Message>&& answer) {
          if (!answer) return done(named(std::move(answer.error()), path, connection));
          done(named(protocol::decode<Reply>(answer->body), path, connection));
        });
  };
}

template <class Reply, class M>
Start<Reply> request(Core& core, Paths paths, const M& body, const std::stop_token& stop,
                     std::chrono::milliseconds more = {}) {
  return send<Reply>(core, std::move(paths), runtime::make_message({}, body), stop, more);
}

}  // namespace sluice::client
