// A backend of your own in a shared library: the C interface between a plugin and trinity.
//
// Plain C11 (and C++): structs and functions, nothing of a C++ library crosses it, so a plugin may
// be built by another compiler, with another standard library, or in another language. Use it with
//
//   trinity route --profile plugin:/path/to/libmine.so "Hi"
//
// How it works. A plugin exports one function, `trinity_backend_plugin_v1`, which returns a small
// bootstrap record of fixed size. The host copies it, checks magic, sizes and version, follows it
// to a descriptor (name, texts for people, table of callbacks), copies all of that too, and never
// unloads the library. After that it computes by calling the table. docs/backends.md is the
// walk-through, examples/backend_openblas a complete plugin.
//
// What must be supplied is small on purpose. Fourteen callbacks are plain operations on matrices;
// six more may be NULL, and then the host composes them. Three things are the host's altogether:
//   * weights of any file format: a plugin is given f32 (BF16 and F16 convert to it exactly) and
//     may pack or convert it as it likes;
//   * the embedding: the host reads its rows and uploads them;
//   * keys and values: the host downloads them, keeps them for each sequence as contiguous f32,
//     shares beginnings between conversations, and hands them to `attention`.
//
// Orientation: one row is one token; linear weights are [out, in] as in the checkpoint, y = x · Wᵀ.
//
// Promises of the host, to every callback:
//   * pointers are not NULL unless a comment says so, shapes fit each other and are at least 1,
//     token rows and positions are in range; memory given with a call may be read until the call
//     returns, and no longer;
//   * out parameters are zeroed before the call; they are ignored when the call fails;
//   * calls for one instance never overlap, but may come from different threads (loading and
//     shutting down); different instances are called at the same time. So: no mutable globals.
//
// Duties of the plugin:
//   * errors are returned, never thrown and never printed: NULL is success, anything else a text
//     (UTF-8, ended by NUL) that stays readable until the same thread calls again. The host shows
//     its first 4,096 bytes with control characters masked;
//   * what a failed call has made, it releases itself;
//   * results have the shapes stated below (the host checks them), and every result is a handle of
//     its own, even if it shares memory with another;
//   * NaN and infinity are passed on, not repaired: the host finds them at the end.
//
// Frozen. Nothing in this file will change: the assertions at its end hold sizes, offsets and
// values. Another layout will be version 2, with a new symbol (`trinity_backend_plugin_v2`), a new
// magic ("TRBPLN02") and types of its own in a new header. A host that knows both looks for the
// newer symbol first; a library may export both.
#ifndef TRINITY_BACKEND_PLUGIN_H_
#define TRINITY_BACKEND_PLUGIN_H_

/* Not as C++ would have it, because this is C: its headers, its typedefs, its names. */
/* NOLINTBEGIN(modernize-deprecated-headers,modernize-use-using,readability-identifier-naming) */

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// The bytes "TRBPLN01" read as a little-endian number.
#define TRINITY_PLUGIN_MAGIC_V1 UINT64_C(0x31304E4C50425254)
#define TRINITY_PLUGIN_ABI_VERSION 1u
#define TRINITY_PLUGIN_SYMBOL_V1 "trinity_backend_plugin_v1"
/// Slots of trinity_plugin_callbacks_v1.
#define TRINITY_PLUGIN_CALLBACK_COUNT_V1 20u
/// Limits of the loader: callbacks of any version, bytes of a name, bytes shown of an error text.
#define TRINITY_PLUGIN_MAX_CALLBACKS 256u
#define TRINITY_PLUGIN_MAX_NAME 128u
#define TRINITY_PLUGIN_MAX_ERROR 4096u

// ---- values
// ---------------------------------------------------------------------------------------

/// One instance of the backend: whatever `create` makes. Opaque to the host.
typedef struct trinity_plugin_backend trinity_plugin_backend;
/// What is behind one tensor. Opaque to the host.
typedef struct trinity_plugin_storage trinity_plugin_storage;

/// NULL: success. Else a text; see the duties above.
typedef const char* trinity_plugin_error;

/// A matrix that the plugin owns, in any format: activation or prepared weight. The host passes it
/// back as it got it and gives `storage` to `release` exactly once.
typedef struct trinity_plugin_tensor {
  trinity_plugin_storage* storage;
  int64_t rows;
  int64_t cols;
} trinity_plugin_tensor;

