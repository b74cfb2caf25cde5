// What router and members read in the profile `author`: one task with the ideas that were had on
// it.
//
// The router reads a system message of the dispatcher and one user message, the task with what has
// been found so far; a member reads the prompt of its role and what that role needs. The
// conversation itself does not grow.
#pragma once

#include <trinity/message.h>

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "coordinate/roles.h"

namespace trinity::coordinate {

class AuthorMessages {
 public:
  AuthorMessages() = default;
  /// The task is the conversation: its only message's text, or the plain transcript of several.
  AuthorMessages(const RolePrompts& prompts, std::span<const Message> conversation, int num_agents);

  std::vector<Message> for_router() const;
  /// `suggestion` is a pending one, for a Worker.
  std::vector<Message> for_member(Role role, const std::optional<std::string>& response,
                                  const std::optional<std::string>& suggestion) const;
  /// The <idea> of a Worker's reply, or all of it, joins the task.
  void add_thought(const std::string& reply);

 private:
  std::string shared() const;

  RolePrompts prompts_;
  std::string task_;
  std::string dispatcher_;
  std::vector<std::string> thoughts_;
};

}  // namespace trinity::coordinate
