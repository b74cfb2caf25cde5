// Unicode normalisation form C with the data of Unicode 9.0 (text/unicode_tables.h says why).
//
// A quick check passes over text that is already normalised, which is nearly all text: ASCII eight
// bytes at a time, the rest by one property byte a code point. Where the check fails, the segment
// from the last safe starter to the next one is decomposed, put in canonical order and composed
// again; the rest is copied. Work is linear in the text, apart from the ordering of a run of
// combining marks, which is n log n.
#pragma once

#include <string>
#include <string_view>

namespace trinity::text {

/// NFC of well-formed UTF-8: `text` itself if it passes the quick check, else a view of `buffer`,
/// which is overwritten and must outlive the result.
std::string_view nfc_view(std::string_view text, std::string& buffer);

/// NFC of well-formed UTF-8.
std::string nfc(std::string_view text);

}  // namespace trinity::text
