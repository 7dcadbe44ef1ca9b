// The raw bytes behind a message: immutable, shared, never copied on their way through the rooms.
// Whoever made them (a worker's read buffer, libzmq's receive buffer) stays alive until the last
// holder lets go.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace sluice::protocol {

class Payload {
 public:
  Payload() = default;
  /// Shares `size` bytes at `data`, kept alive by `owner`.
  Payload(std::shared_ptr<const void> owner, const char* data, std::size_t size)
      : owner_(std::move(owner)), data_(data), size_(size) {}

  static Payload of(std::string bytes) {
    auto owner = std::make_shared<const std::string>(std::move(bytes));
    const char* data = owner->data();
    const std::size_t size = owner->size();
    return {std::move(owner), data, size};
  }

  const char* data() const { return data_; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::span<const char> bytes() const { return {data_, size_}; }
  std::string_view text() const { return {data_, size_}; }
  /// What keeps the bytes alive; null if there are none.
  const std::shared_ptr<const void>& owner() const { return owner_; }
  /// The same bytes, fewer of them, the same owner.
  Payload part(std::size_t offset, std::size_t size) const {
    return {owner_, data_ + offset, size};
  }

 private:
  std::shared_ptr<const void> owner_;
  const char* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace sluice::protocol
