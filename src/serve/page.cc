#include "serve/page.h"

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <utility>

#include "base/embedded_file.h"
#include "base/sha256.h"

namespace trinity::serve {

/// Of src/serve/page, see CMakeLists.txt.
std::span<const EmbeddedFile> page_files();

namespace {

constexpr const char* kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kTypes = {{
    {".html", "text/html; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".svg", "image/svg+xml"},
}};

std::string_view type_of(std::string_view name) {
  const std::string_view ending = name.substr(std::min(name.rfind('.'), name.size()));
  for (const auto& [known, type] : kTypes)
    if (ending == known) return type;
  return "application/octet-stream";
}

/// A browser that opens a page; other programs send "*/*" or nothing.
bool wants_html(const net::HttpRequest& request) {
  return request.fields.get("accept").find("text/html") != std::string_view::npos;
}

}  // namespace

bool is_page_path(std::string_view path) { return path == "/" || path.starts_with("/page/"); }

void answer_page(Request& request, std::string_view greeting) {
  const std::string_view path = request.path();
  const bool is_root = path == "/";
  if (is_root) request.fields.set("Vary", "Accept");
  if (is_root && !wants_html(request.http()))
    return request.answer(200, std::string(greeting), "text/plain; charset=utf-8");
  const std::string_view name = is_root ? "index.html" : path.substr(6);
  const std::span<const EmbeddedFile> files = page_files();
  const auto file = std::find_if(files.begin(), files.end(),
                                 [&](const EmbeddedFile& one) { return one.name == name; });
  if (file == files.end())
    return request.fail(api_error(
        Error{ErrorKind::usage, "unknown_path", "the page has no such file; open / instead"}));
  request.fields.set("Content-Security-Policy", kPolicy);
  request.fields.set("X-Content-Type-Options", "nosniff");
  request.fields.set("Referrer-Policy", "no-referrer");
  request.fields.set("Cross-Origin-Opener-Policy", "same-origin");
  request.fields.set("Cross-Origin-Resource-Policy", "same-origin");
  request.fields.set("Cache-Control", "no-cache");  // kept, but asked for each time
  const std::string tag = "\"" + sha256_hex(file->bytes).substr(0, 20) + "\"";
  request.fields.set("ETag", tag);
  const bool is_known = net::lists_word(request.http().fields, "if-none-match", tag);
  request.answer(is_known ? 304 : 200, is_known ? std::string() : std::string(file->bytes),
                 type_of(name));
}

}  // namespace trinity::serve
