// A member behind an HTTP interface: a hosted model, or a local server.
//
// One call is one request; retries and limits are GuardedMember's. A streamed call reads events as
// they arrive and passes pieces on at once; an upstream that answers a streamed call as a whole is
// passed on in pieces. A stream that ends without saying how is a failure, whatever came before:
// its text may be cut anywhere. Cancelling closes the connection.
#pragma once

#include "net/http_client.h"
#include "provider/member.h"
#include "provider/pool_config.h"
#include "provider/timers.h"

namespace trinity::provider {

class HttpMember : public Member {
 public:
  /// `member` with its keys resolved.
  HttpMember(MemberConfig member, std::shared_ptr<net::HttpClient> client,
             std::shared_ptr<Timers> timers);

  std::unique_ptr<PendingCall> call(MemberRequest request, MemberReceiver receiver) override;

  struct Exchange;

 private:
  std::shared_ptr<const MemberConfig> member_;
  std::shared_ptr<net::HttpClient> client_;
  std::shared_ptr<Timers> timers_;
};

/// The header of every request to this member: type, key, its own fields.
net::Fields request_fields(const MemberConfig& member);

}  // namespace trinity::provider
