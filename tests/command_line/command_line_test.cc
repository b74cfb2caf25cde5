// The declaration of commands and flags: names, values, environment, exclusions, help.
#include "command_line/command_line.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "base/printable.h"
#include "base/suggestion.h"
#include "command_line/command_spec.h"
#include "command_line/flag_reader.h"
#include "command_line/help_text.h"

namespace trinity::command_line {
namespace {

using Words = std::vector<std::string>;

/// One command with a flag of every type.
struct Sample {
  std::string model = "none", mode = "plain";
  std::optional<std::string> text;
  int threads = 0;
  std::uint64_t seed = 7;
  double temperature = 1;
  std::optional<double> margin;
  std::optional<std::int64_t> index;
  std::vector<std::int64_t> layers = {26};
  std::vector<std::string> files;
  bool special = false, strict = true, json = false;
  CommandSpec spec;

  Sample() {
    spec.name = "try";
    Command command(spec);
    command.sentence("text", text, "a prompt").takes("TEXT");
    command.value("--model,--layout", model, "folder").takes("DIR").in("Model");
    command.value("--mode", mode, "how").one_of({"plain", "chat"}).shows_default();
    command.value("-t,--threads", threads, "threads").range(0, 1024);
    command.value("--seed", seed, "seed").shows_default();
    command.value("--temperature", temperature, "heat").above(0).shows_default();
    command.value("--margin", margin, "margin").at_least(0);
    command.value("--only-index", index, "one tensor");
    command.value("--layers", layers, "layers").takes("L,L…").commas().at_least(0).shows_default();
    command.value("--file", files, "files").excludes("text");
    command.toggle("--special", special, "tokens")
        .used_when([this] { return mode == "chat"; }, "needs --mode chat");
    command.toggle("--strict", "--no-strict", strict, "fail");
    command.json(json, "JSON");
  }

  std::string read(const Words& words) {
    const Result<bool> help = read_flags(spec, words);
    if (!help) return help.error().message;
    return *help ? "help" : "";
  }
};

/// A variable for the life of the object.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) { ::setenv(name, value, 1); }
  ~Variable() { ::unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
};

TEST(CommandLine, ValuesOfEveryTypeReachTheirTargets) {
  Sample sample;
  EXPECT_EQ(sample.read({"--model=m",
                         "-t",
                         "3",
                         "--seed",
                         "18446744073709551615",
                         "--temperature",
                         "0.5",
                         "--margin",
                         "0",
                         "--only-index",
                         "-2",
                         "--layers",
                         "1,2",
                         "--layers",
                         "5",
                         "--no-strict",
                         "--json",
                         "two",
                         "words",
                         "--mode",
                         "chat",
                         "--special"}),
            "");
  EXPECT_EQ(sample.model, "m");
  EXPECT_EQ(sample.threads, 3);
  EXPECT_EQ(sample.seed, 18446744073709551615u);
  EXPECT_EQ(sample.temperature, 0.5);
  EXPECT_EQ(sample.margin, 0.0);
  EXPECT_EQ(sample.index, -2);
  EXPECT_EQ(sample.layers, (std::vector<std::int64_t>{1, 2, 5}));
  EXPECT_FALSE(sample.strict);
  EXPECT_TRUE(sample.json);
  EXPECT_TRUE(sample.special);
  EXPECT_EQ(sample.text, "two words");
}

TEST(CommandLine, WhatIsNotGivenStaysAsItWas) {
  Sample sample;
  EXPECT_EQ(sample.read({}), "");
  EXPECT_EQ(sample.seed, 7u);
  EXPECT_EQ(sample.layers, std::vector<std::int64_t>{26});
  EXPECT_EQ(sample.text, std::nullopt);
  EXPECT_EQ(sample.margin, std::nullopt);
}

enum class Colour { red, green, blue };

const char* colour_name(Colour colour) {
  return colour == Colour::red ? "red" : colour == Colour::green ? "green" : "blue";
}

/// The flags that write something else than what their text says.
struct Choices {
  Colour colour = Colour::green;
  std::optional<Colour> other;
  std::filesystem::path folder;
  bool cache = true;
  std::size_t length = 0;
  CommandSpec spec;

  Choices() {
    spec.name = "try";
    Command command(spec);
    const auto all = {Colour::red, Colour::green, Colour::blue};
    command.choice("--colour", colour, all, colour_name, "one").shows_default();
    command.choice("--other", other, all, colour_name, "another");
    command.value("--folder", folder, "a place");
    command.switch_off("--no-cache", cache, "off");
    command.parsed(
        "--word",
        [this](const std::string& text) {
          length = text.size();
          return text == "no" ? std::string("that is no word") : std::string();
        },
        "a word");
  }

