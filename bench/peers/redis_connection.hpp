// One connection to Redis by hiredis, whose replies are taken as they come. One thread. Read on:
// locks_redis.cpp, files_redis.cpp.
#pragma once

#include <hiredis/hiredis.h>

#include <array>
#include <functional>
#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "bench/peers/load.hpp"

namespace sluice::bench::peers {

struct FreeReply {
  void operator()(void* reply) const { freeReplyObject(reply); }
};
using Reply = std::unique_ptr<redisReply, FreeReply>;

class RedisConnection {
 public:
  /// Throws std::runtime_error, as all of this does when the connection or a command fails.
  explicit RedisConnection(const std::string& server) {
    const auto [host, port] = host_and_port(server);
    context_.reset(redisConnect(host.c_str(), port));
    if (!context_) throw std::runtime_error("no memory");
    check();
  }

  int fd() const { return context_->fd; }

  /// Puts a command behind those that wait for `flush`.
  void add(std::initializer_list<std::string_view> words) {
    std::array<const char*, 8> at;
    std::array<std::size_t, 8> sizes;
    std::size_t count = 0;
    for (const std::string_view word : words) {
      at[count] = word.data();
      sizes[count++] = word.size();
    }
    redisAppendCommandArgv(context_.get(), static_cast<int>(count), at.data(), sizes.data());
  }

  void flush() {
    for (int done = 0; done == 0;)
      if (redisBufferWrite(context_.get(), &done) != REDIS_OK) check();
  }

  /// Sends what waits, and waits for one answer.
  Reply answer() {
    void* next = nullptr;
    if (redisGetReply(context_.get(), &next) != REDIS_OK) check();
    return checked(next);
  }

  /// Reads once, and hands out each reply that is whole.
  void read(const std::function<void(const redisReply&)>& on_reply) {
    if (redisBufferRead(context_.get()) != REDIS_OK) check();
    for (void* next = nullptr;;) {
      if (redisReaderGetReply(context_->reader, &next) != REDIS_OK)
        throw std::runtime_error("not a reply of Redis");
      if (next == nullptr) return;
      on_reply(*checked(next));
    }
  }

 private:
  struct FreeContext {
    void operator()(redisContext* context) const { redisFree(context); }
  };

  void check() const {
    if (context_->err != 0) throw std::runtime_error(context_->errstr);
  }

  static Reply checked(void* next) {
    Reply reply(static_cast<redisReply*>(next));
    if (reply->type == REDIS_REPLY_ERROR) throw std::runtime_error(reply->str);
    return reply;
  }

  std::unique_ptr<redisContext, FreeContext> context_;
};

}  // namespace sluice::bench::peers
