// The pool file: what is read, and that every mistake is told by line with what to do about it.
#include "provider/pool_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace trinity::provider {
namespace {

constexpr const char* kWhole = R"(
[[member]]
name = "coder"
kind = "openai"
url = "http://127.0.0.1:8080/v1/"
model = "qwen2.5-coder"
key = "env:CODER_KEY"
context = 32768
max_output = 4096
capabilities = ["tools", "schema"]
price = { input = 0.15, output = 0.6, cached_input = 0.075 }
max_parallel = 4
timeout_ms = 60000
max_tokens_field = "max_completion_tokens"
forward = ["user"]
headers = { X-Team = "blue", api-key = "env:OTHER_KEY" }
body = { chat_template_kwargs = { enable_thinking = false } }

[[member]]
name = "claude"
kind = "anthropic"
model = "claude-x"
key = "file:/nowhere/key"

[slots]
0 = "coder"
others = "claude"

[roles.Thinker]
temperature = 0.1
stop = ["END"]
)";

Error error_of(std::string_view text) {
  const auto pool = read_pool_text(text, "pool.toml");
  return pool ? Error{} : pool.error();
}

std::string one(std::string_view lines) {
  return "[[member]]\nname = \"a\"\nmodel = \"m\"\nurl = \"http://127.0.0.1:1/v1\"\n" +
         std::string(lines);
}

