// TLS as a filter between two streams: OpenSSL reads what has come and writes what is to go in
// memory, and the stream below carries it. So there is one way to wait for sockets, plain or not.
#include "net/tls_stream.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <utility>

namespace trinity::net {

struct TlsContext::Impl {
  struct Free {
    void operator()(SSL_CTX* freed) const { ::SSL_CTX_free(freed); }
  };
  std::unique_ptr<SSL_CTX, Free> shared;
};

namespace {

std::string openssl_reason() {
  const unsigned long code = ::ERR_peek_last_error();
  ::ERR_clear_error();
  const char* reason = ::ERR_reason_error_string(code);
  return reason ? reason : "unknown reason";
}

class TlsStream final : public ByteStream,
                        private ByteStream::Listener,
                        public std::enable_shared_from_this<TlsStream> {
 public:
  TlsStream(EventLoop& loop, std::shared_ptr<ByteStream> below, SSL* ssl,
            std::function<void(const std::string&)> secured)
      : below_(std::move(below)),
        ssl_(ssl),
        secured_(std::move(secured)),
        later_(loop, [this] { deliver_now(); }) {
    in_ = ::BIO_new(::BIO_s_mem());
    out_ = ::BIO_new(::BIO_s_mem());
    // An empty memory is "come back later", not the end.
    ::BIO_set_mem_eof_return(in_, -1);
    ::BIO_set_mem_eof_return(out_, -1);
    ::SSL_set_bio(ssl_, in_, out_);  // owns both
    ::SSL_set_connect_state(ssl_);
  }
  ~TlsStream() override {
    below_->close();
    ::SSL_free(ssl_);
  }

  void begin() {
    below_->listen(this);
    shake_hands();
  }

  void listen(ByteStream::Listener* listener) override {
    listener_ = listener;
    reading_ = listener != nullptr;
    deliver_later();
  }
  void pause_reading() override {
    reading_ = false;
    below_->pause_reading();
  }
  void resume_reading() override {
    reading_ = true;
    below_->resume_reading();
    deliver_later();
  }
  void write(std::string bytes) override {
    if (closed_ || bytes.empty()) return;
    ::ERR_clear_error();
    std::size_t written = 0;
    // A memory takes everything, so this writes all or fails for good.
    if (::SSL_write_ex(ssl_, bytes.data(), bytes.size(), &written) != 1) return;
    flush();
  }
  std::size_t unsent() const override { return below_->unsent(); }
  void shut_down_writing() override {
    if (closed_) return;
    ::SSL_shutdown(ssl_);
    flush();
    below_->shut_down_writing();
  }
  bool is_peer_gone() override { return below_->is_peer_gone(); }
  void close() override {
    if (std::exchange(closed_, true)) return;
    listener_ = nullptr;
    secured_ = nullptr;
    below_->close();
  }

 private:
  void stream_read(std::string_view bytes) override {
    const auto self = shared_from_this();
    ::BIO_write(in_, bytes.data(), static_cast<int>(bytes.size()));
    if (!secure_) shake_hands();
    if (secure_) deliver();
  }

  void stream_progressed() override {
    const auto self = shared_from_this();
    if (listener_) listener_->stream_progressed();
  }

  void stream_ended(bool, std::string_view why) override {
    const auto self = shared_from_this();
    if (!secure_)
      return secured("the connection broke while it was being secured (" + std::string(why) + ")");
    if (!closed_) deliver();
    // Without the other side's farewell, somebody else may have cut it.
    const bool farewell = (::SSL_get_shutdown(ssl_) & SSL_RECEIVED_SHUTDOWN) != 0;
    end(farewell, farewell ? why : "the connection was cut without a farewell");
  }

  void shake_hands() {
    ::ERR_clear_error();
    const int result = ::SSL_do_handshake(ssl_);
    flush();
    if (result == 1) {
      secure_ = true;
      return secured("");
    }
    const int error = ::SSL_get_error(ssl_, result);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return;
    const long verified = ::SSL_get_verify_result(ssl_);
    secured(verified != X509_V_OK ? ::X509_verify_cert_error_string(verified) : openssl_reason());
  }

  void secured(const std::string& wrong) {
    const auto told = std::exchange(secured_, nullptr);
    if (told) told(wrong);
  }

  void deliver() {
    std::array<char, 16 * 1024> buffer;  // what one record holds at most
    while (listener_ && reading_ && !closed_) {
      ::ERR_clear_error();
      std::size_t got = 0;
      const int result = ::SSL_read_ex(ssl_, buffer.data(), buffer.size(), &got);
      if (result == 1) {
        listener_->stream_read({buffer.data(), got});
        continue;
      }
      const int error = ::SSL_get_error(ssl_, result);
      if (error == SSL_ERROR_ZERO_RETURN)
        end(true, "the other side closed it");
      else if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
        end(false, openssl_reason());
      break;
    }
    if (!closed_) flush();  // answers to renewed keys
  }

  /// Records that came before there was a listener, or while reading was paused. They are not
  /// delivered inside the listener's own call.
  void deliver_later() {
    if (reading_ && secure_ && !closed_ &&
        ::BIO_ctrl_pending(in_) + static_cast<std::size_t>(::SSL_pending(ssl_)) > 0)
      later_.set(EventLoop::Clock::now());
  }
  void deliver_now() {
    const auto self = shared_from_this();
    if (!closed_) deliver();
  }

  void flush() {
    const std::size_t bytes = ::BIO_ctrl_pending(out_);
    if (bytes == 0) return;
    std::string records(bytes, '\0');
    ::BIO_read(out_, records.data(), static_cast<int>(bytes));
    below_->write(std::move(records));
  }

  void end(bool clean, std::string_view why) {
    if (std::exchange(ended_, true)) return;
    if (listener_) listener_->stream_ended(clean, why);
  }

  std::shared_ptr<ByteStream> below_;
  SSL* ssl_;
  BIO* in_ = nullptr;
  BIO* out_ = nullptr;
  std::function<void(const std::string&)> secured_;
  ByteStream::Listener* listener_ = nullptr;
  Timer later_;
  bool reading_ = true, secure_ = false, closed_ = false, ended_ = false;
};

}  // namespace

TlsContext::TlsContext(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsContext::~TlsContext() = default;

Result<std::shared_ptr<TlsContext>> TlsContext::create(const std::string& ca_file) {
  auto impl = std::make_unique<Impl>();
  ::ERR_clear_error();
  impl->shared.reset(::SSL_CTX_new(::TLS_client_method()));
  SSL_CTX* context = impl->shared.get();
  if (!context || ::SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1)
    return fail(ErrorKind::failed, "tls_failed",
                "OpenSSL cannot be used (" + openssl_reason() + "); check its installation");
  ::SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  ::SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  ::SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  const bool loaded = ca_file.empty() ? ::SSL_CTX_set_default_verify_paths(context) == 1
                                      : ::SSL_CTX_load_verify_file(context, ca_file.c_str()) == 1;
  if (!loaded)
    return fail(ErrorKind::missing, "tls_failed",
                (ca_file.empty() ? "the system's authorities cannot be read"
                                 : "no authorities can be read from " + ca_file) +
                    std::string(" (") + openssl_reason() + "); give a file of PEM certificates");
  return std::shared_ptr<TlsContext>(new TlsContext(std::move(impl)));
}

std::shared_ptr<ByteStream> begin_tls(EventLoop& loop, std::shared_ptr<ByteStream> stream,
                                      const TlsContext& context, const std::string& host,
                                      std::function<void(const std::string& wrong)> secured) {
  SSL* ssl = ::SSL_new(context.impl().shared.get());
  std::array<unsigned char, 16> address;
  const bool is_address = ::inet_pton(AF_INET, host.c_str(), address.data()) == 1 ||
                          ::inet_pton(AF_INET6, host.c_str(), address.data()) == 1;
  X509_VERIFY_PARAM* rules = ::SSL_get0_param(ssl);
  ::X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  if (is_address) {
    ::X509_VERIFY_PARAM_set1_ip_asc(rules, host.c_str());
  } else {
    ::X509_VERIFY_PARAM_set1_host(rules, host.c_str(), host.size());
    ::SSL_set_tlsext_host_name(ssl, host.c_str());
  }
  static constexpr unsigned char protocols[] = "\x08http/1.1";
  ::SSL_set_alpn_protos(ssl, protocols, sizeof protocols - 1);
  auto tls = std::make_shared<TlsStream>(loop, std::move(stream), ssl, std::move(secured));
  tls->begin();
  return tls;
}

}  // namespace trinity::net