/// A matrix in memory of the host: row-major f32, no padding.
typedef struct trinity_plugin_matrix {
  const float* values;
  int64_t rows;
  int64_t cols;
} trinity_plugin_matrix;

/// Wishes for a new instance.
typedef struct trinity_plugin_options {
  uint32_t size;    // of this struct
  int32_t threads;  // worker threads; 0 = as many as the plugin thinks best
} trinity_plugin_options;

/// Head counts of attention. Query head j reads key/value head j / (heads / kv_heads).
typedef struct trinity_plugin_attention_shape {
  int64_t heads;
  int64_t kv_heads;
  int64_t head_dim;
} trinity_plugin_attention_shape;

/// The query rows of one sequence, and its keys and values up to the last of these rows. Both are
/// row-major f32 [position_begin + row_count, kv_heads * head_dim] in memory of the host.
typedef struct trinity_plugin_slice {
  int64_t row_begin;       // first row of q that belongs to this sequence
  int64_t row_count;       // rows of q that do
  int64_t position_begin;  // 0-based position of the first of them
  const float* keys;
  const float* values;
} trinity_plugin_slice;

/// What a plugin promises of its numbers.
typedef enum trinity_plugin_exactness {
  /// A row's bits depend on that row's tokens alone: not on the other rows of the call, their
  /// number, or the threads.
  TRINITY_PLUGIN_BIT_STABLE = 1,
  /// Decisions hold, bits may vary.
  TRINITY_PLUGIN_DECISION_STABLE = 2
} trinity_plugin_exactness;

// ---- callbacks
// ------------------------------------------------------------------------------------

