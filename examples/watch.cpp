// Follows a directory: prints what happens in it until nothing has happened for a while.
//   watch ENDPOINT DIRECTORY SECONDS [VERSION]
#include <cstdlib>
#include <iostream>
#include <sluice/client.hpp>

int main(int argc, char** argv) {
  if (argc < 4) {
    std::cerr << "usage: watch ENDPOINT DIRECTORY SECONDS [VERSION]\n";
    return 2;
  }
  try {
    sluice::Options options;
    options.endpoint = argv[1];
    sluice::Client client(options);
    sluice::Watching watching;
    watching.recursive = true;
    if (argc > 4) watching.after = std::strtoull(argv[4], nullptr, 10);
    sluice::Watcher watcher = client.watch(argv[2], watching);
    for (;;) {
      const sluice::Events found = watcher.next(std::chrono::seconds(std::atoi(argv[3])));
      if (found.gap) std::cout << "read the directory anew" << std::endl;
      for (const sluice::Event& event : found.events)
        std::cout << event.version << ' ' << event.path << std::endl;
      if (found.events.empty() && !found.gap) break;
    }
    std::cout << "go on with version " << watcher.position() << '\n';
  } catch (const sluice::Error& error) {
    std::cerr << error.what() << '\n';
    return error.exit_status();
  }
}
