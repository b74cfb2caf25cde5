#include "cli/hub/pull_view.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "base/json.h"
#include "base/printable.h"
#include "report/prose.h"
#include "terminal/terminal.h"
#include "wire/json_writer.h"

namespace trinity::cli {
namespace {

double megabytes(std::uint64_t bytes) { return static_cast<double>(bytes) / 1e6; }

}  // namespace

PullLine::PullLine() : shown_(terminal::is_terminal(STDERR_FILENO)) {}

PullLine::~PullLine() {
  if (drawn_) fmt::print(stderr, "\r\x1b[K");
}

void PullLine::update(const hub::PullProgress& progress) {
  if (!shown_) return;
  const auto now = std::chrono::steady_clock::now();
  if (!drawn_) {
    first_bytes_ = progress.done_bytes;
    started_ = now;
  }
  drawn_ = true;
  const double seconds = std::chrono::duration<double>(now - started_).count();
  const std::uint64_t fetched = progress.done_bytes - std::min(progress.done_bytes, first_bytes_);
  const auto columns = static_cast<int>(terminal::terminal_columns(STDERR_FILENO)) - 1;
  fmt::print(stderr, "\r{}\x1b[K", progress_text(progress, fetched, seconds, columns));
}

std::string progress_text(const hub::PullProgress& progress, std::uint64_t fetched, double seconds,
                          int columns) {
  const auto room = static_cast<std::size_t>(std::max(columns, 1));
  std::string text =
      fmt::format("{}/{}", progress.finished_files, report::counted(progress.files, "file"));
  if (progress.total_bytes > 0) {
    text += fmt::format("  {:.0f} %  {:.1f}/{:.1f} MB",
                        100.0 * static_cast<double>(progress.done_bytes) /
                            static_cast<double>(progress.total_bytes),
                        megabytes(progress.done_bytes), megabytes(progress.total_bytes));
    const double rate = seconds > 0.5 ? static_cast<double>(fetched) / seconds : 0;
    if (rate > 0) text += fmt::format("  {:.1f} MB/s", rate / 1e6);
    // A forecast from less than this is a guess.
    if (rate > 0 && seconds > 2 && progress.total_bytes > progress.done_bytes)
      text += fmt::format("  {:.0f} s left",
                          static_cast<double>(progress.total_bytes - progress.done_bytes) / rate);
  }
  for (const std::string& name : progress.active) {
    const std::string next = fmt::format("  {}", printable(name, 40));
    if (display_width(text) + display_width(next) > room) break;
    text += next;
  }
  return printable(text, room);
}

std::string pull_json(const hub::Pin& pin, const hub::PullReport& report, double seconds) {
  Json files = Json::array();
  for (const hub::PulledFile& file : report.files)
    files.push_back({{"path", file.path},
                     {"size", file.size},
                     {"sha256", file.sha256},
                     {"source", hub::file_source_name(file.source)},
                     {"verified", hub::verified_name(file.verified)},
                     {"downloaded_bytes", file.downloaded_bytes},
                     {"resumed_from", file.resumed_from},
                     {"endpoint", file.endpoint.empty() ? Json(nullptr) : Json(file.endpoint)}});
  const Json record = {{"repo_id", pin.repo.id},
                       {"repo_type", hub::repo_type_name(pin.repo.type)},
                       {"revision", pin.repo.revision},
                       {"commit", report.commit.empty() ? Json(nullptr) : Json(report.commit)},
                       {"folder", report.folder.string()},
                       {"downloaded_bytes", report.downloaded_bytes},
                       {"seconds", seconds},
                       {"files", files}};
  return wire::json_line(record);
}

std::string pull_text(const hub::Pin& pin, const hub::PullReport& report, double seconds) {
  std::size_t downloaded = 0;
  std::vector<std::string> endpoints;
  for (const hub::PulledFile& file : report.files) {
    if (file.source != hub::FileSource::downloaded) continue;
    ++downloaded;
    if (std::find(endpoints.begin(), endpoints.end(), file.endpoint) == endpoints.end())
      endpoints.push_back(file.endpoint);
  }
  const std::size_t files = report.files.size();
  std::string text = fmt::format("trinity pull ok — {} into {} (repo {} @ {})\n",
                                 report::counted(files, "file"), printable(report.folder.string()),
                                 printable(pin.repo.id), printable(pin.repo.revision));
  if (downloaded == 0) return text + "nothing was downloaded: all of it was there\n";
  text += fmt::format("downloaded {} from {}, {:.1f} MB in {:.1f} s{}\n",
                      downloaded == files ? (files == 1 ? "it" : "all of them")
                                          : fmt::format("{} of them", downloaded),
                      fmt::join(endpoints, " and "), megabytes(report.downloaded_bytes), seconds,
                      downloaded == files       ? ""
                      : downloaded + 1 == files ? "; the other one was there"
                                                : "; the others were there");
  return text;
}

std::string next_step(const hub::PullReport& report) {
  const auto has = [&](const char* name) {
    return std::any_of(report.files.begin(), report.files.end(),
                       [&](const hub::PulledFile& file) { return file.path == name; });
  };
  const std::string folder = printable(shell_word(report.folder.string()));
  if (has("manifest.json") && has("router_head.safetensors"))
    return fmt::format(
        "next: trinity doctor --model MODEL --bundle {}, where MODEL is the folder of "
        "the base model (trinity pull --base)\n",
        folder);
  if (has("config.json") && has("router_head.safetensors"))
    return fmt::format("next: trinity doctor --model {}\n", folder);
  if (has("config.json") && has("tokenizer.json"))
    return fmt::format(
        "next: trinity pull --router --dest adapted, then trinity doctor --model {} "
        "--bundle adapted\n",
        folder);
  return {};
}

std::string shell_word(const std::string& word) {
  constexpr std::string_view plain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:@%+,=";
  if (!word.empty() && word.find_first_not_of(plain) == std::string::npos) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

}  // namespace trinity::cli