/// `backend` is always what `create` gave, `out` one result. Every slot has a function of its own.
typedef struct trinity_plugin_callbacks_v1 {
  // -- life; none may be NULL

  /// Makes an instance. Several may live at once.
  trinity_plugin_error (*create)(const trinity_plugin_options* options,
                                 trinity_plugin_backend** out);
  /// Ends an instance. Everything it made has been released before.
  void (*destroy)(trinity_plugin_backend* backend);
  /// Frees one tensor or weight.
  void (*release)(trinity_plugin_backend* backend, trinity_plugin_storage* storage);

  // -- weights and data; none may be NULL

  /// Prepares a linear weight; out is [sum of rows, cols]. `count` is 1, unless the plugin has
  /// `linear_split`: then matrices that share their input come together, to be stacked by rows.
  trinity_plugin_error (*prepare_linear)(trinity_plugin_backend* backend,
                                         const trinity_plugin_matrix* stacked, int64_t count,
                                         trinity_plugin_tensor* out);
  /// Prepares a norm weight; out is [1, size].
  trinity_plugin_error (*prepare_norm)(trinity_plugin_backend* backend, const float* values,
                                       int64_t size, trinity_plugin_tensor* out);
  /// Copies row-major f32 [rows, cols] into a tensor of that shape.
  trinity_plugin_error (*upload)(trinity_plugin_backend* backend, const float* values, int64_t rows,
                                 int64_t cols, trinity_plugin_tensor* out);
  /// Writes rows * cols values as row-major f32, finished with everything they depend on.
  trinity_plugin_error (*download)(trinity_plugin_backend* backend,
                                   const trinity_plugin_tensor* tensor, float* values);

  // -- plain operations; none may be NULL

  /// x [rows, in] times weight [out, in] transposed: out is [rows, out].
  trinity_plugin_error (*linear)(trinity_plugin_backend* backend, const trinity_plugin_tensor* x,
                                 const trinity_plugin_tensor* weight, trinity_plugin_tensor* out);
  /// x * rsqrt(mean(x^2) + eps) * w over every group of weight->cols columns; x->cols is a multiple
  /// of it (a whole row of hidden states, or one head). out has x's shape.
  trinity_plugin_error (*rms_norm)(trinity_plugin_backend* backend, const trinity_plugin_tensor* x,
                                   const trinity_plugin_tensor* weight, float eps,
                                   trinity_plugin_tensor* out);
  /// Rotates every head of row r by positions[r]: with half = head_dim / 2 and
  /// angle = position * theta^(-2i / head_dim), (x[i], x[i + half]) becomes
  /// (x[i] cos - x[i + half] sin, x[i + half] cos + x[i] sin). The power and the angle are rounded
  /// to f32, as the models were trained. out has x's shape.
  trinity_plugin_error (*rope)(trinity_plugin_backend* backend, const trinity_plugin_tensor* x,
                               const int64_t* positions, int64_t head_dim, double theta,
                               trinity_plugin_tensor* out);
  /// a + b, of one shape.
  trinity_plugin_error (*add)(trinity_plugin_backend* backend, const trinity_plugin_tensor* a,
                              const trinity_plugin_tensor* b, trinity_plugin_tensor* out);
  /// silu(gate) * up element by element, silu(z) = z / (1 + exp(-z)).
  trinity_plugin_error (*silu_mul)(trinity_plugin_backend* backend,
                                   const trinity_plugin_tensor* gate,
                                   const trinity_plugin_tensor* up, trinity_plugin_tensor* out);
  /// The named rows of x, in that order; rows may repeat. out is [count, x->cols].
  trinity_plugin_error (*select_rows)(trinity_plugin_backend* backend,
                                      const trinity_plugin_tensor* x, const int64_t* rows,
                                      int64_t count, trinity_plugin_tensor* out);
  /// Causal attention: the row at position p sees keys 0 to p of its slice; scores are scaled by
  /// head_dim^(-1/2) and softmaxed. q is [rows, heads * head_dim] and already rotated, the slices
  /// cover each of its rows once. out has q's shape.
  trinity_plugin_error (*attention)(trinity_plugin_backend* backend, const trinity_plugin_tensor* q,
                                    const trinity_plugin_slice* slices, int64_t slice_count,
                                    const trinity_plugin_attention_shape* shape,
                                    trinity_plugin_tensor* out);

  // -- optional: NULL, and the host does without or composes them

  /// Bytes of all prepared weights. NULL: the host counts 4 for each number.
  uint64_t (*weight_bytes)(trinity_plugin_backend* backend);
  /// Waits until everything asked for has been computed. NULL: nothing is computed lazily.
  trinity_plugin_error (*synchronize)(trinity_plugin_backend* backend);
  /// `linear` by a stacked weight, its columns cut into `count` tensors outs[i] of
  /// [x->rows, out_sizes[i]]. NULL: the host keeps the matrices apart and multiplies each.
  trinity_plugin_error (*linear_split)(trinity_plugin_backend* backend,
                                       const trinity_plugin_tensor* x,
                                       const trinity_plugin_tensor* weight,
                                       const int64_t* out_sizes, int64_t count,
                                       trinity_plugin_tensor* outs);
  /// sum = residual + delta (just residual when delta is NULL), normed = rms_norm(sum), both of
  /// residual's shape. NULL: add, then rms_norm.
  trinity_plugin_error (*add_rms_norm)(trinity_plugin_backend* backend,
                                       const trinity_plugin_tensor* residual,
                                       const trinity_plugin_tensor* delta,
                                       const trinity_plugin_tensor* weight, float eps,
                                       trinity_plugin_tensor* sum, trinity_plugin_tensor* normed);
  /// rms_norm of every head, then rope. NULL: one after the other.
  trinity_plugin_error (*norm_rope)(trinity_plugin_backend* backend, const trinity_plugin_tensor* x,
                                    const trinity_plugin_tensor* weight, float eps,
                                    const int64_t* positions, int64_t head_dim, double theta,
                                    trinity_plugin_tensor* out);
  /// down(silu(gate(x)) * up(x)), gate and up of one width stacked in this order; only together
  /// with linear_split. out is [x->rows, down->rows]. NULL: linear_split, silu_mul, linear.
  trinity_plugin_error (*mlp)(trinity_plugin_backend* backend, const trinity_plugin_tensor* x,
                              const trinity_plugin_tensor* gate_up,
                              const trinity_plugin_tensor* down, trinity_plugin_tensor* out);
} trinity_plugin_callbacks_v1;

// ---- discovery
// ------------------------------------------------------------------------------------

