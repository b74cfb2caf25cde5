// A model hub on the loopback interface that answers well, or badly when a test asks for it.
//
// Each connection is one request and one thread. Stored files are served as a hub serves them:
// commit and hashes in the headers, ranges, and large files through a redirect to a storage server
// if one is named. A test may answer any request itself, and reads afterwards what arrived.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace trinity::testing {

struct HubRequestLine {
  std::string method;
  std::string target;
  std::map<std::string, std::string> headers;  // lower-case names

  std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? std::string() : found->second;
  }
};

struct HubReply {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::optional<std::uint64_t> content_length;  // instead of the body's
  std::optional<std::size_t> body_bytes;        // send only these, then close
  std::optional<std::size_t> header_bytes;      // send only these of the head, then close
  bool hang = false;  // after what was sent: wait until the server ends or the client leaves
};

struct StoredFile {
  std::string content;
  std::string commit;
  bool large = false;       // hash in X-Linked-Etag, as for LFS files
  std::string redirect_to;  // address of the storage server's copy; empty = served here
};

class HubServer {
 public:
  /// Looked at before the stored files; nothing = serve as stored.
  using Handler = std::function<std::optional<HubReply>(const HubRequestLine&)>;

  HubServer();
  ~HubServer();
  HubServer(const HubServer&) = delete;
  HubServer& operator=(const HubServer&) = delete;

  std::string url(const std::string& host = "127.0.0.1") const;
  void put(const std::string& target, StoredFile file);
  void set_handler(Handler handler);

  std::vector<HubRequestLine> requests() const;
  /// How many requests of a method arrived for targets that contain a text.
  std::size_t count(const std::string& method, const std::string& part = "") const;
  void forget_requests();
  /// Waits until so many requests have arrived; false after a minute.
  bool wait_for_requests(std::size_t count) const;

  /// What a hub answers for a stored file.
  static HubReply serve(const StoredFile& file, const HubRequestLine& request);

 private:
  void accept_connections();
  void answer(int connection);
  HubReply reply_to(const HubRequestLine& request);

  int listener_ = -1;
  int port_ = 0;
  mutable std::mutex mutex_;
  mutable std::condition_variable arrived_;
  std::map<std::string, StoredFile> files_;
  Handler handler_;
  std::vector<HubRequestLine> requests_;
  std::list<std::thread> connections_;
  std::atomic<bool> ending_{false};
  std::thread acceptor_;
};

}  // namespace trinity::testing
