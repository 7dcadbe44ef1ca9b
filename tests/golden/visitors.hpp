// Two visitors for the `fields` functions of messages: `Filler` sets every field to a fixed value
// that is not its default, `Describer` writes down key, kind and whether it must be there. With
// them no test needs to be changed when a message gets a field. Pure; one object a message.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "protocol/codec.hpp"

namespace sluice::golden {

class Filler {
 public:
  template <class T>
  void must(std::string_view key, T& value) {
    set(key, value);
  }
  template <class T>
  void may(std::string_view key, T& value) {
    set(key, value);
  }

 private:
  static void set(std::string_view, bool& value) { value = true; }
  static void set(std::string_view, std::int64_t& value) { value = -1'500'000'000; }
  template <std::unsigned_integral T>
  static void set(std::string_view key, T& value) {
    value = static_cast<T>(number_for(key));
    if (value == 0) value = 1;
  }
  template <class E>
  requires std::is_enum_v<E>
  static void set(std::string_view, E& value) { value = static_cast<E>(1); }
  static void set(std::string_view key, std::string& value) { value = text_for(key); }
  static void set(std::string_view, protocol::Binary& value) {
    value.assign("\x00\x10\x20\x30\x40\x50\x60\x70\x80\x90\xa0\xb0\xc0\xd0\xe0\xf0", 16);
  }
  static void set(std::string_view, protocol::Digest& value) {
    for (std::size_t i = 0; i < value.size(); ++i) value[i] = static_cast<char>(0xf0 - i);
  }
  template <class T>
  void set(std::string_view key, std::optional<T>& value) {
    set(key, value.emplace());
  }
  template <class T>
  void set(std::string_view key, std::vector<T>& values) {
    values.resize(2);
    for (T& value : values) set(key, value);
  }
  template <protocol::Fields M>
  void set(std::string_view, M& message) {
    M::fields(*this, message);
  }

  // Values of every width, so that all forms of integers are among the golden bytes.
  static std::uint64_t number_for(std::string_view key) {
    static const std::map<std::string_view, std::uint64_t> known{{"version", 1'000'017},
                                                                 {"version_min", 1},
                                                                 {"version_max", 1},
                                                                 {"lease_ms", 10'000},
                                                                 {"wait_ms", 1'500},
                                                                 {"ttl_ms", 30'000},
                                                                 {"size_bytes", 1ull << 33},
                                                                 {"offset_bytes", 786'432},
                                                                 {"mode", 0640},
                                                                 {"if_version", 0},
                                                                 {"epoch", 3},
                                                                 {"session", 0xf9477b91722fe719},
                                                                 {"slots", 64},
                                                                 {"age_ms", 250},
                                                                 {"left_ms", 9'750}};
    const auto found = known.find(key);
    return found != known.end() ? found->second : 1'000 + key.size();
  }
  static std::string text_for(std::string_view key) {
    if (key == "path") return "runs/Käse.bin";
    if (key == "to_path") return "runs/old/17.bin";
    if (key == "token") return "1000017-0123456789abcdef";
    if (key == "snapshot") return "00000000000004d2.0";
    return "some " + std::string(key);
  }
};

struct Field {
  std::string key;
  /// As in docs/protocol.md: "str", "bin", "digest", "bool", "uint8" ... "uint64", "int64", "map",
  /// "array of ..."
  std::string kind;
  bool must = false;
};

/// The keys of a message; those of maps within it follow in `nested`, by the key of the map or
/// array.
class Describer {
 public:
  std::vector<Field> fields;
  std::map<std::string, std::vector<Field>> nested;

  template <class T>
  void must(std::string_view key, T& value) {
    add(key, value, true);
  }
  template <class T>
  void may(std::string_view key, T& value) {
    add(key, value, false);
  }

 private:
  template <class T>
  void add(std::string_view key, T&, bool must) {
    const std::string kind = kind_of<T>(std::string(key));
    fields.push_back({std::string(key), kind, must});
  }

  template <class T>
  struct Inner {
    using type = void;
  };
  template <class T>
  struct Inner<std::optional<T>> {
    using type = T;
    static constexpr std::string_view prefix = "";
  };
  template <class T>
  struct Inner<std::vector<T>> {
    using type = T;
    static constexpr std::string_view prefix = "array of ";
  };

  template <class T>
  std::string kind_of(const std::string& key) {
    if constexpr (!std::is_void_v<typename Inner<T>::type>) {
      return std::string(Inner<T>::prefix) + kind_of<typename Inner<T>::type>(key);
    } else if constexpr (std::is_same_v<T, bool>) {
      return "bool";
    } else if constexpr (std::is_same_v<T, std::int64_t>) {
      return "int64";
    } else if constexpr (std::is_enum_v<T>) {
      return kind_of<std::underlying_type_t<T>>(key);
    } else if constexpr (std::is_unsigned_v<T>) {
      return "uint" + std::to_string(sizeof(T) * 8);
    } else if constexpr (std::is_same_v<T, std::string>) {
      return "str";
    } else if constexpr (std::is_same_v<T, protocol::Binary>) {
      return "bin";
    } else if constexpr (std::is_same_v<T, protocol::Digest>) {
      return "digest";
    } else {
      static_assert(protocol::Fields<T>);
      Describer inner;
      T value;
      T::fields(inner, value);
      nested[key] = inner.fields;
      nested.merge(inner.nested);
      return "map";
    }
  }
};

template <class M>
M filled() {
  M message;
  Filler filler;
  M::fields(filler, message);
  return message;
}

template <class M>
Describer described() {
  M message;
  Describer describer;
  M::fields(describer, message);
  return describer;
}

}  // namespace sluice::golden