/// Who the plugin is. Texts are copied while loading; those that only people read may be NULL.
typedef struct trinity_plugin_descriptor_v1 {
  /// Its name in profiles and labels: 1 to 128 of A-Z a-z 0-9 _ - . and first a letter or digit.
  const char* name;
  const char* version;       // of the plugin, "1.0.2"
  const char* description;   // one line
  const char* device;        // what it runs on
  const char* dtype_policy;  // storage / products / sums
  uint32_t exactness;        // a trinity_plugin_exactness
  uint32_t callback_count;   // TRINITY_PLUGIN_CALLBACK_COUNT_V1
  const trinity_plugin_callbacks_v1* callbacks;
} trinity_plugin_descriptor_v1;

/// What the exported function returns: a record that lives as long as the library.
typedef struct trinity_plugin_bootstrap_v1 {
  uint64_t magic;            // TRINITY_PLUGIN_MAGIC_V1
  uint32_t bootstrap_size;   // sizeof(trinity_plugin_bootstrap_v1)
  uint32_t abi_version;      // TRINITY_PLUGIN_ABI_VERSION
  uint64_t descriptor_size;  // sizeof(trinity_plugin_descriptor_v1)
  const trinity_plugin_descriptor_v1* descriptor;
} trinity_plugin_bootstrap_v1;

#if defined(__GNUC__)
#define TRINITY_PLUGIN_EXPORT __attribute__((visibility("default")))
#else
#define TRINITY_PLUGIN_EXPORT
#endif

/// The one function that a plugin exports.
TRINITY_PLUGIN_EXPORT const trinity_plugin_bootstrap_v1* trinity_backend_plugin_v1(void);

// ---- frozen
// ---------------------------------------------------------------------------------------

#ifdef __cplusplus
#define TRINITY_PLUGIN_FROZEN(condition) static_assert(condition, "frozen: " #condition)
#else
#define TRINITY_PLUGIN_FROZEN(condition) _Static_assert(condition, "frozen: " #condition)
#endif
#define TRINITY_PLUGIN_AT(type, member, offset) \
  TRINITY_PLUGIN_FROZEN(offsetof(type, member) == (offset))
#define TRINITY_PLUGIN_SLOT(member, index) \
  TRINITY_PLUGIN_AT(trinity_plugin_callbacks_v1, member, (index)*8u)

TRINITY_PLUGIN_FROZEN(sizeof(void*) == 8);
TRINITY_PLUGIN_FROZEN(sizeof(void (*)(void)) == 8);
TRINITY_PLUGIN_FROZEN(sizeof(float) == 4 && sizeof(double) == 8);
TRINITY_PLUGIN_FROZEN(TRINITY_PLUGIN_MAGIC_V1 == UINT64_C(0x31304E4C50425254));
TRINITY_PLUGIN_FROZEN(TRINITY_PLUGIN_ABI_VERSION == 1u);
TRINITY_PLUGIN_FROZEN(TRINITY_PLUGIN_MAX_CALLBACKS == 256u);
TRINITY_PLUGIN_FROZEN(TRINITY_PLUGIN_MAX_NAME == 128u);
TRINITY_PLUGIN_FROZEN(TRINITY_PLUGIN_MAX_ERROR == 4096u);
TRINITY_PLUGIN_FROZEN(TRINITY_PLUGIN_BIT_STABLE == 1);
TRINITY_PLUGIN_FROZEN(TRINITY_PLUGIN_DECISION_STABLE == 2);

TRINITY_PLUGIN_FROZEN(sizeof(trinity_plugin_tensor) == 24);
TRINITY_PLUGIN_AT(trinity_plugin_tensor, storage, 0);
TRINITY_PLUGIN_AT(trinity_plugin_tensor, rows, 8);
TRINITY_PLUGIN_AT(trinity_plugin_tensor, cols, 16);
TRINITY_PLUGIN_FROZEN(sizeof(trinity_plugin_matrix) == 24);
TRINITY_PLUGIN_AT(trinity_plugin_matrix, values, 0);
TRINITY_PLUGIN_AT(trinity_plugin_matrix, rows, 8);
TRINITY_PLUGIN_AT(trinity_plugin_matrix, cols, 16);
TRINITY_PLUGIN_FROZEN(sizeof(trinity_plugin_options) == 8);
TRINITY_PLUGIN_AT(trinity_plugin_options, size, 0);
TRINITY_PLUGIN_AT(trinity_plugin_options, threads, 4);
TRINITY_PLUGIN_FROZEN(sizeof(trinity_plugin_attention_shape) == 24);
TRINITY_PLUGIN_AT(trinity_plugin_attention_shape, heads, 0);
TRINITY_PLUGIN_AT(trinity_plugin_attention_shape, kv_heads, 8);
TRINITY_PLUGIN_AT(trinity_plugin_attention_shape, head_dim, 16);
TRINITY_PLUGIN_FROZEN(sizeof(trinity_plugin_slice) == 40);
TRINITY_PLUGIN_AT(trinity_plugin_slice, row_begin, 0);
TRINITY_PLUGIN_AT(trinity_plugin_slice, row_count, 8);
TRINITY_PLUGIN_AT(trinity_plugin_slice, position_begin, 16);
TRINITY_PLUGIN_AT(trinity_plugin_slice, keys, 24);
TRINITY_PLUGIN_AT(trinity_plugin_slice, values, 32);

