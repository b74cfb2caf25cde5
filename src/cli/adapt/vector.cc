// trinity vector: router vectors between NumPy and safetensors, taken apart, put together, looked
// at.
#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <optional>

#include "adapt/router_vector.h"
#include "adapt/vector_files.h"
#include "adapt/vector_layout.h"
#include "base/printable.h"
#include "base/sha256.h"
#include "base/try.h"
#include "cli/commands.h"
#include "flags/model_flags.h"
#include "report/render_text.h"
#include "route/head.h"
#include "tensor/safetensors.h"
#include "terminal/output.h"
#include "terminal/output_file.h"
#include "terminal/terminal.h"
#include "wire/json_writer.h"

namespace trinity::cli {
namespace {

constexpr const char* kOffsetsKey = "trinity_svf_scale_offsets";

// ---- layout -------------------------------------------------------------------------------------

struct LayoutFlags {
  std::string model;
  std::vector<std::int64_t> layers = {26};
  std::int64_t head_rows = 0;
};

void add_layout_flags(command_line::Command& command, LayoutFlags& flags) {
  command
      .value("--layout,--model", flags.model,
             "model folder whose shapes say what the numbers belong to; default: Qwen3-0.6B, layer "
             "26")
      .takes("DIR");
  command.value("--layers", flags.layers, "adapted layers of that model")
      .commas()
      .takes("N,...")
      .at_least(0)
      .shows_default();
  flags::add_head_rows_flag(command, flags.head_rows);
}

// ---- convert ------------------------------------------------------------------------------------

struct ConvertFlags {
  std::string input, output, tensor_name = adapt::RouterVector::kTensorName;
  bool float32 = false, json = false;
};

/// What was written into a pipe cannot be read again; its hash is then empty.
Status print_written(const std::string& path, const adapt::NumberFile& file, bool json,
                     terminal::Output& output) {
  std::string hash;
  std::error_code ignored;
  if (std::filesystem::is_regular_file(path, ignored)) {
    TRINITY_TRY(hash, sha256_file(path));
  }
  if (json)
    return output.write(wire::json_line({{"file", path},
                                         {"shape", file.shape},
                                         {"dtype", dtype_name(file.dtype)},
                                         {"sha256", hash}}));
  return output.write(fmt::format("{}: {} {}, sha256 {}\n", printable(path), dtype_name(file.dtype),
                                  shape_text(file.shape), hash));
}

Status convert(const ConvertFlags& flags) {
  TRINITY_CHECK(terminal::check_outputs({{"output", flags.output}}, {{"input", flags.input}}));
  TRINITY_TRY(adapt::NumberFile file, adapt::read_numbers(flags.input, flags.tensor_name));
  TRINITY_CHECK(adapt::require_vector(file, flags.input));
  if (flags.float32) file.dtype = DType::f32;
  TRINITY_CHECK(adapt::write_numbers(flags.output, flags.tensor_name, file));
  terminal::Output output;
  TRINITY_CHECK(print_written(flags.output, file, flags.json, output));
  return output.flush();
}

void declare_convert(command_line::Command& command, ConvertFlags& flags) {
  command.word("input", flags.input, "router vector, .npy or safetensors").takes("FILE").required();
  command.word("output", flags.output, "file to write, .npy or .safetensors")
      .takes("FILE")
      .required();
  command.toggle("--float32", flags.float32, "round f64 numbers to f32, once");
  command.value("--tensor-name", flags.tensor_name, "the tensor in safetensors files")
      .takes("NAME")
      .shows_default();
  command.json(flags.json, "one JSON object");
  command.notes(
      "Example:\n  trinity vector convert model_iter_60.npy vector.safetensors --float32");
}

// ---- split --------------------------------------------------------------------------------------

struct SplitFlags {
  std::string input, offsets, head, tensor_name = adapt::RouterVector::kTensorName;
  LayoutFlags layout;
  bool json = false;
};

adapt::NumberFile f32_file(std::span<const float> values, std::vector<int64_t> shape) {
  adapt::NumberFile file;
  file.values.assign(values.begin(), values.end());
  file.shape = std::move(shape);
  return file;
}

Status split(const SplitFlags& flags) {
  if (flags.offsets.empty() && flags.head.empty())
    return fail(ErrorKind::usage, "usage", "name a file to write with --offsets, --head or both");
  TRINITY_CHECK(terminal::check_outputs({{"--offsets", flags.offsets}, {"--head", flags.head}},
                                        {{"input", flags.input}, {"--model", flags.layout.model}}));
  TRINITY_TRY(const adapt::VectorLayout layout,
              adapt::layout_of_model(flags.layout.model, flags.layout.layers));
  TRINITY_TRY(const adapt::RouterVector vector,
              adapt::RouterVector::load(flags.input, flags.tensor_name));
  TRINITY_TRY(const adapt::RouterVectorParts parts,
              adapt::split_off_head(vector.values, layout.scale_count(), layout.hidden,
                                    flags.layout.head_rows));
  terminal::Output output;
  if (!flags.offsets.empty()) {
    const adapt::NumberFile file =
        f32_file(parts.offsets, {static_cast<int64_t>(parts.offsets.size())});
    TRINITY_CHECK(adapt::write_numbers(flags.offsets, kOffsetsKey, file));
    TRINITY_CHECK(print_written(flags.offsets, file, flags.json, output));
  }
  if (!flags.head.empty()) {
    const adapt::NumberFile file = f32_file(parts.head, {parts.outputs, parts.hidden});
    TRINITY_CHECK(adapt::write_numbers(flags.head, route::Head::kTensorName, file));
    TRINITY_CHECK(print_written(flags.head, file, flags.json, output));
  }
  return output.flush();
}

void declare_split(command_line::Command& command, SplitFlags& flags) {
  command.word("input", flags.input, "router vector, .npy or safetensors").takes("FILE").required();
  command.value("--offsets", flags.offsets, "file to write the scale offsets to")
      .takes("FILE")
      .no_environment();
  command.value("--head", flags.head, "file to write the head to").takes("FILE").no_environment();
  command.value("--tensor-name", flags.tensor_name, "the tensor in a safetensors file")
      .takes("NAME")
      .shows_default();
  add_layout_flags(command, flags.layout);
  command.json_lines(flags.json, "one JSON object a file");
  command.notes(
      "Example:\n  trinity vector split vector.safetensors --head router_head.safetensors");
}

// ---- join ---------------------------------------------------------------------------------------

struct JoinFlags {
  std::string offsets, head, output, tensor_name = adapt::RouterVector::kTensorName;
  bool json = false;
};

Status join(const JoinFlags& flags) {
  TRINITY_CHECK(terminal::check_outputs({{"output", flags.output}},
                                        {{"--offsets", flags.offsets}, {"--head", flags.head}}));
  TRINITY_TRY(adapt::NumberFile file, adapt::read_numbers(flags.offsets, ""));
  TRINITY_CHECK(adapt::require_vector(file, flags.offsets));
  TRINITY_TRY(const adapt::NumberFile head, adapt::read_numbers(flags.head, ""));
  if (head.shape.size() != 2 || head.values.empty())
    return fail(ErrorKind::invalid_input, "invalid_head_shape",
                fmt::format("{}: a head is [outputs, hidden], but this has shape {}", flags.head,
                            shape_text(head.shape)));
  file.values.insert(file.values.end(), head.values.begin(), head.values.end());
  file.shape = {static_cast<int64_t>(file.values.size())};
  if (head.dtype == DType::f64) file.dtype = DType::f64;
  TRINITY_CHECK(adapt::write_numbers(flags.output, flags.tensor_name, file));
  terminal::Output output;
  TRINITY_CHECK(print_written(flags.output, file, flags.json, output));
  return output.flush();
}

void declare_join(command_line::Command& command, JoinFlags& flags) {
  command.value("--offsets", flags.offsets, "file with the scale offsets").takes("FILE").required();
  command.value("--head", flags.head, "file with the head [outputs, hidden]")
      .takes("FILE")
      .required();
  command.word("output", flags.output, "router vector to write, .npy or .safetensors")
      .takes("FILE")
      .required();
  command.value("--tensor-name", flags.tensor_name, "the tensor in a safetensors output")
      .takes("NAME")
      .shows_default();
  command.json(flags.json, "one JSON object");
  command.notes(
      "Example:\n  trinity vector join --offsets offsets.npy --head router_head.safetensors "
      "vector.safetensors");
}

// ---- show ---------------------------------------------------------------------------------------

struct ShowFlags {
  std::string input, tensor_name = adapt::RouterVector::kTensorName;
  LayoutFlags layout;
  bool json = false;
};

std::string hash_of(std::span<const float> values) { return sha256_hex(std::as_bytes(values)); }

double norm(std::span<const float> row) {
  double sum = 0;
  for (const float value : row) sum += double{value} * double{value};
  return std::sqrt(sum);
}

Json statistics_record(const adapt::VectorStatistics& s) {
  return {{"count", s.count}, {"mean", s.mean},   {"std", s.standard_deviation},
          {"min", s.minimum}, {"max", s.maximum}, {"share_above_0.1", s.share_above_tenth}};
}

Json show_record(const adapt::VectorLayout& layout, const adapt::RouterVector& vector,
                 const adapt::RouterVectorParts& parts) {
  Json blocks = Json::array();
  for (const adapt::VectorBlock& block : layout.blocks) {
    const std::span<const float> values =
        std::span(parts.offsets)
            .subspan(static_cast<size_t>(block.start),
                     static_cast<size_t>(block.end - block.start));
    blocks.push_back({{"source_name", block.source_name},
                      {"path", block.path},
                      {"offset_start", block.start},
                      {"offset_end", block.end},
                      {"statistics", statistics_record(adapt::vector_statistics(values))}});
  }
  Json norms = Json::array();
  for (int64_t row = 0; row < parts.outputs; ++row)
    norms.push_back(norm(
        std::span(parts.head)
            .subspan(static_cast<size_t>(row * parts.hidden), static_cast<size_t>(parts.hidden))));
  return {{"file", vector.path.string()},
          {"file_sha256", vector.sha256},
          {"dtype", vector.source_type},
          {"count", vector.values.size()},
          {"offsets",
           {{"count", parts.offsets.size()},
            {"sha256_as_f32", hash_of(parts.offsets)},
            {"statistics", statistics_record(adapt::vector_statistics(parts.offsets))}}},
          {"blocks", blocks},
          {"head",
           {{"shape", {parts.outputs, parts.hidden}},
            {"sha256_as_f32", hash_of(parts.head)},
            {"statistics", statistics_record(adapt::vector_statistics(parts.head))},
            {"row_norms", norms}}}};
}

std::string statistics_line(const Json& s) {
  return fmt::format("mean {:+.5f}  std {:.5f}  {:+.6f} … {:+.6f}", s["mean"].as_double(),
                     s["std"].as_double(), s["min"].as_double(), s["max"].as_double());
}

report::Document show_document(const Json& record) {
  const Json& offsets = record["offsets"];
  const Json& head = record["head"];
  report::Table blocks{
      "Blocks", {{"span", 13, true}, {"std", 6, true}, {"tensor", 40, false, 31}}, {}};
  for (const Json& block : record["blocks"])
    blocks.rows.push_back(
        {{fmt::format("{} – {}", block["offset_start"].as_int64(), block["offset_end"].as_int64()),
          report::number(block["statistics"]["std"].as_double(), 4),
          block["source_name"].as_string()}});
  std::string norms;
  for (const Json& value : head["row_norms"])
    norms += fmt::format("{}{:.3f}", norms.empty() ? "" : " ", value.as_double());
  const std::string shape =
      shape_text(std::vector<int64_t>{head["shape"][0].as_int64(), head["shape"][1].as_int64()});
  constexpr std::size_t columns = 15;
  return {
      "Router vector",
      {},
      {},
      {},
      {{{report::foreign(record["file"].as_string(), 400)},
        {},
        {report::Facts{
            columns,
            {{"numbers",
              {{fmt::format("{}, {}", record["count"].as_uint64(), record["dtype"].as_string())}}},
             {"sha256", {{record["file_sha256"].as_string()}}}}}}},
       {{{fmt::format("offsets ({})", offsets["count"].as_uint64())}},
        {},
        {report::Facts{
             columns,
             {{"values", {{statistics_line(offsets["statistics"])}}},
              {"beyond ±0.1",
               {{fmt::format("{:.1f} %",
                             100 * offsets["statistics"]["share_above_0.1"].as_double())}}},
              {"sha256 as f32", {{offsets["sha256_as_f32"].as_string()}}}}},
         std::move(blocks)}},
       {{{"head " + shape + " (" + adapt::head_rows_text(head["shape"][0].as_int64()) + ")"}},
        {},
        {report::Facts{columns,
                       {{"values", {{statistics_line(head["statistics"])}}},
                        {"sha256 as f32", {{head["sha256_as_f32"].as_string()}}},
                        {"row norms", {{norms}}}}}}}}};
}

Status show(const ShowFlags& flags) {
  TRINITY_TRY(const adapt::VectorLayout layout,
              adapt::layout_of_model(flags.layout.model, flags.layout.layers));
  TRINITY_TRY(const adapt::RouterVector vector,
              adapt::RouterVector::load(flags.input, flags.tensor_name));
  auto parts = adapt::split_off_head(vector.values, layout.scale_count(), layout.hidden,
                                     flags.layout.head_rows);
  if (!parts && flags.layout.model.empty())
    parts.error().message +=
        " (without --model the shape of Qwen3-0.6B is assumed; name yours and its --layers)";
  if (!parts) return tl::unexpected(std::move(parts.error()));
  const Json record = show_record(layout, vector, *parts);
  terminal::Output output;
  TRINITY_CHECK(output.write(
      flags.json ? wire::json_line(record)
                 : render_text(show_document(record), terminal::style_for(STDOUT_FILENO))));
  return output.flush();
}

void declare_show(command_line::Command& command, ShowFlags& flags) {
  command.word("input", flags.input, "router vector, .npy or safetensors").takes("FILE").required();
  command.value("--tensor-name", flags.tensor_name, "the tensor in a safetensors file")
      .takes("NAME")
      .shows_default();
  add_layout_flags(command, flags.layout);
  command.json(flags.json, "one JSON object");
  command.notes("Example:\n  trinity vector show vector.safetensors");
}

}  // namespace

void add_vector(command_line::Command& commands) {
  commands.add(
      "vector", "Convert, split, join and look at router vectors",
      [](command_line::Command& vector) {
        vector.notes(
            "A router vector is the scale offsets of all adapted matrices, then the head row by "
            "row.\n\n"
            "Example:\n  trinity vector show vector.safetensors\n  trinity vector convert --help");
        add_command(vector, "convert", "Between .npy and .safetensors", declare_convert, convert);
        add_command(vector, "split", "Write offsets and head to files of their own", declare_split,
                    split);
        add_command(vector, "join", "Put offsets and head together", declare_join, join);
        add_command(vector, "show", "Statistics and hashes of every part", declare_show, show);
      });
}

}  // namespace trinity::cli
