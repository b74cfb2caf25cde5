#include "cli/eval/own_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <string_view>

#include "base/descriptor.h"
#include "base/process.h"
#include "base/utf8.h"

namespace trinity::cli {
namespace {

tl::unexpected<Error> failed(const std::string& what) {
  return fail(ErrorKind::failed, "restart_failed",
              "the new process for the determinism check failed: " + what);
}

std::vector<std::string> own_arguments() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  std::vector<std::string> words;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\0', begin), text.size());
    words.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

std::string read_to_end(int descriptor) {
  std::string text;
  std::array<char, 1 << 16> buffer;
  while (true) {
    const ssize_t count = ::read(descriptor, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

/// What the child wrote to its standard error, which is a temporary file of ours.
std::string said(std::FILE* file) {
  std::rewind(file);
  std::string text(4096, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file));
  return excerpt(text, 400);
}

}  // namespace

Result<std::string> run_own_program(const std::vector<std::string>& further_arguments) {
  std::vector<std::string> words = own_arguments();
  if (words.empty()) return failed("/proc/self/cmdline cannot be read");
  words.insert(words.end(), further_arguments.begin(), further_arguments.end());
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> errors(std::tmpfile(), &std::fclose);
  std::array<int, 2> ends{};
  if (!errors || ::pipe2(ends.data(), O_CLOEXEC) != 0) return failed(std::strerror(errno));
  const Descriptor output(ends[0]);
  Descriptor childs_end(ends[1]);
  auto child = ChildProcess::start(
      {kOwnProgram, words, {}, childs_end.get(), ::fileno(errors.get()), false});
  if (!child) return failed(child.error().message);
  childs_end = Descriptor();
  std::string text = read_to_end(output.get());
  const auto ended = child->reap();
  if (!ended) return failed(ended.error().message);
  if (ended->exit_status != 0)
    return failed(fmt::format("exit status {}, {}", ended->exit_status, said(errors.get())));
  return text;
}

}  // namespace trinity::cli
