#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>

#include "net/address.hpp"
#include "net/base/assert.hpp"
#include "net/tls.hpp"

namespace skep::tls {
namespace {

// What one record carries; reading and sealing go by this.
constexpr std::size_t kRecord = std::size_t{16} << 10;
// A fatal alert, protocol_version, as it looks before any handshake (RFC 8446, 6).
constexpr std::string_view kAlert("\x15\x03\x03\x00\x02\x02\x46", 7);

constexpr std::string_view kHttpAnswer =
    "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n"
    "Content-Length: 40\r\n\r\nThis port speaks HTTPS only, not HTTP.\r\n";
constexpr std::string_view kRespAnswer = "-ERR this port speaks TLS only\r\n";

bool is_number(const std::string& host) {
  const std::unique_ptr<ASN1_OCTET_STRING, decltype(&ASN1_OCTET_STRING_free)> address(
      a2i_IPADDRESS(host.c_str()), &ASN1_OCTET_STRING_free);
  return address != nullptr;
}

// Of a certificate that was not accepted.
std::string certificate_problem(long result, const std::string& host) {
  switch (result) {
    case X509_V_ERR_CERT_HAS_EXPIRED: return "its certificate has expired";
    case X509_V_ERR_CERT_NOT_YET_VALID: return "its certificate is not valid yet";
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return "its certificate is not of a CA that is trusted here";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH: return "its certificate is not for " + host;
    default: return std::string("its certificate: ") + X509_verify_cert_error_string(result);
  }
}

// Of an alert that came, or of what came instead of TLS's messages. Null: OpenSSL's words do.
const char* reason_of(int reason) {
  switch (reason) {
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
      return "it does not accept our certificate: that is of no CA that it trusts";
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
      return "it does not accept our certificate: that has expired";
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
      return "it asks for a certificate, and we have none to show";
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      return "it shows no certificate, which this port asks for";
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
    case SSL_R_UNSUPPORTED_PROTOCOL: return "it does not speak TLS 1.2 or 1.3";
    default: return nullptr;
  }
}

bool is_alert_about_certificate(int reason) {
  return reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE ||
         reason == SSL_R_TLSV1_ALERT_UNKNOWN_CA || reason == SSL_R_SSLV3_ALERT_BAD_CERTIFICATE ||
         reason == SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN ||
         reason == SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED ||
         reason == SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED;
}

bool starts_like_http(std::string_view bytes) {
  for (std::string_view each : {"GET ", "POST ", "PUT ", "HEAD ", "DELETE ", "OPTIONS "})
    if (bytes.starts_with(each)) return true;
  return false;
}

}  // namespace

// A memory BIO over bytes that are somebody else's: nothing is copied, and nothing kept.
struct Channel::Bio {
  static int read(BIO* bio, char* to, int size) {
    auto& in = static_cast<Wire*>(BIO_get_data(bio))->in;
    BIO_clear_retry_flags(bio);
    if (in.empty()) {
      BIO_set_retry_read(bio);
      return -1;
    }
    const std::size_t taken = in.copy(to, static_cast<std::size_t>(size));
    in.remove_prefix(taken);
    return static_cast<int>(taken);
  }
  static int write(BIO* bio, const char* bytes, int size) {
    static_cast<Wire*>(BIO_get_data(bio))->out->append(bytes, static_cast<std::size_t>(size));
    return size;
  }
  static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

  static const BIO_METHOD* method() {
    static const BIO_METHOD* made = [] {
      BIO_METHOD* fresh = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "bytes");
      SKEP_ASSERT(fresh != nullptr);
      BIO_meth_set_read(fresh, read);
      BIO_meth_set_write(fresh, write);
      BIO_meth_set_ctrl(fresh, control);
      return fresh;
    }();
    return made;
  }
};

std::unique_ptr<Channel> Context::accept() const {
  return std::unique_ptr<Channel>(new Channel(context_.get(), peer_, false));
}

std::unique_ptr<Channel> Context::dial(const std::string& host) const {
  std::unique_ptr<Channel> channel(new Channel(context_.get(), peer_, true));
  if (peer_ != Peer::server) return channel;
  channel->host_ = host;
  X509_VERIFY_PARAM* rules = SSL_get0_param(channel->ssl_.get());
  if (is_number(host)) {
    X509_VERIFY_PARAM_set1_ip_asc(rules, host.c_str());
  } else {
    X509_VERIFY_PARAM_set1_host(rules, host.data(), host.size());
    SSL_set_tlsext_host_name(channel->ssl_.get(), host.c_str());
  }
  return channel;
}

