// The golden bytes as text that a person can read and a diff can show: sections of hex lines, a
// line a key. Read on: messages.golden, golden_test.cpp. Used by one thread.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::golden {

/// Name of a section ("put full") to its bytes.
using Sections = std::map<std::string, std::string>;

/// Whether the golden files are to be written anew: SLUICE_ACCEPT_GOLDEN=1.
bool accepting();

/// Path of a file of the source tree.
std::string source_path(std::string_view relative);
std::string read_text(const std::string& path);
void write_text(const std::string& path, std::string_view text);

/// Lines "== NAME" begin a section; of other lines, what stands before '|' is hex; '#' begins a
/// comment line.
Sections parse_golden(std::string_view text);

/// One section: the map's head, then a line or more for each key.
std::string format_body(std::string_view name, std::string_view body);
/// One section of plain bytes, `groups` of them with a remark each.
std::string format_groups(std::string_view name,
                          const std::vector<std::pair<std::string, std::string>>& groups);

}  // namespace sluice::golden