TRINITY_PLUGIN_FROZEN(sizeof(trinity_plugin_callbacks_v1) == TRINITY_PLUGIN_CALLBACK_COUNT_V1 * 8u);
TRINITY_PLUGIN_SLOT(create, 0);
TRINITY_PLUGIN_SLOT(destroy, 1);
TRINITY_PLUGIN_SLOT(release, 2);
TRINITY_PLUGIN_SLOT(prepare_linear, 3);
TRINITY_PLUGIN_SLOT(prepare_norm, 4);
TRINITY_PLUGIN_SLOT(upload, 5);
TRINITY_PLUGIN_SLOT(download, 6);
TRINITY_PLUGIN_SLOT(linear, 7);
TRINITY_PLUGIN_SLOT(rms_norm, 8);
TRINITY_PLUGIN_SLOT(rope, 9);
TRINITY_PLUGIN_SLOT(add, 10);
TRINITY_PLUGIN_SLOT(silu_mul, 11);
TRINITY_PLUGIN_SLOT(select_rows, 12);
TRINITY_PLUGIN_SLOT(attention, 13);
TRINITY_PLUGIN_SLOT(weight_bytes, 14);
TRINITY_PLUGIN_SLOT(synchronize, 15);
TRINITY_PLUGIN_SLOT(linear_split, 16);
TRINITY_PLUGIN_SLOT(add_rms_norm, 17);
TRINITY_PLUGIN_SLOT(norm_rope, 18);
TRINITY_PLUGIN_SLOT(mlp, 19);

TRINITY_PLUGIN_FROZEN(sizeof(trinity_plugin_descriptor_v1) == 56);
TRINITY_PLUGIN_AT(trinity_plugin_descriptor_v1, name, 0);
TRINITY_PLUGIN_AT(trinity_plugin_descriptor_v1, version, 8);
TRINITY_PLUGIN_AT(trinity_plugin_descriptor_v1, description, 16);
TRINITY_PLUGIN_AT(trinity_plugin_descriptor_v1, device, 24);
TRINITY_PLUGIN_AT(trinity_plugin_descriptor_v1, dtype_policy, 32);
TRINITY_PLUGIN_AT(trinity_plugin_descriptor_v1, exactness, 40);
TRINITY_PLUGIN_AT(trinity_plugin_descriptor_v1, callback_count, 44);
TRINITY_PLUGIN_AT(trinity_plugin_descriptor_v1, callbacks, 48);
TRINITY_PLUGIN_FROZEN(sizeof(trinity_plugin_bootstrap_v1) == 32);
TRINITY_PLUGIN_AT(trinity_plugin_bootstrap_v1, magic, 0);
TRINITY_PLUGIN_AT(trinity_plugin_bootstrap_v1, bootstrap_size, 8);
TRINITY_PLUGIN_AT(trinity_plugin_bootstrap_v1, abi_version, 12);
TRINITY_PLUGIN_AT(trinity_plugin_bootstrap_v1, descriptor_size, 16);
TRINITY_PLUGIN_AT(trinity_plugin_bootstrap_v1, descriptor, 24);

#undef TRINITY_PLUGIN_SLOT
#undef TRINITY_PLUGIN_AT
#undef TRINITY_PLUGIN_FROZEN

#ifdef __cplusplus
}  // extern "C"
#endif

/* NOLINTEND(modernize-deprecated-headers,modernize-use-using,readability-identifier-naming) */

#endif  // TRINITY_BACKEND_PLUGIN_H_
