// A complete trinity backend in one C file: products by OpenBLAS, plain loops for the rest.
//
// Everything it holds, activation or weight, is one row-major f32 array. Each operation takes its
// inputs, allocates its output and fills it in. To write your own backend, begin with this file and
// replace one operation after the other; README.md shows how to check each step.
//
// One thing is less obvious. A BLAS picks other kernels for other row counts, and even within one
// call rows may be summed differently, so the same row gets other bits in another batch. Products
// here therefore take kBlock rows at a time, always: every array has room for a multiple of kBlock
// rows, with zeros behind the last one. A row's bits then do not depend on its neighbours. What is
// promised is DECISION_STABLE all the same, because OpenBLAS splits a large product by its number
// of threads, a setting of the process that is not this plugin's to fix.
#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <trinity/backend_plugin.h>

enum { kBlock = 8, kLanes = 16 };

// ---- what is behind the opaque pointers
// -------------------------------------------------------------

struct trinity_plugin_backend {
  uint64_t weight_floats;
};

struct trinity_plugin_storage {
  int64_t count;  // of values, the unused rows included
  float values[];
};

typedef trinity_plugin_backend Backend;
typedef trinity_plugin_tensor Tensor;
typedef trinity_plugin_error Error;

static float* values_of(const Tensor* tensor) { return tensor->storage->values; }

/// Zeros, with room for a multiple of kBlock rows.
static Error new_tensor(int64_t rows, int64_t cols, Tensor* out) {
  const int64_t room = (rows + kBlock - 1) / kBlock * kBlock;
  if (cols > INT32_MAX / 4 || room > INT64_MAX / 16 / cols) return "a tensor is too large";
  const size_t bytes = (size_t)(room * cols) * sizeof(float);
  out->storage = calloc(1, sizeof(trinity_plugin_storage) + bytes);
  if (out->storage == NULL) return "out of memory";
  out->storage->count = room * cols;
  out->rows = rows;
  out->cols = cols;
  return NULL;
}

static Error new_copy(const float* values, int64_t rows, int64_t cols, Tensor* out) {
  const Error error = new_tensor(rows, cols, out);
  if (error == NULL) memcpy(values_of(out), values, (size_t)(rows * cols) * sizeof(float));
  return error;
}

// ---- life
// -------------------------------------------------------------------------------------------

/// OpenBLAS keeps its number of threads for the whole process, so it is left alone here:
/// OPENBLAS_NUM_THREADS sets it.
static Error create(const trinity_plugin_options* options, Backend** out) {
  (void)options;
  *out = calloc(1, sizeof(Backend));
  return *out == NULL ? "out of memory" : NULL;
}

static void destroy(Backend* backend) { free(backend); }

static void release(Backend* backend, trinity_plugin_storage* storage) {
  (void)backend;
  free(storage);
}

// ---- weights and data
// -------------------------------------------------------------------------------

/// Stacks the matrices by rows. They are used as they are; this is the place to pack or convert.
static Error prepare_linear(Backend* backend, const trinity_plugin_matrix* stacked, int64_t count,
                            Tensor* out) {
  int64_t rows = 0;
  const int64_t cols = stacked[0].cols;
  for (int64_t i = 0; i < count; ++i) rows += stacked[i].rows;
  const Error error = new_tensor(rows, cols, out);
  if (error != NULL) return error;
  float* to = values_of(out);
  for (int64_t i = 0; i < count; ++i) {
    memcpy(to, stacked[i].values, (size_t)(stacked[i].rows * cols) * sizeof(float));
    to += stacked[i].rows * cols;
  }
  backend->weight_floats += (uint64_t)(rows * cols);
  return NULL;
}

static Error prepare_norm(Backend* backend, const float* values, int64_t size, Tensor* out) {
  backend->weight_floats += (uint64_t)size;
  return new_copy(values, 1, size, out);
}

static uint64_t weight_bytes(Backend* backend) { return backend->weight_floats * sizeof(float); }

static Error upload(Backend* backend, const float* values, int64_t rows, int64_t cols,
                    Tensor* out) {
  (void)backend;
  return new_copy(values, rows, cols, out);
}

static Error download(Backend* backend, const Tensor* tensor, float* values) {
  (void)backend;
  memcpy(values, values_of(tensor), (size_t)(tensor->rows * tensor->cols) * sizeof(float));
  return NULL;
}

// ---- products
// ---------------------------------------------------------------------------------------

