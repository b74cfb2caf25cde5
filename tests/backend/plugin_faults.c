/* One shared library for each mistake that the loader must find: FAULT_name is defined by the
   build. Without a fault this is a well-formed plugin, of which nothing is ever called. */
#include <trinity/backend_plugin.h>

#if defined(FAULT_missing_symbol)

TRINITY_PLUGIN_EXPORT int some_other_library(void);
int some_other_library(void) { return 1; }

#else

#if defined(FAULT_unresolved_symbol)
void defined_nowhere(void);
#endif

static trinity_plugin_error create(const trinity_plugin_options* options,
                                   trinity_plugin_backend** out) {
  (void)options;
  (void)out;
#if defined(FAULT_unresolved_symbol)
  defined_nowhere();
#endif
  return "this plugin computes nothing";
}

/* Bodies differ, so that no linker makes one function of two. Not static: some faults leave one
 * out. */
#define SLOT(name)                 \
  trinity_plugin_error name(void); \
  trinity_plugin_error name(void) { return #name " computes nothing"; }
SLOT(destroy)
SLOT(release)
SLOT(prepare_linear)
SLOT(prepare_norm)
SLOT(upload)
SLOT(download)
SLOT(linear)
SLOT(rms_norm)
SLOT(rope)
SLOT(add)
SLOT(silu_mul)
SLOT(select_rows)
SLOT(attention)
#if defined(FAULT_mlp_without_split)
SLOT(mlp)
#endif

/* The table as the host reads it, a row of addresses; only `create` will ever be called. */
typedef trinity_plugin_error (*any_function)(void);
static const union {
  struct {
    trinity_plugin_error (*create)(const trinity_plugin_options*, trinity_plugin_backend**);
    any_function others[TRINITY_PLUGIN_CALLBACK_COUNT_V1 - 1];
  } row;
  trinity_plugin_callbacks_v1 callbacks;
} table = {{create,
            {destroy, release, prepare_linear, prepare_norm, upload, download,
#if defined(FAULT_missing_callback)
             0,
#else
             linear,
#endif
             rms_norm, rope, add,
#if defined(FAULT_duplicate_callback)
             add,
#else
             silu_mul,
#endif
             select_rows, attention, 0, 0, 0, 0, 0,
#if defined(FAULT_mlp_without_split)
             mlp
#else
             0
#endif
            }}};

#define TEN "0123456789"
#define HUNDRED_TWENTY TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static const struct {
  uint64_t shift;
  trinity_plugin_descriptor_v1 descriptor;
} record = {0,
            {
#if defined(FAULT_null_name)
                .name = 0,
#elif defined(FAULT_empty_name)
                .name = "",
#elif defined(FAULT_bad_name)
                .name = "../\x1b[31mevil",
#elif defined(FAULT_dotted_name)
                .name = ".hidden",
#elif defined(FAULT_long_name)
                .name = HUNDRED_TWENTY "123456789",
#elif defined(FAULT_longest_name)
                .name = HUNDRED_TWENTY "12345678",
#else
                .name = "wellformed",
#endif
                .description = "a \x1b[31mred\n description",
#if defined(FAULT_bad_exactness)
                .exactness = 3,
#else
                .exactness = TRINITY_PLUGIN_DECISION_STABLE,
#endif
#if defined(FAULT_too_many_callbacks)
                .callback_count = 257,
#elif defined(FAULT_short_table)
                .callback_count = TRINITY_PLUGIN_CALLBACK_COUNT_V1 - 1,
#elif defined(FAULT_long_table)
                .callback_count = TRINITY_PLUGIN_CALLBACK_COUNT_V1 + 1,
#else
                .callback_count = TRINITY_PLUGIN_CALLBACK_COUNT_V1,
#endif
#if defined(FAULT_null_table)
                .callbacks = 0,
#elif defined(FAULT_misaligned_table)
                .callbacks = (const void*)((const char*)&table + 4),
#else
                .callbacks = &table.callbacks,
#endif
            }};

static const struct {
  trinity_plugin_bootstrap_v1 bootstrap;
  uint64_t room;
} start = {{
#if defined(FAULT_wrong_magic)
               .magic = UINT64_C(0x32304E4C50425254),
#else
               .magic = TRINITY_PLUGIN_MAGIC_V1,
#endif
#if defined(FAULT_wrong_bootstrap_size)
               .bootstrap_size = sizeof(trinity_plugin_bootstrap_v1) + 8,
#else
               .bootstrap_size = sizeof(trinity_plugin_bootstrap_v1),
#endif
#if defined(FAULT_wrong_version)
               .abi_version = 2,
#else
               .abi_version = TRINITY_PLUGIN_ABI_VERSION,
#endif
#if defined(FAULT_short_descriptor)
               .descriptor_size = sizeof(trinity_plugin_descriptor_v1) - 8,
#elif defined(FAULT_long_descriptor)
               .descriptor_size = sizeof(trinity_plugin_descriptor_v1) + 8,
#else
               .descriptor_size = sizeof(trinity_plugin_descriptor_v1),
#endif
#if defined(FAULT_null_descriptor)
               .descriptor = 0,
#elif defined(FAULT_misaligned_descriptor)
               .descriptor = (const void*)&((const char*)&record)[1],
#else
               .descriptor = &record.descriptor,
#endif
           },
           0};

const trinity_plugin_bootstrap_v1* trinity_backend_plugin_v1(void) {
  (void)table; /* some faults leave them out */
  (void)record;
  (void)start;
#if defined(FAULT_null_bootstrap)
  return 0;
#elif defined(FAULT_misaligned_bootstrap)
  return (const void*)((const char*)&start + 4);
#else
  return &start.bootstrap;
#endif
}

#endif
