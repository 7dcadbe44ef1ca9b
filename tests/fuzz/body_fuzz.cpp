// The body decoder of every message: the first byte chooses the message, the rest is its body. What
// is taken must encode to a body that is taken again and encodes the same; what is refused is
// refused with a reason.
#include "tests/fuzz/fuzz.hpp"
#include "tests/golden/every_message.hpp"

using namespace sluice;

std::vector<std::string> fuzz::seeds() {
  std::vector<std::string> seeds;
  const auto& kinds = golden::every_message();
  for (std::size_t i = 0; i < kinds.size(); ++i)
    for (const std::string& body : {kinds[i].full, kinds[i].least})
      seeds.push_back(static_cast<char>(i) + body);
  return seeds;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto& kinds = golden::every_message();
  const golden::MessageKind& kind = kinds[data[0] % kinds.size()];
  const auto once = kind.recode(fuzz::text_of(data, size).substr(1));
  if (!once) {
    fuzz::require(once.error().code == protocol::Code::bad_message, "refused as bad_message");
    fuzz::require(!once.error().detail.empty(), "refused with a reason");
    return 0;
  }
  const auto twice = kind.recode(*once);
  fuzz::require(twice.has_value(), "what was encoded is taken");
  fuzz::require(*twice == *once, "what was taken encodes the same again");
  return 0;
}
