// Transfers that were cut short and are gone on with, against a server in memory that fails on
// demand: what is sent again, what is kept here and there, and what is thrown away.
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "client/transfer/known_leaves.hpp"
#include "client/transfer/local_download.hpp"
#include "client/transfer/local_folder.hpp"
#include "client/transfer/remembered_upload.hpp"
#include "client/transfer/upload.hpp"
#include "protocol/limits.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/client/fake_server.hpp"

namespace sluice::tests {
namespace {

namespace fs = std::filesystem;
using client::input_from;
using client::LocalDownload;
using client::RememberedUpload;
using protocol::Code;
using protocol::Result;
using protocol::Type;

constexpr std::size_t leaf = 128u << 10;
constexpr std::size_t chunk = 1u << 20;
constexpr std::size_t size = 20 * chunk + 17;

// No two leaves alike.
std::string pattern(std::size_t bytes, unsigned seed = 0) {
  std::string text(bytes, static_cast<char>('a' + seed));
  for (std::size_t i = 0; i < bytes; i += 4'096)
    text.replace(i, 4, std::to_string(1000 + i / 4'096 % 9'000));
  text.resize(bytes);
  return text;
}

/// A directory of its own, in which uploads are remembered as well.
struct Scratch {
  fs::path directory = fs::temp_directory_path() / ("sluice-resume-" + std::to_string(getpid()));
  Scratch() {
    fs::create_directories(directory);
    setenv("XDG_STATE_HOME", (directory / "state").c_str(), 1);
  }
  ~Scratch() {
    unsetenv("XDG_STATE_HOME");
    fs::remove_all(directory);
  }
  std::size_t remembered() const {
    const fs::path uploads = directory / "state" / "sluice" / "uploads";
    if (!fs::exists(uploads)) return 0;
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(uploads), {}));
  }
  std::string content(const std::string& name) const {
    std::ifstream file(directory / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void write(const std::string& name, const std::string& bytes) const {
    std::ofstream(directory / name, std::ios::binary) << bytes;
  }
  /// Names of files that begin with a dot.
  std::vector<std::string> hidden() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(directory))
      if (entry.path().filename().string().starts_with("."))
        names.push_back(entry.path().filename());
    return names;
  }
};

struct Notices {
  std::vector<std::string> words;
  Call call() {
    Call call;
    call.notice = [this](const std::string& path, const std::string& text) {
      words.push_back(path + ": " + text);
    };
    return call;
  }
};

// A request moves one leaf, which no slow moment of the machine makes smaller.
client::ServerLimits large_limits() {
  return {16u << 20, leaf, leaf};
}

/// From the `after`th such request on all fail with `code`; of those that move bytes so many move a
/// chunk.
auto failing(FakeServer& server, Type type, int after, Code code) {
  if (type == Type::write_chunk || type == Type::read) after *= chunk / leaf;
  return [&server, type, after, code](const runtime::Message& request) {
    const bool fails = request.header.type == type && server.seen[type] > after;
    return fails ? std::optional(protocol::Error{code, {}, {}}) : std::nullopt;
  };
}

client::UploadRequest kept_request() {
  client::UploadRequest request;
  request.path = "a";
  request.resume_key = "here\0there";
  return request;
}

/// A put of "a" whose server was lost after 12 chunks; it still is.
struct CutUpload {
  Scratch scratch;
  FakeServer server;
  std::string bytes = pattern(size);

