// sluice.conf: what it may say, what is refused and where; which file counts; what --server means.
#include "client/shell/servers.hpp"

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "client/shell/seconds.hpp"
#include "sluice/error.hpp"
#include "tests/support/catch.hpp"

using namespace sluice::shell;
using namespace std::chrono_literals;

namespace {

std::string refusal(const std::string& text) {
  try {
    parse_servers("F", text);
  } catch (const sluice::Error& error) {
    CHECK(error.code() == "bad_config");
    CHECK(error.exit_status() == 2);
    return error.what();
  }
  return "";
}

std::string unresolved(const std::string& typed) {
  try {
    resolve_server(typed);
  } catch (const sluice::Error& error) {
    return error.code() + " " + error.what();
  }
  return "";
}

// A directory for configurations, and an environment that points nowhere else.
struct Home {
  std::filesystem::path path;

  Home() {
    std::string pattern = std::filesystem::temp_directory_path() / "sluice-conf.XXXXXX";
    path = mkdtemp(pattern.data());
    unsetenv("SLUICE_CONFIG");
    unsetenv("XDG_CONFIG_HOME");
    setenv("HOME", path.c_str(), 1);
  }
  ~Home() { std::filesystem::remove_all(path); }

  std::string write(const std::string& name, const std::string& text) const {
    const auto file = path / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
    return file;
  }
};

constexpr const char* two =
    "default = lab\n[lab]\nendpoint = tcp://lab:5970\n[home]\n"
    "endpoint = ipc:///run/sluice\n";

}  // namespace

TEST_CASE("a file names servers") {
  const Servers servers = parse_servers(
      "F",
      "# comment\n\n default = lab \r\n[lab]\nendpoint=tcp://lab.example:5970\n"
      "name = \"Ann's desk\"\n lease = 20\nconnect_timeout = 0.5\n\treconnect_limit = 3600\n"
      "[ d\xc3\xa9j\xc3\xa0.vu_1-2 ]\n#endpoint = tcp://wrong\nendpoint = ipc:///run/a b=c");
  CHECK(servers.file == "F");
  CHECK(servers.default_name == "lab");
  REQUIRE(servers.list.size() == 2);
  CHECK(servers.list[0].name == "lab");
  CHECK(servers.list[0].options.endpoint == "tcp://lab.example:5970");
  CHECK(servers.list[0].options.name == "Ann's desk");
  CHECK(servers.list[0].options.lease == 20s);
  CHECK(servers.list[0].options.connect_timeout == 500ms);
  CHECK(servers.list[0].options.reconnect_limit == 3600s);
  CHECK(servers.list[1].name == "d\xc3\xa9j\xc3\xa0.vu_1-2");
  CHECK(servers.list[1].options.endpoint == "ipc:///run/a b=c");
  CHECK(servers.list[1].options.name.empty());
  CHECK(servers.list[1].options.connect_timeout == sluice::Options().connect_timeout);
}

TEST_CASE("an empty file names none") {
  CHECK(parse_servers("F", "").list.empty());
  CHECK(parse_servers("F", "\n\n# nothing\n").list.empty());
}

TEST_CASE("mistakes are refused with their line") {
  const auto [text, says] = GENERATE(table<std::string, std::string>({
      {"\nlab",
       "F:2: the configuration cannot be used (neither '[NAME]' nor 'KEY = VALUE': 'lab')"},
      {"endpoint = tcp://a:1\n", "F:1: the configuration cannot be used (before the first section"},
      {"default = lab\n", "F:1: the configuration cannot be used (there is no section [lab])"},
      {"\ndefault = lob\n[lab]\nendpoint = tcp://a:1\n", "F:2: "},
      {"default = lob\n[lab]\nendpoint = tcp://a:1\n", "no section [lob], there are lab"},
      {"default = a\ndefault = b\n", "F:2: the configuration cannot be used (a second 'default')"},
      {"[lab]\n[home]\nendpoint = tcp://a:1\n", "F:1: "},
      {"\n[lab]\n", "F:2: the configuration cannot be used (the section [lab] has no 'endpoint"},
      {"[lab]\nendpoint = tcp://a:1\n[lab]\nendpoint = tcp://a:2\n", "F:3: "},
      {"[lab]\nendpoint = tcp://a:1\nendpoint = tcp://a:1\n", "a second 'endpoint'"},
      {"[lab]\nendpiont = tcp://a:1\n", "there is no key 'endpiont'; there are endpoint, name, "},
      {"[lab]\nendpoint = lab:5970\n", "F:2: the configuration cannot be used (an endpoint is tcp"},
      {"[lab]\nname = a\nendpoint = tcp://lab\n",
       "F:3: the configuration cannot be used ('tcp://lab': a host and a port up to 65535"},
      {"[lab]\nendpoint = tcp://*:5970\n", "F:2: "},
      {"[lab]\nendpoint = tcp://lab:0\n", "F:2: "},
      {"[lab]\nendpoint = ipc://\n", "F:2: "},
      {"[lab]\nlease = soon\n",
       "lease is a time from 0 to 86400 seconds, such as 90, 15m or 1h, not 'soon'"},
      {"[lab]\nreconnect_limit = -1\n", "reconnect_limit is a time"},
      {"[lab\n", "a section is '[NAME]'"},
      {"[]\n", "a section is '[NAME]'"},
      {"[two words]\n", "a section is '[NAME]'"},
      {"[tcp://a:1]\n", "a section is '[NAME]'"},
      {"[a]\n\x1b[2J = x\n", "F:2: the configuration cannot be used (there is no key '\\x1b[2J'"},
  }));
  CAPTURE(text);
  CHECK(refusal(text).find(says) != std::string::npos);
  CHECK(refusal(text).find("correct it (see man sluice.conf)") != std::string::npos);
}

