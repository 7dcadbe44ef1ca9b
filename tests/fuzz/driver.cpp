// Drives one fuzz target without libFuzzer: its seeds, the files of a corpus, then mutations of
// them from a seed, the same in every run. A crash leaves the input in a file named on stderr.
// usage: fuzz_TARGET [--runs N] [--seed N] [--write-seeds DIR] [FILE|DIR]...
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/fuzz/fuzz.hpp"

namespace sluice::fuzz {
namespace {

constexpr std::size_t max_bytes = 64u << 10;

// splitmix64: small, and the same on every machine.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  std::size_t below(std::size_t bound) { return bound ? next() % bound : 0; }

 private:
  std::uint64_t state_;
};

std::string mutate(std::string bytes, const std::vector<std::string>& corpus, Random& random) {
  static const std::string interesting("\x00\xff\x7f\x80\xc0\xc1\xc6\xcf\xdb\xdd\xdf\xd4/.", 14);
  const auto any = [&] {
    return random.below(2) ? interesting[random.below(interesting.size())]
                           : static_cast<char>(random.next());
  };
  for (std::size_t changes = 1 + random.below(6); changes > 0; --changes) {
    const std::size_t at = random.below(bytes.size() + 1);
    switch (random.below(7)) {
      case 0:
        if (at < bytes.size()) bytes[at] = static_cast<char>(bytes[at] ^ (1 << random.below(8)));
        break;
      case 1:
        if (at < bytes.size()) bytes[at] = any();
        break;
      case 2:
        bytes.insert(at, 1 + random.below(8), any());
        break;
      case 3:
        bytes.erase(at, 1 + random.below(8));
        break;
      case 4:
        bytes.resize(at);
        break;
      case 5: {
        const std::size_t from = random.below(bytes.size() + 1);
        bytes.insert(at, bytes.substr(from, random.below(64)));
        break;
      }
      default: {
        const std::string& other = corpus[random.below(corpus.size())];
        const std::size_t from = random.below(other.size() + 1);
        bytes.replace(at, random.below(32), other.substr(from, random.below(128)));
        break;
      }
    }
  }
  if (bytes.size() > max_bytes) bytes.resize(max_bytes);
  return bytes;
}

std::string current;

// Only calls that are safe in a signal handler.
void keep_input(int signal) {
  constexpr char name[] = "fuzz-crash.bin";
  const int file = ::open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  bool kept = file >= 0 && ::write(file, current.data(), current.size()) >= 0;
  constexpr char text[] = "the input is in fuzz-crash.bin\n";
  if (kept) kept = ::write(2, text, sizeof text - 1) > 0;
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void run(std::string bytes) {
  current = std::move(bytes);
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(current.data()), current.size());
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    std::fprintf(stderr, "cannot read %s\n", path.c_str());
    std::exit(2);
  }
  return {std::istreambuf_iterator<char>(file), {}};
}

void add_files(const std::filesystem::path& path, std::vector<std::string>& corpus) {
  if (!std::filesystem::is_directory(path)) {
    corpus.push_back(read_file(path));
    return;
  }
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(path)) files.push_back(entry);
  std::sort(files.begin(), files.end());
  for (const auto& file : files) corpus.push_back(read_file(file));
}

void write_seeds(const std::filesystem::path& directory) {
  std::filesystem::create_directories(directory);
  int number = 0;
  for (const std::string& bytes : seeds())
    std::ofstream(directory / ("seed-" + std::to_string(number++)), std::ios::binary) << bytes;
}

int drive(int argc, char** argv) {
  std::uint64_t runs = 50'000, seed = 1;
  std::vector<std::string> corpus = seeds();
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    const bool more = i + 1 < argc;
    if (argument == "--runs" && more) {
      runs = std::strtoull(argv[++i], nullptr, 10);
    } else if (argument == "--seed" && more) {
      seed = std::strtoull(argv[++i], nullptr, 10);
    } else if (argument == "--write-seeds" && more) {
      write_seeds(argv[++i]);
      return 0;
    } else {
      add_files(argv[i], corpus);
    }
  }
  for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL})
    std::signal(signal, keep_input);
  for (const std::string& bytes : corpus) {
    run(bytes);
    // Cut short anywhere.
    for (std::size_t size = 0; size < bytes.size() && size < 2'000; ++size)
      run(bytes.substr(0, size));
  }
  Random random(seed);
  for (std::uint64_t i = 0; i < runs; ++i)
    run(mutate(corpus[random.below(corpus.size())], corpus, random));
  std::printf("%zu inputs, %llu mutations from seed %llu\n", corpus.size(),
              static_cast<unsigned long long>(runs), static_cast<unsigned long long>(seed));
  return 0;
}

}  // namespace
}  // namespace sluice::fuzz

int main(int argc, char** argv) {
  return sluice::fuzz::drive(argc, argv);
}
