#include "text/tokenizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>

#include "base/file.h"
#include "base/foreign_file.h"
#include "base/utf8.h"
#include "text/nfc.h"
#include "text/pre_tokenizer.h"
#include "text/tokenizer_json.h"

namespace trinity::text {

namespace {

constexpr std::size_t max_file_bytes = std::size_t{256} << 20;
constexpr std::size_t max_input_bytes = std::size_t{64} << 20;

/// Text gathered from views: the only view itself, or a copy once there are several.
class Gathered {
 public:
  void add(std::string_view text) {
    if (text.empty()) return;
    if (view_.empty()) {
      view_ = text;
      return;
    }
    if (view_.data() != buffer_.data()) buffer_.assign(view_);
    buffer_.append(text);
    view_ = buffer_;
  }
  std::string_view view() const { return view_; }
  void clear() {
    view_ = {};
    buffer_.clear();
  }

 private:
  std::string_view view_;
  std::string buffer_;
};

/// The spans without empty ones, neighbouring literals made one. `storage` keeps the joined texts.
std::vector<Span> join_literals(std::span<const Span> spans, std::deque<std::string>& storage) {
  std::vector<Span> result;
  bool last_is_joined = false;
  for (const Span& span : spans) {
    if (span.text.empty()) continue;
    if (result.empty() || span.policy == SpecialTokens::plain ||
        result.back().policy == SpecialTokens::plain) {
      result.push_back(span);
      last_is_joined = false;
      continue;
    }
    if (!last_is_joined) storage.emplace_back(result.back().text);
    last_is_joined = true;
    storage.back().append(span.text);
    result.back().text = storage.back();
  }
  return result;
}

}  // namespace

struct TokenizerBuilder {
  static Result<Tokenizer> build(std::string json) {
    Result<TokenizerModel> model = read_tokenizer_json(std::move(json));
    if (!model) return tl::unexpected<Error>(model.error());
    Tokenizer tokenizer;
    tokenizer.ends_ = std::move(model->ends);
    tokenizer.notes_ = std::move(model->notes);
    for (const bool after : {false, true}) {
      for (const EndToken& token : after ? tokenizer.ends_.after : tokenizer.ends_.before) {
        tokenizer.add_note(fmt::format(
            "the tokenizer file's post_processor sets the token \"{}\" ({}) {} every text; texts "
            "and plain transcripts get it, the chat template goes without",
            excerpt(token.name), token.id, after ? "after" : "before"));
      }
    }
    tokenizer.added_ = AddedTokens(std::move(model->added_tokens));
    tokenizer.vocab_size_ = model->vocabulary.id_end();
    for (const AddedTokens::Token& token : tokenizer.added_.tokens()) {
      tokenizer.vocab_size_ = std::max(tokenizer.vocab_size_, token.id + 1);
    }
    Result<Bpe> bpe = Bpe::create(std::move(model->vocabulary), model->merges);
    if (!bpe) return tl::unexpected<Error>(bpe.error());
    tokenizer.bpe_ = std::move(*bpe);
    return tokenizer;
  }
};

Result<Tokenizer> Tokenizer::load(const std::filesystem::path& tokenizer_json) {
  Result<std::string> json = read_json_file(tokenizer_json, max_file_bytes);
  if (!json) return tl::unexpected<Error>(json.error());
  Result<Tokenizer> tokenizer = TokenizerBuilder::build(std::move(*json));
  if (!tokenizer) return fail_in(tokenizer_json.string(), tokenizer.error());
  return tokenizer;
}

Result<Tokenizer> Tokenizer::parse(std::string_view json) {
  return TokenizerBuilder::build(std::string(json));
}

void Tokenizer::append_run(std::string_view run, std::vector<std::int32_t>& ids) const {
  std::string buffer;
  const std::string_view text = nfc_view(run, buffer);
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = piece_end(text, begin);
    bpe_.encode(text.substr(begin, end - begin), ids);
    begin = end;
  }
}

Result<std::vector<std::int32_t>> Tokenizer::encode(std::string_view text,
                                                    SpecialTokens policy) const {
  const Span span{text, policy};
  return encode(std::span<const Span>(&span, 1));
}

Result<std::vector<std::int32_t>> Tokenizer::encode(std::span<const Span> spans) const {
  std::size_t size = 0;
  for (const Span& span : spans) {
    if (span.text.size() > max_input_bytes - size) {
      return fail(ErrorKind::invalid_input, "input_too_long",
                  fmt::format("the text is longer than {} MiB; shorten it", max_input_bytes >> 20));
    }
    const std::size_t invalid = first_invalid_utf8(span.text);
    if (invalid != span.text.size()) {
      return fail(
          ErrorKind::invalid_input, "invalid_utf8",
          fmt::format("the text is not valid UTF-8 at byte offset {}; re-encode it as UTF-8",
                      size + invalid));
    }
    size += span.text.size();
  }

  std::vector<std::int32_t> ids;
  ids.reserve(size / 4 + 8);     // about four bytes a token in English text
  std::deque<std::string> kept;  // texts that were made here and are viewed by spans and runs
  Gathered run;
  const auto end_run_with = [&](std::int32_t id) {
    append_run(run.view(), ids);
    run.clear();
    ids.push_back(id);
  };
  // Literal text between two tokens that are found as they are given.
  const auto add_stretch = [&](std::string_view text) {
    if (!added_.has_normalized() || text.empty()) {
      run.add(text);
      return;
    }
    const std::string_view normal = kept.emplace_back(nfc(text));
    std::size_t from = 0;
    while (const auto match = added_.find_normalized(normal, from)) {
      run.add(normal.substr(from, match->begin - from));
      end_run_with(match->id);
      from = match->begin + match->length;
    }
    run.add(normal.substr(from));  // the NFC form of a run with it is that of the run as given
  };
  for (const Span& span : join_literals(spans, kept)) {
    if (span.policy == SpecialTokens::plain) {
      run.add(span.text);
      continue;
    }
    std::size_t from = 0;
    while (const auto match = added_.find(span.text, from)) {
      add_stretch(span.text.substr(from, match->begin - from));
      end_run_with(match->id);
      from = match->begin + match->length;
    }
    add_stretch(span.text.substr(from));
  }
  append_run(run.view(), ids);
  return ids;
}

std::vector<std::int32_t> Tokenizer::with_ends(std::vector<std::int32_t> ids) const {
  if (ends_.before.empty() && ends_.after.empty()) return ids;
  std::vector<std::int32_t> whole;
  whole.reserve(ids.size() + ends_.before.size() + ends_.after.size());
  for (const EndToken& token : ends_.before) whole.push_back(token.id);
  whole.insert(whole.end(), ids.begin(), ids.end());
  for (const EndToken& token : ends_.after) whole.push_back(token.id);
  return whole;
}

Result<std::string> Tokenizer::decode(std::span<const std::int32_t> ids) const {
  std::string text;
  for (const std::int32_t id : ids) {
    if (const std::string* content = added_.content_of(id)) {
      text += *content;
    } else if (bpe_.vocabulary().defines(id)) {
      text += bpe_.vocabulary().bytes(id);
    } else {
      return fail(ErrorKind::invalid_input, "unknown_token_id",
                  fmt::format("the tokenizer defines no token with the id {}; ids lie below {}", id,
                              vocab_size_));
    }
  }
  return text;
}

}  // namespace trinity::text
