// Any bytes as a stream of server-sent events: however it is cut, the same events come out.
#include "chat/sse.h"

#include <cstdint>

#include "input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace trinity;
  fuzz::Input input(data, size);
  const std::size_t step = 1 + input.byte() % 7;
  const std::string_view stream = input.rest();
  std::vector<chat::SseEvent> whole, cut;
  chat::SseReader whole_reader, cut_reader;
  fuzz::require(whole_reader.feed(stream, whole).has_value());
  for (std::size_t at = 0; at < stream.size(); at += step)
    fuzz::require(cut_reader.feed(stream.substr(at, step), cut).has_value());
  whole_reader.finish(whole);
  cut_reader.finish(cut);
  fuzz::require(whole == cut, "cuts change nothing");
  std::string written;
  for (const chat::SseEvent& event : whole)
    if (event.data.find('\r') == std::string::npos) chat::append_sse_data(written, event.data);
  std::vector<chat::SseEvent> again;
  fuzz::require(chat::SseReader().feed(written, again).has_value());
  for (std::size_t i = 0, j = 0; i < whole.size(); ++i)
    if (whole[i].data.find('\r') == std::string::npos && !whole[i].data.empty())
      fuzz::require(again.at(j++).data == whole[i].data, "what is written is read again");
  return 0;
}
