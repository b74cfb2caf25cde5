// The layout of --help: option names and what they take in one column, wrapped sentences beside
// them.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace trinity::cli {

class HelpFormatter : public CLI::Formatter {
 public:
  HelpFormatter();

  std::string make_usage(const CLI::App* app, std::string name) const override;
  std::string make_help(const CLI::App* app, std::string name,
                        CLI::AppFormatMode mode) const override;
  std::string make_option_opts(const CLI::Option* option) const override;
  std::string make_option_desc(const CLI::Option* option) const override;
};

}  // namespace trinity::cli
