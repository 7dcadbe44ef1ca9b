// Where copies go, by the rules of cp and scp: into a directory under the source's name, or to the
// name given. Pure functions; local and remote paths look alike here. Read on: upload.hpp,
// download.hpp.
#pragma once

#include <string>
#include <vector>

namespace sluice::shell {

/// Before a path of the server where one of either side may stand.
inline constexpr const char* remote_mark = ":";

/// A remote path as the server wants it: "." is the root (""), "/" and "/." at the end go. What no
/// server accepts ("/x", "../x") stays as it was typed, so that the server says so.
std::string remote_path(const std::string& typed);

/// Without slashes at the end; "/" stays.
std::string without_slashes(const std::string& path);

/// "a/b/" -> "b"; "" for ".", "..", "/" and "", whose contents are meant.
std::string base_name(const std::string& path);

/// "a" + "b" -> "a/b"; "" + "b" -> "b"; "a" + "" -> "a".
std::string joined(const std::string& directory, const std::string& name);

/// Whether its last part is "." or "..": what is in the directory is meant, not its name.
bool names_contents(const std::string& typed);

/// Whether only a directory can be meant: "", "." or ".." as the last part, or a slash at the end.
bool names_directory(const std::string& typed);

/// Whether a name that a server sent is one, and cannot lead out of the directory it is put in.
bool is_plain_name(const std::string& name);

/// Whether a file of that name is what a get has left that was cut off (docs/library.md).
bool is_left_by_get(const std::string& name);
inline constexpr const char* left_by_get = "skipped, as it is left of a get that was cut off";

/// What is at the target now.
enum class Found { nothing, directory, other };

/// One target for each source, in order. `target` has no slash at the end; `typed` is what the user
/// wrote. Throws `not_directory`, `usage` (two sources of one name).
std::vector<std::string> targets_of(const std::vector<std::string>& sources,
                                    const std::string& typed, const std::string& target,
                                    Found found);

}  // namespace sluice::shell
