// Small files as values of Redis: GET and SET. See files.hpp.
#include "bench/peers/files.hpp"
#include "bench/peers/redis_connection.hpp"

namespace sluice::bench::peers {
namespace {

class RedisFiles {
 public:
  RedisFiles(const std::string& server, const std::string& /*directory*/) : connection_(server) {}

  int fd() const { return connection_.fd(); }

  void get(const std::string& path) {
    connection_.add({"GET", path});
    connection_.flush();
  }

  void put(const std::string& path, const std::string& bytes) {
    connection_.add({"SET", path, bytes});
    connection_.flush();
  }

  void read(const OnAnswer& on_answer) {
    connection_.read([&](const redisReply& reply) { on_answer(reply.len); });
  }

 private:
  RedisConnection connection_;
};

}  // namespace

const std::vector<std::string> operations = {"get", "put"};

Result run_load(const Options& options) {
  return FileRun<RedisFiles>(options).run();
}

}  // namespace sluice::bench::peers
