// docs/protocol.md says what the code does: every message with its number and exactly its keys,
// every error, every limit, and the bytes of the example. The generated parts are written anew by
// SLUICE_ACCEPT_GOLDEN=1.
#include <sodium.h>

#include <regex>
#include <set>
#include <sstream>

#include "protocol/digest.hpp"
#include "protocol/frame.hpp"
#include "protocol/limits.hpp"
#include "protocol/messages/changes.hpp"
#include "protocol/messages/session.hpp"
#include "tests/golden/every_message.hpp"
#include "tests/golden/golden_file.hpp"
#include "tests/support/catch.hpp"

namespace sluice::golden {
namespace {

using protocol::Code;
namespace limits = protocol::limits;

constexpr std::string_view document_name = "docs/protocol.md";

struct Section {
  std::string heading;
  std::string text;
};

std::vector<Section> sections_of(const std::string& document) {
  std::vector<Section> sections(1);
  std::istringstream lines(document);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("##"))
      sections.push_back({line, ""});
    else
      sections.back().text += line + "\n";
  }
  return sections;
}

// Rows "| `key` | kind | must |" of the tables in a section.
std::vector<Field> rows_of(const std::string& text) {
  static const std::regex row(R"(\| `([a-z_]+)` \| ([a-z0-9 ]+) \| (must|may) \| .+ \|)");
  std::vector<Field> fields;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    if (std::regex_match(line, match, row))
      fields.push_back({match[1], match[2], match[3] == "must"});
  }
  return fields;
}

std::set<std::string> described_rows(const std::vector<Field>& fields) {
  std::set<std::string> rows;
  for (const Field& field : fields)
    rows.insert(field.key + " " + field.kind + (field.must ? " must" : " may"));
  return rows;
}

class Document {
 public:
  Document() : sections_(sections_of(read_text(source_path(document_name)))) {}

  const Section* find(const std::string& part_of_heading) const {
    for (const Section& section : sections_)
      if (section.heading.find(part_of_heading) != std::string::npos) return &section;
    return nullptr;
  }
  // A section's rows, with those that it takes from others.
  std::set<std::string> rows(const Section& section) const {
    std::vector<Field> fields = rows_of(section.text);
    for (const std::string shared : {"Preserve", "Terms"}) {
      std::string link = shared;
      link[0] = static_cast<char>(std::tolower(link[0]));
      if (section.text.find("the keys of [" + link + "]") == std::string::npos &&
          section.text.find("and [" + link + "](#" + link + ") |") == std::string::npos)
        continue;
      for (const Field& field : rows_of(find("### " + shared)->text)) fields.push_back(field);
    }
    return described_rows(fields);
  }

 private:
  std::vector<Section> sections_;
};

