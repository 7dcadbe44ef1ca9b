// Servers by name: see servers.hpp. The parser is our own because CLI11's knows no line numbers.
#include "client/shell/servers.hpp"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <set>

#include "client/shell/format.hpp"
#include "client/shell/seconds.hpp"
#include "sluice/client.hpp"

namespace sluice::shell {
namespace {

constexpr std::size_t file_bytes_max = 1 << 20;
constexpr std::string_view white = " \t\r";

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(white);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(white) - first + 1);
}

std::string_view without_quotes(std::string_view text) {
  const bool quoted = text.size() >= 2 && text.front() == '"' && text.back() == '"';
  return quoted ? text.substr(1, text.size() - 2) : text;
}

bool is_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-' || c >= 0x80;
  });
}

bool is_endpoint(std::string_view text) {
  return text.starts_with("tcp://") || text.starts_with("ipc://");
}

std::string quoted(std::string_view text) {
  return "'" + one_line(text) + "'";
}

std::string names_of(const Servers& servers) {
  std::string names;
  for (const Server& server : servers.list) names += (names.empty() ? "" : ", ") + server.name;
  return names;
}

const Server* find(const Servers& servers, std::string_view name) {
  const auto found = std::find_if(servers.list.begin(), servers.list.end(),
                                  [&](const Server& server) { return server.name == name; });
  return found == servers.list.end() ? nullptr : &*found;
}

class Parser {
 public:
  explicit Parser(std::string file) { servers_.file = std::move(file); }

  void line(std::string_view text) {
    ++number_;
    text = trimmed(text);
    if (text.empty() || text.starts_with('#')) return;
    if (text.starts_with('[')) return section(text);
    const auto equals = text.find('=');
    if (equals == std::string_view::npos)
      fail("neither '[NAME]' nor 'KEY = VALUE': " + quoted(text));
    const std::string_view key = trimmed(text.substr(0, equals));
    const std::string_view value = without_quotes(trimmed(text.substr(equals + 1)));
    if (!keys_.insert(std::string(key)).second) fail("a second " + quoted(key));
    servers_.list.empty() ? set_global(key, value) : set(servers_.list.back().options, key, value);
  }

  Servers finish() {
    end_section();
    if (default_line_ != 0 && find(servers_, servers_.default_name) == nullptr) {
      number_ = default_line_;
      fail("there is no section [" + one_line(servers_.default_name) + "]" +
           (servers_.list.empty() ? "" : ", there are " + names_of(servers_)));
    }
    return std::move(servers_);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error("bad_config", servers_.file + ":" + std::to_string(number_), what);
  }

  void section(std::string_view text) {
    const std::string_view name =
        text.ends_with(']') ? trimmed(text.substr(1, text.size() - 2)) : std::string_view();
    if (!is_name(name))
      fail("a section is '[NAME]', with a name of letters, digits, '.', '_' and '-'");
    end_section();
    if (find(servers_, name) != nullptr) fail("a second section [" + std::string(name) + "]");
    servers_.list.push_back({std::string(name), Options{.endpoint = {}}});
    section_line_ = number_;
    keys_.clear();
  }

  void end_section() {
    if (servers_.list.empty() || !servers_.list.back().options.endpoint.empty()) return;
    number_ = section_line_;
    fail("the section [" + servers_.list.back().name + "] has no 'endpoint = tcp://HOST:PORT'");
  }

  void set_global(std::string_view key, std::string_view value) {
    if (key != "default")
      fail("before the first section only 'default = NAME' can stand, not " + quoted(key));
    servers_.default_name = value;
    default_line_ = number_;
  }

  void set(Options& options, std::string_view key, std::string_view value) {
    if (key == "endpoint") {
      options.endpoint = endpoint(value);
    } else if (key == "name") {
      options.name = value;
    } else if (key == "lease") {
      options.lease = seconds(key, value);
    } else if (key == "connect_timeout") {
      options.connect_timeout = seconds(key, value);
    } else if (key == "reconnect_limit") {
      options.reconnect_limit = seconds(key, value);
    } else {
      fail("there is no key " + quoted(key) +
           "; there are endpoint, name, lease, connect_timeout and reconnect_limit");
    }
  }

  std::string endpoint(std::string_view value) const {
    if (!is_endpoint(value)) fail("an endpoint is tcp://HOST:PORT or ipc://PATH");
    try {
      check_endpoint(std::string(value));
    } catch (const Error& error) {
      fail(quoted(value) + ": " + error.detail());
    }
    return std::string(value);
  }

  std::chrono::milliseconds seconds(std::string_view key, std::string_view value) const {
    const auto duration = parsed_seconds(value);
    if (!duration)
      fail(std::string(key) + " is " + std::string(seconds_meaning) + ", not " + quoted(value));
    return *duration;
  }

  Servers servers_;
  std::size_t number_ = 0;
  std::size_t section_line_ = 0;
  std::size_t default_line_ = 0;
  std::set<std::string> keys_;
};

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

// The places to look at in turn, the file that has to be there first.
std::vector<std::string> usual_places() {
  std::vector<std::string> places;
  const std::string config = environment("XDG_CONFIG_HOME");
  const std::string home = environment("HOME");
  // A relative one is to be ignored, says the specification of these directories.
  if (config.starts_with('/')) {
    places.push_back(config + "/sluice/sluice.conf");
  } else if (home.starts_with('/')) {
    places.push_back(home + "/.config/sluice/sluice.conf");
  }
  places.push_back("/etc/sluice/sluice.conf");
  return places;
}

// Nothing if there is no such file.
std::optional<std::string> text_of(const std::string& file) {
  const auto fail = [&](int problem) { throw Error("bad_config", file, std::strerror(problem)); };
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> stream(std::fopen(file.c_str(), "re"),
                                                               std::fclose);
  if (!stream) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    fail(errno);
  }
  std::string text(file_bytes_max + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), stream.get()));
  if (std::ferror(stream.get()) != 0) fail(errno);
  if (text.size() > file_bytes_max) throw Error("bad_config", file, "larger than 1 MiB");
  return text;
}

}  // namespace

Servers parse_servers(const std::string& file, std::string_view text) {
  Parser parser(file);
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    parser.line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parser.finish();
}

Servers read_servers() {
  const std::string named = environment("SLUICE_CONFIG");
  if (!named.empty()) {
    if (const auto text = text_of(named)) return parse_servers(named, *text);
    throw Error("bad_config", named, "$SLUICE_CONFIG names it, and there is no such file");
  }
  for (const std::string& file : usual_places())
    if (const auto text = text_of(file)) return parse_servers(file, *text);
  return {};
}

Server resolve_server(const std::string& typed) {
  if (typed.find("://") != std::string::npos) return {{}, Options{.endpoint = typed}};
  const Servers servers = read_servers();
  const std::string& name = typed.empty() ? servers.default_name : typed;
  if (name.empty()) return {};
  if (const Server* server = find(servers, name)) return *server;
  std::string known = "there is no sluice.conf that names servers";
  if (!servers.file.empty())
    known = servers.file + (servers.list.empty() ? " names none" : " names " + names_of(servers));
  throw Error(
      "usage", one_line(name),
      "no server of this name: " + known + "; an endpoint is tcp://HOST:PORT or ipc://PATH");
}

}  // namespace sluice::shell
