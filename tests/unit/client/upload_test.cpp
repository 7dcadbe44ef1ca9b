// Uploads against a server in memory that answers out of order and fails on demand.
#include "client/transfer/upload.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "protocol/limits.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/client/fake_server.hpp"

namespace sluice::tests {
namespace {

using client::input_from;
using client::upload;
using protocol::Code;
using protocol::Type;

std::string pattern(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 7 + i / 251);
  return bytes;
}

client::UploadRequest request_for(const std::string& path) {
  client::UploadRequest request;
  request.path = path;
  request.preserve.mode = 0600;
  request.terms.token = "5-0123456789abcdef";
  request.terms.durability = protocol::Durability::relaxed;
  return request;
}

TEST_CASE("a small file is one message, a larger one an upload") {
  const std::size_t size =
      GENERATE(0u, 1u, 1'000u, 1'001u, 128u << 10, (128u << 10) + 1, 3u << 20, (3u << 20) + 17);
  FakeServer server;
  const std::string bytes = pattern(size);
  std::uint64_t reported = 0;
  Call call;
  call.progress = [&](std::uint64_t done, std::uint64_t total) {
    CHECK(done >= reported);
    CHECK(total == size);
    reported = done;
  };
  const auto version = upload(server, request_for("a"), *input_from(bytes), call);
  REQUIRE(version);
  server.settle();
  CHECK(*version == 1);
  CHECK(server.files["a"].bytes == bytes);
  CHECK(server.files["a"].preserve.mode == 0600);
  CHECK(server.files["a"].terms.token == "5-0123456789abcdef");
  CHECK(server.files["a"].terms.durability == protocol::Durability::relaxed);
  for (const auto durability : server.chunk_durabilities)
    CHECK(durability == protocol::Durability::relaxed);
  CHECK(reported == size);
  CHECK(server.uploads.empty());
  CHECK(server.seen[Type::put] == (size <= 1'000 ? 1 : 0));
  CHECK(server.seen[Type::write_abort] == 0);
}

TEST_CASE("several chunks are under way at once, bounded by the server's window") {
  FakeServer server;
  const std::string bytes = pattern(4u << 20);
  REQUIRE(upload(server, request_for("a"), *input_from(bytes), {}));
  server.settle();
  CHECK(server.most_bytes_at_once > server.granted.chunk_bytes);
  CHECK(server.most_bytes_at_once <= server.granted.window_bytes / 2);
  CHECK(server.files["a"].bytes == bytes);
}

TEST_CASE("limits that are not known yet are asked for") {
  FakeServer server;
  server.welcomed = false;
  REQUIRE(upload(server, request_for("a"), *input_from("abc"), {}));
  CHECK(server.seen[Type::ping] == 1);
}

TEST_CASE("a large upload that would be refused as things are sends none of its bytes") {
  FakeServer server;
  const std::string bytes = pattern(400'000);
  client::UploadRequest request;
  request.path = "a/b";
  const auto lock = [&](const std::string& path, bool tree, bool shared, std::uint64_t number) {
    return protocol::LockEntry{.order = 9,
                               .number = number,
                               .holder = "ann@desk:1",
                               .claims = {{"x"}, {path, tree, shared}},
                               .age_ms = 3'999,
                               .left_ms = 7'001};
  };
  const auto refused = [&] {
    const auto version = upload(server, request, *input_from(bytes), {});
    server.settle();
    REQUIRE_FALSE(version);
    CHECK(server.seen[Type::write_begin] == 0);
    CHECK(version.error().path == "a/b");
    return version.error();
  };
  const auto accepted = [&] {
    CHECK(upload(server, request, *input_from(bytes), {}));
    server.settle();
  };
  SECTION("by a lock") {
    server.locks = {GENERATE_COPY(lock("a/b", false, false, 4), lock("a", true, true, 4),
                                  lock("", true, false, 4))};
    const auto error = refused();
    CHECK(error.code == Code::locked);
    CHECK(error.detail == "held by ann@desk:1 for 3 s, 8 s left on its lease");
    SECTION("but not under a token") {
      request.terms.token = "4-0123456789abcdef";
      accepted();
    }
    SECTION("but not if it waits") {
      request.terms.wait_ms = 1;
      accepted();
    }
  }
  SECTION("not by locks elsewhere, nor by who waits for one") {
    server.locks = {lock("a", false, false, 4), lock("a/bc", true, false, 4),
                    lock("a/b", false, false, 0)};
    accepted();
  }
  SECTION("by what is there") {
    server.files["a/b"].version = 3;
    request.terms.if_absent = true;
    CHECK(refused().code == Code::exists);
    request.terms = {.token = "4-0123456789abcdef", .if_version = 2};
    CHECK(refused().code == Code::condition_failed);
    CHECK(refused().detail == "is at version 3");
    request.terms.if_version = 3;
    accepted();
  }
  SECTION("by nothing else: the commit is what counts") {
    request.terms.if_version = 3;
    server.fault = [&](const runtime::Message& message) -> std::optional<protocol::Error> {
      const Type type = message.header.type;
      if (type != Type::list_locks && type != Type::stat) return std::nullopt;
      return protocol::Error{Code::unknown_type, {}, {}};
    };
    accepted();
  }
}

TEST_CASE("what fails leaves no upload behind") {
  const Type at = GENERATE(Type::write_begin, Type::write_chunk, Type::write_commit);
  FakeServer server;
  server.fault = [&](const runtime::Message& request) -> std::optional<protocol::Error> {
    if (request.header.type == at) return protocol::Error{Code::no_space, "a", "disk"};
    return std::nullopt;
  };
  const auto version = upload(server, request_for("a"), *input_from(pattern(1u << 20)), {});
  REQUIRE_FALSE(version);
  CHECK(version.error().code == Code::no_space);
  server.settle();
  CHECK(server.uploads.empty());
  CHECK(server.files.empty());
  CHECK(server.seen[Type::write_abort] == 1);
}

TEST_CASE("an upload that the server has forgotten is begun anew, but not for ever") {
  const int failures = GENERATE(1, 8, 9);
  const Type at = GENERATE(Type::write_chunk, Type::write_commit);
  FakeServer server;
  int left = failures;
  server.fault = [&](const runtime::Message& request) -> std::optional<protocol::Error> {
    if (request.header.type != at || left == 0) return std::nullopt;
    // All that is under way in one attempt fails together.
    if (server.seen[Type::write_begin] > failures - left) --left;
    return protocol::Error{Code::unknown_upload, {}, {}};
  };
  const std::string bytes = pattern(500'000);
  const auto version = upload(server, request_for("a"), *input_from(bytes), {});
  server.settle();
  CHECK(version.has_value() == (failures <= 8));
  CHECK(server.seen[Type::write_begin] == std::min(failures, 8) + 1);
  CHECK(server.uploads.empty());
  if (version) CHECK(server.files["a"].bytes == bytes);
}

TEST_CASE("bytes that were damaged on the way are sent once more") {
  const std::size_t size = GENERATE(700u, 500'000u);
  const int failures = GENERATE(1, 2);
  FakeServer server;
  int left = failures;
  server.fault = [&](const runtime::Message& request) -> std::optional<protocol::Error> {
    const bool is_small = request.header.type == Type::put;
    if ((!is_small && request.header.type != Type::write_commit) || left-- <= 0)
      return std::nullopt;
    return protocol::Error{Code::digest_mismatch, {}, {}};
  };
  const std::string bytes = pattern(size);
  const auto version = upload(server, request_for("a"), *input_from(bytes), {});
  server.settle();
  REQUIRE(version.has_value() == (failures == 1));
  if (version) CHECK(server.files["a"].bytes == bytes);
  if (!version) CHECK(version.error().code == Code::digest_mismatch);
  CHECK(server.uploads.empty());
}

// Every chunk at that offset arrives damaged, so many times.
auto damaging(FakeServer& server, std::uint64_t offset, int times) {
  return [&server, offset,
          left = times](const runtime::Message& request) mutable -> std::optional<protocol::Error> {
    if (request.header.type != Type::write_chunk) return std::nullopt;
    const auto chunk = protocol::decode<protocol::WriteChunk>(request.body).value();
    if (chunk.offset_bytes != offset || left-- <= 0) return std::nullopt;
    return protocol::Error{Code::digest_mismatch, "a", {}};
  };
}

TEST_CASE("a chunk that was damaged on the way is sent again, and nothing else of the file") {
  const int times = GENERATE(1, 2, 3);
  FakeServer server;
  server.fault = damaging(server, 5 * protocol::limits::leaf_bytes, times);
  const std::string bytes = pattern((3u << 20) + 17);
  std::uint64_t reported = 0;
  Call call;
  call.progress = [&](std::uint64_t done, std::uint64_t) { reported = done; };
  const auto version = upload(server, request_for("a"), *input_from(bytes), call);
  server.settle();
  CHECK(server.seen[Type::write_begin] == 1);
  CHECK(server.uploads.empty());
  REQUIRE(version.has_value() == (times < 3));
  if (version) {
    CHECK(server.files["a"].bytes == bytes);
    CHECK(server.chunk_bytes_got == bytes.size());
    CHECK(server.seen[Type::write_chunk] == 25 + times);
    CHECK(reported == bytes.size());
  } else {
    CHECK(version.error().code == Code::digest_mismatch);
    CHECK(server.chunk_bytes_got < bytes.size());
  }
}

TEST_CASE("a chunk that is to be sent again and is another by now ends the upload") {
  FakeServer server;
  server.fault = damaging(server, 0, 1);
  int reads = 0;
  Source source;
  source.size_bytes = 1u << 20;
  source.read = [&](std::uint64_t offset, char* buffer, std::size_t size) {
    std::fill_n(buffer, size, offset == 0 && ++reads > 1 ? 'y' : 'x');
    return size;
  };
  const auto version = upload(server, request_for("a"), *input_from(source), {});
  server.settle();
  REQUIRE_FALSE(version);
  CHECK(version.error().code == Code::source_changed);
  CHECK(version.error().path == "a");
  CHECK(server.seen[Type::write_begin] == 1);
  CHECK(server.uploads.empty());
}

TEST_CASE("a cancelled upload is aborted") {
  FakeServer server;
  std::stop_source stop;
  Call call;
  call.stop = stop.get_token();
  SECTION("between chunks") {
    call.progress = [&](std::uint64_t, std::uint64_t) { stop.request_stop(); };
  }
  SECTION("while it waits for somebody's lock") {
    server.fault = [&](const runtime::Message& request) -> std::optional<protocol::Error> {
      if (request.header.type != Type::write_commit) return std::nullopt;
      stop.request_stop();
      return protocol::Error{};
    };
  }
  const auto version = upload(server, request_for("a"), *input_from(pattern(3u << 20)), call);
  REQUIRE_FALSE(version);
  CHECK(version.error().code == Code::cancelled);
  server.settle();
  CHECK(server.uploads.empty());
  CHECK(server.files.empty());
}

TEST_CASE("what a callback throws comes out, and the upload is aborted") {
  FakeServer server;
  Source source;
  source.size_bytes = 1u << 20;
  source.read = [](std::uint64_t offset, char* buffer, std::size_t size) -> std::size_t {
    if (offset > 0) throw std::runtime_error("out of paper");
    std::fill_n(buffer, size, 'x');
    return size;
  };
  CHECK_THROWS_WITH(upload(server, request_for("a"), *input_from(source), {}), "out of paper");
  server.settle();
  CHECK(server.uploads.empty());
  CHECK(server.files.empty());
}

TEST_CASE("no answer within the patience is a failure of its own") {
  FakeServer server;
  server.fault = [](const runtime::Message&) { return std::optional(protocol::Error{}); };
  const auto version =
      upload(server, request_for("a"), *input_from("abc"), {}, std::chrono::milliseconds(30));
  REQUIRE_FALSE(version);
  CHECK(version.error().code == Code::timed_out);
}

struct Scratch {
  std::filesystem::path directory =
      std::filesystem::temp_directory_path() / ("sluice-upload-" + std::to_string(getpid()));
  Scratch() { std::filesystem::create_directories(directory); }
  ~Scratch() { std::filesystem::remove_all(directory); }
  std::string file(const std::string& bytes) const {
    std::ofstream(directory / "f") << bytes;
    return directory / "f";
  }
};

TEST_CASE("a local file is stored with its mode and time when they are to be kept") {
  const Scratch scratch;
  FakeServer server;
  const std::string bytes = pattern(GENERATE(0u, 200u, 300'000u));
  const LocalFile local{scratch.file(bytes), true, true, false};
  std::filesystem::permissions(local.path, std::filesystem::perms(0640));
  auto source = input_from(local, {});
  REQUIRE(source);
  CHECK(source->preserve.mode == 0640);
  CHECK(source->preserve.mtime_ns.value_or(0) > 1'600'000'000'000'000'000);
  CHECK(source->input->size_bytes() == bytes.size());
  REQUIRE(upload(server, {"a", source->preserve, {}}, *source->input, {}));
  server.settle();
  CHECK(server.files["a"].bytes == bytes);
}

// Data, a hole that neither begins nor ends at a leaf, data, and a hole at the end. The kernel
// keeps whole pages.
struct FileWithHoles {
  static constexpr std::size_t leaf = protocol::limits::leaf_bytes;
  std::string bytes = std::string(40 * leaf + 7, '\0');
  std::uint64_t zeros = 0;

  explicit FileWithHoles(const std::string& path) {
    write(path, 0, leaf + 5'000);
    write(path, 20 * leaf + 8'192, 4'096);
    std::filesystem::resize_file(path, bytes.size());
    struct stat info;
    REQUIRE(stat(path.c_str(), &info) == 0);
    if (static_cast<std::size_t>(info.st_blocks) * 512 < 8 * leaf)
      zeros = (20 - 2) * leaf + (40 - 21) * leaf + 7;
    else
      WARN("the filesystem of TMPDIR has no holes");
  }
  void write(const std::string& path, std::size_t offset, std::size_t size) {
    const std::string some = pattern(size);
    bytes.replace(offset, size, some);
    std::fstream file(path, std::ios::in | std::ios::out);
    file.seekp(static_cast<std::streamoff>(offset)) << some;
  }
};

TEST_CASE("holes of a local file are told, and not sent") {
  const Scratch scratch;
  const std::string path = scratch.file("");
  const FileWithHoles file(path);
  FakeServer server;
  auto source = input_from({path, false, false, false}, {});
  REQUIRE(source);
  std::uint64_t reported = 0;
  Call call;
  call.progress = [&](std::uint64_t done, std::uint64_t) { reported = done; };
  const bool old = GENERATE(false, true);
  server.takes_zeros = !old;
  REQUIRE(upload(server, request_for("a"), *source->input, call));
  server.settle();
  CHECK((server.files["a"].bytes == file.bytes));
  CHECK(server.zero_bytes_announced == file.zeros);
  CHECK(server.zero_bytes_got == (old ? 0 : file.zeros));
  CHECK(server.chunk_bytes_got == file.bytes.size() - (old ? 0 : file.zeros));
  CHECK(reported == file.bytes.size());
}

TEST_CASE("zeros that are no hole are sent as bytes") {
  const Scratch scratch;
  FakeServer server;
  const std::string bytes(1u << 20, '\0');
  auto source = input_from({scratch.file(bytes), false, false, false}, {});
  REQUIRE(source);
  REQUIRE(upload(server, request_for("a"), *source->input, {}));
  server.settle();
  CHECK(server.zero_bytes_announced == 0);
  CHECK(server.chunk_bytes_got == bytes.size());
}

TEST_CASE("a local file that changes while it is read is not stored") {
  const Scratch scratch;
  FakeServer server;
  const std::string path = scratch.file(pattern(1u << 20));
  auto source = input_from({path, false, false, false}, {});
  REQUIRE(source);
  SECTION("shorter") {
    std::filesystem::resize_file(path, 700'000);
  }
  SECTION("longer") {
    std::ofstream(path, std::ios::app) << "more";
  }
  SECTION("touched") {
    std::filesystem::last_write_time(
        path, std::filesystem::file_time_type::clock::now() - std::chrono::hours(1));
  }
  SECTION("while a chunk is sent again") {
    server.fault = [&, damage = damaging(server, 0, 1)](
                       const runtime::Message& request) mutable -> std::optional<protocol::Error> {
      auto error = damage(request);
      if (error) std::fstream(path, std::ios::in | std::ios::out) << "other";
      return error;
    };
  }
  const auto version = upload(server, request_for("a"), *source->input, {});
  REQUIRE_FALSE(version);
  CHECK(version.error().code == Code::source_changed);
  CHECK(version.error().path == path);
  server.settle();
  CHECK(server.files.empty());
  CHECK(server.uploads.empty());
}

TEST_CASE("local files that cannot be read") {
  const Scratch scratch;
  const auto missing = input_from({scratch.directory / "none", false, false, false}, {});
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == Code::local_io);
  const auto directory = input_from({scratch.directory, false, false, false}, {});
  REQUIRE_FALSE(directory);
  CHECK(directory.error().detail == "is a directory");
  const auto endless = input_from({"/dev/zero", false, false, false}, {});
  REQUIRE_FALSE(endless);
  CHECK(endless.error().code == Code::not_regular);
}

TEST_CASE("a stream is read to its end, short or long") {
  const std::size_t size = GENERATE(0u, 5u, 128u << 10, (128u << 10) + 1, 1'000'000u);
  const std::string bytes = pattern(size);
  std::size_t given = 0;
  const Stream stream = [&](char* buffer, std::size_t room) {
    const std::size_t piece = std::min({room, std::size_t{10'007}, bytes.size() - given});
    bytes.copy(buffer, piece, given);
    given += piece;
    return piece;
  };
  auto input = input_from(stream, {});
  REQUIRE(input);
  CHECK((*input)->size_bytes() == size);
  FakeServer server;
  REQUIRE(upload(server, request_for("a"), **input, {}));
  server.settle();
  CHECK(server.files["a"].bytes == bytes);
}

TEST_CASE("what has no size beforehand is read like a stream") {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  REQUIRE(write(ends[1], "through a pipe", 14) == 14);
  close(ends[1]);
  auto source = input_from({"/proc/self/fd/" + std::to_string(ends[0]), true, true, false}, {});
  close(ends[0]);
  REQUIRE(source);
  CHECK(source->input->size_bytes() == 14);
  CHECK_FALSE(source->preserve.mode);
}

}  // namespace
}  // namespace sluice::tests
