// What a router consists of. Only the two sources of the router see it.
#pragma once

#include <trinity/router.h>

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "route/head.h"
#include "router/adaptation.h"
#include "router/extraction_service.h"
#include "router/model_files.h"
#include "text/router_input.h"

namespace trinity {

struct Router::Impl {
  std::unique_ptr<router::ModelFiles> files;  // outlives what was prepared from it
  router::AdaptationSummary adapted;
  std::optional<text::Tokenizer> tokenizer;
  Error no_tokenizer;  // why there is none
  std::optional<route::Head> head;
  std::unique_ptr<router::ExtractionService> service;
  RouterInfo info;

  /// Text and token ids of a query; the text where `options` keep it.
  Result<text::RouterInput> read(const QueryView& query,
                                 const text::RouterInputOptions& options) const;
  /// With `keeps_input` an extraction also holds what was read.
  std::vector<Result<Extraction>> extract(std::span<const QueryView> queries,
                                          const InputOptions& input, bool all_positions,
                                          const RequestOptions& request, bool keeps_input) const;
  Result<Decision> decide(const QueryView& query, const Extraction& extraction,
                          InputMode input_mode, const DecisionRule& rule) const;
};

}  // namespace trinity
