// Backend labels: the stable strings by which manifests, reports and traces name what held a
// tensor.
//
// Every backend states its own label (BackendInfo::label); nothing is guessed from how a tensor
// prints. Files of the reference hold its labels, which are read here: `EXLA.Backend<cuda:…`,
// `EXLA.Backend<host:…`, `Nx.BinaryBackend`, `EMLX.Backend…`, `Emily.Backend…`. A label that is
// none of these and none of ours is an error, since guessing would move tensors silently.
#pragma once

#include <trinity/error.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace trinity::backend {

/// Where a label says that a tensor lives, as this program would hold it.
struct BackendPlace {
  std::string label;    // our own label of that place: "trinity.cpu", "trinity.plugin.NAME", ...
  std::string device;   // "cuda", "host", "gpu", or "" where the label does not say
  std::string profile;  // the runtime profile that computes there: "cuda", "cpu_f32", "mlx", ...
};

/// The labels that are known, as they are listed in messages; a prefix ends in "…".
const std::vector<std::string>& known_backend_labels();

/// Error: `unknown_backend_label(<label>)`, which lists the known ones.
Result<BackendPlace> read_backend_label(std::string_view label);

/// For the migration of old files only: an unknown label is the host reference, after `warn` was
/// given a sentence that says so. A known label warns of nothing.
BackendPlace read_backend_label_leniently(std::string_view label,
                                          const std::function<void(const std::string&)>& warn);

/// The label that the backend of this registry id states ("cpu_bf16": "trinity.cpu"); empty for an
/// id of no known family.
std::string own_backend_label(std::string_view backend_id);

}  // namespace trinity::backend
