// Names on a model hub: repositories, revisions, and the addresses of their files.
#pragma once

#include <trinity/error.h>

#include <string>
#include <string_view>

namespace trinity::hub {

enum class RepoType { model, dataset };
/// "model" or "dataset".
const char* repo_type_name(RepoType type);
/// Error `invalid_repo` for another word.
Result<RepoType> parse_repo_type(std::string_view name);

struct Repo {
  RepoType type = RepoType::model;
  std::string id;        // "organisation/name" or "name"
  std::string revision;  // commit id, tag or branch
};

/// Refuses what is no repository name (letters, digits, ".", "_", "-", one slash; no "..", no "--")
/// or no revision. Both become parts of addresses and of file names. Error `invalid_repo`.
Status require_valid_repo(const Repo& repo);

/// 40 lower-case hexadecimal digits: such a revision never changes its meaning.
bool is_commit_id(std::string_view revision);

/// The address of a file below an endpoint, percent-encoded: "/datasets/o/n/resolve/v1/a%20b.json".
std::string resolve_target(const Repo& repo, std::string_view path);
/// The address of the list of all files: "/api/models/o/n/tree/v1?recursive=1".
std::string tree_target(const Repo& repo);
/// The address of the page for people: "/datasets/o/n".
std::string page_target(const Repo& repo);
/// The repository's folder in a Hugging Face cache: "models--o--n".
std::string cache_folder_name(const Repo& repo);

}  // namespace trinity::hub
