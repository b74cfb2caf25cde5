// `trinity pull` and `trinity pin` as the built program: killed and resumed, what it prints, what
// it reads from the environment.
#include <gtest/gtest.h>

#include <csignal>
#include <nlohmann/json.hpp>
#include <thread>

#include "bundle/manifest.h"
#include "cli/run_program.h"
#include "hub/pull_support.h"

namespace trinity::testing {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

struct Command {
  HubServer server;
  TemporaryFolder folder;
  std::vector<TestFile> files = bundle_files();
  hub::Pin pin = pin_of(files);
  Environment environment = {{"HF_HUB_CACHE", folder / "cache"}};

  Command() {
    publish(server, pin, files);
    folder.put("pin.json", hub::pin_json(pin));
  }
  Words words(const Words& more = {}) const {
    Words all = {"pull",   folder / "pin.json", "--endpoint", server.url(),
                 "--dest", folder / "dest"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
};

TEST(PullCommand, SaysWhatWasPulled) {
  Command command;
  const Outcome outcome = run(command.words(), "", command.environment);
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(lines_of(outcome.out)[0],
            fmt::format("trinity pull ok — 4 files into {} (repo org/bundle @ v1.0.0)",
                        (command.folder / "dest").string()));
  EXPECT_NE(outcome.out.find("\nnext: trinity doctor --model MODEL --bundle "), std::string::npos);
  EXPECT_EQ(outcome.err, "");
  expect_complete(command.folder / "dest", command.files);
}

TEST(PullCommand, JsonIsOneObject) {
  Command command;
  const Outcome outcome = run(command.words({"--json"}), "", command.environment);
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const Json record = Json::parse(outcome.out);
  EXPECT_EQ(record["repo_id"], "org/bundle");
  EXPECT_EQ(record["repo_type"], "dataset");
  EXPECT_EQ(record["commit"], kCommit);
  ASSERT_EQ(record["files"].size(), 4u);
  EXPECT_EQ(record["files"][2]["sha256"], sha256_hex(command.files[2].content));
  EXPECT_EQ(record["files"][2]["verified"], "pin");
  EXPECT_EQ(record["files"][2]["source"], "downloaded");
  EXPECT_EQ(record["files"][2]["endpoint"], command.server.url());
}

// Killed at any moment, the next run goes on: here when the server holds the second half back.
TEST(PullCommand, KilledAndRunAgainItGoesOn) {
  Command command;
  const std::string part = "0001_a";
  std::atomic<bool> hold{true};
  command.server.set_handler([&](const HubRequestLine& request) -> std::optional<HubReply> {
    if (!hold || request.method != "GET" || request.target.find(part) == std::string::npos)
      return std::nullopt;
    HubReply reply = HubServer::serve({command.files[2].content, kCommit, true, ""}, request);
    reply.body_bytes = 120'000;
    reply.hang = true;
    return reply;
  });
  const fs::path partial = command.folder / ("cache/datasets--org--bundle/blobs/" +
                                             sha256_hex(command.files[2].content) + ".incomplete");
  {
    Process process(command.words(), command.environment);
    const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    std::error_code error;
    while (std::chrono::steady_clock::now() < end && fs::file_size(partial, error) != 120'000)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }  // the end of a Process is SIGKILL
  ASSERT_EQ(fs::file_size(partial), 120'000u);
  EXPECT_FALSE(fs::exists(command.folder / "dest" / command.files[2].path));
  hold = false;
  command.server.forget_requests();
  const Outcome outcome = run(command.words({"--json"}), "", command.environment);
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  expect_complete(command.folder / "dest", command.files);
  EXPECT_EQ(Json::parse(outcome.out)["files"][2]["resumed_from"], 120'000);
  bool seen = false;
  for (const auto& request : command.server.requests())
    if (request.method == "GET" && request.target.find(part) != std::string::npos) {
      EXPECT_EQ(request.header("range"), "bytes=120000-");
      seen = true;
    }
  EXPECT_TRUE(seen);
}

TEST(PullCommand, TheTokenIsSentAndNeverShown) {
  Command command;
  const std::string token = "hf_SecretTokenForTests";
  command.environment["HF_TOKEN"] = token + "\n";
  command.server.set_handler([&](const HubRequestLine& request) -> std::optional<HubReply> {
    EXPECT_EQ(request.header("authorization"), "Bearer " + token);
    return redirect("http://127.0.0.1:1/" + token);
  });
  const Outcome outcome = run(command.words({"--json", "--retries", "0"}), "", command.environment);
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.out.find(token), std::string::npos) << outcome.out;
  EXPECT_EQ(outcome.err.find(token), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find("pull failed for "), std::string::npos) << outcome.err;
}

TEST(PullCommand, TheEnvironmentNamesCacheAndOffline) {
  Command command;
  command.environment = {{"HF_HOME", command.folder / "home"}};
  ASSERT_EQ(run(command.words(), "", command.environment).status, 0);
  EXPECT_TRUE(fs::exists(command.folder / "home/hub/datasets--org--bundle/blobs"));
  for (const std::string value : {"1", "true"}) {
    command.server.forget_requests();
    const Outcome outcome = run({"pull", command.folder / "pin.json", "--endpoint",
                                 command.server.url(), "--cache", command.folder / "empty"},
                                "", {{"HF_HUB_OFFLINE", value}});
    EXPECT_EQ(outcome.status, 3) << outcome.err;
    EXPECT_TRUE(command.server.requests().empty());
  }
  // A proxy for others is not used for this machine.
  command.environment["http_proxy"] = "http://127.0.0.1:1";
  command.environment["HF_HOME"] = command.folder / "other";
  EXPECT_EQ(run(command.words(), "", command.environment).status, 0);
}

Words words_without_endpoint(const Command& command) {
  return {"pull", command.folder / "pin.json", "--dest", command.folder / "dest"};
}

std::size_t requests_with_token(const HubServer& server, const std::string& token) {
  std::size_t count = 0;
  for (const auto& request : server.requests()) {
    const std::string sent = request.header("authorization");
    if (sent.empty()) continue;
    EXPECT_EQ(sent, "Bearer " + token);
    ++count;
  }
  return count;
}

TEST(PullCommand, HfEndpointNamesTheHubAndAnExplicitOneWins) {
  Command command;
  command.environment["HF_ENDPOINT"] = command.server.url() + "/";
  const Outcome outcome = run(words_without_endpoint(command), "", command.environment);
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  expect_complete(command.folder / "dest", command.files);
  EXPECT_NE(outcome.out.find("from " + command.server.url()), std::string::npos) << outcome.out;

  HubServer other;
  publish(other, command.pin, command.files);
  command.server.forget_requests();
  const Words elsewhere = {"--endpoint", other.url(),
                           "--cache",    command.folder / "second",
                           "--dest",     command.folder / "again"};
  Words words = {"pull", command.folder / "pin.json"};
  words.insert(words.end(), elsewhere.begin(), elsewhere.end());
  ASSERT_EQ(run(words, "", command.environment).status, 0);
  EXPECT_TRUE(command.server.requests().empty());
  EXPECT_FALSE(other.requests().empty());

  command.environment["HF_ENDPOINT"] = "hf-mirror.example";
  const Outcome wrong = run({"pull", command.folder / "pin.json"}, "", command.environment);
  EXPECT_EQ(wrong.status, 1);
  EXPECT_NE(wrong.err.find("HF_ENDPOINT: the address \"hf-mirror.example\""), std::string::npos)
      << wrong.err;
}

TEST(PullCommand, TheTokenOfALoginIsSentToItsHubAlone) {
  const std::string token = "hf_TokenOfALogin";
  for (const std::string where : {"HF_HOME", "HF_TOKEN_PATH", "XDG_CACHE_HOME", "HOME"}) {
    Command command;
    const std::map<std::string, std::string> places = {{"HF_HOME", "x/token"},
                                                       {"HF_TOKEN_PATH", "x"},
                                                       {"XDG_CACHE_HOME", "x/huggingface/token"},
                                                       {"HOME", "x/.cache/huggingface/token"}};
    command.folder.put(places.at(where), token + "\r\n");
    command.environment[where] = command.folder / "x";
    command.environment["HF_ENDPOINT"] = command.server.url();
    const Outcome outcome = run(words_without_endpoint(command), "", command.environment);
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(outcome.err, "");
    EXPECT_EQ(requests_with_token(command.server, token), command.server.requests().size());

    HubServer other;
    publish(other, command.pin, command.files);
    const Outcome elsewhere =
        run({"pull", command.folder / "pin.json", "--endpoint", other.url(), "--dest",
             command.folder / "again", "--cache", command.folder / "second"},
            "", command.environment);
    ASSERT_EQ(elsewhere.status, 0) << elsewhere.err;
    EXPECT_FALSE(other.requests().empty());
    EXPECT_EQ(requests_with_token(other, token), 0u);
  }
}

TEST(PullCommand, TokenVariablesGoBeforeTheFile) {
  Command command;
  command.folder.put("home/token", "hf_OfTheFile");
  command.environment["HF_HOME"] = command.folder / "home";
  command.environment["HF_ENDPOINT"] = command.server.url();
  command.environment["HUGGING_FACE_HUB_TOKEN"] = "hf_OfTheOlderName";
  ASSERT_EQ(run(words_without_endpoint(command), "", command.environment).status, 0);
  EXPECT_GT(requests_with_token(command.server, "hf_OfTheOlderName"), 0u);
  command.server.forget_requests();
  command.environment["HF_TOKEN"] = "hf_OfTheVariable";
  command.environment["HF_HUB_CACHE"] = command.folder / "second";
  ASSERT_EQ(run({"pull", command.folder / "pin.json"}, "", command.environment).status, 0);
  EXPECT_GT(requests_with_token(command.server, "hf_OfTheVariable"), 0u);
  command.server.forget_requests();
  command.environment.erase("HF_TOKEN");
  command.environment.erase("HUGGING_FACE_HUB_TOKEN");
  command.environment["HF_HUB_DISABLE_IMPLICIT_TOKEN"] = "1";
  command.environment["HF_HUB_CACHE"] = command.folder / "third";
  ASSERT_EQ(run({"pull", command.folder / "pin.json"}, "", command.environment).status, 0);
  EXPECT_EQ(requests_with_token(command.server, ""), 0u);
}

TEST(PullCommand, ATokenFileThatIsOfNoUseIsNamedAndNotSent) {
  for (const std::string content : {"two words", "tok\x01en", "LONG", "FOLDER"}) {
    Command command;
    command.environment["HF_ENDPOINT"] = command.server.url();
    command.environment["HF_TOKEN_PATH"] = command.folder / "token";
    if (content == "FOLDER")
      fs::create_directories(command.folder / "token");
    else
      command.folder.put("token", content == "LONG" ? std::string(100'000, 'x') : content);
    const Outcome outcome = run(words_without_endpoint(command), "", command.environment);
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_NE(outcome.err.find("no token is sent: "), std::string::npos) << outcome.err;
    EXPECT_EQ(requests_with_token(command.server, ""), 0u);
  }
}

TEST(PullCommand, OfflineHasTheNamesAndWordsOfTheHubsClient) {
  Command command;
  for (const std::string name : {"HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"}) {
    for (const std::string value : {"1", "TRUE", "Yes", "on"}) {
      const Outcome outcome = run({"pull", command.folder / "pin.json", "--endpoint",
                                   command.server.url(), "--cache", command.folder / "empty"},
                                  "", {{name, value}});
      EXPECT_EQ(outcome.status, 3) << name << value << outcome.err;
    }
  }
  EXPECT_TRUE(command.server.requests().empty());
}

TEST(PullCommand, WithoutASourceAndADefaultPinItSaysWhatCanBeNamed) {
  Command command;
  const Outcome outcome =
      Process("/bin/sh",
              {"-c", "cd \"$1\" && exec \"$0\" pull", TRINITY_PROGRAM, command.folder.path()},
              command.environment)
          .finish("");
  EXPECT_EQ(outcome.status, 2) << outcome.err;
  for (const char* word : {"--base", "--router", "REPO@REV", "pin file"})
    EXPECT_NE(outcome.err.find(word), std::string::npos) << outcome.err;
  EXPECT_EQ(lines_of(outcome.err).size(), 1u);
}

TEST(PullCommand, ARepositoryIsListedOrItsFilesNamed) {
  Command command;
  hub::Pin model = command.pin;
  model.repo = {hub::RepoType::model, "org/model", kCommit};
  publish(command.server, model, command.files);
  Json list = Json::array();
  for (const TestFile& file : command.files)
    list.push_back({{"type", "file"}, {"path", file.path}, {"size", file.content.size()}});
  command.server.put(hub::tree_target(model.repo), {list.dump(), "", false, ""});
  const std::string source = "org/model@" + kCommit;
  const Outcome all =
      run({"pull", source, "--endpoint", command.server.url(), "--dest", command.folder / "all"},
          "", command.environment);
  ASSERT_EQ(all.status, 0) << all.err;
  expect_complete(command.folder / "all", command.files);
  EXPECT_NE(all.err.find("no hash is pinned"), std::string::npos);
  const Outcome one = run({"pull", source, "--file", "manifest.json", "--endpoint",
                           command.server.url(), "--dest", command.folder / "one"},
                          "", command.environment);
  ASSERT_EQ(one.status, 0) << one.err;
  EXPECT_EQ(files_below(command.folder / "one"), Words{"manifest.json"});
}

TEST(PullCommand, AF_11_AF_12_WithoutASourceTheDefaultPinAndFolder) {
  Command command;
  command.folder.put("priv/sakana_trinity/artifact_pin.json", hub::pin_json(command.pin));
  const Outcome outcome = Process("/bin/sh",
                                  {"-c", "cd \"$1\" && exec \"$0\" pull --endpoint \"$2\"",
                                   TRINITY_PROGRAM, command.folder.path(), command.server.url()},
                                  command.environment)
                              .finish("");
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  expect_complete(command.folder / "priv/sakana_trinity/adapted_qwen3_0_6b_layer26", command.files);
}

TEST(PullCommand, AFT_4_WrongCallsAndMissingPinsAreOneSentence) {
  Command command;
  const std::vector<std::pair<Words, int>> calls = {
      {{"pull", command.folder / "absent.json"}, 3},
      {{"pull", "org/model"}, 2},
      {{"pull", "org/model@main", "--base"}, 2},
      {{"pull", "--base", "--router"}, 2},
      {{"pull", "--base", "--file", "x"}, 2},
      {{"pull", "--jobs", "0", "--base"}, 2},
      {{"pull", "../x@main", "--file", "a"}, 1},
      {{"pull", "org/model@main", "--file", "../a"}, 1},
      {{"pull", "--base", "--offline", "--cache", command.folder / "empty"}, 3},
      {{"pin", "--bundle-dir", "x"}, 2},
      {{"pin", "--bundle-dir", command.folder / "absent", "--repo-id", "a/b", "--revision", "v1",
        "--out", command.folder / "p"},
       3}};
  for (const auto& [words, status] : calls) {
    const Outcome outcome = run(words);
    std::string shown;
    for (const std::string& word : words) shown += word + " ";
    EXPECT_EQ(outcome.status, status) << shown << outcome.err;
    EXPECT_EQ(outcome.out, "") << shown;
    EXPECT_EQ(lines_of(outcome.err).size(), 1u) << shown << outcome.err;
  }
  EXPECT_NE(run({"pull", command.folder / "absent.json"}).err.find("cannot load the pin"),
            std::string::npos);
}

TEST(PullCommand, AFT_1_AFT_5_HelpMakesNoConnectionAndTheFirstRunWorks) {
  Command command;
  for (const std::string name : {"pull", "pin"}) {
    const Outcome outcome = run({name, "--help"}, "", command.environment);
    EXPECT_EQ(outcome.status, 0);
    EXPECT_NE(outcome.out.find("Example"), std::string::npos);
  }
  EXPECT_TRUE(command.server.requests().empty());
  EXPECT_EQ(run(command.words(), "", command.environment).status, 0);
}

/// A bundle of one tensor, without anything that only routing needs.
bundle::Manifest small_bundle(const TemporaryFolder& folder) {
  folder.put("bundle/router_head.safetensors", "head");
  folder.put("bundle/checkpoints/0001_a.safetensors", "tensor");
  bundle::Manifest manifest;
  manifest.progress.status = "complete";
  manifest.progress.export_complete = true;
  manifest.scale_offset_count = 1;
  manifest.vector.shape = {9};
  manifest.head.shape = {2, 4};
  manifest.head.sha256 = sha256_hex("head");
  manifest.selected_singular_value_count = 1;
  bundle::ManifestTensor tensor;
  tensor.index = 1;
  tensor.path = "a";
  tensor.artifact_key = "a";
  tensor.segments = {"a"};
  tensor.shape = {1};
  tensor.status = bundle::TensorStatus::complete;
  tensor.offset_end = 1;
  tensor.singular_values = 1;
  tensor.checkpoint_path = "checkpoints/0001_a.safetensors";
  tensor.checkpoint_sha256 = sha256_hex("tensor");
  manifest.tensors = {tensor};
  return manifest;
}

TEST(PinCommand, EveryFileIsHashedAgain) {
  const TemporaryFolder folder;
  const std::string manifest = bundle::manifest_json(small_bundle(folder));
  folder.put("bundle/manifest.json", manifest);
  const Words words = {"pin",       "--bundle-dir", folder / "bundle",
                       "--repo-id", "org/bundle",   "--revision",
                       "v2",        "--out",        folder / "pin.json"};
  const Outcome outcome = run(words);
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.out,
            fmt::format("wrote {}: 3 files, revision v2\n", (folder / "pin.json").string()));
  const auto pin = hub::load_pin(folder / "pin.json");
  ASSERT_TRUE(pin) << pin.error().message;
  EXPECT_EQ(pin->manifest_sha256, sha256_hex(manifest));
  ASSERT_EQ(pin->files.size(), 3u);
  EXPECT_EQ(pin->files[1].sha256, sha256_hex("head"));
  EXPECT_EQ(pin->files[2].path, "checkpoints/0001_a.safetensors");
  EXPECT_EQ(pin->files[2].size, 6u);

  folder.put("bundle/checkpoints/0001_a.safetensors", "tensoR");
  fs::remove(folder / "pin.json");
  const Outcome refused = run(words);
  EXPECT_EQ(refused.status, 1);
  EXPECT_NE(refused.err.find("0001_a"), std::string::npos) << refused.err;
  EXPECT_FALSE(fs::exists(folder / "pin.json"));
  fs::remove(folder / "bundle/checkpoints/0001_a.safetensors");
  EXPECT_EQ(run(words).status, 3);
}

TEST(PinCommand, AMergedFileIsPartOfThePin) {
  const TemporaryFolder folder;
  bundle::Manifest manifest = small_bundle(folder);
  manifest.adapted.layout = bundle::ArtifactLayout::single_file;
  manifest.adapted.sha256 = sha256_hex("merged");
  folder.put("bundle/adapted_tensors.safetensors", "merged");
  folder.put("bundle/manifest.json", bundle::manifest_json(manifest));
  const Words words = {"pin",       "--bundle",   folder / "bundle",
                       "--repo-id", "org/bundle", "--revision",
                       "v2",        "--out",      folder / "pin.json"};
  ASSERT_EQ(run(words).status, 0);
  const auto pin = hub::load_pin(folder / "pin.json");
  ASSERT_TRUE(pin) << pin.error().message;
  EXPECT_EQ(pin->files.back().path, "adapted_tensors.safetensors");
  EXPECT_EQ(pin->files.back().sha256, sha256_hex("merged"));
}

}  // namespace
}  // namespace trinity::testing
