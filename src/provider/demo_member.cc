#include "provider/demo_member.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>

#include "base/sha256.h"
#include "provider/cost.h"
#include "provider/live_call.h"
#include "reckoner/solver.h"

namespace trinity::provider::demo {
namespace {

using reckoner::Area;
using reckoner::area_name;
using reckoner::Care;
using reckoner::gives_answer;
using reckoner::lower_case;
using reckoner::Solution;
using reckoner::solve;
using reckoner::split_words;
using reckoner::trimmed;

struct Persona {
  std::string_view name, line;
  Area own;         // where it shows its steps; elsewhere it only answers
  Care first_care;  // until somebody told it to revise
};

// In the order of the slots, whose skills the embedded router was trained to tell apart: code,
// mathematics, data, science, writing, planning, everything else.
constexpr Persona kPersonas[] = {
    {"editor", "lays out JSON and code", Area::layout, Care::careful},
    {"hasty", "answers before it has looked twice", Area::numbers, Care::hasty},
    {"clerk", "answers without a word too many", Area::texts, Care::careful},
    {"surveyor", "converts units with their defining factors", Area::units, Care::careful},
    {"scribe", "counts, sorts and turns texts", Area::texts, Care::careful},
    {"almanac", "knows the calendar", Area::dates, Care::careful},
    {"abacus", "computes with exact fractions and shows how", Area::numbers, Care::careful},
};

constexpr std::string_view kAbilities =
    "arithmetic, primes and divisors, conversions of units, counts and orders of texts, dates, and "
    "the layout of JSON and code";

const Persona& persona_of(std::string_view name) {
  for (const Persona& persona : kPersonas)
    if (persona.name == name) return persona;
  return kPersonas[0];
}

bool is_verdict(std::string_view text) {
  const std::string word = trimmed(text.substr(0, 16));
  return word.starts_with("ACCEPT") || word.starts_with("REVISE") || word.starts_with("REJECT");
}

bool is_plan(std::string_view text) { return text.find("<suggested_role>") != std::string::npos; }

/// What a conversation holds for one who is asked to go on with it.
struct View {
  std::string task;                    // the last thing that a user said
  std::optional<std::string> answer;   // the last answer to it
  std::optional<std::string> verdict;  // what was said of that
  bool revised = false;                // somebody has asked for another answer
};

View view_of(const std::vector<chat::ChatMessage>& messages) {
  View view;
  for (const chat::ChatMessage& message : messages) {
    const std::string text = message.text();
    if (message.role == "user") {
      view = {};
      view.task = text;
    } else if (message.role == "assistant" && is_verdict(text)) {
      view.verdict = text;
      if (!trimmed(text).starts_with("ACCEPT")) view.revised = true;
    } else if (message.role == "assistant" && !is_plan(text) && !trimmed(text).empty()) {
      view.answer = text;
      view.verdict.reset();
    }
  }
  return view;
}

std::string cannot(std::string_view persona) {
  return fmt::format(
      "I cannot do this. I am {} of the demo pool and compute {}; nothing of it was "
      "recognised in the question.",
      persona, kAbilities);
}

bool declines(std::string_view answer) {
  return answer.find("I cannot ") != std::string_view::npos;
}

std::string work(const Persona& persona, const View& view) {
  const Care care = view.revised ? Care::careful : persona.first_care;
  const std::optional<Solution> solution = solve(view.task, care);
  if (!solution) return cannot(persona.name);
  if (!solution->refusal.empty())
    return fmt::format("I cannot answer this: {}.", solution->refusal);
  std::string text;
  if (view.revised) text = "I have looked at it again. ";
  if (solution->area == persona.own && persona.first_care == Care::careful &&
      persona.name != "clerk") {
    text += fmt::format("To {}:", solution->task);
    for (const std::string& step : solution->steps) text += fmt::format("\n- {}", step);
    text += '\n';
  } else if (!text.empty()) {
    text += '\n';
  }
  return text + "Answer: " + solution->answer;
}

std::string think(const Persona& persona, const View& view) {
  const auto suggest = [](std::string_view text, std::string_view suggestion,
                          std::string_view role) {
    return fmt::format("{}\n<suggestion>{}</suggestion>\n<suggested_role>{}</suggested_role>", text,
                       suggestion, role);
  };
  const std::optional<Solution> solution = solve(view.task);
  if (!solution)
    return suggest(
        fmt::format("The question asks for nothing that this pool computes ({}).", kAbilities),
        "Say plainly that this pool cannot do it.", "solver");
  const std::string plan =
      fmt::format("This is a question about {}: {}.", area_name(solution->area), solution->task);
  if (view.answer && !view.verdict)
    return suggest(plan + " An answer is there, and nobody has checked it.",
                   fmt::format("Compute it anew ({}) and compare.", solution->task), "verifier");
  if (view.answer && view.revised)
    return suggest(plan + " The last answer was sent back.",
                   fmt::format("{}; go one operator or one place at a time.", solution->task),
                   "solver");
  return suggest(plan,
                 fmt::format("As {} would: {}, and end with a line \"Answer:\".", persona.name,
                             solution->task),
                 "solver");
}

std::string verify(const View& view) {
  if (!view.answer) return "REVISE: there is no answer yet that could be checked.";
  const std::optional<Solution> solution = solve(view.task);
  if (!solution) {
    if (declines(*view.answer))
      return "ACCEPT: this pool cannot compute it either, and the answer says so.";
    // Neither word: this is no verdict.
    return "I cannot judge this answer: the question asks for nothing that I can compute.";
  }
  if (!solution->refusal.empty())
    return declines(*view.answer)
               ? fmt::format("ACCEPT: rightly declined, because {}.", solution->refusal)
               : fmt::format("REVISE: there is no answer, because {}.", solution->refusal);
  if (gives_answer(*view.answer, solution->answer))
    return fmt::format("ACCEPT: I computed it anew ({}) and have the same.", solution->task);
  return fmt::format("REVISE: I computed it anew ({}) and have {}.", solution->task,
                     solution->answer);
}

/// Tokens of the demo pool are words: what a limit of tokens cuts.
std::string cut_to_words(const std::string& text, std::int64_t most) {
  std::int64_t words = 0;
  bool inside = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool space = text[i] == ' ' || text[i] == '\n' || text[i] == '\t';
    if (!space && !inside && ++words > most) return text.substr(0, i);
    inside = !space;
  }
  return text;
}

std::int64_t words_of(std::string_view text) {
  return static_cast<std::int64_t>(split_words(text).size());
}

}  // namespace

