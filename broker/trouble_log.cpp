// See trouble_log.hpp.
#include "broker/trouble_log.hpp"

#include <spdlog/spdlog.h>

namespace sluice::broker {

using protocol::Code;

namespace {

bool is_trouble(Code code) {
  switch (code) {
    case Code::io_error:
    case Code::log_failed:
    case Code::no_space:
    case Code::damaged:
    case Code::overloaded:
      return true;
    default:
      return false;
  }
}

// What most requests have in common; keys that are not asked for are passed over.
struct WithPath {
  std::string path;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.may("path", s.path);
  }
};

std::string path_of(const protocol::ErrorReply& error, const runtime::Message& request) {
  if (!error.path.empty()) return error.path;
  const auto asked = protocol::decode<WithPath>(request.body);
  return asked ? asked->path : std::string();
}

}  // namespace

void TroubleLog::note(const runtime::Message& request, std::uint64_t session,
                      const protocol::ErrorReply& error, runtime::Time now) {
  if (!is_trouble(error.code)) return;
  if (now >= second_ + runtime::Time(1'000)) {
    if (left_out_ > 0) spdlog::warn("{} more requests failed like this", left_out_);
    second_ = now;
    lines_ = 0;
    left_out_ = 0;
  }
  if (++lines_ > lines_a_second) {
    ++left_out_;
    return;
  }
  spdlog::warn("{} of session {:016x}: {}", protocol::name(request.header.type), session,
               protocol::sentence({error.code, path_of(error, request), error.detail}));
}

}  // namespace sluice::broker
