// zlib in its gzip form; members may follow one another, as RFC 1952 says.
#include "net/gzip_reader.h"

#include <zlib.h>

#include <algorithm>
#include <array>

namespace trinity::net {

struct GzipReader::Stream {
  z_stream z = {};
  bool usable = false;
  bool between = false;  // a member has ended and the next has not begun
};

GzipReader::GzipReader() : stream_(std::make_unique<Stream>()) {
  stream_->usable = ::inflateInit2(&stream_->z, 15 + 16) == Z_OK;
}

GzipReader::~GzipReader() {
  if (stream_->usable) ::inflateEnd(&stream_->z);
}

bool GzipReader::complete() const { return stream_->between; }

GzipReader::Outcome GzipReader::feed(std::string_view piece, std::string& out, std::size_t limit) {
  Stream& stream = *stream_;
  if (!stream.usable) return Outcome::damaged;
  std::array<char, 16384> buffer;
  stream.z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(piece.data()));
  stream.z.avail_in = static_cast<uInt>(piece.size());  // pieces are what one read brings
  while (true) {
    if (stream.between) {
      if (stream.z.avail_in == 0) return Outcome::more;
      if (::inflateReset(&stream.z) != Z_OK) return Outcome::damaged;
      stream.between = false;
    }
    // One byte more than there is room for shows that it is too large.
    const std::size_t room = std::min(buffer.size(), limit - out.size() + 1);
    stream.z.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.z.avail_out = static_cast<uInt>(room);
    const int result = ::inflate(&stream.z, Z_NO_FLUSH);
    const std::size_t made = room - stream.z.avail_out;
    if (made > limit - out.size()) return Outcome::too_large;
    out.append(buffer.data(), made);
    if (result == Z_STREAM_END) {
      stream.between = true;
    } else if (result == Z_BUF_ERROR && stream.z.avail_in == 0) {
      return Outcome::more;
    } else if (result != Z_OK) {
      return Outcome::damaged;
    } else if (stream.z.avail_in == 0 && stream.z.avail_out > 0) {
      return Outcome::more;
    }
  }
}

}  // namespace trinity::net
