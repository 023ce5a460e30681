#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "net/tls.hpp"

namespace skep::tls {
namespace {

constexpr std::size_t kMaxFile = std::size_t{1} << 20;
constexpr int kSoonDays = 30;

template <class T, void (*free)(T*)> struct Free {
  void operator()(T* what) const { free(what); }
};
using Bio = std::unique_ptr<BIO, Free<BIO, BIO_free_all>>;
using Certificate = std::unique_ptr<X509, Free<X509, X509_free>>;
using PrivateKey = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY, EVP_PKEY_free>>;
using Certificates = std::vector<Certificate>;

struct Descriptor {
  int fd = -1;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

tl::unexpected<Error> bad(const std::filesystem::path& file, const std::string& why) {
  return fail(Code::invalid, "the file " + file.string() + ' ' + why);
}

// OpenSSL's own words, for what has none of ours.
std::string reason() {
  const char* text = ERR_reason_error_string(ERR_peek_last_error());
  return text != nullptr ? text : "unknown reason";
}

// Asked of the open descriptor, so that what was checked is what is read.
Result<std::string> read(const std::filesystem::path& path, mode_t forbidden) {
  Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  struct stat status {};
  if (file.fd < 0 || ::fstat(file.fd, &status) != 0)
    return bad(path, "cannot be read: " + std::generic_category().message(errno));
  if (!S_ISREG(status.st_mode)) return bad(path, "is not a regular file");
  if ((status.st_mode & forbidden) != 0)
    return bad(path,
               "can be read or changed by others; accepted: a key that only its owner can "
               "read (chmod 600)");
  std::string bytes(kMaxFile + 1, '\0');
  std::size_t have = 0;
  for (;;) {
    const ssize_t got = ::read(file.fd, bytes.data() + have, bytes.size() - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return bad(path, "cannot be read: " + std::generic_category().message(errno));
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  if (have > kMaxFile) return bad(path, "is longer than 1 MiB");
  bytes.resize(have);
  return bytes;
}

// All that are in the file; one at least.
Result<Certificates> read_certificates(const std::filesystem::path& path) {
  auto text = read(path, 0);
  if (!text) return tl::unexpected(text.error());
  ERR_clear_error();
  const Bio bio(BIO_new_mem_buf(text->data(), static_cast<int>(text->size())));
  Certificates found;
  while (X509* each = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr))
    found.emplace_back(each);
  const bool ended = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  if (!ended) return bad(path, "holds a damaged certificate: " + reason());
  if (found.empty())
    return bad(path, "holds no certificate; accepted: PEM (-----BEGIN CERTIFICATE-----)");
  return found;
}

Result<PrivateKey> read_key(const std::filesystem::path& path) {
  auto text = read(path, S_IRWXO | S_IWGRP);
  if (!text) return tl::unexpected(text.error());
  ERR_clear_error();
  const Bio bio(BIO_new_mem_buf(text->data(), static_cast<int>(text->size())));
  bool asked = false;
  const auto ask = [](char*, int, int, void* to) {
    *static_cast<bool*>(to) = true;
    return -1;
  };
  PrivateKey key(PEM_read_bio_PrivateKey(bio.get(), nullptr, ask, &asked));
  OPENSSL_cleanse(text->data(), text->size());
  if (key) return key;
  if (asked) return bad(path, "asks for a passphrase; accepted: a key without one");
  return bad(path, "holds no private key; accepted: PEM (-----BEGIN PRIVATE KEY-----)");
}

Result<> use_certificate(SSL_CTX* context, const Files& files) {
  auto chain = read_certificates(files.cert);
  if (!chain) return tl::unexpected(chain.error());
  if (SSL_CTX_use_certificate(context, chain->front().get()) != 1)
    return bad(files.cert, "holds a certificate that OpenSSL refuses: " + reason());
  for (std::size_t i = 1; i < chain->size(); ++i)
    if (SSL_CTX_add1_chain_cert(context, (*chain)[i].get()) != 1)
      return bad(files.cert, "holds a chain that OpenSSL refuses: " + reason());
  auto key = read_key(files.key);
  if (!key) return tl::unexpected(key.error());
  if (X509_check_private_key(chain->front().get(), key->get()) != 1)
    return bad(files.key,
               "holds another key than that of the certificate in " + files.cert.string());
  if (SSL_CTX_use_PrivateKey(context, key->get()) != 1)
    return bad(files.key, "holds a key that OpenSSL refuses: " + reason());
  return {};
}

Result<> use_ca(SSL_CTX* context, const std::filesystem::path& path) {
  auto found = read_certificates(path);
  if (!found) return tl::unexpected(found.error());
  for (const Certificate& each : *found) {
    // What a listener says it accepts, so that a client can choose; and what it does accept.
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context), each.get()) != 1 ||
        SSL_CTX_add_client_CA(context, each.get()) != 1)
      return bad(path, "holds a certificate that OpenSSL refuses: " + reason());
  }
  return {};
}

void set_manners(SSL_CTX* context) {
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20");  // of 1.2; 1.3 has its own
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);  // an idle connection keeps none
}