TEST(PoolFile, EverythingIsRead) {
  const auto pool = read_pool_text(kWhole, "pool.toml");
  ASSERT_TRUE(pool) << pool.error().message;
  ASSERT_EQ(pool->members.size(), 2u);
  const MemberConfig& coder = pool->members[0];
  EXPECT_EQ(coder.kind, MemberKind::openai);
  EXPECT_EQ(coder.url.text, "http://127.0.0.1:8080/v1");
  EXPECT_EQ(coder.model, "qwen2.5-coder");
  EXPECT_EQ(coder.context, 32768);
  EXPECT_EQ(coder.max_output, 4096);
  EXPECT_TRUE(coder.capabilities.tools);
  EXPECT_TRUE(coder.capabilities.schema);
  EXPECT_FALSE(coder.capabilities.vision);
  EXPECT_EQ(coder.price, (Price{150'000, 600'000, 75'000}));
  EXPECT_EQ(coder.max_parallel, 4);
  EXPECT_EQ(coder.timeout, std::chrono::milliseconds(60'000));
  EXPECT_EQ(coder.max_tokens_field, "max_completion_tokens");
  EXPECT_EQ(coder.forward, std::vector<std::string>{"user"});
  EXPECT_EQ(coder.body["chat_template_kwargs"]["enable_thinking"], Json(false));
  EXPECT_EQ(pool->members[1].url.text, "https://api.anthropic.com/v1");
  EXPECT_EQ(pool->roles.at("Thinker").temperature, 0.1);
  EXPECT_EQ(pool->roles.at("Thinker").stop, std::vector<std::string>{"END"});
  const auto slots = slot_table(*pool, 3);
  ASSERT_TRUE(slots);
  EXPECT_EQ(*slots, (std::vector<std::string>{"coder", "claude", "claude"}));
}

TEST(PoolFile, SlotsWithoutATable) {
  const auto pool = read_pool_text(one("[[member]]\nname = \"b\"\nkind = \"demo\"\n"), "pool.toml");
  ASSERT_TRUE(pool) << pool.error().message;
  EXPECT_EQ(*slot_table(*pool, 2), (std::vector<std::string>{"a", "b"}));
  const auto seven = slot_table(*pool, 7);
  ASSERT_FALSE(seven);
  EXPECT_EQ(seven.error().tag, "pool_smaller_than_head");
  EXPECT_NE(seven.error().message.find("others = \"a\""), std::string::npos);
}

TEST(PoolFile, MistakesAreToldByLine) {
  const std::vector<std::array<std::string, 2>> cases = {
      {"", "pool.toml:1: the pool has no members"},
      {"[[member]]\nmodel = 1\n", "pool.toml:2: model is a text, not a whole number"},
      {"[member]\nname = \"a\"\n", "pool.toml:1: members are written as [[member]]"},
      {"[[member]]\nname = \"a\"\n", "pool.toml:1: member a has no model"},
      {"[[member]]\nkind = \"demo\"\n", "pool.toml:1: a member has a name"},
      {"[[member]]\nname = \"a\"\nmodel = \"m\"\n", "pool.toml:1: member a has no url and no key"},
      {one("max_outputs = 3\n"),
       "pool.toml:5: there is no key of a member max_outputs (did you mean "
       "max_output?)"},
      {one("kind = \"openia\"\n"), "pool.toml:5: there is no kind openia (did you mean openai?)"},
      {one("capabilities = [\"visoin\"]\n"),
       "pool.toml:5: there is no capability visoin (did you mean vision?)"},
      {one("context = 0\n"), "pool.toml:5: context = 0 is out of range"},
      {one("context = 100\nmax_output = 100\n"), "leaves no room"},
      {one("price = { input = 1 }\n"), "pool.toml:5: a price has input and output"},
      {one("price = { input = 1, output = -1 }\n"), "price.output = -1 is out of range"},
      {one("price = { input = 1, output = nan }\n"), "price.output = nan is out of range"},
      {one("price = { inptu = 1, output = 1 }\n"), "(did you mean input?)"},
      {one("headers = { \"a b\" = \"x\" }\n"), "cannot stand in a request"},
      {one("headers = { a = \"x\\r\\ny\" }\n"), "cannot stand in a request"},
      {one("[[member]]\nname = \"a\"\nkind = \"demo\"\n"),
       "pool.toml:5: line 1 has a member a already"},
      {one("[slots]\n0 = \"b\"\n"), "pool.toml:6: there is no member b"},
      {one("[slots]\nfirst = \"a\"\n"), "pool.toml:6: first is no slot"},
      {one("[roles.Thinkr]\ntemperature = 1\n"), "there is no role Thinkr (did you mean Thinker?)"},
      {one("[roles.Worker]\ntemprature = 1\n"),
       "pool.toml:6: there is no key of a role temprature (did you mean temperature?)"},
      {one("[slot]\n0 = \"a\"\n"), "there is no part of a pool file slot (did you mean slots?)"},
      {"[[member]]\nname = \"a\"\nmodel = \"m\"\nurl = \"ftp://x\"\n", "pool.toml:4: "},
  };
  for (const auto& [text, expected] : cases) {
    const Error error = error_of(text);
    EXPECT_EQ(error.tag, "invalid_pool_file") << text;
    EXPECT_NE(error.message.find(expected), std::string::npos)
        << "for\n"
        << text << "\nsaid: " << error.message << "\nwanted: " << expected;
  }
  const Error broken = error_of("[[member]]\nname = \"a\nmodel");
  EXPECT_EQ(broken.tag, "invalid_toml");
  EXPECT_NE(broken.message.find("pool.toml: line 2"), std::string::npos) << broken.message;
}

TEST(PoolFile, AKeyInTheFileIsRefusedAndNotRepeated) {
  const Error error = error_of(one("key = \"sk-abcdefghijklmnop\"\n"));
  EXPECT_EQ(error.tag, "invalid_pool_file");
  EXPECT_NE(error.message.find("env:NAME"), std::string::npos);
  EXPECT_EQ(error.message.find("sk-"), std::string::npos) << error.message;
}

TEST(PoolFile, KeysComeFromTheEnvironmentOrFiles) {
  const std::filesystem::path file =
      std::filesystem::temp_directory_path() / "trinity_pool_key_test";
  { std::ofstream(file) << "from-a-file\n"; }
  auto pool = read_pool_text(one("key = \"file:" + file.string() +
                                 "\"\n"
                                 "headers = { api-key = \"env:OTHER\", plain = \"x\" }\n"),
                             "pool.toml");
  ASSERT_TRUE(pool) << pool.error().message;
  const auto environment = [](const std::string& name) -> std::optional<std::string> {
    return name == "OTHER" ? std::optional<std::string>(" from-the-environment ") : std::nullopt;
  };
  ASSERT_TRUE(resolve_keys(*pool, environment));
  EXPECT_EQ(pool->members[0].key.reveal(), "from-a-file");
  EXPECT_EQ(pool->members[0].secret_headers.at("api-key").reveal(), "from-the-environment");
  EXPECT_FALSE(pool->members[0].secret_headers.contains("plain"));
  std::filesystem::remove(file);

  auto missing = read_pool_text(one("key = \"env:NOT_SET\"\n"), "pool.toml");
  ASSERT_TRUE(missing);
  const Status status = resolve_keys(*missing, environment);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().tag, "missing_key");
  EXPECT_NE(status.error().message.find("NOT_SET"), std::string::npos);
  auto absent = read_pool_text(one("key = \"file:/nowhere/at/all\"\n"), "pool.toml");
  EXPECT_EQ(resolve_keys(*absent, environment).error().tag, "missing_file");
  auto lines = read_pool_text(one("key = \"env:LINES\"\n"), "pool.toml");
  EXPECT_EQ(
      resolve_keys(*lines, [](const std::string&) { return std::optional<std::string>("a\nb"); })
          .error()
          .tag,
      "invalid_key");
}

// What docs/pool.md shows is what people copy.
TEST(PoolFile, TheExamplesOfTheDocumentationAreRead) {
  std::ifstream file(std::filesystem::path(TRINITY_SOURCE_DIR) / "docs/pool.md");
  const std::string page((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  std::size_t count = 0;
  for (std::size_t at = 0; (at = page.find("```toml\n", at)) != std::string::npos;) {
    at += 8;
    const std::string example = page.substr(at, page.find("```", at) - at);
    const auto pool = read_pool_text(example, "docs/pool.md");
    ASSERT_TRUE(pool) << pool.error().message;
    EXPECT_TRUE(slot_table(*pool, 7));
    ++count;
  }
  EXPECT_GE(count, 3u);
}

TEST(PoolFile, SpecsBecomeMembers) {
  const auto pool = pool_of_specs(*named_pool("default"));
  ASSERT_TRUE(pool);
  ASSERT_EQ(pool->members.size(), 7u);
  EXPECT_EQ(pool->members[0].url.text, "https://api.openai.com/v1");
  EXPECT_EQ(pool->members[0].defaults.temperature, 0.2);
  EXPECT_EQ(pool->members[0].defaults.max_tokens, 200);
  EXPECT_EQ(*slot_table(*pool, 7),
            (std::vector<std::string>{"fast_openai", "default_reasoning", "compact_reasoning",
                                      "backup_openai", "fast_openai_2", "reasoner_2",
                                      "fallback_openai"}));
  EXPECT_EQ(pool_of_specs(*named_pool("gemini_cli_asm")).error().tag, "unsupported_provider");
  const auto mapped = pool_of_specs(*named_pool("mock"), {{0, 3}, {1, 3}});
  ASSERT_TRUE(mapped);
  EXPECT_EQ(*slot_table(*mapped, 2), (std::vector<std::string>{"mock_3", "mock_3"}));
}

}  // namespace
}  // namespace trinity::provider
