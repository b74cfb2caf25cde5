// The version of this library, for programs that are compiled against several of them:
//
//   #if TRINITY_VERSION_NUMBER >= 100
//
// Configuring fails where this file and the project's version in CMakeLists.txt differ.
#pragma once

#define TRINITY_VERSION_MAJOR 0
#define TRINITY_VERSION_MINOR 1
#define TRINITY_VERSION_PATCH 0

/// 10,000 for each major version, 100 for each minor one.
#define TRINITY_VERSION_NUMBER \
  (TRINITY_VERSION_MAJOR * 10000 + TRINITY_VERSION_MINOR * 100 + TRINITY_VERSION_PATCH)

#define TRINITY_VERSION_TEXT_OF(number) #number
#define TRINITY_VERSION_TEXT(major, minor, patch) \
  TRINITY_VERSION_TEXT_OF(major)                  \
  "." TRINITY_VERSION_TEXT_OF(minor) "." TRINITY_VERSION_TEXT_OF(patch)
/// "0.1.0".
#define TRINITY_VERSION \
  TRINITY_VERSION_TEXT(TRINITY_VERSION_MAJOR, TRINITY_VERSION_MINOR, TRINITY_VERSION_PATCH)
