// Writes the part of the corpus that follows from the messages' own lists of fields: for each
// message an empty one and one with something in every field.
//   fuzz_seeds tests/fuzz/corpus/messages
#include <cstdio>
#include <fstream>

#include "tests/fuzz/message_list.hpp"

namespace skep::fuzz {
namespace {

struct Filler {
  std::uint64_t next = 1;

  template <class T> void fill(T& value) {
    if constexpr (std::is_enum_v<T>) {
      value = wire_max(T{});
    } else if constexpr (std::is_same_v<T, bool>) {
      value = true;
    } else if constexpr (std::is_integral_v<T>) {
      value = static_cast<T>(next++);
    } else if constexpr (wire::detail::Bytes<T>) {
      value = value.empty() ? T("a key") : value;
    } else if constexpr (wire::detail::is_vector<T>) {
      value.resize(2);
      for (auto& item : value) fill(item);
    } else {
      T::fields(value, [this](const char*, auto& field) { fill(field); });
    }
  }
};

bool write(const std::string& file, std::uint8_t which, const std::string& payload) {
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out << static_cast<char>(which) << payload;
  out.close();
  return out.good();
}

bool write_all(const std::string& folder) {
  std::uint8_t which = 0;
  bool good = true;
  each_message([&]<class T>(std::string_view name) {
    const std::string file = folder + '/' + std::string(name);
    T message{};
    good = write(file + ".empty", which, wire::encode(message)) && good;
    Filler().fill(message);
    good = write(file, which, wire::encode(message)) && good;
    ++which;
  });
  ring::Entry entry;
  Filler().fill(entry);
  good = write(folder + "/entry_row", which, ring::encode_row(entry)) && good;
  ring::Standing standing;
  Filler().fill(standing);
  return write(folder + "/standing_row", which, ring::encode_row(standing)) && good;
}

}  // namespace
}  // namespace skep::fuzz

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: fuzz_seeds FOLDER\n", stderr);
    return 2;
  }
  if (skep::fuzz::write_all(argv[1])) return 0;
  std::fprintf(stderr, "fuzz_seeds: cannot write all files in %s\n", argv[1]);
  return 1;
}
