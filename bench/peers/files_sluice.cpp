// Small files of Sluice, one message each way. See files.hpp.
#include "bench/peers/files.hpp"
#include "bench/peers/sluice_session.hpp"
#include "protocol/limits.hpp"
#include "protocol/messages/changes.hpp"
#include "protocol/messages/files.hpp"

namespace sluice::bench::peers {
namespace {

class SluiceFiles {
 public:
  SluiceFiles(const std::string& server, const std::string& directory)
      : session_(server, directory) {
    protocol::MakeDirectory make;
    make.path = directory;
    make.parents = true;
    session_.add(make);
    session_.answer();
  }

  int fd() const { return session_.fd(); }

  void get(const std::string& path) {
    session_.add(protocol::Get{path}, {}, protocol::limits::small_file_bytes);
    session_.flush();
  }

  // The bytes are the same each time; nobody asks a client of Redis for a digest.
  void put(const std::string& path, const std::string& bytes) {
    if (put_.path.empty()) put_.root = protocol::root_of(protocol::leaves_of(bytes));
    put_.path = path;
    session_.add(put_, bytes);
    session_.flush();
  }

  void read(const OnAnswer& on_answer) {
    session_.read();
    for (Reply reply; session_.next(reply);) on_answer(reply.payload.size());
  }

 private:
  SluiceSession session_;
  protocol::Put put_;
};

}  // namespace

const std::vector<std::string> operations = {"get", "put"};

Result run_load(const Options& options) {
  return FileRun<SluiceFiles>(options).run();
}

}  // namespace sluice::bench::peers
