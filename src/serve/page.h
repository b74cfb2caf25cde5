// The page at "/": what the server does, for people with a browser.
//
// Its files (src/serve/page/) are compiled in. They hold no data and need no key; what they show is
// asked for at /v1/trinity/ with the key of whoever looks. Nothing is loaded from elsewhere, and a
// policy of the page's own forbids it: no script but these files runs, whatever a model writes.
#pragma once

#include <memory>
#include <string_view>

#include "serve/request.h"

namespace trinity::serve {

/// "/" and what is below "/page/".
bool is_page_path(std::string_view path);

/// GET or HEAD of such a path. Programs that do not ask for HTML get `greeting` at "/".
void answer_page(Request& request, std::string_view greeting);

}  // namespace trinity::serve
