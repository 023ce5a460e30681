#include <cstdio>

int main() {
  std::puts("server " SKEP_VERSION);
  return 0;
}
