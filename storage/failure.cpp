// The mapping of errno: see failure.hpp.
#include "storage/failure.hpp"

#include <string>
#include <system_error>

namespace sluice::storage {

using protocol::Code;

Code code_of(int error) {
  switch (error) {
    case ENOENT:
      return Code::not_found;
    case EEXIST:
      return Code::exists;
    case ENOTDIR:
      return Code::not_directory;
    case EISDIR:
      return Code::is_directory;
    case ENOTEMPTY:
      return Code::not_empty;
    case EACCES:
    case EPERM:
    case EROFS:
    case EBUSY:
    case ETXTBSY:
      return Code::denied;
    case ENOSPC:
    case EDQUOT:
      return Code::no_space;
    // A link in the path, a mount inside the tree, a socket or a device nobody serves.
    case ELOOP:
    case EXDEV:
    case ENXIO:
    case ENODEV:
      return Code::not_regular;
    case ENAMETOOLONG:
      return Code::bad_path;
    case EFBIG:
      return Code::too_large;
    // This process or this machine is short of something for now.
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return Code::overloaded;
    default:
      return Code::io_error;
  }
}

tl::unexpected<protocol::Error> failure(std::string_view path, std::string_view doing, int error) {
  const Code code = code_of(error);
  switch (code) {
    case Code::not_found:
    case Code::exists:
    case Code::not_directory:
    case Code::is_directory:
    case Code::not_empty:
      return protocol::fail(code, path);
    case Code::not_regular:
      if (error == ELOOP) return protocol::fail(code, path, "a symbolic link is in the way");
      break;
    default:
      break;
  }
  return protocol::fail(code, path,
                        std::string(doing) + ": " + std::generic_category().message(error));
}

}  // namespace sluice::storage
