// See many.hpp.
#include "bench/many.hpp"

#include <fmt/format.h>

#include <deque>
#include <future>

#include "bench/threads.hpp"
#include "protocol/limits.hpp"

namespace sluice::bench {
namespace {

constexpr std::uint64_t files_a_directory = 1000;

class Tree {
 public:
  Tree(const Options& options, sluice::Client& client, std::string directory)
      : options_(options), client_(client), directory_(std::move(directory)) {
    bytes_.resize(options.size_bytes);
    fill(0, bytes_.data(), bytes_.size());
  }

  // Files of a tree of their own each time.
  void put(Record& record) {
    ++number_;
    for (std::uint64_t i = 0; i < options_.files; i += files_a_directory)
      client_.make_directory(directory_of(i), true);
    each_file<std::uint64_t>(record, [&](const std::string& path) {
      return client_.async().put_bytes(path, bytes_, change_of(options_));
    });
  }

  void get(Record& record) {
    each_file<std::string>(
        record, [&](const std::string& path) { return client_.async().get_bytes(path); });
  }

 private:
  std::string directory_of(std::uint64_t file) const {
    return fmt::format("{}/{}/{}", directory_, number_, file / files_a_directory);
  }

  template <class Answer, class Begin>
  void each_file(Record& record, const Begin& begin) {
    struct UnderWay {
      Clock::time_point begun;
      std::future<Answer> answer;
    };
    std::deque<UnderWay> under_way;
    const auto take = [&] {
      under_way.front().answer.get();
      record.done(under_way.front().begun);
      under_way.pop_front();
    };
    for (std::uint64_t i = 0; i < options_.files; ++i) {
      if (under_way.size() == protocol::limits::window_requests) take();
      under_way.push_back({Clock::now(), begin(fmt::format("{}/{}", directory_of(i), i))});
    }
    while (!under_way.empty()) take();
  }

  const Options& options_;
  sluice::Client& client_;
  const std::string directory_;
  std::string bytes_;
  std::uint64_t number_ = 0;
};

}  // namespace

Result run_many(const Options& options) {
  return run_threads(
      options, [&](sluice::Client& client, const std::string& directory, unsigned index) -> Turn {
        const auto tree =
            std::make_shared<Tree>(options, client, fmt::format("{}/{}", directory, index));
        if (options.op == "put-many") return [tree](Record& record) { tree->put(record); };
        Record not_counted(Clock::time_point::max(), Clock::time_point::max());
        tree->put(not_counted);
        return [tree](Record& record) { tree->get(record); };
      });
}

}  // namespace sluice::bench