std::string show(const ASN1_TIME* time) {
  tm parts{};
  std::array<char, 32> text{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return "an unreadable time";
  std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S UTC", &parts);
  return text.data();
}

}  // namespace

Result<std::shared_ptr<Context>> Context::open(Peer peer, Files files) {
  std::shared_ptr<Context> context(new Context(peer, std::move(files)));
  Result<> loaded = context->reload();
  if (!loaded) return tl::unexpected(loaded.error());
  return context;
}

Result<std::shared_ptr<Context>> Context::open_if_any(const std::string& section, Peer peer,
                                                      Files files) {
  if (files.cert.empty()) return nullptr;
  auto context = open(peer, std::move(files));
  if (!context) return fail(Code::invalid, section + ".tls: " + context.error().message);
  return context;
}

Result<std::shared_ptr<Context>> Context::open_for_client(bool speaks, bool pinned, Files files) {
  if (!speaks) return nullptr;
  return open(pinned ? Peer::pinned : Peer::server, std::move(files));
}

Context::~Context() = default;

Result<> Context::reload() {
  auto loaded = load();
  if (!loaded) return tl::unexpected(loaded.error());
  context_ = std::move(*loaded);
  return {};
}

Result<std::shared_ptr<SSL_CTX>> Context::load() const {
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_method()), SSL_CTX_free);
  if (context == nullptr) return fail(Code::io, "OpenSSL does not start: " + reason());
  set_manners(context.get());
  if (!files_.cert.empty()) {
    Result<> used = use_certificate(context.get(), files_);
    if (!used) return tl::unexpected(used.error());
  }
  if (!files_.ca.empty()) {
    Result<> used = use_ca(context.get(), files_.ca);
    if (!used) return tl::unexpected(used.error());
  } else if (peer_ == Peer::server) {
    SSL_CTX_set_default_verify_paths(context.get());
  }
  const bool asks = peer_ != Peer::client || !files_.ca.empty();
  if (asks)
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  if (peer_ == Peer::pinned)
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context.get()), X509_V_FLAG_PARTIAL_CHAIN);
  return context;
}

std::string Context::expiry() const {
  const X509* own = SSL_CTX_get0_certificate(context_.get());
  if (own == nullptr) return {};
  const std::string which = "the certificate in " + files_.cert.string();
  const ASN1_TIME* from = X509_get0_notBefore(own);
  const ASN1_TIME* until = X509_get0_notAfter(own);
  int days = 0;
  int seconds = 0;
  if (X509_cmp_current_time(from) > 0) return which + " is not valid before " + show(from);
  if (X509_cmp_current_time(until) < 0) return which + " has expired on " + show(until);
  ASN1_TIME_diff(&days, &seconds, nullptr, until);
  return days < kSoonDays ? which + " expires on " + show(until) : "";
}

}  // namespace skep::tls
