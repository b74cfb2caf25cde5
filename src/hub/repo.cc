#include "hub/repo.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.h"

namespace trinity::hub {
namespace {

constexpr std::size_t kMaxNameBytes = 96;  // of a part of a repository's name, as hubs limit it
constexpr std::size_t kMaxRevisionBytes = 255;

bool is_word_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= kMaxNameBytes && text.front() != '.' &&
         text.front() != '-' &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return is_word_character(c) || c == '.' || c == '-'; }) &&
         text.find("..") == std::string_view::npos && text.find("--") == std::string_view::npos;
}

bool is_repo_id(std::string_view id) {
  const std::size_t slash = id.find('/');
  if (slash == std::string_view::npos) return is_name(id);
  return is_name(id.substr(0, slash)) && is_name(id.substr(slash + 1));
}

/// A git reference name without its more exotic characters.
bool is_revision(std::string_view text) {
  if (text.empty() || text.size() > kMaxRevisionBytes) return false;
  char before = '/';
  for (const char c : text) {
    if (!is_word_character(c) && c != '.' && c != '-' && c != '+' && c != '/') return false;
    if (before == '/' && (c == '/' || c == '.' || c == '-')) return false;
    if (before == '.' && c == '.') return false;
    before = c;
  }
  return before != '/';
}

std::string percent_encoded(std::string_view text, bool keep_slashes) {
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (is_word_character(c) || c == '.' || c == '-' || c == '~' || (c == '/' && keep_slashes)) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += digits[byte >> 4];
      out += digits[byte & 15];
    }
  }
  return out;
}

}  // namespace

const char* repo_type_name(RepoType type) {
  return type == RepoType::dataset ? "dataset" : "model";
}

Result<RepoType> parse_repo_type(std::string_view name) {
  if (name == "model") return RepoType::model;
  if (name == "dataset") return RepoType::dataset;
  return fail(ErrorKind::invalid_input, "invalid_repo",
              "the repository type \"" + excerpt(name) + "\" is none of model, dataset");
}

Status require_valid_repo(const Repo& repo) {
  if (!is_repo_id(repo.id))
    return fail(ErrorKind::invalid_input, "invalid_repo",
                fmt::format("\"{}\" is no repository of a hub; write it as organisation/name",
                            excerpt(repo.id)));
  if (!is_revision(repo.revision))
    return fail(ErrorKind::invalid_input, "invalid_repo",
                fmt::format("\"{}\" is no revision; give a commit id, a tag or a branch",
                            excerpt(repo.revision)));
  return {};
}

bool is_commit_id(std::string_view revision) {
  return revision.size() == 40 && std::all_of(revision.begin(), revision.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

std::string resolve_target(const Repo& repo, std::string_view path) {
  return fmt::format("{}/resolve/{}/{}", page_target(repo), percent_encoded(repo.revision, false),
                     percent_encoded(path, true));
}

std::string page_target(const Repo& repo) {
  return (repo.type == RepoType::dataset ? "/datasets/" : "/") + percent_encoded(repo.id, true);
}

std::string tree_target(const Repo& repo) {
  return fmt::format("/api/{}s/{}/tree/{}?recursive=1", repo_type_name(repo.type),
                     percent_encoded(repo.id, true), percent_encoded(repo.revision, false));
}

std::string cache_folder_name(const Repo& repo) {
  std::string name = repo.type == RepoType::dataset ? "datasets--" : "models--";
  for (const char c : repo.id) {
    if (c == '/') {
      name += "--";
    } else {
      name += c;
    }
  }
  return name;
}

}  // namespace trinity::hub
