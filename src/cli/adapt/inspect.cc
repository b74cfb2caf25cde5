// trinity inspect: what an adapted bundle or a router vector holds, for people.

#include <fmt/format.h>
#include <unistd.h>

#include "base/try.h"
#include "bundle/inspect_document.h"
#include "cli/commands.h"
#include "flags/f32_lane.h"
#include "flags/model_flags.h"
#include "report/render_text.h"
#include "terminal/output.h"
#include "terminal/output_file.h"
#include "terminal/terminal.h"
#include "wire/json_writer.h"

namespace trinity::cli {
namespace {

using Kind = bundle::BundlePicture::Kind;

struct InspectFlags {
  std::string path, model, vector, svg;
  std::string tensor_name = adapt::RouterVector::kTensorName;
  std::vector<std::int64_t> layers;
  std::int64_t head_rows = 0;
  flags::F32LaneFlags lane;
  bool json = false;
};

Status print_picture(const InspectFlags& flags, const bundle::BundlePicture& picture) {
  return terminal::print(
      flags.json ? wire::json_line(bundle::inspect_record(picture, flags.path))
                 : render_text(bundle::inspect_document(picture, flags.path, !flags.model.empty()),
                               terminal::style_for(STDOUT_FILENO)));
}

bool is_vector(const InspectFlags& flags) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(flags.path, ignored);
}

bool is_bundle(const InspectFlags& flags) {
  std::error_code ignored;
  return std::filesystem::is_directory(flags.path, ignored);
}

Result<bundle::BundlePicture> look(const InspectFlags& flags) {
  if (is_vector(flags)) {
    TRINITY_TRY(const adapt::VectorLayout layout,
                adapt::layout_of_model(flags.model, flags.layers));
    return bundle::inspect_vector(flags.path, flags.tensor_name, layout, flags.head_rows);
  }
  TRINITY_TRY(const flags::F32Lane lane, flags::open_f32_lane(flags.lane));
  backend::DenseAlgebra* algebra = lane.backend->dense_algebra();
  if (algebra == nullptr)
    return fail(ErrorKind::unsupported, "operation_unsupported",
                fmt::format("profile {} cannot decompose matrices; inspect with --profile cpu_f32",
                            lane.profile.asked_for()));
  return bundle::inspect_bundle(*algebra, flags.path, {flags.model, flags.vector});
}

Status draw(const InspectFlags& flags, const bundle::BundlePicture& picture) {
  if (flags.svg.empty()) return {};
  if (!bundle::has_chart(picture))
    return fail(ErrorKind::missing, "nothing_to_draw",
                "neither offsets nor spectra are known; name the router vector with --vector or "
                "the base model with --model");
  const std::string name = std::filesystem::path(flags.path).lexically_normal().filename().string();
  return terminal::write_output(
      flags.svg,
      bundle::inspect_chart(
          picture,
          fmt::format("{} {}", name.empty() ? flags.path : name,
                      picture.kind == Kind::vector ? "" : bundle::kind_name(picture.kind))));
}

Result<int> inspect(const InspectFlags& flags) {
  TRINITY_CHECK(terminal::check_outputs(
      {{"--svg", flags.svg}},
      {{"PATH", flags.path}, {"--model", flags.model}, {"--vector", flags.vector}}));
  TRINITY_TRY(const bundle::BundlePicture picture, look(flags));
  const Status printed = print_picture(flags, picture);
  if (!flags.json)
    for (const std::string& text : picture.notes) terminal::note(text);
  return terminal::conclude(0, {printed, draw(flags, picture)});
}

void declare(command_line::Command& command, InspectFlags& flags) {
  command.word("path", flags.path, "bundle folder, or router vector (.npy, .safetensors)")
      .takes("PATH")
      .required();
  command
      .value(
          "--model", flags.model,
          "base model: spectra before and after, and how far each tensor moved; of a vector: the "
          "model whose shapes divide it (without it: Qwen3-0.6B, layer 26)")
      .takes("DIR");
  command
      .value("--vector", flags.vector,
             "router vector of the bundle (without it: where the manifest says)")
      .takes("FILE")
      .used_when([&flags] { return !is_vector(flags); },
                 "is for a bundle; this is a vector itself");
  command.value("--layers", flags.layers, "of a vector: the layers of --model it adapts")
      .commas()
      .takes("L,L…")
      .at_least(0)
      .used_when([&flags] { return !is_bundle(flags); },
                 "divides a router vector; a bundle says itself which layers it adapts");
  flags::add_head_rows_flag(command, flags.head_rows)
      .used_when([&flags] { return !is_bundle(flags); },
                 "divides a router vector; a bundle says itself what its head is");
  command.value("--tensor-name", flags.tensor_name, "of a vector: its tensor in a safetensors file")
      .takes("NAME")
      .shows_default()
      .used_when([&flags] { return !is_bundle(flags); },
                 "is for a router vector, not for a bundle");
  command.value("--svg", flags.svg, "draw offsets and spectra of every tensor")
      .takes("FILE")
      .in("Output")
      .no_environment();
  command.json(flags.json, "one JSON object").in("Output");
  flags::add_f32_lane_flags(command, flags.lane);
  command.notes(
      "Works on bundles in any state, also unfinished ones; whether files are undamaged is what\n"
      "trinity verify answers.\n\n"
      "Examples:\n"
      "  trinity inspect adapted\n"
      "  trinity inspect adapted --model Qwen3-0.6B --svg adapted.svg\n"
      "  trinity inspect router.npy --svg router.svg");
}

}  // namespace

void add_inspect(command_line::Command& commands) {
  add_command(commands, "inspect", "Show what an adapted bundle or router vector holds", declare,
              inspect);
}

}  // namespace trinity::cli
