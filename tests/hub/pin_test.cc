// Reading and writing pins, the ones in pins/ among them.
#include "hub/pin.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

#include "base/temporary_folder.h"
#include "support/conformance.h"

namespace trinity::testing {
namespace {

using Json = nlohmann::ordered_json;

const std::string kHash(64, 'a');

Json small_pin() {
  return {{"version", 1},
          {"repo_id", "org/bundle"},
          {"revision", "v1.0.0"},
          {"manifest_sha256", kHash},
          {"files",
           {{{"path", "manifest.json"}, {"sha256", kHash}},
            {{"path", "checkpoints/b"}, {"sha256", std::string(64, 'b')}},
            {{"path", "a"}, {"sha256", nullptr}, {"size", 7}}}}};
}

std::string tag_of(const Json& pin) {
  const auto parsed = hub::parse_pin(pin.dump());
  return parsed ? "" : parsed.error().tag;
}

TEST(Pin, AF_1_FieldsAndFileOrder) {
  const auto pin = hub::parse_pin(small_pin().dump());
  ASSERT_TRUE(pin) << pin.error().message;
  EXPECT_EQ(pin->repo.id, "org/bundle");
  EXPECT_EQ(pin->repo.revision, "v1.0.0");
  EXPECT_EQ(pin->repo.type, hub::RepoType::dataset);
  EXPECT_EQ(pin->manifest_sha256, kHash);
  ASSERT_EQ(pin->files.size(), 3u);
  EXPECT_EQ(pin->files[0].path, "manifest.json");
  EXPECT_EQ(pin->files[1].path, "checkpoints/b");
  EXPECT_EQ(pin->files[1].sha256, std::string(64, 'b'));
  EXPECT_FALSE(pin->files[2].sha256);
  EXPECT_EQ(pin->files[2].size, 7u);
}

TEST(Pin, AF_2_MissingKeys) {
  for (const char* key : {"version", "repo_id", "revision", "files"}) {
    Json pin = small_pin();
    pin.erase(key);
    EXPECT_EQ(tag_of(pin), "missing_pin_key") << key;
    EXPECT_NE(hub::parse_pin(pin.dump()).error().message.find(key), std::string::npos);
  }
  for (const char* key : {"path", "sha256"}) {
    Json pin = small_pin();
    pin["files"][1].erase(key);
    EXPECT_EQ(tag_of(pin), "missing_pin_key") << key;
  }
  Json pin = small_pin();
  pin.erase("manifest_sha256");
  EXPECT_EQ(hub::parse_pin(pin.dump())->manifest_sha256, "");
}

TEST(Pin, AF_3_MissingFile) {
  const TemporaryFolder folder;
  const auto pin = hub::load_pin(folder / "absent.json");
  ASSERT_FALSE(pin);
  EXPECT_EQ(pin.error().tag, "missing_file");
  EXPECT_EQ(pin.error().kind, ErrorKind::missing);
}

TEST(Pin, AF_4_OtherVersions) {
  for (const Json& version : {Json(999), Json(0), Json("1"), Json(1.5), Json(nullptr)}) {
    Json pin = small_pin();
    pin["version"] = version;
    EXPECT_EQ(tag_of(pin), "unsupported_pin_version") << version.dump();
  }
}

TEST(Pin, NullStatesNothing) {
  Json pin = small_pin();
  pin["files"][2]["size"] = nullptr;
  for (const char* key : {"manifest_sha256", "repo_type", "mirrors"}) pin[key] = nullptr;
  const auto parsed = hub::parse_pin(pin.dump());
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_FALSE(parsed->files[2].size);
  EXPECT_EQ(parsed->manifest_sha256, "");
  EXPECT_EQ(parsed->repo.type, hub::RepoType::dataset);
  EXPECT_TRUE(parsed->mirrors.empty());
  for (const char* key : {"version", "repo_id", "revision", "files"}) {
    Json required = small_pin();
    required[key] = nullptr;
    EXPECT_NE(tag_of(required), "") << key;
  }
}

TEST(Pin, ContradictionsAndNonsenseAreRefused) {
  const auto changed = [](const std::function<void(Json&)>& change) {
    Json pin = small_pin();
    change(pin);
    return tag_of(pin);
  };
  EXPECT_EQ(changed([](Json& p) { p["files"][0]["sha256"] = std::string(64, 'b'); }),
            "invalid_pin");
  EXPECT_EQ(changed([](Json& p) { p["files"].erase(0); }), "invalid_pin");
  EXPECT_EQ(changed([](Json& p) { p["manifest_sha256"] = "abc"; }), "invalid_pin");
  EXPECT_EQ(changed([](Json& p) { p["files"][1]["sha256"] = std::string(64, 'B'); }),
            "invalid_pin");
  EXPECT_EQ(changed([](Json& p) { p["files"][1]["sha256"] = ""; }), "invalid_pin");
  EXPECT_EQ(changed([](Json& p) { p["files"] = Json::array(); }), "invalid_pin");
  EXPECT_EQ(changed([](Json& p) { p["files"][1]["size"] = -1; }), "invalid_pin");
  EXPECT_EQ(changed([](Json& p) { p["mirrors"] = "https://x"; }), "invalid_pin");
  EXPECT_EQ(changed([](Json& p) { p["repo_id"] = 7; }), "invalid_pin");
  EXPECT_EQ(changed([](Json& p) { p["repo_type"] = "space"; }), "invalid_repo");
  EXPECT_EQ(changed([](Json& p) { p["repo_id"] = "../x"; }), "invalid_repo");
  EXPECT_EQ(changed([](Json& p) { p["files"][1]["path"] = "../x"; }), "path_outside_folder");
  EXPECT_EQ(changed([](Json& p) { p["files"][1]["path"] = "/x"; }), "path_outside_folder");
  EXPECT_EQ(changed([](Json& p) { p["files"][1]["path"] = "a"; }), "conflicting_paths");
  EXPECT_EQ(hub::parse_pin("{").error().tag, "invalid_pin");
  EXPECT_EQ(hub::parse_pin("[]").error().tag, "invalid_pin");
  EXPECT_EQ(hub::parse_pin("{\"version\":1,\"version\":1}").error().tag, "invalid_pin");
}

// Property: what is written is read back the same, whatever the pin.
TEST(Pin, WritingAndReadingAgree) {
  std::mt19937 random(3);
  for (int round = 0; round < 200; ++round) {
    hub::Pin pin;
    pin.repo = {random() % 2 ? hub::RepoType::model : hub::RepoType::dataset, "o/n", "v1"};
    for (std::uint32_t i = 0; i < 1 + random() % 6; ++i) {
      hub::PinFile file{"folder/file " + std::to_string(i), std::nullopt, std::nullopt};
      if (random() % 2) file.sha256 = std::string(64, "0123456789abcdef"[random() % 16]);
      if (random() % 2) file.size = random();
      pin.files.push_back(file);
    }
    if (random() % 2) pin.mirrors = {"https://mirror.example.org"};
    const std::string text = hub::pin_json(pin);
    const auto again = hub::parse_pin(text);
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(hub::pin_json(*again), text);
    EXPECT_EQ(again->repo.type, pin.repo.type);
    EXPECT_EQ(again->files.size(), pin.files.size());
  }
}

// Property: a changed byte gives an error or a valid pin, never anything else.
TEST(Pin, DamagedTextIsRefusedOrValid) {
  const std::string text = small_pin().dump();
  std::mt19937 random(11);
  for (int round = 0; round < 5000; ++round) {
    std::string damaged = text;
    for (std::uint32_t i = 0; i < 1 + random() % 3; ++i)
      damaged[random() % damaged.size()] = static_cast<char>(random());
    const auto pin = hub::parse_pin(damaged);
    if (pin) {
      EXPECT_TRUE(hub::require_valid_pin(*pin));
    } else {
      EXPECT_FALSE(pin.error().tag.empty());
    }
  }
}

std::filesystem::path own_pin(const std::string& name) {
  return std::filesystem::path(TRINITY_SOURCE_DIR) / "pins" / name;
}

TEST(Pin, TheBaseModelIsPinnedToACommit) {
  const auto pin = hub::load_pin(own_pin("qwen3-0.6b.json"));
  ASSERT_TRUE(pin) << pin.error().message;
  EXPECT_EQ(pin->repo.type, hub::RepoType::model);
  EXPECT_EQ(pin->repo.id, "Qwen/Qwen3-0.6B");
  EXPECT_TRUE(hub::is_commit_id(pin->repo.revision));
  for (const hub::PinFile& file : pin->files)
    EXPECT_EQ(file.sha256.has_value(), file.path != "model.safetensors") << file.path;
}

TEST(Pin, PIN_1_PIN_2_PIN_3_ThePublishedBundle) {
  const auto pin = hub::load_pin(own_pin("router-qwen3-0.6b.json"));
  ASSERT_TRUE(pin) << pin.error().message;
  EXPECT_EQ(pin->repo.id, "nshkrdotcom/trinity-coordinator-adapted-qwen3-0.6b");
  EXPECT_EQ(pin->repo.revision, "v1.0.0");
  ASSERT_EQ(pin->files.size(), 11u);
  EXPECT_EQ(pin->files[0].path, "manifest.json");
  EXPECT_EQ(pin->files[1].path, "router_head.safetensors");
  EXPECT_TRUE(pin->files[2].path.starts_with("checkpoints/"));
  for (const hub::PinFile& file : pin->files) EXPECT_TRUE(file.sha256);
}

TEST(Pin, PIN_1_PIN_2_PIN_3_OurPinEqualsThePublishedOne) {
  TRINITY_REQUIRE_CONFORMANCE("sakana/artifact_pin.json");
  const auto published = hub::load_pin(conformance_path("sakana/artifact_pin.json"));
  ASSERT_TRUE(published) << published.error().message;
  EXPECT_EQ(hub::pin_json(*published),
            hub::pin_json(*hub::load_pin(own_pin("router-qwen3-0.6b.json"))));
}

}  // namespace
}  // namespace trinity::testing
