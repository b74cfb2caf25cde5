#include "backend/backend_label.h"

#include "base/utf8.h"

namespace trinity::backend {
namespace {

constexpr std::string_view kPluginLabel = "trinity.plugin.";
constexpr std::string_view kPluginId = "plugin:";

/// A family of labels and the place that it means.
struct Family {
  std::string_view label;
  bool prefix;  // a suffix such as a device number may follow
  std::string_view own_label;
  std::string_view device;
  std::string_view profile;
};

constexpr Family kFamilies[] = {
    {"trinity.cpu", false, "trinity.cpu", "host", "cpu_f32"},
    {"trinity.scalar", false, "trinity.scalar", "host", "reference"},
    {"trinity.cuda", false, "trinity.cuda", "cuda", "cuda"},
    {"trinity.mlx", false, "trinity.mlx", "", "mlx"},
    {"EXLA.Backend<cuda", true, "trinity.cuda", "cuda", "cuda"},
    {"EXLA.Backend<host", true, "trinity.cpu", "host", "cpu_f32"},
    {"Nx.BinaryBackend", false, "trinity.scalar", "host", "reference"},
    {"EMLX.Backend", true, "trinity.mlx", "gpu", "mlx"},
    {"Emily.Backend", true, "trinity.mlx", "", "mlx"},
};

/// The name itself, or the name and something in angle brackets after it. "EMLX.BackendX" is
/// neither.
bool matches(const Family& family, std::string_view label) {
  if (!family.prefix) return label == family.label;
  if (!label.starts_with(family.label)) return false;
  const std::string_view rest = label.substr(family.label.size());
  if (family.label.find('<') != std::string_view::npos)
    return rest.starts_with(':') || rest.starts_with('>');
  return rest.empty() || rest.starts_with('<');
}

}  // namespace

const std::vector<std::string>& known_backend_labels() {
  static const std::vector<std::string> labels = [] {
    std::vector<std::string> all;
    for (const Family& family : kFamilies)
      all.push_back(std::string(family.label) + (family.prefix ? "…" : ""));
    all.push_back(std::string(kPluginLabel) + "…");
    return all;
  }();
  return labels;
}

Result<BackendPlace> read_backend_label(std::string_view label) {
  for (const Family& family : kFamilies)
    if (matches(family, label))
      return BackendPlace{std::string(family.own_label), std::string(family.device),
                          std::string(family.profile)};
  // A label may name a loaded plugin, never the path of one: a file must not have code loaded.
  if (label.starts_with(kPluginLabel) && label.size() > kPluginLabel.size() &&
      label.find_first_of("/=") == std::string_view::npos) {
    return BackendPlace{std::string(label), "",
                        std::string(kPluginId) + std::string(label.substr(kPluginLabel.size()))};
  }
  std::string known;
  for (const std::string& one : known_backend_labels()) known += (known.empty() ? "" : ", ") + one;
  return fail(ErrorKind::invalid_input, "unknown_backend_label",
              "unknown_backend_label(" + excerpt(label) +
                  "): no backend has this label; known are " + known);
}

BackendPlace read_backend_label_leniently(std::string_view label,
                                          const std::function<void(const std::string&)>& warn) {
  if (Result<BackendPlace> place = read_backend_label(label)) return std::move(*place);
  if (warn)
    warn("unknown backend label " + excerpt(label) +
         ": its tensors are held by the host reference (Nx.BinaryBackend)");
  return {"trinity.scalar", "host", "reference"};
}

std::string own_backend_label(std::string_view backend_id) {
  if (backend_id.starts_with("cpu")) return "trinity.cpu";
  if (backend_id.starts_with("reference")) return "trinity.scalar";
  if (backend_id.starts_with("cuda")) return "trinity.cuda";
  if (backend_id.starts_with("mlx")) return "trinity.mlx";
  if (backend_id.starts_with(kPluginId))
    return std::string(kPluginLabel) + std::string(backend_id.substr(kPluginId.size()));
  return {};
}

}  // namespace trinity::backend
