// TLS over a stream of bytes, for a client. OpenSSL is seen by tls_stream.cc only.
#pragma once

#include <trinity/error.h>

#include <functional>
#include <memory>
#include <string>

#include "net/event_loop.h"

namespace trinity::net {

/// What every connection of a client shares: the authorities that it trusts.
class TlsContext {
 public:
  /// With an empty `ca_file` the system's authorities. Errors: `tls_failed`.
  static Result<std::shared_ptr<TlsContext>> create(const std::string& ca_file);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  struct Impl;
  const Impl& impl() const { return *impl_; }

 private:
  explicit TlsContext(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Begins TLS 1.2 or 1.3 over a connected stream with the server `host` (a name, or an address
/// without brackets), whose certificate must be valid for it. `secured` is called once, on the
/// loop's thread, with "" or with why it cannot be trusted, unless the stream is closed first.
std::shared_ptr<ByteStream> begin_tls(EventLoop& loop, std::shared_ptr<ByteStream> stream,
                                      const TlsContext& context, const std::string& host,
                                      std::function<void(const std::string& wrong)> secured);

}  // namespace trinity::net
