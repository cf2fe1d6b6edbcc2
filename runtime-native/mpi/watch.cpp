// Connections of TCP: within a machine over the loopback device, else to any address of rank 0.

#include "mpi/watch.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <random>
#include <sstream>

namespace anec {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto patience = std::chrono::seconds(30);
// What a rank says of itself when it goes in good order; any other number is a rank that is lost.
constexpr int32_t goodbye = -1;

struct Greeting {
  std::array<unsigned char, 16> secret;
  int32_t rank;
};

Error refused(const char* what) {
  return Error{"E0651", std::string("the ranks cannot watch one another: ") + what,
               std::strerror(errno)};
}

int milliseconds_until(Clock::time_point end) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
  return left.count() < 0 ? 0 : static_cast<int>(left.count());
}

// A machine that is switched off sends nothing: the system asks it now and then.
void keep_alive(int connection) {
  const int on = 1;
  setsockopt(connection, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
#ifdef TCP_KEEPIDLE
  const int idle = 10, interval = 5, count = 3;
  setsockopt(connection, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
  setsockopt(connection, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
  setsockopt(connection, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
#endif
}

// Child processes must not keep a connection open.
int open_socket() {
  const int made = socket(AF_INET, SOCK_STREAM, 0);
  if (made >= 0) fcntl(made, F_SETFD, FD_CLOEXEC);
  return made;
}

void set_blocking(int connection, bool blocks) {
  const int flags = fcntl(connection, F_GETFL);
  fcntl(connection, F_SETFL, blocks ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
}

// Of every device that is up, but for the loopback.
std::string own_addresses() {
  std::string list;
  ifaddrs* first = nullptr;
  if (getifaddrs(&first) != 0) return list;
  for (const ifaddrs* at = first; at != nullptr; at = at->ifa_next) {
    const bool counts = at->ifa_addr != nullptr && at->ifa_addr->sa_family == AF_INET &&
                        (at->ifa_flags & IFF_UP) != 0 && (at->ifa_flags & IFF_LOOPBACK) == 0;
    if (!counts) continue;
    char text[INET_ADDRSTRLEN];
    const auto* address = reinterpret_cast<const sockaddr_in*>(at->ifa_addr);
    if (inet_ntop(AF_INET, &address->sin_addr, text, sizeof text) != nullptr)
      list += std::string(list.empty() ? "" : " ") + text;
  }
  freeifaddrs(first);
  return list;
}

// A connection to one address, or -1.
int connect_to(const std::string& address, int port, Clock::time_point end) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<uint16_t>(port));
  if (inet_pton(AF_INET, address.c_str(), &to.sin_addr) != 1) return -1;
  const int connection = open_socket();
  if (connection < 0) return -1;
  set_blocking(connection, false);
  int failure = connect(connection, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0 ? 0 : errno;
  if (failure == EINPROGRESS) {
    pollfd wait{connection, POLLOUT, 0};
    socklen_t size = sizeof failure;
    const auto soon = std::min(end, Clock::now() + std::chrono::seconds(5));
    if (poll(&wait, 1, milliseconds_until(soon)) == 1)
      getsockopt(connection, SOL_SOCKET, SO_ERROR, &failure, &size);
  }
  if (failure == 0) return connection;
  ::close(connection);
  errno = failure;
  return -1;
}

}  // namespace

Result<Meeting> Watch::listen(bool is_local) {
  is_first_ = true;
  listener_ = open_socket();
  sockaddr_in own{};
  own.sin_family = AF_INET;
  own.sin_addr.s_addr = htonl(is_local ? INADDR_LOOPBACK : INADDR_ANY);
  socklen_t size = sizeof own;
  auto* address = reinterpret_cast<sockaddr*>(&own);
  if (listener_ < 0 || bind(listener_, address, sizeof own) != 0 || ::listen(listener_, 128) != 0 ||
      getsockname(listener_, address, &size) != 0)
    return refused("no port to listen on");
  Meeting meeting;
  const std::string list = is_local ? "127.0.0.1" : own_addresses();
  if (list.size() >= meeting.addresses.size()) return refused("this machine has too many addresses");
  std::memcpy(meeting.addresses.data(), list.c_str(), list.size());
  meeting.port = ntohs(own.sin_port);
  std::random_device random;
  for (unsigned char& byte : meeting.secret) byte = static_cast<unsigned char>(random());
  return meeting;
}

Result<void> Watch::accept(const Meeting& meeting, int size) {
  connections_.assign(static_cast<size_t>(size), -1);
  leaving_.assign(static_cast<size_t>(size), false);
  const auto end = Clock::now() + patience;
  const auto missing = [&] {
    for (size_t rank = 1; rank < connections_.size(); ++rank)
      if (connections_[rank] < 0) return true;
    return false;
  };
  while (missing()) {
    pollfd wait{listener_, POLLIN, 0};
    if (poll(&wait, 1, milliseconds_until(end)) == 0 && Clock::now() >= end) {
      errno = ETIMEDOUT;
      return refused("a rank has not come");
    }
    const int connection = ::accept(listener_, nullptr, nullptr);
    if (connection < 0) continue;
    if (auto admitted = admit(connection, meeting); !admitted.ok()) ::close(connection);
  }
  ::close(listener_);
  listener_ = -1;
  return {};
}

Result<void> Watch::admit(int connection, const Meeting& meeting) {
  fcntl(connection, F_SETFD, FD_CLOEXEC);
  const timeval soon{5, 0};
  setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon);
  Greeting greeting{};
  const bool is_whole = recv(connection, &greeting, sizeof greeting, MSG_WAITALL) == sizeof greeting;
  const bool is_rank = greeting.rank > 0 && greeting.rank < static_cast<int>(connections_.size());
  if (!is_whole || greeting.secret != meeting.secret || !is_rank)
    return refused("a stranger has come");
  set_blocking(connection, false);
  keep_alive(connection);
  connections_[static_cast<size_t>(greeting.rank)] = connection;
  return {};
}

Result<void> Watch::join(const Meeting& meeting, int rank) {
  const auto end = Clock::now() + patience;
  leaving_.assign(1, false);
  while (Clock::now() < end) {
    std::istringstream list(meeting.addresses.data());
    for (std::string address; list >> address;) {
      const int connection = connect_to(address, meeting.port, end);
      if (connection < 0) continue;
      const Greeting greeting{meeting.secret, rank};
      if (send(connection, &greeting, sizeof greeting, MSG_NOSIGNAL) == sizeof greeting) {
        keep_alive(connection);
        connections_.assign(1, connection);
        return {};
      }
      ::close(connection);
    }
    poll(nullptr, 0, 50);
  }
  return refused("rank 0 cannot be reached");
}

int Watch::lost() {
  if (lost_ >= 0 || has_left_) return lost_;
  for (size_t i = 0; i < connections_.size() && lost_ < 0; ++i) {
    if (connections_[i] < 0 || leaving_[i]) continue;
    int32_t word = 0;
    const ssize_t got = recv(connections_[i], &word, sizeof word, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) continue;
    const bool is_word = got == sizeof word;
    if (is_word && word == goodbye) leaving_[i] = true;
    else lost_ = is_first_ ? static_cast<int>(i) : is_word ? word : 0;
  }
  if (lost_ >= 0 && is_first_) tell(lost_);
  return lost_;
}

void Watch::tell(int rank) {
  const auto word = static_cast<int32_t>(rank);
  for (const int connection : connections_)
    if (connection >= 0) (void)!send(connection, &word, sizeof word, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void Watch::leave() {
  if (!has_left_) tell(goodbye);
  has_left_ = true;
}

void Watch::close() {
  for (const int connection : connections_)
    if (connection >= 0) ::close(connection);
  connections_.clear();
  if (listener_ >= 0) ::close(listener_);
  listener_ = -1;
}

}  // namespace anec
