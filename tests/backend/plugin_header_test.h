// Sizes and offsets of backend_plugin.h as a C compiler sees them.
#pragma once

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif
/* Their number; the facts themselves go to *out. */
size_t plugin_header_facts_in_c(const size_t** out);
#ifdef __cplusplus
}
#endif
