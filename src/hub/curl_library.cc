#include "hub/curl_library.h"

#include <dlfcn.h>

namespace trinity::hub {
namespace {

template <typename Function>
bool find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(library, name));
  return function != nullptr;
}

Result<CurlLibrary> open_library() {
  const auto missing = [](const char* what) {
    return fail(ErrorKind::missing, "missing_library",
                std::string("downloads need libcurl 7.85 or newer, which ") + what +
                    " here; install it (apt-get install libcurl4)");
  };
  void* library = ::dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return missing("cannot be loaded");
  CurlLibrary curl;
  const bool found =
      find(library, "curl_global_init", curl.global_init) &&
      find(library, "curl_free", curl.free) && find(library, "curl_easy_init", curl.easy_init) &&
      find(library, "curl_easy_cleanup", curl.easy_cleanup) &&
      find(library, "curl_easy_reset", curl.easy_reset) &&
      find(library, "curl_easy_setopt", curl.easy_setopt) &&
      find(library, "curl_easy_getinfo", curl.easy_getinfo) &&
      find(library, "curl_easy_strerror", curl.easy_strerror) &&
      find(library, "curl_multi_init", curl.multi_init) &&
      find(library, "curl_multi_cleanup", curl.multi_cleanup) &&
      find(library, "curl_multi_add_handle", curl.multi_add_handle) &&
      find(library, "curl_multi_remove_handle", curl.multi_remove_handle) &&
      find(library, "curl_multi_perform", curl.multi_perform) &&
      find(library, "curl_multi_poll", curl.multi_poll) &&
      find(library, "curl_multi_info_read", curl.multi_info_read) &&
      find(library, "curl_slist_append", curl.slist_append) &&
      find(library, "curl_slist_free_all", curl.slist_free_all) &&
      find(library, "curl_url", curl.url) && find(library, "curl_url_cleanup", curl.url_cleanup) &&
      find(library, "curl_url_get", curl.url_get) && find(library, "curl_url_set", curl.url_set);
  if (!found || curl.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return missing("is not usable");
  return curl;
}

}  // namespace

Result<const CurlLibrary*> CurlLibrary::load() {
  static const Result<CurlLibrary> library = open_library();
  if (!library) return tl::unexpected(library.error());
  return &*library;
}

}  // namespace trinity::hub
