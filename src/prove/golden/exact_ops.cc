#include "prove/golden/exact_ops.h"

#include <memory>
#include <span>
#include <utility>

#include "base/try.h"
#include "hash/canonical.h"
#include "model/embedding.h"
#include "prove/golden/exact_inputs.h"
#include "route/head.h"

namespace trinity::prove {
namespace {

using Floats = std::vector<float>;

constexpr int64_t kTokens[] = {1, 3, 25, 130};
constexpr DType kWeightTypes[] = {DType::bf16, DType::f32};
constexpr float kEps = 1e-6F;
constexpr double kTheta = 1e6;

void extend(Floats& to, const Floats& values) { to.insert(to.end(), values.begin(), values.end()); }

Status add_download(Floats& out, backend::Backend& backend, const backend::Tensor& tensor) {
  TRINITY_TRY(const Floats values, backend.download(tensor));
  extend(out, values);
  return {};
}

Result<backend::Weight> prepare(backend::Backend& backend, const HostMatrix& matrix) {
  const TensorView view = matrix.view();
  return backend.prepare_linear({&view, 1});
}

/// As the next product reads it.
Status add_product(Floats& out, backend::Backend& backend, const backend::Tensor& tensor) {
  const auto size = static_cast<size_t>(tensor.cols());
  Floats identity(size * size, 0.0F);
  for (size_t i = 0; i < size; ++i) identity[i * size + i] = 1;
  TRINITY_TRY(const backend::Weight weight,
              prepare(backend, HostMatrix({tensor.cols(), tensor.cols()}, identity)));
  TRINITY_TRY(const backend::Tensor product, backend.linear(tensor, weight));
  return add_download(out, backend, product);
}

/// Rows of a table as a lane gets them: read on the host and uploaded.
Result<Floats> embed(backend::Backend& backend, ExactInputs& inputs) {
  Floats out;
  constexpr int64_t kVocab = 61, kCols = 75;
  for (const DType dtype : kWeightTypes) {
    const HostMatrix table({kVocab, kCols}, inputs.rows(kVocab, kCols), dtype);
    const model::TableRows embedding(table.view());
    for (const int64_t tokens : kTokens) {
      const std::vector<int32_t> ids = inputs.ids(tokens, kVocab);
      Floats values(ids.size() * kCols);
      TRINITY_CHECK(embedding.gather(ids, values));
      TRINITY_TRY(const backend::Tensor rows, backend.upload(values, tokens, kCols));
      TRINITY_CHECK(add_download(out, backend, rows));
    }
  }
  return out;
}

Result<Floats> linear(backend::Backend& backend, ExactInputs& inputs) {
  Floats out;
  for (const auto& [in, width] : {std::pair<int64_t, int64_t>{14, 64},
                                  {75, 132},
                                  {256, 64},
                                  {300, 75},
                                  {513, 33},
                                  {1024, 40}})
    for (const DType dtype : kWeightTypes) {
      TRINITY_TRY(const backend::Weight weight, prepare(backend, inputs.weight(width, in, dtype)));
      for (const int64_t tokens : kTokens) {
        TRINITY_TRY(const backend::Tensor x, backend.upload(inputs.rows(tokens, in), tokens, in));
        TRINITY_TRY(const backend::Tensor y, backend.linear(x, weight));
        TRINITY_CHECK(add_download(out, backend, y));
      }
    }
  return out;
}

Result<Floats> rms_norm(backend::Backend& backend, ExactInputs& inputs) {
  Floats out;
  for (const auto& [size, heads] :
       {std::pair<int64_t, int64_t>{64, 1}, {75, 1}, {300, 1}, {14, 3}, {128, 2}})
    for (const DType dtype : kWeightTypes) {
      TRINITY_TRY(const backend::Weight weight,
                  backend.prepare_norm(inputs.norm(size, dtype).view()));
      const int64_t cols = size * heads;
      for (const int64_t tokens : kTokens) {
        TRINITY_TRY(const backend::Tensor x,
                    backend.upload(inputs.rows(tokens, cols), tokens, cols));
        TRINITY_TRY(const backend::Tensor y, backend.rms_norm(x, weight, kEps));
        TRINITY_CHECK(add_product(out, backend, y));
      }
    }
  return out;
}

Result<Floats> rope(backend::Backend& backend, ExactInputs& inputs) {
  constexpr int64_t kPositions[] = {0, 1, 2, 3, 63, 64, 255, 1000, 4097, 20000, 40959};
  Floats out;
  for (const int64_t head_dim : {14, 64, 128})
    for (const int64_t tokens : kTokens) {
      const int64_t cols = 3 * head_dim;
      std::vector<int64_t> positions;
      for (int64_t r = 0; r < tokens; ++r)
        positions.push_back(kPositions[static_cast<size_t>(r + tokens) % std::size(kPositions)]);
      TRINITY_TRY(const backend::Tensor x, backend.upload(inputs.rows(tokens, cols), tokens, cols));
      TRINITY_TRY(const backend::Tensor y, backend.rope(x, positions, head_dim, kTheta));
      TRINITY_CHECK(add_download(out, backend, y));
    }
  return out;
}

/// Two activations of each shape through an operation of two.
template <typename Operation>
Result<Floats> of_pairs(backend::Backend& backend, ExactInputs& inputs,
                        const Operation& operation) {
  Floats out;
  for (const int64_t cols : {64, 75, 141})
    for (const int64_t tokens : kTokens) {
      TRINITY_TRY(const backend::Tensor a, backend.upload(inputs.rows(tokens, cols), tokens, cols));
      TRINITY_TRY(const backend::Tensor b, backend.upload(inputs.rows(tokens, cols), tokens, cols));
      TRINITY_CHECK(operation(out, a, b));
    }
  return out;
}

Result<Floats> add(backend::Backend& backend, ExactInputs& inputs) {
  return of_pairs(backend, inputs,
                  [&](Floats& out, const backend::Tensor& a, const backend::Tensor& b) -> Status {
                    TRINITY_TRY(const backend::Tensor y, backend.add(a, b));
                    return add_download(out, backend, y);
                  });
}

Result<Floats> silu_mul(backend::Backend& backend, ExactInputs& inputs) {
  return of_pairs(backend, inputs,
                  [&](Floats& out, const backend::Tensor& a, const backend::Tensor& b) -> Status {
                    TRINITY_TRY(const backend::Tensor y, backend.silu_mul(a, b));
                    return add_product(out, backend, y);
                  });
}

Result<Floats> add_rms_norm(backend::Backend& backend, ExactInputs& inputs) {
  return of_pairs(backend, inputs,
                  [&](Floats& out, const backend::Tensor& a, const backend::Tensor& b) -> Status {
                    TRINITY_TRY(const backend::Weight weight,
                                backend.prepare_norm(inputs.norm(a.cols(), DType::bf16).view()));
                    backend::Tensor residual = a;
                    TRINITY_TRY(const backend::Tensor y,
                                backend.add_rms_norm(residual, &b, weight, kEps));
                    TRINITY_CHECK(add_download(out, backend, residual));
                    return add_product(out, backend, y);
                  });
}

/// Two sequences in one call a step; every step but the first continues what their caches hold.
/// `store` puts keys and values into the caches and returns the queries.
template <typename Store>
Result<Floats> attend(backend::Backend& backend, ExactInputs& inputs, const Store& store) {
  constexpr int64_t kSteps[][2] = {{1, 70}, {3, 1}, {25, 64}, {130, 3}};
  Floats out;
  for (const backend::AttentionShape& shape :
       {backend::AttentionShape{4, 2, 14}, backend::AttentionShape{4, 2, 64},
        backend::AttentionShape{2, 1, 128}}) {
    const int64_t q_cols = shape.heads * shape.head_dim, kv_cols = shape.kv_heads * shape.head_dim;
    std::vector<std::unique_ptr<backend::KvCache>> caches;
    for (int i = 0; i < 2; ++i) {
      TRINITY_TRY(caches.emplace_back(),
                  backend.make_kv_cache({1, shape.kv_heads, shape.head_dim}));
    }
    for (const auto& step : kSteps) {
      const int64_t tokens = step[0] + step[1];
      const backend::SequenceSlice slices[] = {
          {0, step[0], caches[0]->length(0), caches[0].get()},
          {step[0], step[1], caches[1]->length(0), caches[1].get()}};
      backend::Qkv qkv;
      TRINITY_TRY(qkv.q, backend.upload(inputs.values(tokens * q_cols), tokens, q_cols));
      TRINITY_TRY(qkv.k, backend.upload(inputs.values(tokens * kv_cols), tokens, kv_cols));
      TRINITY_TRY(qkv.v, backend.upload(inputs.rows(tokens, kv_cols), tokens, kv_cols));
      TRINITY_TRY(const backend::Tensor q, store(qkv, slices, shape));
      TRINITY_TRY(const backend::Tensor mixed, backend.attention(q, slices, 0, shape));
      TRINITY_CHECK(add_product(out, backend, mixed));
    }
  }
  return out;
}

Result<Floats> attention(backend::Backend& backend, ExactInputs& inputs) {
  return attend(backend, inputs,
                [&](const backend::Qkv& qkv, std::span<const backend::SequenceSlice> slices,
                    const backend::AttentionShape&) -> Result<backend::Tensor> {
                  TRINITY_CHECK(backend.append_kv(qkv.k, qkv.v, slices, 0));
                  return qkv.q;
                });
}

Result<Floats> qk_norm_rope_append(backend::Backend& backend, ExactInputs& inputs) {
  return attend(
      backend, inputs,
      [&](const backend::Qkv& qkv, std::span<const backend::SequenceSlice> slices,
          const backend::AttentionShape& shape) -> Result<backend::Tensor> {
        TRINITY_TRY(const backend::Weight q_norm,
                    backend.prepare_norm(inputs.norm(shape.head_dim, DType::bf16).view()));
        TRINITY_TRY(const backend::Weight k_norm,
                    backend.prepare_norm(inputs.norm(shape.head_dim, DType::f32).view()));
        return backend.qk_norm_rope_append(qkv, q_norm, k_norm, kEps, kTheta, slices, 0, shape);
      });
}

Result<Floats> mlp(backend::Backend& backend, ExactInputs& inputs) {
  constexpr int64_t kHidden = 75, kInner = 141;
  Floats out;
  for (const DType dtype : kWeightTypes) {
    const HostMatrix gate = inputs.weight(kInner, kHidden, dtype);
    const HostMatrix up = inputs.weight(kInner, kHidden, dtype);
    const TensorView stacked[] = {gate.view(), up.view()};
    TRINITY_TRY(const backend::Weight gate_up, backend.prepare_linear(stacked));
    TRINITY_TRY(const backend::Weight down,
                prepare(backend, inputs.weight(kHidden, kInner, dtype)));
    for (const int64_t tokens : kTokens) {
      TRINITY_TRY(const backend::Tensor x,
                  backend.upload(inputs.rows(tokens, kHidden), tokens, kHidden));
      TRINITY_TRY(const backend::Tensor y, backend.mlp(x, gate_up, down));
      TRINITY_CHECK(add_download(out, backend, y));
    }
  }
  return out;
}

Result<Floats> head(backend::Backend&, ExactInputs& inputs) {
  Floats out;
  for (const int64_t hidden : {75, 300, 1024}) {
    const Floats weights = inputs.values(10 * hidden, -4);
    TRINITY_TRY(const route::Head head,
                route::Head::from_weights(weights, 10, static_cast<size_t>(hidden)));
    const Floats rows = inputs.rows(25, hidden);
    for (int64_t r = 0; r < 25; ++r) {
      TRINITY_TRY(const Floats logits,
                  head.logits(std::span(rows).subspan(static_cast<size_t>(r * hidden),
                                                      static_cast<size_t>(hidden))));
      extend(out, logits);
    }
  }
  return out;
}

struct Operation {
  const char* name;
  Result<Floats> (*run)(backend::Backend&, ExactInputs&);
};

constexpr Operation kOperations[] = {{"embed", embed},
                                     {"linear", linear},
                                     {"rms_norm", rms_norm},
                                     {"rope", rope},
                                     {"add", add},
                                     {"silu_mul", silu_mul},
                                     {"attention", attention},
                                     {"add_rms_norm", add_rms_norm},
                                     {"qk_norm_rope_append", qk_norm_rope_append},
                                     {"mlp", mlp},
                                     {"head", head}};

}  // namespace

const std::vector<std::string>& exact_op_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const Operation& operation : kOperations) all.emplace_back(operation.name);
    return all;
  }();
  return names;
}

Result<std::vector<OpBits>> exact_op_bits(backend::Backend& backend) {
  std::vector<OpBits> bits;
  uint64_t seed = 20250101;
  for (const Operation& operation : kOperations) {
    // A stream for each, so that a change to one leaves the bits of the others alone.
    ExactInputs inputs(seed++);
    const auto values = operation.run(backend, inputs);
    if (!values) return fail_in(std::string("operation ") + operation.name, values.error());
    bits.push_back({operation.name, hash::f32_sha256(*values)});
  }
  return bits;
}

}  // namespace trinity::prove
