#include "router/deciding_head.h"

#include "base/try.h"
#include "base/utf8.h"
#include "tensor/model_folder.h"

namespace trinity::router {

Result<DecidingHead> find_deciding_head(const RouterOptions& options, const ModelFiles& files,
                                        const Adaptation* adaptation) {
  constexpr std::size_t kShownPath = 1024;
  if (!options.head.empty()) {
    TRINITY_TRY(route::Head head, route::Head::load(options.head));
    return DecidingHead{std::move(head), options.head};
  }
  if (adaptation != nullptr) {
    TRINITY_TRY(route::Head head, adaptation->head());
    return DecidingHead{std::move(head), {}};
  }
  const std::filesystem::path beside =
      files.is_tiny_router() ? std::filesystem::path() : options.model / kRouterHeadFile;
  Result<route::Head> head = files.head();
  if (head) return DecidingHead{std::move(*head), beside};
  if (head.error().tag != "missing_file") return tl::unexpected(std::move(head.error()));
  return fail(ErrorKind::missing, "missing_router_head",
              "there is no router head at " + excerpt(beside.string(), kShownPath) +
                  "; give --bundle DIR (`trinity pull --router --dest DIR` fetches the one for "
                  "Qwen3-0.6B), --vector FILE or --head FILE");
}

}  // namespace trinity::router