  CutUpload() {
    server.granted = large_limits();
    server.fault = failing(server, Type::write_chunk, 12, Code::unreachable);
    const auto first = upload(server, kept_request(), *input_from(bytes), {});
    server.settle();
    REQUIRE_FALSE(first);
    CHECK(first.error().code == Code::unreachable);
    REQUIRE(server.uploads.size() == 1);
    CHECK(scratch.remembered() == 1);
    CHECK(server.seen[Type::write_abort] == 0);
  }
};

TEST_CASE("an upload goes on where an earlier try was cut short") {
  CutUpload cut;
  auto& [scratch, server, bytes] = cut;
  server.fault = nullptr;
  const std::uint64_t before = server.chunk_bytes_got;
  std::uint64_t reported = 0;
  Call call;
  call.progress = [&](std::uint64_t done, std::uint64_t) { reported = done; };
  REQUIRE(upload(server, kept_request(), *input_from(bytes), call));
  server.settle();
  CHECK(server.chunk_bytes_got == size);
  CHECK(before == 12 * chunk);
  CHECK(reported == size);
  CHECK(server.files["a"].bytes == bytes);
  CHECK(server.uploads.empty());
  CHECK(scratch.remembered() == 0);
}

TEST_CASE("what is not worth it, or is refused, is not kept") {
  const Scratch scratch;
  FakeServer server;
  server.granted = large_limits();
  SECTION("hardly begun") {
    server.fault = failing(server, Type::write_chunk, 2, Code::unreachable);
  }
  SECTION("stopped") {
    server.fault = failing(server, Type::write_chunk, 12, Code::cancelled);
  }
  SECTION("refused") {
    server.fault = failing(server, Type::write_commit, 0, Code::locked);
  }
  auto request = kept_request();
  SECTION("may wait for a lock for longer than it would be kept") {
    server.fault = failing(server, Type::write_chunk, 12, Code::unreachable);
    request.terms.wait_ms = protocol::limits::upload_keep_min_ms + 1;
  }
  REQUIRE_FALSE(upload(server, request, *input_from(pattern(size)), {}));
  server.settle();
  CHECK(server.seen[Type::write_abort] == 1);
  CHECK(server.uploads.empty());
  CHECK(scratch.remembered() == 0);
}

TEST_CASE("an upload that is gone on with and ends early keeps what earlier tries have sent") {
  CutUpload cut;
  auto& [scratch, server, bytes] = cut;
  const Type at = GENERATE(Type::write_status, Type::write_begin, Type::write_chunk);
  const Code code = GENERATE(Code::unreachable, Code::cancelled, Code::overloaded);
  server.fault = failing(server, at, 0, code);
  const auto second = upload(server, kept_request(), *input_from(bytes), {});
  server.settle();
  REQUIRE_FALSE(second);
  CHECK(second.error().code == code);
  CHECK(server.seen[Type::write_abort] == 0);
  CHECK(scratch.remembered() == 1);
  server.fault = nullptr;
  REQUIRE(upload(server, kept_request(), *input_from(bytes), {}));
  server.settle();
  CHECK(server.chunk_bytes_got == size);
  CHECK(server.files["a"].bytes == bytes);
  CHECK(server.uploads.empty());
  CHECK(scratch.remembered() == 0);
}

TEST_CASE("an upload that another try has begun is left alone until it is known what was there") {
  CutUpload cut;
  auto& [scratch, server, bytes] = cut;
  bool stays = true;
  auto request = kept_request();
  SECTION("the server cannot tell") {
    server.fault = failing(server, Type::write_status, 0, Code::io_error);
    CHECK_FALSE(upload(server, request, *input_from(bytes), {}));
  }
  SECTION("a callback throws") {
    Call call;
    call.progress = [](std::uint64_t, std::uint64_t) { throw std::runtime_error("no paper"); };
    CHECK_THROWS(upload(server, request, *input_from(bytes), call));
  }
  SECTION("but what is refused is over") {
    server.fault = failing(server, Type::write_commit, 0, Code::locked);
    CHECK_FALSE(upload(server, request, *input_from(bytes), {}));
    stays = false;
  }
  server.settle();
  CHECK(server.uploads.size() == (stays ? 1 : 0));
  CHECK(server.seen[Type::write_abort] == (stays ? 0 : 1));
  CHECK(scratch.remembered() == (stays ? 1 : 0));
}

TEST_CASE("an upload is touched while what has arrived is only read again") {
  CutUpload cut;
  auto& [scratch, server, bytes] = cut;
  auto request = kept_request();
  // Some are missing in between, so that chunks are under way meanwhile.
  std::string& arrived = server.arrived[server.uploads.begin()->first];
  arrived.replace(1 * 16, 16, std::string(16, '\0'));
  arrived.replace(20 * 16, 16, std::string(16, '\0'));
  server.fault = nullptr;
  server.seen.clear();
  SECTION("only when nothing else told of it for long") {
    REQUIRE(upload(server, request, *input_from(bytes), {}));
    server.settle();
    CHECK(server.seen[Type::write_begin] == 1);
  }
  SECTION("each time") {
    request.touch_every = std::chrono::milliseconds(0);
    REQUIRE(upload(server, request, *input_from(bytes), {}));
    server.settle();
    CHECK(server.seen[Type::write_begin] > 5);
  }
  CHECK(server.chunk_bytes_got > size);
  CHECK(server.files["a"].bytes == bytes);
}

TEST_CASE("an upload that is gone when it is touched is not begun again, but another") {
  CutUpload cut;
  auto& [scratch, server, bytes] = cut;
  auto request = kept_request();
  const std::string id = server.uploads.begin()->first;
  server.fault = [&](const runtime::Message& message) -> std::optional<protocol::Error> {
    if (message.header.type != Type::write_status || !server.uploads.contains(id))
      return std::nullopt;
    if (protocol::decode<protocol::WriteStatus>(message.body)->with_leaves) return std::nullopt;
    server.files["a"] = {bytes, 42, {}, {}};
    server.uploads.clear();
    return std::nullopt;
  };
  request.touch_every = std::chrono::milliseconds(0);
  const std::uint64_t before = server.chunk_bytes_got;
  REQUIRE(upload(server, request, *input_from(bytes), {}));
  server.settle();
  CHECK(server.chunk_bytes_got == before);
  CHECK(server.files["a"].bytes == bytes);
  CHECK(server.files["a"].version != 42);
  CHECK(server.uploads.empty());
}

TEST_CASE("what is worth keeping depends on how it ended and how far it was") {
  for (const Code code : {Code::unreachable, Code::timed_out, Code::snapshot_gone, Code::overloaded,
                          Code::shutting_down}) {
    CHECK(client::is_worth_keeping(code, client::keep_bytes + 1));
    CHECK_FALSE(client::is_worth_keeping(code, client::keep_bytes));
  }
  CHECK(client::is_worth_keeping(Code::cancelled, client::keep_when_stopped_bytes + 1));
  CHECK_FALSE(client::is_worth_keeping(Code::cancelled, client::keep_when_stopped_bytes));
  for (const Code code : {Code::locked, Code::damaged, Code::no_space, Code::local_io})
    CHECK_FALSE(client::is_worth_keeping(code, std::uint64_t{1} << 40));
}

TEST_CASE("an upload whose file has changed is begun anew") {
  CutUpload cut;
  auto& [scratch, server, bytes] = cut;
  server.fault = nullptr;
  SECTION("other bytes") {
    bytes[3 * chunk] ^= 1;
  }
  SECTION("longer") {
    bytes += "more";
  }
  Notices notices;
  REQUIRE(upload(server, kept_request(), *input_from(bytes), notices.call()));
  server.settle();
  CHECK(server.files["a"].bytes == bytes);
  CHECK(server.uploads.empty());
  CHECK(server.seen[Type::write_abort] == 1);
  CHECK(scratch.remembered() == 0);
  REQUIRE(notices.words.size() == 1);
  CHECK(notices.words[0] == "a: the local file has changed since the last try: started anew");
}

TEST_CASE("an upload that was committed for a client that did not hear of it sends nothing again") {
  const Scratch scratch;
  FakeServer server;
  server.granted = large_limits();
  const std::string bytes = pattern(size);
  server.files["a"] = {bytes, 42, {}, {}};
  (void)RememberedUpload::recall(kept_request().resume_key);
  REQUIRE(upload(server, kept_request(), *input_from(bytes), {}));
  server.settle();
  CHECK(server.chunk_bytes_got == 0);
  CHECK(server.files["a"].bytes == bytes);
  CHECK(server.files["a"].version != 42);
  CHECK(server.snapshots.empty());
  CHECK(scratch.remembered() == 0);
}

TEST_CASE("an upload that another client ends is done once more, from what that one has stored") {
  const Scratch scratch;
  FakeServer server;
  server.granted = large_limits();
  const std::string bytes = pattern(size);
  bool ended = false;
  server.fault = [&](const runtime::Message& request) -> std::optional<protocol::Error> {
    if (request.header.type == Type::write_commit && !std::exchange(ended, true)) {
      server.files["a"] = {bytes, 42, {}, {}};
      server.uploads.clear();
    }
    return std::nullopt;
  };
  REQUIRE(upload(server, kept_request(), *input_from(bytes), {}));
  server.settle();
  CHECK(server.chunk_bytes_got == size);
  CHECK(server.files["a"].bytes == bytes);
  CHECK(scratch.remembered() == 0);
}

TEST_CASE("a put that asks for it sends only the leaves that differ") {
  FakeServer server;
  server.granted = large_limits();
  std::string bytes = pattern(size);
  server.files["a"] = {bytes, 42, {}, {}};
  client::UploadRequest request;
  request.path = "a";
  request.delta = true;
  std::uint64_t expected = 0;
  std::uint64_t refused = 0;
  SECTION("none does") {}
  SECTION("two do, and the end is longer") {
    bytes[3 * leaf] ^= 1;
    bytes[11 * leaf + 5] ^= 1;
    bytes += "more";
    expected = 2 * leaf + 21;
  }
  SECTION("it is shorter") {
    bytes.resize(2 * chunk + 3);
    expected = 3;
  }
  SECTION("what is stored is not what its digests say") {
    expected = size;
    server.granted.chunk_bytes = chunk;
    server.tamper = [&](runtime::Message& answer) {
      if (answer.header.type != Type::write_reuse_reply) return;
      auto reply = protocol::decode<protocol::WriteReuseReply>(answer.body).value();
      reply.taken[0] = '\0';
      ++refused;
      answer.body = protocol::encode(reply);
    };
  }
  SECTION("its snapshot goes meanwhile") {
    server.fault = failing(server, Type::write_reuse, 0, Code::snapshot_gone);
    expected = size;
  }
  SECTION("there is nothing") {
    server.files.clear();
    expected = size;
  }
  REQUIRE(upload(server, request, *input_from(bytes), {}));
  server.settle();
  // The first leaf of each chunk, however many those are; the last one may be the short leaf alone.
  if (refused > 0)
    expected = server.chunk_bytes_got % leaf == 17 ? (refused - 1) * leaf + 17 : refused * leaf;
  CHECK(server.chunk_bytes_got == expected);
  CHECK(server.files["a"].bytes == bytes);
  CHECK(server.snapshots.empty());
}

TEST_CASE("an id is remembered for one user alone, and until it is forgotten") {
  const Scratch scratch;
  const auto fresh = RememberedUpload::recall("");
  CHECK_FALSE(fresh.is_remembered());
  CHECK(fresh.id().size() == 16);
  auto first = RememberedUpload::recall("one");
  CHECK(first.is_remembered());
  CHECK_FALSE(first.was_begun());
  auto second = RememberedUpload::recall("one");
  CHECK(second.was_begun());
  CHECK(second.id() == first.id());
  CHECK(RememberedUpload::recall("other").id() != first.id());
  const fs::path uploads = scratch.directory / "state" / "sluice" / "uploads";
  CHECK((fs::status(uploads).permissions() & fs::perms::all) == fs::perms::owner_all);
  for (const auto& entry : fs::directory_iterator(uploads))
    CHECK((entry.status().permissions() & fs::perms::all) ==
          (fs::perms::owner_read | fs::perms::owner_write));
  first.forget();
  const auto third = RememberedUpload::recall("one");
  CHECK_FALSE(third.was_begun());
  // What has taken its place stays.
  second.forget();
  CHECK(RememberedUpload::recall("one").id() == third.id());
}

TEST_CASE("what is no id, or old, or nowhere to be put") {
  const Scratch scratch;
  RememberedUpload::recall("one").forget();
  const fs::path uploads = scratch.directory / "state" / "sluice" / "uploads";
  SECTION("old ones go") {
    (void)RememberedUpload::recall("old");
    for (const auto& entry : fs::directory_iterator(uploads))
      fs::last_write_time(entry.path(), fs::file_time_type::clock::now() - std::chrono::hours(200));
    (void)RememberedUpload::recall("one");
    CHECK(scratch.remembered() == 1);
  }
  SECTION("damaged ones") {
    (void)RememberedUpload::recall("one");
    for (const auto& entry : fs::directory_iterator(uploads))
      std::ofstream(entry.path()) << GENERATE("", "short", "more than sixteen bytes");
    CHECK_FALSE(RememberedUpload::recall("one").is_remembered());
    CHECK(RememberedUpload::recall("one").is_remembered());
  }
  SECTION("no directory") {
    fs::remove_all(scratch.directory / "state");
    scratch.write("state", "a file");
    const auto upload = RememberedUpload::recall("one");
    CHECK_FALSE(upload.is_remembered());
    CHECK(upload.id().size() == 16);
  }
}

Result<protocol::Attributes> get(FakeServer& server, const LocalFile& local, const Call& call,
                                 const std::string& path = "a") {
  LocalDownload file(local, path, call);
  const auto output = [&](std::uint64_t offset, std::string_view bytes) {
    return file.write(offset, bytes);
  };
  auto got = client::download(server, path, output, call, {}, &file);
  if (!got) {
    file.keep_after(got.error());
    return got;
  }
  if (auto finished = file.finish({}); !finished) return tl::make_unexpected(finished.error());
  return got;
}

/// A get of "a" to "f" that was cut short after some chunks.
struct CutShort {
  Scratch scratch;
  FakeServer server;
  LocalFile local;
  std::string bytes = pattern(size);
  /// Handed on before it ended, and so to be found here.
  std::uint64_t here_bytes = 0;

