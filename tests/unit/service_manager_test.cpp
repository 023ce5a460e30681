// What systemd is told, at a socket of the test's own.
#include "net/service_manager.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>

#include "tests/unit/temp_directory.hpp"

namespace skep {
namespace {

class Listening {
 public:
  explicit Listening(const std::string& address) {
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    std::memcpy(at.sun_path, address.data(), address.size());
    if (address[0] == '@') at.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address.size());
    EXPECT_EQ(::bind(descriptor_, reinterpret_cast<const sockaddr*>(&at), size), 0);
  }
  ~Listening() { ::close(descriptor_); }
  // The next datagram; there is none: "".
  std::string next() const {
    std::array<char, 512> text{};
    const ssize_t got = ::recv(descriptor_, text.data(), text.size(), MSG_DONTWAIT);
    return got < 0 ? "" : std::string(text.data(), static_cast<std::size_t>(got));
  }

 private:
  const int descriptor_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
};

void expect_a_life(const std::string& address) {
  const Listening listening(address);
  ServiceManager manager(address.c_str());
  EXPECT_TRUE(manager.is_there());
  manager.status("in no cluster yet");
  manager.ready();
  manager.status("serving");
  manager.status("serving");
  manager.reloading();
  manager.stopping();
  EXPECT_EQ(listening.next(), "STATUS=in no cluster yet");
  EXPECT_EQ(listening.next(), "READY=1");
  EXPECT_EQ(listening.next(), "STATUS=serving");
  const std::string reloading = listening.next();
  const std::string start = "RELOADING=1\nMONOTONIC_USEC=";
  EXPECT_EQ(reloading.substr(0, start.size()), start);
  EXPECT_GT(std::stoll(reloading.substr(start.size())), 0);
  EXPECT_EQ(listening.next(), "STOPPING=1");
  EXPECT_EQ(listening.next(), "");
}

TEST(ServiceManager, IsToldOfANodesLife) {
  const unit::TempDirectory directory("/tmp");  // a socket's path is short
  expect_a_life(directory.file("socket"));
  expect_a_life("@skep-notify-" + std::to_string(::getpid()));
}

TEST(ServiceManager, MayNotBeThere) {
  const std::string long_path = "/" + std::string(200, 'x');
  for (const char* socket :
       {static_cast<const char*>(nullptr), "", "relative/path", long_path.c_str()}) {
    ServiceManager manager(socket);
    EXPECT_FALSE(manager.is_there());
    manager.ready();
    manager.reloading();
  }
  ServiceManager gone("/nowhere/socket");
  gone.ready();
}

}  // namespace
}  // namespace skep
