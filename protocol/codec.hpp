// Bodies: a message struct to msgpack and back. A body is one map from short string keys to values;
// keys a reader does not know are ignored, keys it needs must be there, types must match, nothing
// may follow.
//
// Each message lists its fields once, in `fields(visitor, self)`, with `must` (always on the wire)
// and `may` (left out when it has its default value, which is always zero, false or empty). Pure
// functions; msgpack itself is included by codec.cpp alone. Read on: protocol/messages/.
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/digest.hpp"
#include "protocol/errors.hpp"

namespace sluice::protocol {

/// A string that travels as msgpack bin, not str.
struct Binary : std::string {
  using std::string::string;
  Binary() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): it is a string.
  Binary(std::string bytes) : std::string(std::move(bytes)) {}
};

class Encoder;
class Decoder;

template <class M>
concept Fields = requires(Encoder& encoder, const M& message) {
  M::fields(encoder, message);
};

/// Writes one map. Used through `encode`.
class Encoder {
 public:
  explicit Encoder(std::string& out) : out_(out) {}

  template <class T>
  void must(std::string_view key, const T& value) {
    if (counting_) {
      ++count_;
      return;
    }
    put_text(key);
    put(value);
  }
  template <class T>
  void may(std::string_view key, const T& value) {
    if (!(value == T{})) must(key, value);
  }

  template <Fields M>
  void put(const M& message) {
    const bool outer_counting = counting_;
    const std::uint32_t outer_count = count_;
    counting_ = true;
    count_ = 0;
    M::fields(*this, message);
    put_map(count_);
    counting_ = false;
    M::fields(*this, message);
    counting_ = outer_counting;
    count_ = outer_count;
  }

 private:
  void put(bool value);
  void put(std::unsigned_integral auto value) { put_unsigned(value); }
  void put(std::signed_integral auto value) { put_signed(value); }
  template <class E>
  requires std::is_enum_v<E>
  void put(E value) { put_unsigned(static_cast<std::uint64_t>(value)); }
  void put(const std::string& text) { put_text(text); }
  void put(const Binary& bytes) { put_binary(bytes); }
  void put(const Digest& digest) { put_binary({digest.data(), digest.size()}); }
  template <class T>
  void put(const std::optional<T>& value) {
    put(*value);
  }
  template <class T>
  void put(const std::vector<T>& values) {
    put_array(values.size());
    for (const T& value : values) put(value);
  }

  void put_unsigned(std::uint64_t value);
  void put_signed(std::int64_t value);
  void put_text(std::string_view text);
  void put_binary(std::string_view bytes);
  void put_array(std::size_t size);
  void put_map(std::uint32_t size);

  std::string& out_;
  bool counting_ = false;
  std::uint32_t count_ = 0;
};

/// Reads one map. Used through `decode`. The first problem is kept; later fields stay at their
/// defaults.
class Decoder {
 public:
  /// The bytes must outlive the decoder.
  explicit Decoder(std::string_view body);
  ~Decoder();
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  template <class T>
  void must(std::string_view key, T& value) {
    if (const void* object = find(key))
      get(key, object, value);
    else
      problem("key '" + std::string(key) + "' is missing");
  }
  template <class T>
  void may(std::string_view key, T& value) {
    if (const void* object = find(key)) get(key, object, value);
  }

  bool ok() const { return problem_.empty(); }
  const std::string& problem() const { return problem_; }

 private:
  const void* find(std::string_view key);
  void problem(std::string text);

  void get(std::string_view key, const void* object, bool& value);
  template <std::unsigned_integral T>
  void get(std::string_view key, const void* object, T& value) {
    value = static_cast<T>(get_unsigned(key, object, static_cast<T>(~T{0})));
  }
  void get(std::string_view key, const void* object, std::int64_t& value);
  template <class E>
  requires std::is_enum_v<E>
  void get(std::string_view key, const void* object, E& value) {
    std::underlying_type_t<E> number{};
    get(key, object, number);
    value = static_cast<E>(number);
  }
  void get(std::string_view key, const void* object, std::string& value);
  void get(std::string_view key, const void* object, Binary& value);
  void get(std::string_view key, const void* object, Digest& value);
  template <class T>
  void get(std::string_view key, const void* object, std::optional<T>& value) {
    get(key, object, value.emplace());
  }
  template <class T>
  void get(std::string_view key, const void* object, std::vector<T>& values) {
    const std::size_t size = array_size(key, object);
    values.resize(size);
    for (std::size_t i = 0; i < size && ok(); ++i) get(key, array_at(object, i), values[i]);
  }
  template <Fields M>
  void get(std::string_view key, const void* object, M& message) {
    if (!is_map(key, object)) return;
    const void* outer = map_;
    map_ = object;
    M::fields(*this, message);
    map_ = outer;
  }
  std::uint64_t get_unsigned(std::string_view key, const void* object, std::uint64_t max);
  bool is_map(std::string_view key, const void* object);
  std::size_t array_size(std::string_view key, const void* object);
  static const void* array_at(const void* object, std::size_t index);

  struct Parsed;
  std::unique_ptr<Parsed> parsed_;
  const void* map_ = nullptr;
  std::string problem_;
};

template <Fields M>
std::string encode(const M& message) {
  std::string body;
  Encoder(body).put(message);
  return body;
}

/// Fails with `bad_message` and the reason: not msgpack, too large, a wrong type, a missing key,
/// bytes after the map.
template <Fields M>
Result<M> decode(std::string_view body) {
  Decoder decoder(body);
  M message;
  if (decoder.ok()) M::fields(decoder, message);
  if (!decoder.ok()) return fail(Code::bad_message, {}, decoder.problem());
  return message;
}

}  // namespace sluice::protocol
