// Whether a file name that comes from elsewhere (a manifest, a pin, an index) stays inside a
// folder.
//
// First by its parts alone, then with symbolic links followed: what exists of the path is resolved
// and must still begin with the resolved folder. Nothing is opened.
#pragma once

#include <filesystem>
#include <string>

namespace trinity {

/// A relative name of a file, with no `.` or `..` part and no NUL.
bool is_inside_name(const std::string& relative);

/// Where the name leads, links followed, lies inside `folder` too. Neither need exist; a link that
/// points nowhere counts as outside, since writing would follow it. Expects an inside name.
bool leads_inside(const std::filesystem::path& folder, const std::string& relative);

}  // namespace trinity