/// out[rows, out] = x[rows, in] · weight[out, in]ᵀ, kBlock rows at a time.
static Error linear(Backend* backend, const Tensor* x, const Tensor* weight, Tensor* out) {
  (void)backend;
  const Error error = new_tensor(x->rows, weight->rows, out);
  if (error != NULL) return error;
  const int n = (int)weight->rows, k = (int)weight->cols;
  for (int64_t row = 0; row < x->rows; row += kBlock)
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, kBlock, n, k, 1.0f, values_of(x) + row * k,
                k, values_of(weight), k, 0.0f, values_of(out) + row * n, n);
  return NULL;
}

/// Optional: one product by stacked matrices, cut into their columns.
static Error linear_split(Backend* backend, const Tensor* x, const Tensor* weight,
                          const int64_t* out_sizes, int64_t count, Tensor* outs) {
  Tensor all;
  Error error = linear(backend, x, weight, &all);
  if (error != NULL) return error;
  int64_t begin = 0;
  for (int64_t i = 0; i < count && error == NULL; ++i) {
    error = new_tensor(x->rows, out_sizes[i], &outs[i]);
    for (int64_t r = 0; r < x->rows && error == NULL; ++r)
      memcpy(values_of(&outs[i]) + r * out_sizes[i], values_of(&all) + r * weight->rows + begin,
             (size_t)out_sizes[i] * sizeof(float));
    begin += out_sizes[i];
  }
  free(all.storage);
  // What a failed call has made, it releases itself; parts that were not reached are zero.
  for (int64_t i = 0; i < count && error != NULL; ++i) free(outs[i].storage);
  return error;
}

// ---- row by row
// -------------------------------------------------------------------------------------

static Error rms_norm(Backend* backend, const Tensor* x, const Tensor* weight, float eps,
                      Tensor* out) {
  (void)backend;
  const Error error = new_tensor(x->rows, x->cols, out);
  if (error != NULL) return error;
  const float* w = values_of(weight);
  const int64_t size = weight->cols;
  for (int64_t begin = 0; begin < x->rows * x->cols; begin += size) {
    const float* from = values_of(x) + begin;
    double squares = 0;
    for (int64_t i = 0; i < size; ++i) squares += (double)from[i] * from[i];
    const float scale = (float)(1 / sqrt(squares / (double)size + eps));
    for (int64_t i = 0; i < size; ++i) values_of(out)[begin + i] = from[i] * scale * w[i];
  }
  return NULL;
}

static Error rope(Backend* backend, const Tensor* x, const int64_t* positions, int64_t head_dim,
                  double theta, Tensor* out) {
  (void)backend;
  const Error error = new_tensor(x->rows, x->cols, out);
  if (error != NULL) return error;
  const int64_t half = head_dim / 2;
  for (int64_t i = 0; i < half; ++i) {
    const float frequency = (float)pow(theta, -2.0 * (double)i / (double)head_dim);
    for (int64_t row = 0; row < x->rows; ++row) {
      const float angle = (float)positions[row] * frequency;
      const float c = (float)cos(angle), s = (float)sin(angle);
      for (int64_t head = 0; head < x->cols; head += head_dim) {
        const int64_t first = row * x->cols + head + i, second = first + half;
        const float a = values_of(x)[first], b = values_of(x)[second];
        values_of(out)[first] = a * c - b * s;
        values_of(out)[second] = b * c + a * s;
      }
    }
  }
  return NULL;
}

static Error add(Backend* backend, const Tensor* a, const Tensor* b, Tensor* out) {
  (void)backend;
  const Error error = new_tensor(a->rows, a->cols, out);
  if (error != NULL) return error;
  for (int64_t i = 0; i < a->rows * a->cols; ++i)
    values_of(out)[i] = values_of(a)[i] + values_of(b)[i];
  return NULL;
}

static Error silu_mul(Backend* backend, const Tensor* gate, const Tensor* up, Tensor* out) {
  (void)backend;
  const Error error = new_tensor(gate->rows, gate->cols, out);
  if (error != NULL) return error;
  for (int64_t i = 0; i < gate->rows * gate->cols; ++i) {
    const float z = values_of(gate)[i];
    values_of(out)[i] = z / (1 + expf(-z)) * values_of(up)[i];
  }
  return NULL;
}

static Error select_rows(Backend* backend, const Tensor* x, const int64_t* rows, int64_t count,
                         Tensor* out) {
  (void)backend;
  const Error error = new_tensor(count, x->cols, out);
  if (error != NULL) return error;
  for (int64_t i = 0; i < count; ++i)
    memcpy(values_of(out) + i * x->cols, values_of(x) + rows[i] * x->cols,
           (size_t)x->cols * sizeof(float));
  return NULL;
}