std::string with_commas(std::uint64_t value) {
  const std::string digits = std::to_string(value);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

std::string error_table() {
  std::ostringstream text;
  text << "| number | name | exit | meaning | what to do |\n|---|---|---|---|---|\n";
  for (unsigned number = 1; number <= 0xffff; ++number) {
    if (!protocol::is_known(static_cast<std::uint16_t>(number))) continue;
    const auto code = static_cast<Code>(number);
    const std::string sentence = protocol::sentence({code, "", ""});
    const auto middle = sentence.find("; ");
    text << "| " << number << " | `" << protocol::name(code) << "` | "
         << protocol::exit_status(code) << " | " << sentence.substr(0, middle) << " | "
         << sentence.substr(middle + 2) << " |\n";
  }
  return text.str();
}

// One message of the example, frame by frame.
template <protocol::Fields M>
std::string example_message(std::uint64_t request_id, const M& message) {
  protocol::Header header;
  header.type = M::type;
  header.request_id = request_id;
  const auto frame = encode_frame(header);
  const std::string bytes(frame.data(), frame.size());
  const std::string name(protocol::name(M::type));
  return format_groups(name + ", header", {{bytes.substr(0, 2), "magic"},
                                           {bytes.substr(2, 2), "version, reserved"},
                                           {bytes.substr(4, 2), "type"},
                                           {bytes.substr(6, 2), "attempt"},
                                           {bytes.substr(8, 4), "credit_bytes"},
                                           {bytes.substr(12, 8), "request_id"}}) +
         format_body(name + ", body", protocol::encode(message));
}

std::string example() {
  protocol::Hello hello;
  hello.version_min = hello.version_max = 1;
  for (char byte = 0; byte < 16; ++byte) hello.secret += byte;
  hello.name = "ann@lab:4711";
  unsigned char hash[16];
  crypto_generichash(hash, sizeof hash, reinterpret_cast<const unsigned char*>(hello.secret.data()),
                     hello.secret.size(), nullptr, 0);
  protocol::Welcome welcome;
  welcome.version = 1;
  for (int i = 0; i < 8; ++i) welcome.session = welcome.session << 8 | hash[i];
  welcome.lease_ms = limits::lease_ms;
  welcome.epoch = 3;
  welcome.window_requests = limits::window_requests;
  welcome.window_bytes = limits::window_bytes;
  welcome.chunk_bytes = limits::chunk_bytes;
  welcome.leaf_bytes = limits::leaf_bytes;
  welcome.small_file_bytes = limits::small_file_bytes;
  welcome.server = "sluiced 0.1.0";
  const std::string_view bytes = "abc";
  protocol::Put put;
  put.path = "runs/17.txt";
  put.root = protocol::root_of(protocol::leaves_of(bytes));
  put.preserve.mode = 0640;
  put.terms.if_absent = true;
  protocol::PutReply reply;
  reply.version = 1'000'017;
  return "```\n" + example_message(1, hello) + example_message(1, welcome) +
         example_message(2, put) + format_groups("put, payload", {{std::string(bytes), "abc"}}) +
         example_message(2, reply) + "```\n";
}

// The document with the text between "<!-- generated: NAME -->" and "<!-- end -->" replaced.
std::string with_generated(const std::string& document, const std::string& name,
                           const std::string& text) {
  const std::string begin = "<!-- generated: " + name + " -->\n";
  const auto from = document.find(begin);
  REQUIRE(from != std::string::npos);
  const auto to = document.find("<!-- end -->", from);
  REQUIRE(to != std::string::npos);
  return document.substr(0, from + begin.size()) + text + document.substr(to);
}

TEST_CASE("the error table and the example in the document are those of the code") {
  const std::string path = source_path(document_name);
  const std::string document = read_text(path);
  const std::string wanted =
      with_generated(with_generated(document, "errors", error_table()), "example", example());
  if (accepting()) write_text(path, wanted);
  CHECK(read_text(path) == wanted);
}

TEST_CASE("the document has every message with its number and its keys") {
  const Document document;
  for (const MessageKind& kind : every_message()) {
    char number[16];
    std::snprintf(number, sizeof number, "(0x%02x)", static_cast<unsigned>(kind.type));
    const std::string heading = "`" + kind.name + "` " + number;
    INFO(heading);
    const Section* section = document.find(heading);
    REQUIRE(section != nullptr);
    CHECK(document.rows(*section) == described_rows(kind.keys.fields));
    if (kind.keys.fields.empty()) CHECK(section->text.find("No keys.") != std::string::npos);
    for (const auto& [key, fields] : kind.keys.nested) {
      INFO("map " << key);
      const Section* map = document.find("### Map `" + key + "`");
      REQUIRE(map != nullptr);
      CHECK(document.rows(*map) == described_rows(fields));
    }
  }
}

TEST_CASE("the document has no message that the code has not") {
  const std::string text = read_text(source_path(document_name));
  std::set<std::string> names;
  for (const MessageKind& kind : every_message()) names.insert(kind.name);
  const std::regex heading(R"(`([a-z_]+)` \(0x[0-9a-f]+\))");
  std::size_t found = 0;
  for (std::sregex_iterator at(text.begin(), text.end(), heading), end; at != end; ++at, ++found) {
    INFO((*at)[1]);
    CHECK(names.contains((*at)[1]));
  }
  CHECK(found == names.size());
}

TEST_CASE("errors that the document speaks of exist") {
  // Names in back quotes in a line or paragraph that begins with "Errors".
  const std::string text = read_text(source_path(document_name));
  std::set<std::string> known;
  for (unsigned number = 1; number <= 0xffff; ++number)
    if (protocol::is_known(static_cast<std::uint16_t>(number)))
      known.insert(std::string(protocol::name(static_cast<Code>(number))));
  const std::set<std::string> others{"leaves"};
  const std::regex paragraph(R"(Errors[^\n]*: (?:[^\n]+\n)+)"), quoted("`([a-z_]+)`");
  std::size_t paragraphs = 0;
  for (std::sregex_iterator at(text.begin(), text.end(), paragraph), end; at != end; ++at) {
    ++paragraphs;
    const std::string words = at->str();
    for (std::sregex_iterator word(words.begin(), words.end(), quoted); word != end; ++word) {
      INFO((*word)[1]);
      CHECK((known.contains((*word)[1]) || others.contains((*word)[1]) ||
             (*word)[1].str().ends_with("path") || (*word)[1] == "recursive"));
    }
  }
  CHECK(paragraphs > 15);
}

TEST_CASE("the document has every limit with its value") {
#define LIMIT(name) \
  { #name, limits::name }
  const std::map<std::string, std::uint64_t> values{LIMIT(version_min),
                                                    LIMIT(version_max),
                                                    LIMIT(path_bytes),
                                                    LIMIT(name_bytes),
                                                    LIMIT(path_depth),
                                                    LIMIT(body_bytes),
                                                    LIMIT(leaf_bytes),
                                                    LIMIT(chunk_bytes),
                                                    LIMIT(frame_bytes),
                                                    LIMIT(small_file_bytes),
                                                    LIMIT(batch_files),
                                                    LIMIT(file_bytes),
                                                    LIMIT(list_entries),
                                                    LIMIT(list_scan),
                                                    LIMIT(leaves_in_answer),
                                                    LIMIT(leaves_made_anew),
                                                    LIMIT(zero_bytes),
                                                    LIMIT(upload_keep_ms),
                                                    LIMIT(upload_keep_min_ms),
                                                    LIMIT(upload_look_ms),
                                                    LIMIT(verify_bytes),
                                                    LIMIT(sessions),
                                                    LIMIT(window_requests),
                                                    LIMIT(window_bytes),
                                                    LIMIT(lease_ms),
                                                    LIMIT(lease_min_ms),
                                                    LIMIT(lease_max_ms),
                                                    LIMIT(unfinished_bytes),
                                                    LIMIT(request_body_bytes),
                                                    LIMIT(outbox_bytes),
                                                    LIMIT(unsent_bytes_per_session),
                                                    LIMIT(unsent_bytes_in_all),
                                                    LIMIT(jobs),
                                                    LIMIT(claims),
                                                    LIMIT(locks_per_session),
                                                    LIMIT(locks_in_all),
                                                    LIMIT(waiters_in_all),
                                                    LIMIT(wait_max_ms),
                                                    LIMIT(ttl_max_ms),
                                                    LIMIT(ttl_min_ms),
                                                    LIMIT(lock_scan),
                                                    LIMIT(wait_again_min_ms),
                                                    LIMIT(owner_bytes),
                                                    LIMIT(deadlock_waits),
                                                    LIMIT(watchers),
                                                    LIMIT(watch_events),
                                                    LIMIT(watch_history),
                                                    LIMIT(watch_history_bytes),
                                                    LIMIT(watch_scan),
                                                    LIMIT(worker_slots),
                                                    LIMIT(worker_heartbeat_ms),
                                                    LIMIT(worker_silence_ms),
                                                    LIMIT(number_reserve),
                                                    LIMIT(log_segment_bytes),
                                                    LIMIT(log_reserve_bytes),
                                                    LIMIT(log_checkpoint_bytes),
                                                    LIMIT(log_part_of_disk),
                                                    LIMIT(log_share_min_bytes),
                                                    LIMIT(log_last_bytes),
                                                    LIMIT(batch_commits),
                                                    LIMIT(spare_files),
                                                    LIMIT(spare_bytes),
                                                    LIMIT(spare_part_of_room),
                                                    LIMIT(outcomes_per_session),
                                                    LIMIT(outcomes_bytes),
                                                    LIMIT(outcomes_min_bytes),
                                                    LIMIT(failures_bytes),
                                                    LIMIT(connect_timeout_ms),
                                                    LIMIT(reconnect_limit_ms)};
#undef LIMIT
  const Document document;
  const std::string& table = document.find("## Limits")->text;
  for (const auto& [name, value] : values) {
    INFO(name);
    CHECK(table.find("| `" + name + "` | " + with_commas(value) + " | ") != std::string::npos);
  }
  // Every limit of the header is among them.
  const std::string header = read_text(source_path("protocol/limits.hpp"));
  const std::regex constant(R"(inline constexpr [a-z0-9_:]+ ([a-z_]+) =)");
  std::size_t count = 0;
  for (std::sregex_iterator at(header.begin(), header.end(), constant), end; at != end;
       ++at, ++count) {
    INFO((*at)[1]);
    CHECK(values.contains((*at)[1]));
  }
  CHECK(count == values.size());
}

}  // namespace
}  // namespace sluice::golden
