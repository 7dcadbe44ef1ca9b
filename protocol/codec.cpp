// The only place that includes msgpack. Limits are set before anything is allocated: without them
// five bytes can ask msgpack for 96 GB.
#include "protocol/codec.hpp"

#include <msgpack.hpp>

#include "protocol/limits.hpp"

namespace sluice::protocol {
namespace {

constexpr std::size_t max_elements = 65'536;
constexpr std::size_t max_keys = 64;
constexpr std::size_t max_depth = 8;
// Parsed values are put into pieces of memory of this size. msgpack's own 8 KiB are slow to get and
// to give back, and most bodies need a tenth.
constexpr std::size_t piece_bytes = 1000;
// Most bodies fit, so that they need not grow as they are written.
constexpr std::size_t likely_body_bytes = 120;

struct StringSink {
  std::string& out;
  void write(const char* bytes, std::size_t size) { out.append(bytes, size); }
};

const msgpack::object& as_object(const void* object) {
  return *static_cast<const msgpack::object*>(object);
}

std::string wrong_type(std::string_view key, std::string_view wanted) {
  return "key '" + std::string(key) + "' is not " + std::string(wanted);
}

}  // namespace

void Encoder::put(bool value) {
  StringSink sink{out_};
  auto packer = msgpack::packer<StringSink>(sink);
  value ? packer.pack_true() : packer.pack_false();
}

void Encoder::put_unsigned(std::uint64_t value) {
  StringSink sink{out_};
  msgpack::packer<StringSink>(sink).pack_uint64(value);
}

void Encoder::put_signed(std::int64_t value) {
  StringSink sink{out_};
  msgpack::packer<StringSink>(sink).pack_int64(value);
}

void Encoder::put_text(std::string_view text) {
  StringSink sink{out_};
  auto packer = msgpack::packer<StringSink>(sink);
  packer.pack_str(static_cast<std::uint32_t>(text.size()));
  packer.pack_str_body(text.data(), static_cast<std::uint32_t>(text.size()));
}

void Encoder::put_binary(std::string_view bytes) {
  StringSink sink{out_};
  auto packer = msgpack::packer<StringSink>(sink);
  packer.pack_bin(static_cast<std::uint32_t>(bytes.size()));
  packer.pack_bin_body(bytes.data(), static_cast<std::uint32_t>(bytes.size()));
}

void Encoder::put_array(std::size_t size) {
  StringSink sink{out_};
  msgpack::packer<StringSink>(sink).pack_array(static_cast<std::uint32_t>(size));
}

void Encoder::put_map(std::uint32_t size) {
  if (out_.empty()) out_.reserve(likely_body_bytes);
  StringSink sink{out_};
  msgpack::packer<StringSink>(sink).pack_map(size);
}

struct Decoder::Parsed {
  msgpack::zone zone{piece_bytes};
  msgpack::object map;
};

Decoder::Decoder(std::string_view body) : parsed_(std::make_unique<Parsed>()) {
  if (body.size() > limits::body_bytes) {
    problem("the body is longer than 1 MiB");
    return;
  }
  const msgpack::unpack_limit limit(max_elements, max_keys, limits::body_bytes, limits::body_bytes,
                                    0, max_depth);
  try {
    std::size_t offset = 0;
    bool referenced = false;
    parsed_->map = msgpack::unpack(
        parsed_->zone, body.data(), body.size(), offset, referenced,
        [](msgpack::type::object_type, std::size_t, void*) { return true; }, nullptr, limit);
    if (offset != body.size()) problem("bytes follow the map");
  } catch (const std::exception&) {
    problem("the body is not msgpack within the limits");
    return;
  }
  map_ = &parsed_->map;
  if (as_object(map_).type != msgpack::type::MAP) problem("the body is not a map");
}

Decoder::~Decoder() = default;

const void* Decoder::find(std::string_view key) {
  if (!ok()) return nullptr;
  const auto& map = as_object(map_).via.map;
  for (std::uint32_t i = 0; i < map.size; ++i) {
    const msgpack::object& candidate = map.ptr[i].key;
    if (candidate.type == msgpack::type::STR &&
        std::string_view(candidate.via.str.ptr, candidate.via.str.size) == key)
      return &map.ptr[i].val;
  }
  return nullptr;
}

void Decoder::problem(std::string text) {
  if (problem_.empty()) problem_ = std::move(text);
}

void Decoder::get(std::string_view key, const void* object, bool& value) {
  if (as_object(object).type != msgpack::type::BOOLEAN)
    return problem(wrong_type(key, "a boolean"));
  value = as_object(object).via.boolean;
}

void Decoder::get(std::string_view key, const void* object, std::int64_t& value) {
  const msgpack::object& from = as_object(object);
  if (from.type == msgpack::type::NEGATIVE_INTEGER) {
    value = from.via.i64;
  } else if (from.type == msgpack::type::POSITIVE_INTEGER && from.via.u64 <= INT64_MAX) {
    value = static_cast<std::int64_t>(from.via.u64);
  } else {
    problem(wrong_type(key, "an integer of 64 bits"));
  }
}

void Decoder::get(std::string_view key, const void* object, std::string& value) {
  const msgpack::object& from = as_object(object);
  if (from.type != msgpack::type::STR) return problem(wrong_type(key, "a string"));
  value.assign(from.via.str.ptr, from.via.str.size);
}

void Decoder::get(std::string_view key, const void* object, Binary& value) {
  const msgpack::object& from = as_object(object);
  if (from.type != msgpack::type::BIN) return problem(wrong_type(key, "binary"));
  value.assign(from.via.bin.ptr, from.via.bin.size);
}

void Decoder::get(std::string_view key, const void* object, Digest& value) {
  const msgpack::object& from = as_object(object);
  if (from.type != msgpack::type::BIN || from.via.bin.size != value.size())
    return problem(wrong_type(key, "a digest of 16 bytes"));
  std::copy_n(from.via.bin.ptr, value.size(), value.begin());
}

std::uint64_t Decoder::get_unsigned(std::string_view key, const void* object, std::uint64_t max) {
  const msgpack::object& from = as_object(object);
  if (from.type != msgpack::type::POSITIVE_INTEGER || from.via.u64 > max) {
    problem(wrong_type(key, "an unsigned integer up to " + std::to_string(max)));
    return 0;
  }
  return from.via.u64;
}

bool Decoder::is_map(std::string_view key, const void* object) {
  if (as_object(object).type == msgpack::type::MAP) return true;
  problem(wrong_type(key, "a map"));
  return false;
}

std::size_t Decoder::array_size(std::string_view key, const void* object) {
  if (as_object(object).type == msgpack::type::ARRAY) return as_object(object).via.array.size;
  problem(wrong_type(key, "an array"));
  return 0;
}

const void* Decoder::array_at(const void* object, std::size_t index) {
  return &as_object(object).via.array.ptr[index];
}

}  // namespace sluice::protocol