  explicit CutShort(Code code = Code::unreachable, int after = 17) {
    local.path = scratch.directory / "f";
    server.granted = large_limits();
    server.files["a"] = {bytes, 42, {}, {}};
    server.fault = failing(server, Type::read, after, code);
    Call call;
    call.progress = [this](std::uint64_t done, std::uint64_t) { here_bytes = done; };
    const auto first = get(server, local, call);
    server.settle();
    REQUIRE_FALSE(first);
    CHECK(first.error().code == code);
    CHECK_FALSE(fs::exists(local.path));
    CHECK(server.snapshots.empty());
    server.fault = nullptr;
    server.read_bytes_given = 0;
  }
  std::uint64_t again() {
    server.settle();
    CHECK(scratch.content("f") == bytes);
    CHECK(scratch.hidden().empty());
    return server.read_bytes_given;
  }
};

TEST_CASE("a download goes on where an earlier try was cut short") {
  CutShort cut;
  REQUIRE(cut.scratch.hidden().size() == 1);
  CHECK(cut.scratch.hidden()[0].starts_with(".f.sluice-part."));
  SECTION("as it was") {
    REQUIRE(get(cut.server, cut.local, {}));
    CHECK(cut.again() == size - cut.here_bytes);
  }
  SECTION("with some of it damaged since") {
    std::fstream part(cut.scratch.directory / cut.scratch.hidden()[0],
                      std::ios::in | std::ios::out | std::ios::binary);
    part.seekp(chunk + 5);
    part << "damage";
    part.close();
    REQUIRE(get(cut.server, cut.local, {}));
    CHECK(cut.again() == size - cut.here_bytes + leaf);
  }
}

TEST_CASE("a download that is gone on with and ends early keeps what earlier tries have got") {
  CutShort cut;
  const Type at = GENERATE(Type::read_leaves, Type::read);
  const Code code = GENERATE(Code::unreachable, Code::snapshot_gone);
  cut.server.fault = failing(cut.server, at, 0, code);
  for (int i = 0; i < 2; ++i) {
    const auto second = get(cut.server, cut.local, {});
    cut.server.settle();
    REQUIRE_FALSE(second);
    CHECK(second.error().code == code);
    REQUIRE(cut.scratch.hidden().size() == 1);
  }
  cut.server.fault = nullptr;
  REQUIRE(get(cut.server, cut.local, {}));
  CHECK(cut.again() == size - cut.here_bytes);
}

TEST_CASE("a part of another version is thrown away, with a word") {
  CutShort cut;
  cut.bytes = pattern(size, 1);
  cut.server.files["a"] = {cut.bytes, 43, {}, {}};
  Notices notices;
  REQUIRE(get(cut.server, cut.local, notices.call()));
  CHECK(cut.again() == size);
  REQUIRE(notices.words.size() == 1);
  CHECK(notices.words[0] == "a: version 42 is gone: started anew with version 43");
}

TEST_CASE("a part that cannot be right is thrown away without a word") {
  CutShort cut;
  const fs::path part = cut.scratch.directory / cut.scratch.hidden()[0];
  const std::string path = ", path " + protocol::to_hex(protocol::digest_of(std::string("a")));
  const auto mark = [&](const std::string& text) {
    REQUIRE(setxattr(part.c_str(), "user.sluice-part", text.data(), text.size(), 0) == 0);
  };
  SECTION("without a mark") {
    REQUIRE(removexattr(part.c_str(), "user.sluice-part") == 0);
  }
  SECTION("longer than the file") {
    fs::resize_file(part, size + 1);
  }
  SECTION("empty") {
    mark("");
  }
  SECTION("too long") {
    mark(std::string(1'000, 'x'));
  }
  SECTION("of no version") {
    mark("version , digest 00112233445566778899aabbccddeeff" + path);
  }
  SECTION("of a version that cannot be") {
    mark("version 99999999999999999999, digest 00112233445566778899aabbccddeeff" + path);
  }
  SECTION("without a digest") {
    mark("version 7, digest " + path);
  }
  SECTION("of another path") {
    mark("version 7, digest 00112233445566778899aabbccddeeff, path " + std::string(32, '0'));
  }
  Notices notices;
  REQUIRE(get(cut.server, cut.local, notices.call()));
  CHECK(cut.again() == size);
  CHECK(notices.words.empty());
  CHECK(getxattr(cut.local.path.c_str(), "user.sluice-part", nullptr, 0) < 0);
}

TEST_CASE("a part of another path is used where it has the same bytes, and never left") {
  CutShort cut;
  Notices notices;
  std::uint64_t expected = size;
  SECTION("the same under another name") {
    cut.server.files["b"] = {cut.bytes, 42, {}, {}};
    expected = size - cut.here_bytes;
  }
  SECTION("something else") {
    cut.bytes = pattern(size, 1);
    cut.server.files["b"] = {cut.bytes, 43, {}, {}};
  }
  SECTION("something small, by itself") {
    cut.bytes = "small";
    cut.server.files["b"] = {cut.bytes, 43, {}, {}};
    expected = 0;
  }
  REQUIRE(get(cut.server, cut.local, notices.call(), "b"));
  cut.server.settle();
  CHECK(cut.server.read_bytes_given <= expected);
  CHECK(notices.words.empty());
  CHECK(cut.scratch.content("f") == cut.bytes);
  CHECK(cut.scratch.hidden().empty());
}

TEST_CASE("a part is not left by a small file that comes with many") {
  const CutShort cut;
  auto folder = client::LocalFolder::open({.path = cut.scratch.directory});
  REQUIRE(folder);
  REQUIRE(folder->store("f", "small", {}));
  CHECK(cut.scratch.content("f") == "small");
  CHECK(cut.scratch.hidden().empty());
}

TEST_CASE("a part that another process has is left alone") {
  CutShort cut;
  const fs::path part = cut.scratch.directory / cut.scratch.hidden()[0];
  std::ifstream held(part);
  const int fd = ::open(part.c_str(), O_RDONLY | O_CLOEXEC);
  REQUIRE(flock(fd, LOCK_EX | LOCK_NB) == 0);
  REQUIRE(get(cut.server, cut.local, {}));
  cut.server.settle();
  CHECK(cut.server.read_bytes_given == size);
  CHECK(cut.scratch.content("f") == cut.bytes);
  CHECK(fs::exists(part));
  close(fd);
}

TEST_CASE("what lies where a part should, and is none, is not written to") {
  CutShort cut;
  const fs::path part = cut.scratch.directory / cut.scratch.hidden()[0];
  fs::remove(part);
  cut.scratch.write("precious", "precious");
  SECTION("a link") {
    fs::create_symlink("precious", part);
  }
  SECTION("a second name") {
    fs::create_hard_link(cut.scratch.directory / "precious", part);
  }
  SECTION("a pipe") {
    REQUIRE(mkfifo(part.c_str(), 0600) == 0);
  }
  SECTION("a directory") {
    fs::create_directory(part);
  }
  REQUIRE(get(cut.server, cut.local, {}));
  CHECK(cut.scratch.content("f") == cut.bytes);
  CHECK(cut.scratch.content("precious") == "precious");
  fs::remove(part);
  CHECK(cut.again() == size);
}

TEST_CASE("of a download that is not worth going on with nothing stays") {
  SECTION("hardly begun") {
    const CutShort cut(Code::unreachable, 2);
    CHECK(cut.scratch.hidden().empty());
  }
  SECTION("stopped") {
    const CutShort cut(Code::cancelled);
    CHECK(cut.scratch.hidden().empty());
  }
  SECTION("damaged") {
    const CutShort cut(Code::damaged);
    CHECK(cut.scratch.hidden().empty());
  }
}

TEST_CASE("a get that asks for it takes what is equal from the file that it replaces") {
  const Scratch scratch;
  FakeServer server;
  server.granted = large_limits();
  std::string bytes = pattern(size);
  scratch.write("f", bytes);
  bytes[3 * chunk] ^= 1;
  bytes.resize(size - 17);
  server.files["a"] = {bytes, 42, {}, {}};
  LocalFile local{.path = scratch.directory / "f", .delta = true};
  std::uint64_t expected = leaf;
  SECTION("some of it") {}
  SECTION("a file that is not there") {
    fs::remove(local.path);
    expected = bytes.size();
  }
  SECTION("unless not asked") {
    local.delta = false;
    expected = bytes.size();
  }
  REQUIRE(get(server, local, {}));
  server.settle();
  CHECK(server.read_bytes_given == expected);
  CHECK(scratch.content("f") == bytes);
  CHECK(scratch.hidden().empty());
}

TEST_CASE("leaves at a place, as far as they are known") {
  const std::string known(5 * 16, 'd');
  CHECK(client::leaves_at(known, 0, leaf).size() == 16);
  CHECK(client::leaves_at(known, 2 * leaf, 8 * leaf).size() == 3 * 16);
  CHECK(client::leaves_at(known, 5 * leaf, leaf).empty());
  CHECK(client::leaves_at(known, std::uint64_t{1} << 43, leaf).empty());
  CHECK(client::leaves_at({}, 0, leaf).empty());
}

}  // namespace
}  // namespace sluice::tests
