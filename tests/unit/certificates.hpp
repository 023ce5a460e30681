// Certificate authorities and certificates for tests, made with OpenSSL, as files in a directory
// that goes with them.
#pragma once

#include <gtest/gtest.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "net/tls.hpp"
#include "tests/unit/temp_directory.hpp"

namespace skep::testing {

class Authority {
 public:
  // Its certificate is DIRECTORY/NAME.crt.
  Authority(const unit::TempDirectory& directory, const std::string& name)
      : directory_(directory), name_(name), key_(EVP_EC_gen("P-256")) {
    certificate_ = make(name, key_, -1, 3650, "", true);
    write_certificate(name, certificate_);
  }
  ~Authority() {
    X509_free(certificate_);
    EVP_PKEY_free(key_);
  }
  Authority(const Authority&) = delete;
  Authority& operator=(const Authority&) = delete;

  std::filesystem::path file() const { return directory_ / (name_ + ".crt"); }

  // NAME.crt and NAME.key: a certificate for 127.0.0.1 (or `san`), valid from `from` days on until
  // `until` days from now.
  tls::Files issue(const std::string& name, int until = 365, int from = -1,
                   const std::string& san = "IP:127.0.0.1,DNS:localhost") const {
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* certificate = make(name, key, from, until, san, false);
    write_certificate(name, certificate);
    std::FILE* file = std::fopen((directory_ / (name + ".key")).c_str(), "w");
    EXPECT_EQ(PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr), 1);
    std::fclose(file);
    EXPECT_EQ(::chmod((directory_ / (name + ".key")).c_str(), 0600), 0);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return {directory_ / (name + ".crt"), directory_ / (name + ".key"), this->file()};
  }

 private:
  X509* make(const std::string& name, EVP_PKEY* key, int from, int until, const std::string& san,
             bool authority) const {
    X509* made = X509_new();
    X509_set_version(made, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made), ++serial_);
    X509_gmtime_adj(X509_getm_notBefore(made), 86400L * from);
    X509_gmtime_adj(X509_getm_notAfter(made), 86400L * until);
    X509_set_pubkey(made, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    X509* issuer = authority ? made : certificate_;
    X509_set_issuer_name(made, X509_get_subject_name(issuer));
    add(made, NID_basic_constraints, authority ? "critical,CA:TRUE" : "CA:FALSE");
    if (!san.empty()) add(made, NID_subject_alt_name, san);
    EXPECT_GT(X509_sign(made, key_, EVP_sha256()), 0);
    return made;
  }
  static void add(X509* to, int kind, const std::string& value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str());
    EXPECT_NE(extension, nullptr);
    X509_add_ext(to, extension, -1);
    X509_EXTENSION_free(extension);
  }
  void write_certificate(const std::string& name, X509* certificate) const {
    std::FILE* file = std::fopen((directory_ / (name + ".crt")).c_str(), "w");
    EXPECT_EQ(PEM_write_X509(file, certificate), 1);
    std::fclose(file);
  }

  const unit::TempDirectory& directory_;
  const std::string name_;
  EVP_PKEY* key_;
  X509* certificate_ = nullptr;
  mutable long serial_ = 0;
};

}  // namespace skep::testing