TEST_CASE("the first file that is there counts") {
  const Home home;
  // /etc/sluice/sluice.conf is the machine's, whatever it has.
  const std::string users = home.write(".config/sluice/sluice.conf", two);
  CHECK(read_servers().file == users);
  setenv("XDG_CONFIG_HOME", "relative", 1);
  CHECK(read_servers().file == users);
  const std::string xdg = home.write("xdg/sluice/sluice.conf", two);
  setenv("XDG_CONFIG_HOME", (home.path / "xdg").c_str(), 1);
  CHECK(read_servers().file == xdg);
  const std::string named = home.write("named", two);
  setenv("SLUICE_CONFIG", named.c_str(), 1);
  CHECK(read_servers().file == named);
  setenv("SLUICE_CONFIG", "/nowhere/sluice.conf", 1);
  CHECK_THROWS_AS(read_servers(), sluice::Error);
  setenv("SLUICE_CONFIG", home.path.c_str(), 1);
  CHECK(unresolved("lab").find("Is a directory") != std::string::npos);
  setenv("SLUICE_CONFIG", home.write("large", std::string((1 << 20) + 1, '#')).c_str(), 1);
  CHECK(unresolved("lab").find("larger than 1 MiB") != std::string::npos);
}

TEST_CASE("what --server means") {
  const Home home;
  setenv("SLUICE_CONFIG", home.write("conf", two).c_str(), 1);
  CHECK(resolve_server("home").options.endpoint == "ipc:///run/sluice");
  CHECK(resolve_server("home").name == "home");
  CHECK(resolve_server("").name == "lab");
  CHECK(resolve_server("tcp://other:1").options.endpoint == "tcp://other:1");
  CHECK(resolve_server("tcp://other:1").name.empty());
  const std::string unknown = unresolved("lob");
  CHECK(unknown.starts_with("usage lob: "));
  CHECK(unknown.find("conf names lab, home") != std::string::npos);

  // A mistake in the file is in nobody's way who names an endpoint.
  setenv("SLUICE_CONFIG", home.write("wrong", "nonsense").c_str(), 1);
  CHECK(resolve_server("tcp://other:1").options.endpoint == "tcp://other:1");
  CHECK(unresolved("").starts_with("bad_config "));
  setenv("SLUICE_CONFIG", home.write("none", "").c_str(), 1);
  CHECK(resolve_server("").options.endpoint == sluice::Options().endpoint);
  CHECK(unresolved("lab").find("none names none") != std::string::npos);
}

TEST_CASE("seconds are bounded") {
  CHECK(parsed_seconds("0") == 0ms);
  CHECK(parsed_seconds("0.0001") == 1ms);
  CHECK(parsed_seconds("86400") == 86'400'000ms);
  CHECK(parsed_seconds("90s") == 90s);
  CHECK(parsed_seconds("1.5m") == 90s);
  CHECK(parsed_seconds("2h") == 2h);
  CHECK(parsed_seconds("1d") == 24h);
  for (const char* text : {"", " 1", "1 ", "1 s", "1ms", "1h30m", "s", "25h", "1.1d", "-1m", "0,5",
                           "-1", "86401", "inf", "nan", "0x10", "1e9"})
    CHECK_FALSE(parsed_seconds(text));
}