Channel::Channel(SSL_CTX* context, Peer peer, bool dials)
    : peer_(peer), dials_(dials), ssl_(SSL_new(context), &SSL_free) {
  SKEP_ASSERT(ssl_ != nullptr);
  BIO* bio = BIO_new(Bio::method());
  SKEP_ASSERT(bio != nullptr);
  BIO_set_data(bio, &wire_);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);
  if (dials)
    SSL_set_connect_state(ssl_.get());
  else
    SSL_set_accept_state(ssl_.get());
}

Channel::~Channel() = default;

void Channel::begin(std::string& out) {
  wire_ = {{}, &out};
  if (dials_) (void)shake_hands();
}

Result<> Channel::feed(std::string_view bytes, std::string& clear, std::string& out) {
  if (failed_) return {};
  if (!std::exchange(heard_, true)) {
    Result<> tls = foreign(bytes, out);
    failed_ = !tls;
    if (failed_) return tls;
  }
  wire_ = {bytes, &out};
  if (Result<> done = shake_hands(); !done || !ready_) return done;
  for (;;) {
    const std::size_t before = clear.size();
    clear.resize(before + kRecord);
    std::size_t got = 0;
    ERR_clear_error();
    const int result = SSL_read_ex(ssl_.get(), clear.data() + before, kRecord, &got);
    clear.resize(before + got);
    if (result == 1) continue;
    const int error = SSL_get_error(ssl_.get(), result);
    ended_ = ended_ || error == SSL_ERROR_ZERO_RETURN;
    failed_ = error != SSL_ERROR_WANT_READ && !ended_;
    if (failed_) return tl::unexpected(failure());
    return {};
  }
}

Result<> Channel::shake_hands() {
  if (ready_) return {};
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  ready_ = result == 1;
  failed_ = !ready_ && SSL_get_error(ssl_.get(), result) != SSL_ERROR_WANT_READ;
  if (failed_) return tl::unexpected(failure());
  return {};
}

// What does not begin like TLS, answered in its own protocol where that has a word for it.
Result<> Channel::foreign(std::string_view bytes, std::string& out) const {
  constexpr char kAlertType = 0x15;
  if (is_tls(bytes.front()) || bytes.front() == kAlertType) return {};
  if (dials_) return fail(Code::invalid, "it does not speak TLS");
  const bool http = starts_like_http(bytes);
  const bool resp = bytes.front() == '*' || bytes.starts_with("PING");
  out.append(http ? kHttpAnswer : resp ? kRespAnswer : kAlert);
  const std::string_view what = http ? "HTTP" : resp ? "RESP" : "something else";
  return fail(Code::invalid, "it speaks " + std::string(what) + " to a port that takes TLS only");
}

Result<> Channel::seal(std::string_view clear, std::string& out) {
  SKEP_ASSERT(ready_);
  wire_ = {{}, &out};
  if (failed_) return {};
  while (!clear.empty()) {
    std::size_t taken = 0;
    ERR_clear_error();
    if (SSL_write_ex(ssl_.get(), clear.data(), std::min(clear.size(), kRecord), &taken) != 1) {
      failed_ = true;
      return tl::unexpected(failure());
    }
    clear.remove_prefix(taken);
  }
  return {};
}

void Channel::end(std::string& out) {
  wire_ = {{}, &out};
  if (ready_ && !failed_) SSL_shutdown(ssl_.get());
}

// From OpenSSL's queue of errors.
Error Channel::failure() const {
  const long verified = SSL_get_verify_result(ssl_.get());
  if (verified != X509_V_OK) return {Code::permission, certificate_problem(verified, host_)};
  const unsigned long error = ERR_peek_error();
  const int reason = ERR_GET_REASON(error);
  const Code code = is_alert_about_certificate(reason) ? Code::permission : Code::invalid;
  if (const char* ours = reason_of(reason)) return {code, ours};
  const char* theirs = ERR_reason_error_string(error);
  return {code, std::string("TLS fails: ") + (theirs != nullptr ? theirs : "no reason given")};
}

}  // namespace skep::tls
