#include <sluice/client.hpp>

int main() {
  using namespace std::chrono_literals;
  sluice::Client client({.endpoint = "tcp://127.0.0.1:5970"});
  sluice::Lock lock = client.acquire({{.path = "results"}}, {.wait = 10s});
  client.under(lock).put_bytes("results", "42\n");
}
