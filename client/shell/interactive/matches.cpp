// What a word may become: see matches.hpp.
#include "client/shell/interactive/matches.hpp"

#include <algorithm>
#include <utility>

namespace sluice::shell {
namespace {

bool continues_character(char c) {
  return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U;
}

void shorten_to_common(std::string& common, const std::string& other) {
  const auto [end, other_end] =
      std::mismatch(common.begin(), common.end(), other.begin(), other.end());
  auto size = static_cast<std::size_t>(end - common.begin());
  // A character that is cut through is not common.
  const bool cut = (size < common.size() && continues_character(common[size])) ||
                   (size < other.size() && continues_character(other[size]));
  if (cut)
    while (size > 0 && continues_character(common[--size])) {
    }
  common.resize(size);
}

}  // namespace

void Matches::add(Candidate candidate) {
  if (count_++ == 0)
    common_ = candidate.text;
  else
    shorten_to_common(common_, candidate.text);
  if (kept_.size() < kept_most) kept_.push_back(std::move(candidate));
}

}  // namespace sluice::shell
