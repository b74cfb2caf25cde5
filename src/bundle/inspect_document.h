// What is seen of a bundle or router vector, for people (a report and a picture) and for programs.
#pragma once

#include <string>

#include "base/json_value.h"
#include "bundle/inspect.h"
#include "bundle/verify.h"
#include "report/document.h"

namespace trinity::bundle {

/// "bundle", "compact bundle" or "router vector".
const char* kind_name(BundlePicture::Kind kind);

/// Facts, then what lies in the folder and what the adaptation did to each tensor. `with_model`:
/// spectra were computed.
report::Document inspect_document(const BundlePicture& picture, const std::string& path,
                                  bool with_model);

/// {path, kind, status, …, head_shape, head, tensors, notes}.
Json inspect_record(const BundlePicture& picture, const std::string& path);

/// Whether there is anything to draw.
bool has_chart(const BundlePicture& picture);
/// A whole SVG document: a panel a tensor, in canonical order. All share the scale of their
/// offsets.
std::string inspect_chart(const BundlePicture& picture, const std::string& title);

/// Every check with what was found.
report::Document verify_document(const VerifyReport& found, const std::string& path);

/// {bundle, ok, status, checks, failed, findings: [{subject, ok, message}]}.
Json verify_record(const VerifyReport& found, const std::string& path);

}  // namespace trinity::bundle