// ---- attention
// --------------------------------------------------------------------------------------

/// A sum in kLanes parts, which a compiler can vectorise without changing it.
static float dot(const float* a, const float* b, int64_t count) {
  float parts[kLanes] = {0};
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes)
    for (int lane = 0; lane < kLanes; ++lane) parts[lane] += a[i + lane] * b[i + lane];
  for (int lane = 0; i < count; ++i, ++lane) parts[lane] += a[i] * b[i];
  float sum = 0;
  for (int lane = 0; lane < kLanes; ++lane) sum += parts[lane];
  return sum;
}

/// One query of one head over its keys and values, which lie `stride` floats apart.
static void attend(const float* query, const float* keys, const float* values, int64_t count,
                   int64_t stride, int64_t dim, float* weights, float* out) {
  const float scale = (float)(1 / sqrt((double)dim));
  float highest = -INFINITY;
  for (int64_t t = 0; t < count; ++t) {
    weights[t] = dot(query, keys + t * stride, dim) * scale;
    if (weights[t] > highest) highest = weights[t];
  }
  double sum = 0;
  for (int64_t t = 0; t < count; ++t) {
    weights[t] = expf(weights[t] - highest);
    sum += weights[t];
  }
  for (int64_t t = 0; t < count; ++t) {
    const float weight = (float)(weights[t] / sum);
    for (int64_t d = 0; d < dim; ++d) out[d] += weight * values[t * stride + d];
  }
}

static Error attention(Backend* backend, const Tensor* q, const trinity_plugin_slice* slices,
                       int64_t slice_count, const trinity_plugin_attention_shape* shape,
                       Tensor* out) {
  (void)backend;
  int64_t longest = 0;
  for (int64_t s = 0; s < slice_count; ++s) {
    const int64_t end = slices[s].position_begin + slices[s].row_count;
    if (end > longest) longest = end;
  }
  float* weights = malloc((size_t)longest * sizeof(float));
  if (weights == NULL) return "out of memory";
  const Error error = new_tensor(q->rows, q->cols, out);
  const int64_t dim = shape->head_dim, group = shape->heads / shape->kv_heads;
  for (int64_t s = 0; s < slice_count && error == NULL; ++s)
    for (int64_t r = 0; r < slices[s].row_count; ++r)
      for (int64_t head = 0; head < shape->heads; ++head) {
        const int64_t at = (slices[s].row_begin + r) * q->cols + head * dim;
        const int64_t kv = head / group * dim;
        attend(values_of(q) + at, slices[s].keys + kv, slices[s].values + kv,
               slices[s].position_begin + r + 1, shape->kv_heads * dim, dim, weights,
               values_of(out) + at);
      }
  free(weights);
  return error;
}

// ---- discovery
// --------------------------------------------------------------------------------------

static const trinity_plugin_callbacks_v1 callbacks = {
    .create = create,
    .destroy = destroy,
    .release = release,
    .prepare_linear = prepare_linear,
    .prepare_norm = prepare_norm,
    .upload = upload,
    .download = download,
    .linear = linear,
    .rms_norm = rms_norm,
    .rope = rope,
    .add = add,
    .silu_mul = silu_mul,
    .select_rows = select_rows,
    .attention = attention,
    .weight_bytes = weight_bytes,
    .linear_split = linear_split,
    // synchronize, add_rms_norm, norm_rope and mlp stay NULL: the host composes them.
};

static const trinity_plugin_descriptor_v1 descriptor = {
    .name = "openblas",
    .version = "1.0",
    .description = "f32 products by OpenBLAS, plain loops for the rest",
    .device = "processor, OpenBLAS",
    .dtype_policy = "f32 storage, f32 products and sums",
    .exactness = TRINITY_PLUGIN_DECISION_STABLE,
    .callback_count = TRINITY_PLUGIN_CALLBACK_COUNT_V1,
    .callbacks = &callbacks,
};

static const trinity_plugin_bootstrap_v1 bootstrap = {
    .magic = TRINITY_PLUGIN_MAGIC_V1,
    .bootstrap_size = sizeof(trinity_plugin_bootstrap_v1),
    .abi_version = TRINITY_PLUGIN_ABI_VERSION,
    .descriptor_size = sizeof(trinity_plugin_descriptor_v1),
    .descriptor = &descriptor,
};

const trinity_plugin_bootstrap_v1* trinity_backend_plugin_v1(void) { return &bootstrap; }