  std::string read(const Words& words) {
    const Result<bool> help = read_flags(spec, words);
    return help ? std::string() : help.error().message;
  }
};

TEST(CommandLine, ChoicesPathsAndSwitchesFillWhatTheyStandFor) {
  Choices given;
  EXPECT_EQ(given.spec.flags[0]->default_text, "green");
  EXPECT_EQ(given.spec.flags[1]->default_text, "");
  EXPECT_EQ(given.read({"--colour", "blue", "--other=red", "--folder", "a/b", "--no-cache",
                        "--word", "four"}),
            "");
  EXPECT_EQ(given.colour, Colour::blue);
  EXPECT_EQ(given.other, Colour::red);
  EXPECT_EQ(given.folder, std::filesystem::path("a/b"));
  EXPECT_FALSE(given.cache);
  EXPECT_EQ(given.length, 4u);
  Choices wrong;
  EXPECT_NE(wrong.read({"--colour", "gren"})
                .find("--colour: \"gren\" is none of red, green and blue (did you mean green?)"),
            std::string::npos);
  EXPECT_EQ(wrong.colour, Colour::green);
  EXPECT_NE(wrong.read({"--word", "no"}).find("--word: that is no word"), std::string::npos);
  const Variable off("TRINITY_NO_CACHE", "0");
  Choices kept;
  EXPECT_EQ(kept.read({}), "");
  EXPECT_TRUE(kept.cache);
}

TEST(CommandLine, WrongValuesAreNamedWithTheFlagAndWhatItTakes) {
  const std::vector<std::pair<Words, std::string>> calls = {
      {{"--threads", "abc"}, "--threads: \"abc\" is not a whole number from 0 to 1024"},
      {{"-t", "-1"}, "--threads: \"-1\" is not a whole number from 0 to 1024"},
      {{"--threads", "1.5"}, "--threads: \"1.5\" is not a whole number from 0 to 1024"},
      {{"--seed", "-3"}, "--seed: \"-3\" is not a whole number from 0 to 18446744073709551615"},
      {{"--layers", "1,x"}, "--layers: \"x\" is not a whole number of at least 0"},
      {{"--temperature", "nan"}, "--temperature: \"nan\" is not a finite number above 0"},
      {{"--temperature", "inf"}, "--temperature: \"inf\" is not a finite number above 0"},
      {{"--temperature", "0"}, "--temperature: \"0\" is not a finite number above 0"},
      {{"--margin", "-0.5"}, "--margin: \"-0.5\" is not a finite number of at least 0"},
      {{"--margin", ""}, "--margin: \"\" is not a finite number of at least 0"},
      {{"--mode", "chatt"}, "--mode: \"chatt\" is none of plain and chat (did you mean chat?)"},
      {{"--json=perhaps"}, "--json: \"perhaps\" switches nothing on or off; write 1 or 0"},
  };
  for (const auto& [words, sentence] : calls) EXPECT_EQ(Sample().read(words), sentence);
}

TEST(CommandLine, WrongCallsAreOneSentence) {
  const std::vector<std::pair<Words, std::string>> calls = {
      {{"--threds", "1"}, "try has no flag --threds (did you mean --threads?)"},
      {{"--unrelated=1"}, "try has no flag --unrelated"},
      {{"--model"}, "--model needs a value behind it"},
      {{"--model", "a", "--layout", "b"}, "--layout is given twice; give it once"},
      {{"--json", "--json"}, "--json is given twice; give it once"},
      {{"--strict", "--no-strict"}, "--strict and --no-strict exclude each other"},
      {{"--file", "f", "a", "prompt"}, "--file and the word \"text\" exclude each other; give one"},
      {{"--special"}, "--special needs --mode chat"},
  };
  for (const auto& [words, sentence] : calls) EXPECT_EQ(Sample().read(words), sentence);
}

TEST(CommandLine, RequiredFlagsAndWordsAreNamedWhenTheyAreMissing) {
  CommandSpec spec;
  spec.name = "try";
  std::string bundle, out;
  Command command(spec);
  command.word("bundle", bundle, "bundle folder").required();
  command.value("--out", out, "file to write").required();
  EXPECT_EQ(read_flags(spec, {"--out", "x"}).error().message,
            "the word \"bundle\" is required: bundle folder");
  EXPECT_EQ(read_flags(spec, {"x"}).error().message, "--out is required: file to write");
  EXPECT_EQ(read_flags(spec, {"x", "y", "--out", "z"}).error().message,
            "try does not take the word \"y\"");
}

TEST(CommandLine, EveryNameOfAFlagIsReadFromTheEnvironment) {
  for (const char* name : {"TRINITY_MODEL", "TRINITY_LAYOUT"}) {
    const Variable variable(name, "from it");
    Sample sample;
    EXPECT_EQ(sample.read({}), "");
    EXPECT_EQ(sample.model, "from it") << name;
    EXPECT_EQ(sample.read({"--model", "given"}), "");
    EXPECT_EQ(sample.model, "given") << name;
  }
}

TEST(CommandLine, AWrongVariableIsCalledByItsName) {
  const Variable variable("TRINITY_THREADS", "abc");
  EXPECT_EQ(Sample().read({}), "TRINITY_THREADS: \"abc\" is not a whole number from 0 to 1024");
  EXPECT_EQ(Sample().read({"--threads", "1"}), "");
}

TEST(CommandLine, OutputsHaveNoNameInTheEnvironment) {
  const Variable variable("TRINITY_OUT", "precious");
  CommandSpec spec;
  std::string out;
  Command(spec).value("--out", out, "file to write").no_environment();
  EXPECT_TRUE(read_flags(spec, {}).has_value());
  EXPECT_EQ(out, "");
}

TEST(CommandLine, AVariableGivesWayToAFlagThatExcludesIt) {
  const Variable variable("TRINITY_FILE", "f");
  Sample sample;
  EXPECT_EQ(sample.read({"a", "prompt"}), "");
  EXPECT_TRUE(sample.files.empty());
  EXPECT_EQ(sample.read({}), "");
  EXPECT_EQ(sample.files, Words{"f"});
}

TEST(CommandLine, AVariableWithoutEffectIsNoMistake) {
  const Variable variable("TRINITY_SPECIAL", "1");
  EXPECT_EQ(Sample().read({}), "");
}

TEST(CommandLine, BehindTwoDashesEverythingIsAWord) {
  for (const std::string prompt : {"--json", "-", "[1,2]", "demo", ""}) {
    Sample sample;
    EXPECT_EQ(sample.read({"--", prompt}), "");
    EXPECT_EQ(sample.text, prompt);
    EXPECT_FALSE(sample.json);
  }
}

TEST(CommandLine, HelpComesBeforeOtherMistakes) {
  EXPECT_EQ(Sample().read({"--help", "--frobnicate"}), "help");
  EXPECT_EQ(Sample().read({"-h"}), "help");
}

TEST(CommandLine, HelpFitsItsColumnsAndBreaksBetweenWords) {
  CommandSpec root;
  root.name = "trinity";
  CommandSpec spec;
  spec.name = "try";
  spec.parent = &root;
  spec.description = "Tries";
  std::string model;
  Command command(spec);
  command
      .value("--model", model,
             "folder with config.json, tokenizer.json and *.safetensors (without it: the one "
             "inside)")
      .takes("L,L…");
  command.notes(
      "Prose that was broken\nat some other width is one paragraph, however long it is.\n\n"
      "Examples:\n"
      "  trinity try --model some-folder --layers 1,2,3 --input conversations.jsonl --json");
  for (const std::size_t columns : {40u, 60u, 80u, 100u}) {
    const std::string help = help_text(spec, columns);
    for (std::size_t begin = 0; begin < help.size();) {
      const std::size_t end = help.find('\n', begin);
      EXPECT_LE(display_width(help.substr(begin, end - begin)), columns) << help;
      begin = end + 1;
    }
  }
  EXPECT_EQ(help_text(spec, 80),
            "Tries\n"
            "\n"
            "Usage: trinity try [OPTIONS]\n"
            "\n"
            "Options:\n"
            "  -h,--help                   print this help and exit\n"
            "  --model L,L…                folder with config.json, tokenizer.json and\n"
            "                              *.safetensors (without it: the one inside)\n"
            "\n"
            "Prose that was broken at some other width is one paragraph, however long it is.\n"
            "\n"
            "Examples:\n"
            "  trinity try --model some-folder --layers 1,2,3 --input conversations.jsonl \\\n"
            "      --json\n");
}

TEST(CommandLine, HelpNamesDefaultsAndBothSidesOfASwitch) {
  Sample sample;
  const std::string help = help_text(sample.spec, 80);
  EXPECT_NE(help.find("  --layers L,L…               layers (default: 26)\n"), std::string::npos);
  EXPECT_NE(help.find("  --strict,--no-strict        fail\n"), std::string::npos) << help;
  EXPECT_NE(help.find("Usage: try [OPTIONS] [text...]\n"), std::string::npos) << help;
}

TEST(CommandLine, NearWordsAreSuggestedAndFarOnesAreNot) {
  const Words known = {"route", "extract", "export", "eval"};
  EXPECT_EQ(did_you_mean("rout", known), " (did you mean route?)");
  EXPECT_EQ(did_you_mean("ruote", known), " (did you mean route?)");
  EXPECT_EQ(did_you_mean("ext", known), " (did you mean extract?)");
  EXPECT_EQ(did_you_mean("frobnicate", known), "");
  EXPECT_EQ(did_you_mean("", known), "");
  EXPECT_EQ(did_you_mean(std::string(100000, 'r'), known), "");
}

}  // namespace
}  // namespace trinity::command_line
