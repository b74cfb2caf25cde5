// Addresses: read strictly, one form, compared by where a request goes.
#include "net/url.h"

#include <gtest/gtest.h>

#include <random>

namespace trinity::net {
namespace {

TEST(Urls, OriginsAreComparedByWhereARequestGoes) {
  const auto same = [](const char* a, const char* b) {
    return same_origin(parse_url(a).value(), parse_url(b).value());
  };
  EXPECT_TRUE(same("https://Example.org/a", "https://example.org:443/b?c#d"));
  EXPECT_FALSE(same("https://example.org/", "http://example.org/"));
  EXPECT_FALSE(same("https://example.org/", "https://example.org:444/"));
  EXPECT_FALSE(same("https://example.org/", "https://example.org.evil.net/"));
  EXPECT_FALSE(same("http://127.0.0.1:80/", "http://localhost:80/"));
  for (const char* bad :
       {"ftp://a/b", "file:///etc/passwd", "https://user:pw@a/", "", "https://", "h.org",
        "https:/h.org", "https:h.org", "//h.org", "https://:80", "https://?x"})
    EXPECT_FALSE(parse_url(bad)) << bad;
  EXPECT_EQ(parse_url("https://user:pw@host/").error().message.find("pw"), std::string::npos);
}

TEST(Urls, LocationsAreResolved) {
  const Url base = parse_url("https://h.org/a/b?c").value();
  EXPECT_EQ(resolve_location(base, "/x?y").value().text, "https://h.org/x?y");
  EXPECT_EQ(resolve_location(base, "x").value().text, "https://h.org/a/x");
  EXPECT_EQ(resolve_location(base, "//other.org/x").value().host, "other.org");
  EXPECT_FALSE(resolve_location(base, "javascript:x"));
  EXPECT_FALSE(resolve_location(base, "https://h.org@evil.net/"));
}

// What two readers could take for two places.
TEST(Urls, AmbiguousPlacesAreRefused) {
  for (const char* bad : {"https://h.org\\@evil.net/",
                          "https://h.org\\.evil.net/",
                          "https://h%2eorg/",
                          "https://h.org%00.evil.net/",
                          "https://h.org\t/",
                          "https://h org/",
                          "https://h.org:80:90/",
                          "https://h.org:0/",
                          "https://h.org:65536/",
                          "https://h.org:-1/",
                          "https://h.org:8o/",
                          "https://127.1/",
                          "https://2130706433/",
                          "https://0x7f000001/",
                          "https://0177.0.0.1/",
                          "https://127.0.0.1.1/",
                          "https://256.1.1.1/",
                          "https://.h.org/",
                          "https://a..b/",
                          "https://[::1/",
                          "https://[::1]x/",
                          "https://[fe80::1%25eth0]/",
                          "https://[h.org]/",
                          "https://\xc3\xbc.org/",
                          "https://h.org/\xc3\xbc",
                          "https://h.org/a b",
                          "https://h.org/a\nb"}) {
    const auto url = parse_url(bad);
    ASSERT_FALSE(url) << bad;
    EXPECT_EQ(url.error().tag, "invalid_url") << bad;
  }
  EXPECT_FALSE(parse_url(std::string("https://h.org/\0x", 16)));
  EXPECT_FALSE(parse_url("https://h.org/" + std::string(20'000, 'a')));
}

TEST(Urls, OneFormIsKept) {
  const auto text = [](const char* url) { return parse_url(url).value().text; };
  EXPECT_EQ(text("HTTPS://Example.ORG"), "https://example.org/");
  EXPECT_EQ(text("https://h.org:443/a"), "https://h.org/a");
  EXPECT_EQ(text("https://h.org:/a"), "https://h.org/a");
  EXPECT_EQ(text("http://h.org:0080/A%2Fb?x=/../y#z"), "http://h.org/A%2Fb?x=/../y");
  EXPECT_EQ(text("https://h.org?x"), "https://h.org/?x");
  EXPECT_EQ(text("https://h.org/a/./b/../c/%2E%2e/d/.."), "https://h.org/a/");
  EXPECT_EQ(text("https://h.org/../../x//y/"), "https://h.org/x//y/");
  EXPECT_EQ(text("http://[0:0:0:0:0:0:0:1]:8080/"), "http://[::1]:8080/");
}

TEST(Urls, ThisMachine) {
  for (const char* here : {"http://localhost/", "http://127.0.0.1:8/", "http://127.9.9.9/",
                           "http://[::1]/", "http://LOCALHOST/"})
    EXPECT_TRUE(parse_url(here).value().is_loopback()) << here;
  for (const char* there : {"http://127.0.0.1.evil.net/", "http://localhost.evil.net/",
                            "http://128.0.0.1/", "http://127.example/", "http://[::2]/"})
    EXPECT_FALSE(parse_url(there).value().is_loopback()) << there;
}

// The examples of RFC 3986 5.4, those that lead to http addresses.
TEST(Urls, LocationsAreResolvedAsTheStandardSays) {
  const Url base = parse_url("http://a/b/c/d;p?q").value();
  const std::vector<std::pair<const char*, const char*>> examples = {
      {"g", "http://a/b/c/g"},
      {"./g", "http://a/b/c/g"},
      {"g/", "http://a/b/c/g/"},
      {"/g", "http://a/g"},
      {"//g", "http://g/"},
      {"?y", "http://a/b/c/d;p?y"},
      {"g?y", "http://a/b/c/g?y"},
      {"#s", "http://a/b/c/d;p?q"},
      {"g#s", "http://a/b/c/g"},
      {";x", "http://a/b/c/;x"},
      {".", "http://a/b/c/"},
      {"./", "http://a/b/c/"},
      {"..", "http://a/b/"},
      {"../g", "http://a/b/g"},
      {"../..", "http://a/"},
      {"../../g", "http://a/g"},
      {"../../../g", "http://a/g"},
      {"/./g", "http://a/g"},
      {"/../g", "http://a/g"},
      {"g.", "http://a/b/c/g."},
      {"..g", "http://a/b/c/..g"},
      {"./g/.", "http://a/b/c/g/"},
      {"g/../h", "http://a/b/c/h"},
      {"g;x=1/../y", "http://a/b/c/y"},
      {"g?y/../x", "http://a/b/c/g?y/../x"}};
  for (const auto& [location, expected] : examples)
    EXPECT_EQ(resolve_location(base, location).value().text, expected) << location;
  EXPECT_EQ(resolve_location(base, "\xc3\xbc b").value().text, "http://a/b/c/%C3%BC%20b");
  for (const char* bad : {"", "g:h", "http:g", "http://", "//", "a\r\nb", "//h\\@evil.net"})
    EXPECT_FALSE(resolve_location(base, bad)) << bad;
}

// Property: whatever is accepted reads as itself, and no location without a scheme or a host of its
// own leads away from the base.
TEST(Urls, WhatIsAcceptedReadsAsItself) {
  const Url base = parse_url("https://h.org:444/a/b?c").value();
  const std::string pieces = "https://@[:].%2e\\?#/..//a1-_ \t\xc3\xbc";
  std::mt19937 random(5);
  int accepted = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string text = random() % 2 ? "https://h.org/" : "";
    for (std::uint32_t i = 0; i < random() % 12; ++i) {
      const std::size_t at = random() % pieces.size();
      text.insert(random() % (text.size() + 1), pieces.substr(at, 1 + random() % 3));
    }
    for (const auto& url : {parse_url(text), resolve_location(base, text)}) {
      if (!url) continue;
      ++accepted;
      const auto again = parse_url(url->text);
      ASSERT_TRUE(again) << text << " -> " << url->text;
      EXPECT_EQ(again->text, url->text) << text;
      EXPECT_TRUE(same_origin(*again, *url)) << text;
      EXPECT_GE(url->text.find("/../"), url->text.find('?')) << text;
    }
    if (text.find(':') != std::string::npos || text.starts_with("//")) continue;
    if (const auto url = resolve_location(base, text)) {
      EXPECT_TRUE(same_origin(*url, base)) << text << " -> " << url->text;
    }
  }
  EXPECT_GT(accepted, 1'000);
}

}  // namespace
}  // namespace trinity::net
