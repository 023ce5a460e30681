// Telling the service manager, systemd, how this process is, as sd_notify(3) describes: datagrams
// to the socket that the variable NOTIFY_SOCKET names.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace skep {

class ServiceManager {
 public:
  // `socket` is NOTIFY_SOCKET's value: a path, or "@name" of an abstract socket. Null or empty:
  // nobody is to be told, and nothing is.
  explicit ServiceManager(const char* socket);
  ~ServiceManager();
  ServiceManager(const ServiceManager&) = delete;
  ServiceManager& operator=(const ServiceManager&) = delete;

  bool is_there() const { return descriptor_ >= 0; }
  // A message that is lost is lost: none of these fails or waits.
  void ready() { send("READY=1"); }
  void reloading();  // ends with ready()
  void stopping() { send("STOPPING=1"); }
  // One line, for `systemctl status`; sent when it is another than before.
  void status(std::string_view line);

 private:
  void send(std::string_view state);

  std::string address_;  // of the socket, as sockaddr_un has it
  int descriptor_ = -1;
  std::string status_;
};

}  // namespace skep