const std::vector<std::string>& persona_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> made;
    for (const Persona& persona : kPersonas) made.emplace_back(persona.name);
    return made;
  }();
  return names;
}

std::string persona_line(std::string_view persona) { return std::string(persona_of(persona).line); }

Role role_of(const MemberRequest& request) {
  const std::string role = lower_case(request.role);
  if (role == "verifier") return Role::verifier;
  if (role == "thinker") return Role::thinker;
  if (role == "worker") return Role::worker;
  for (const chat::ChatMessage& message : request.request.messages) {
    if (message.role != "system" && message.role != "developer") continue;
    const std::string text = message.text();
    if (text.find("<suggested_role>") != std::string::npos) return Role::thinker;
    if (text.find("ACCEPT") != std::string::npos) return Role::verifier;
  }
  return Role::worker;
}

std::string demo_answer(std::string_view persona, Role role,
                        const std::vector<chat::ChatMessage>& messages) {
  const View view = view_of(messages);
  switch (role) {
    case Role::thinker:
      return think(persona_of(persona), view);
    case Role::verifier:
      return verify(view);
    case Role::worker:
      break;
  }
  return work(persona_of(persona), view);
}

DemoMember::DemoMember(std::string persona, std::shared_ptr<Timers> timers)
    : persona_(std::move(persona)), timers_(std::move(timers)) {}

std::unique_ptr<PendingCall> DemoMember::call(MemberRequest request, MemberReceiver receiver) {
  const auto live = std::make_shared<LiveCall>(std::move(receiver));
  // The work is a fraction of a millisecond; it only has to begin after this call has returned.
  const std::uint64_t timer = timers_->after(
      std::chrono::milliseconds(0), [live, persona = persona_, asked = std::move(request)] {
        std::string text = demo_answer(persona, role_of(asked), asked.request.messages);
        chat::ChatReply reply;
        reply.model = persona;
        if (const auto most = asked.request.sampling.max_tokens) {
          const std::string cut = cut_to_words(text, *most);
          if (cut.size() < text.size()) reply.finish = chat::FinishReason::length;
          text = cut;
        }
        chat::Usage& usage = reply.usage.emplace();
        usage.output = words_of(text);
        std::string all;
        for (const chat::ChatMessage& message : asked.request.messages) {
          usage.input += words_of(message.text());
          all += message.role + '\n' + message.text() + '\n';
        }
        reply.id = "demo-" + sha256_hex(persona + all).substr(0, 16);
        reply.message.role = "assistant";
        reply.message.content.push_back({chat::Part::Kind::text, std::move(text)});
        if (asked.request.stream)
          for (const chat::Delta& delta : deltas_of(reply))
            if (!live->delta(delta)) return;
        live->done(std::move(reply));
      });
  return pending_call(live, [timers = timers_, timer](bool) { timers->cancel(timer); });
}

}  // namespace trinity::provider::demo
