// The one table from message types to operations.
#include "workers/operations/operations.hpp"

namespace sluice::workers {

using protocol::Type;

Operation find_operation(Type type) {
  switch (type) {
    case Type::stat:
      return operations::stat;
    case Type::list:
      return operations::list;
    case Type::get:
      return operations::get;
    case Type::get_many:
      return operations::get_many;
    case Type::read:
      return operations::read;
    case Type::read_end:
      return operations::read_end;
    case Type::read_leaves:
      return operations::read_leaves;
    case Type::verify:
      return operations::verify;
    case Type::put:
      return operations::put;
    case Type::write_begin:
      return operations::write_begin;
    case Type::write_chunk:
      return operations::write_chunk;
    case Type::write_status:
      return operations::write_status;
    case Type::write_reuse:
      return operations::write_reuse;
    case Type::write_commit:
      return operations::write_commit;
    case Type::write_abort:
      return operations::write_abort;
    case Type::remove:
      return operations::remove;
    case Type::rename:
      return operations::rename;
    case Type::copy:
      return operations::copy;
    case Type::make_directory:
      return operations::make_directory;
    case Type::set_attributes:
      return operations::set_attributes;
    case Type::sweep:
      return operations::sweep;
    default:
      return nullptr;
  }
}

}  // namespace sluice::workers
