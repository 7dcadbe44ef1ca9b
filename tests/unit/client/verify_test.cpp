// Verifications against a server in memory, whose disk has other bytes than were stored.
#include "client/transfer/verify.hpp"

#include "protocol/limits.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/client/fake_server.hpp"

namespace sluice::tests {
namespace {

using client::verify;
using protocol::Code;
using protocol::Type;

constexpr std::size_t leaf = protocol::limits::leaf_bytes;
constexpr std::size_t piece = protocol::limits::verify_bytes;

std::string pattern(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 13 + i / 239);
  return bytes;
}

std::vector<std::pair<std::size_t, std::size_t>> ranges_of(const Verification& found) {
  std::vector<std::pair<std::size_t, std::size_t>> ranges;
  for (const ByteRange& range : found.ranges)
    ranges.emplace_back(range.offset_bytes, range.length_bytes);
  return ranges;
}

/// Changes answers to a verify on their way.
void tamper_with(FakeServer& server, std::function<void(protocol::VerifyReply&)> change) {
  server.tamper = [change = std::move(change)](runtime::Message& answer) {
    if (answer.header.type != Type::verify_reply) return;
    auto reply = protocol::decode<protocol::VerifyReply>(answer.body).value();
    change(reply);
    answer.body = protocol::encode(reply);
  };
}

TEST_CASE("a good file is good, small or large") {
  const std::size_t size = GENERATE(0u, 1u, leaf, piece, piece + 1, 5 * piece + 17);
  FakeServer server;
  server.files["a"] = {pattern(size), 42, {}, {}};
  std::uint64_t told = 0;
  Call call;
  call.progress = [&](std::uint64_t done, std::uint64_t total) {
    CHECK(total == size);
    CHECK(done >= told);
    told = done;
  };
  const auto found = verify(server, "a", call);
  REQUIRE(found);
  CHECK(found->attributes.version == 42);
  CHECK(found->damage.empty());
  CHECK(found->ranges.empty());
  CHECK(told == size);
}

TEST_CASE("bytes that have changed are told, joined over pieces") {
  FakeServer server;
  server.files["a"] = {pattern(3 * piece + 5), 42, {}, {}};
  std::string bad = pattern(3 * piece + 5);
  for (const std::size_t at : {std::size_t{0}, piece - 1, piece, 3 * piece + 4})
    bad[at] = static_cast<char>(bad[at] ^ 1);
  server.on_disk["a"] = bad;
  const auto found = verify(server, "a", {});
  REQUIRE(found);
  CHECK(found->damage == "its bytes have changed");
  CHECK(ranges_of(*found) == std::vector<std::pair<std::size_t, std::size_t>>{
                                 {0, leaf}, {piece - leaf, 2 * leaf}, {3 * piece, 5}});
}

TEST_CASE("damage all over a file stays a bounded list") {
  FakeServer server;
  server.files["a"] = {pattern(leaf), 42, {}, {}};
  server.on_disk["a"] = std::string(leaf, 'x');
  tamper_with(server, [](auto& reply) {
    reply.damaged.clear();
    for (std::size_t at = 0; at < 5'000; at += 2) reply.damaged.push_back({at, 1});
  });
  const auto found = verify(server, "a", {});
  REQUIRE(found);
  CHECK(found->ranges.size() == 1'000);
  CHECK(found->ranges.back().offset_bytes + found->ranges.back().length_bytes == 4'999);
}

TEST_CASE("whether the bytes are good is told where the leaves are not") {
  FakeServer server;
  server.files["a"] = {pattern(3 * leaf), 42, {}, {}};
  SECTION("flipped leaves") {
    tamper_with(server, [](auto& reply) { reply.damaged.push_back({leaf, leaf}); });
    CHECK(verify(server, "a", {})->damage ==
          "the stored digests of its leaves are damaged; the bytes are those that were stored");
  }
  SECTION("no leaves") {
    tamper_with(server, [](auto& reply) { reply.leaves_missing = true; });
    CHECK(verify(server, "a", {})->damage ==
          "the digests of its leaves are missing; the bytes are those that were stored");
  }
  SECTION("no leaves, and other bytes") {
    server.on_disk["a"] = std::string(3 * leaf, 'x');
    tamper_with(server, [](auto& reply) {
      reply.leaves_missing = true;
      reply.damaged.clear();
    });
    CHECK(verify(server, "a", {})->damage ==
          "its bytes have changed, and the digests of its leaves are missing");
  }
  SECTION("another root") {
    tamper_with(server, [](auto& reply) { (*reply.attributes.root)[0] ^= 1; });
    CHECK(verify(server, "a", {})->damage == "its root digest is not that of its bytes and leaves");
  }
}

TEST_CASE("what the server finds wrong with the whole file is damage too") {
  FakeServer server;
  server.fault = [](const runtime::Message&) {
    return protocol::Error{Code::damaged, "a", "its attributes cannot be read"};
  };
  CHECK(verify(server, "a", {})->damage == "its attributes cannot be read");
}

TEST_CASE("a file without a digest has nothing to compare") {
  FakeServer server;
  server.files["a"] = {"by hand", 0, {}, {}};
  const auto found = verify(server, "a", {});
  REQUIRE(found);
  CHECK(found->damage.empty());
  CHECK(found->attributes.digest.empty());
  CHECK(found->attributes.size_bytes == 7);
}

TEST_CASE("a file that is replaced meanwhile is looked at anew") {
  FakeServer server;
  server.files["a"] = {pattern(3 * piece), 42, {}, {}};
  bool always = false;
  std::uint64_t version = 42;
  server.fault = [&](const runtime::Message& request) -> std::optional<protocol::Error> {
    const auto wanted = protocol::decode<protocol::Verify>(request.body).value();
    if (wanted.offset_bytes == piece && (always || version == 42))
      server.files["a"] = {pattern(2 * piece), ++version, {}, {}};
    return std::nullopt;
  };
  const auto found = verify(server, "a", {});
  REQUIRE(found);
  CHECK(found->damage.empty());
  CHECK(found->attributes.version == 43);
  CHECK(found->attributes.size_bytes == 2 * piece);
  always = true;
  CHECK(verify(server, "a", {}).error().code == Code::condition_failed);
}

TEST_CASE("answers that cannot be are refused") {
  FakeServer server;
  server.files["a"] = {pattern(piece + leaf), 42, {}, {}};
  using Change = std::function<void(protocol::VerifyReply&)>;
  const Change change = GENERATE(
      as<Change>{}, [](auto& reply) { reply.length_bytes = 0; },
      [](auto& reply) { reply.length_bytes += leaf; }, [](auto& reply) { reply.length_bytes -= 1; },
      [](auto& reply) { reply.leaves.pop_back(); },
      [](auto& reply) { reply.attributes.size_bytes = ~0ull; },
      [](auto& reply) {
        reply.damaged.push_back({piece, ~0ull});
      },
      [](auto& reply) {
        reply.damaged.push_back({~0ull, 1});
      });
  tamper_with(server, change);
  CHECK(verify(server, "a", {}).error().code == Code::bad_message);
}

TEST_CASE("a server may look at less than was asked for") {
  FakeServer server;
  server.files["a"] = {pattern(piece + 3 * leaf + 9), 42, {}, {}};
  tamper_with(server, [](auto& reply) {
    if (reply.length_bytes <= leaf) return;
    reply.length_bytes = leaf;
    reply.leaves.resize(sizeof(protocol::Digest));
  });
  const auto found = verify(server, "a", {});
  REQUIRE(found);
  CHECK(found->damage.empty());
  CHECK(server.seen[Type::verify] >= 36);
}

TEST_CASE("a verification that is stopped ends") {
  FakeServer server;
  server.files["a"] = {pattern(9 * piece), 42, {}, {}};
  std::stop_source stop;
  Call call;
  call.stop = stop.get_token();
  call.progress = [&](std::uint64_t, std::uint64_t) { stop.request_stop(); };
  CHECK(verify(server, "a", call).error().code == Code::cancelled);
}

}  // namespace
}  // namespace sluice::tests
