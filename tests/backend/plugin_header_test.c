/* backend_plugin.h in C11, and what a C compiler makes of it. */
#include "backend/plugin_header_test.h"

#include <trinity/backend_plugin.h>

static const size_t facts[] = {
    sizeof(trinity_plugin_tensor),
    sizeof(trinity_plugin_matrix),
    sizeof(trinity_plugin_options),
    sizeof(trinity_plugin_attention_shape),
    sizeof(trinity_plugin_slice),
    sizeof(trinity_plugin_exactness),
    sizeof(trinity_plugin_callbacks_v1),
    sizeof(trinity_plugin_descriptor_v1),
    sizeof(trinity_plugin_bootstrap_v1),
    offsetof(trinity_plugin_slice, values),
    offsetof(trinity_plugin_callbacks_v1, mlp),
    offsetof(trinity_plugin_descriptor_v1, callbacks),
    offsetof(trinity_plugin_bootstrap_v1, descriptor),
    (size_t)TRINITY_PLUGIN_MAGIC_V1,
};

size_t plugin_header_facts_in_c(const size_t** out) {
  *out = facts;
  return sizeof facts / sizeof facts[0];
}
