// Many small files in one message, over tcp against a scripted server.
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "protocol/messages/batches.hpp"
#include "sluice/client.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/client/error_of.hpp"
#include "tests/unit/client/tcp_server.hpp"

namespace sluice::tests {
namespace {

namespace fs = std::filesystem;

using protocol::Code;
using protocol::Type;
using runtime::Message;

/// Files by path, and the requests that came. "refused" is locked, "missing" not there; a file
/// named "bad" arrives damaged.
class Server {
 public:
  std::optional<Message> answer(const Message& request) {
    if (request.header.type == Type::put_many) return put(request);
    if (request.header.type == Type::get_many) return get(request);
    return runtime::make_error(request, {Code::unknown_type, {}, {}});
  }

  std::map<std::string, std::string> files;
  std::vector<std::pair<std::uint64_t, std::size_t>> puts;
  std::vector<protocol::PutMany> bodies;
  std::size_t gets = 0;

 private:
  Message put(const Message& request) {
    const auto body = protocol::decode<protocol::PutMany>(request.body).value();
    protocol::PutManyReply reply;
    std::size_t offset = 0;
    for (const auto& file : body.files) {
      const std::string path = body.directory + "/" + file.name;
      const std::string bytes(request.payload.text().substr(offset, file.size_bytes));
      offset += file.size_bytes;
      if (file.name == "refused") {
        reply.outcomes.push_back({static_cast<std::uint16_t>(Code::locked), "", "by you", 0});
        continue;
      }
      CHECK(protocol::root_of(protocol::leaves_of(bytes)) == file.root);
      files[path] = bytes;
      reply.outcomes.push_back({0, {}, {}, files.size()});
    }
    CHECK(offset == request.payload.size());
    puts.emplace_back(request.header.request_id, body.files.size());
    bodies.push_back(body);
    return runtime::make_reply(request, reply);
  }
  Message get(const Message& request) {
    ++gets;
    const auto body = protocol::decode<protocol::GetMany>(request.body).value();
    protocol::GetManyReply reply;
    std::string all;
    for (const auto& name : body.names) {
      protocol::GotFile& got = reply.got.emplace_back();
      if (name == "missing") {
        got.code = static_cast<std::uint16_t>(Code::not_found);
        continue;
      }
      const std::string bytes = files[body.directory + "/" + name];
      got.attributes.size_bytes = bytes.size();
      got.attributes.version = 1;
      got.attributes.mode = 0640;
      got.attributes.mtime_ns = 1'000'000'000'007;
      got.attributes.root =
          protocol::root_of(protocol::leaves_of(bytes + (name == "bad" ? "!" : "")));
      all += bytes;
    }
    Message answer = runtime::make_reply(request, reply);
    answer.payload = protocol::Payload::of(std::move(all));
    return answer;
  }
};

struct Room {
  Server files;
  TcpServer server{[this](const Message& request) { return files.answer(request); }};
  Client client{{.endpoint = server.endpoint()}};
};

TEST_CASE("small files are stored in few messages, under ids that follow each other") {
  Room room;
  std::vector<std::string> contents;
  std::vector<SmallFile> files;
  for (int i = 0; i < 300; ++i) contents.push_back("content " + std::to_string(i));
  for (int i = 0; i < 300; ++i) files.push_back({std::to_string(i), contents[std::size_t(i)]});
  files[0].mode = 0600;
  files[0].mtime_ns = 5;
  const auto stored = room.client.put_many(
      "d", files, {.token = "1-2", .if_absent = true, .durability = Durability::relaxed});
  REQUIRE(stored.size() == 300);
  for (std::size_t i = 0; i < 300; ++i) {
    CHECK_FALSE(stored[i].error);
    CHECK(stored[i].version == i + 1);
    CHECK(room.files.files["d/" + std::to_string(i)] == contents[i]);
  }
  REQUIRE(room.files.puts.size() == 2);
  CHECK(room.files.puts[0].second == 256);
  CHECK(room.files.puts[1].first >= room.files.puts[0].first + 256);
  const protocol::PutMany& first = room.files.bodies[0];
  CHECK(first.terms.token == "1-2");
  CHECK(first.terms.if_absent);
  CHECK(first.terms.durability == protocol::Durability::relaxed);
  CHECK(first.files[0].preserve.mode == 0600);
  CHECK(first.files[0].preserve.mtime_ns == 5);
}

TEST_CASE("a message takes no more bytes than a chunk") {
  Room room;
  const std::string bytes(128u << 10, 'x');
  std::vector<SmallFile> files;
  for (int i = 0; i < 20; ++i) files.push_back({std::to_string(i), bytes});
  for (const PutFile& stored : room.client.put_many("d", files)) CHECK_FALSE(stored.error);
  CHECK(room.files.puts.size() == 3);
}

TEST_CASE("what one file is refused with is told of it alone") {
  Room room;
  const std::string large((128u << 10) + 1, 'x');
  const auto stored =
      room.client.put_many("d", {{"a", "1"}, {"refused", "2"}, {"large", large}, {"b", "3"}});
  REQUIRE(stored.size() == 4);
  CHECK(stored[0].version == 1);
  CHECK(stored[1].error->code() == "locked");
  CHECK(stored[1].error->path() == "d/refused");
  CHECK(stored[2].error->code() == "too_large");
  CHECK(stored[2].error->path() == "d/large");
  CHECK(stored[3].version == 2);
  CHECK(error_of([&] { room.client.put_many("../d", {{"a", "1"}}); }).code() == "bad_path");
}

TEST_CASE("many files come with few messages, each checked") {
  Room room;
  std::vector<std::string> names;
  for (int i = 0; i < 300; ++i) {
    names.push_back(std::to_string(i));
    room.files.files["d/" + names.back()] = "content " + names.back();
  }
  room.files.files["d/bad"] = "bytes";
  names[7] = "missing";
  names[8] = "bad";
  std::size_t next = 0;
  room.client.get_many("d", names, [&](std::size_t place, const GotFile& file) {
    CHECK(place == next++);
    if (place == 7) {
      CHECK(file.error->code() == "not_found");
      CHECK(file.error->path() == "d/missing");
    } else if (place == 8) {
      CHECK(file.error->code() == "damaged");
    } else {
      CHECK_FALSE(file.error);
      CHECK(file.bytes == "content " + names[place]);
      CHECK(file.attributes.version == 1);
    }
  });
  CHECK(next == 300);
  CHECK(room.files.gets == 2);
  CHECK_THROWS_AS(room.client.get_many("d", {"1"}, [](auto, const auto&) { throw 5; }), int);
}

TEST_CASE("a name that no path can have is refused by itself") {
  Room room;
  const std::string name = GENERATE(std::string(256, 'n'), std::string(70'000, 'n'), std::string());
  room.files.files = {{"d/a", "1"}, {"d/b", "2"}};
  const std::vector<std::string> names{"a", name, name, "b"};
  std::vector<std::string> got;
  room.client.get_many("d", names, [&](std::size_t place, const GotFile& file) {
    CHECK(place == got.size());
    got.push_back(file.error ? std::string(file.error->code()) : std::string(file.bytes));
  });
  CHECK(got == std::vector<std::string>{"1", "bad_path", "bad_path", "2"});
  const auto stored = room.client.put_many("d", {{"a", "3"}, {name, "4"}, {name, "5"}, {"b", "6"}});
  REQUIRE(stored.size() == 4);
  CHECK_FALSE(stored[0].error);
  CHECK(stored[1].error->code() == "bad_path");
  CHECK(stored[2].error->code() == "bad_path");
  CHECK_FALSE(stored[3].error);
  CHECK(room.files.files == std::map<std::string, std::string>{{"d/a", "3"}, {"d/b", "6"}});
}

/// A directory that goes with the test.
class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "sluice-folder-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Folder() { fs::remove_all(path); }
  void write(const std::string& name, const std::string& bytes) const {
    std::ofstream(path / name) << bytes;
  }
  std::string read(const std::string& name) const {
    std::ifstream file(path / name);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::size_t names() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(path), fs::directory_iterator()));
  }
  fs::path path;
};

std::vector<MovedFile> collected(std::size_t count, const std::function<void(MovedFiles)>& move) {
  std::vector<MovedFile> all(count);
  std::size_t told = 0;
  move([&](std::size_t place, const MovedFile& file) {
    all.at(place) = file;
    ++told;
  });
  CHECK(told == count);
  return all;
}

TEST_CASE("small files of a local directory are stored, others are told of") {
  Room room;
  const Folder folder;
  folder.write("a", "first");
  folder.write("empty", "");
  folder.write("large", std::string((128u << 10) + 1, 'x'));
  folder.write("b", "second");
  fs::permissions(folder.path / "a", fs::perms(0640));
  const LocalDirectory local{.path = folder.path.string(), .keep_mode = true, .keep_mtime = true};
  const std::vector<std::string> names{"a", "none", "empty", "large", "b"};
  const auto moved =
      collected(5, [&](const MovedFiles& file) { room.client.put_files("d", names, local, file); });
  CHECK_FALSE(moved[0].error);
  CHECK(moved[0].version != 0);
  CHECK(moved[0].size_bytes == 5);
  CHECK(moved[1].error->code() == "local_io");
  CHECK_FALSE(moved[2].error);
  CHECK(moved[3].error->code() == "too_large");
  CHECK_FALSE(moved[4].error);
  CHECK(room.files.files ==
        std::map<std::string, std::string>{{"d/a", "first"}, {"d/empty", ""}, {"d/b", "second"}});
  REQUIRE(room.files.bodies.size() == 1);
  const auto& preserve = room.files.bodies[0].files[0].preserve;
  CHECK(preserve.mode == 0640);
  CHECK(preserve.mtime_ns > 0);
  CHECK(error_of([&] {
          room.client.put_files("d", {"a"}, {.path = "/none/such"}, [](auto, const auto&) {});
        }).code() == "local_io");
}

TEST_CASE("a server that grants more for a small file than for a chunk is not taken at its word") {
  Room room;
  room.server.grant(128u << 10, 1u << 20);
  const Folder folder;
  folder.write("a", "first");
  folder.write("large", std::string((128u << 10) + 1, 'x'));
  const auto moved = collected(2, [&](const MovedFiles& file) {
    room.client.put_files("d", {"a", "large"}, {.path = folder.path.string()}, file);
  });
  CHECK_FALSE(moved[0].error);
  CHECK(moved[1].error->code() == "too_large");
}

TEST_CASE("small files come into a local directory, under their names when they are whole") {
  Room room;
  const Folder folder;
  room.files.files = {{"d/a", "first"}, {"d/b", "second"}, {"d/bad", "bytes"}};
  folder.write("b", "before");
  const std::vector<std::string> names{"a", "b", "missing", "bad"};
  LocalDirectory local{.path = folder.path.string(), .keep_mode = true, .keep_mtime = true};
  local.if_absent = GENERATE(true, false);
  const auto moved =
      collected(4, [&](const MovedFiles& file) { room.client.get_files("d", names, local, file); });
  CHECK_FALSE(moved[0].error);
  CHECK(moved[0].size_bytes == 5);
  CHECK(folder.read("a") == "first");
  CHECK(moved[1].error.has_value() == local.if_absent);
  CHECK(folder.read("b") == (local.if_absent ? "before" : "second"));
  if (local.if_absent) CHECK(moved[1].error->code() == "exists");
  CHECK(moved[2].error->code() == "not_found");
  CHECK(moved[3].error->code() == "damaged");
  CHECK(folder.names() == 2);
  struct stat about {};
  REQUIRE(::stat((folder.path / "a").c_str(), &about) == 0);
  CHECK((about.st_mode & 07777) == 0640);
  CHECK(about.st_mtim.tv_sec == 1'000);
  CHECK(about.st_mtim.tv_nsec == 7);
}

}  // namespace
}  // namespace sluice::tests
