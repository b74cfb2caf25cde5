// A certificate made on the spot, and a server that shows it.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

#include "net/raw_socket.h"

namespace trinity::testing {

/// Signed by itself, so its own file is the authority that vouches for it.
class Certificate {
 public:
  /// `names` as OpenSSL writes them: "DNS:localhost,IP:127.0.0.1".
  explicit Certificate(const std::string& names) : key_(EVP_EC_gen("P-256")), x509_(X509_new()) {
    ASN1_INTEGER_set(X509_get_serialNumber(x509_), 1);
    X509_set_version(x509_, X509_VERSION_3);
    X509_gmtime_adj(X509_getm_notBefore(x509_), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x509_), 86400);
    X509_set_pubkey(x509_, key_);
    X509_NAME* name = X509_get_subject_name(x509_);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
    X509_set_issuer_name(x509_, name);
    X509_EXTENSION* extension =
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str());
    X509_add_ext(x509_, extension, -1);
    X509_EXTENSION_free(extension);
    X509_sign(x509_, key_, EVP_sha256());
  }
  ~Certificate() {
    X509_free(x509_);
    EVP_PKEY_free(key_);
  }
  Certificate(const Certificate&) = delete;
  Certificate& operator=(const Certificate&) = delete;

  void write(const std::string& path) const {
    BIO* file = BIO_new_file(path.c_str(), "w");
    PEM_write_bio_X509(file, x509_);
    BIO_free(file);
  }
  std::shared_ptr<SSL_CTX> context() const {
    std::shared_ptr<SSL_CTX> made(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
    SSL_CTX_use_certificate(made.get(), x509_);
    SSL_CTX_use_PrivateKey(made.get(), key_);
    return made;
  }

 private:
  EVP_PKEY* key_;
  X509* x509_;
};

/// The server's side of TLS over a socket.
class TlsSocket {
 public:
  TlsSocket(const std::shared_ptr<SSL_CTX>& context, RawSocket& socket)
      : context_(context), ssl_(SSL_new(context.get())) {
    SSL_set_fd(ssl_, socket.descriptor());
    secure_ = SSL_accept(ssl_) == 1;
  }
  ~TlsSocket() { SSL_free(ssl_); }
  TlsSocket(const TlsSocket&) = delete;
  TlsSocket& operator=(const TlsSocket&) = delete;

  bool secure() const { return secure_; }
  bool send(const std::string& bytes) {
    return SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size())) > 0;
  }
  std::string read_through(const std::string& mark) {
    std::string read;
    char byte = 0;
    while (read.find(mark) == std::string::npos && SSL_read(ssl_, &byte, 1) == 1) read += byte;
    return read;
  }
  void say_farewell() { SSL_shutdown(ssl_); }

 private:
  std::shared_ptr<SSL_CTX> context_;
  SSL* ssl_;
  bool secure_ = false;
};

}  // namespace trinity::testing
