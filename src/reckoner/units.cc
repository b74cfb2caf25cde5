// Conversions of units, with the factors that define them: exact, so that an inch has 2.54 cm and
// a mile 1.609344 km.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "reckoner/solver.h"

namespace trinity::reckoner {
namespace {

enum class Measure { length, mass, volume, time, speed, data, temperature };

/// A value times `factor` is one of the measure's base: metre, kilogram, litre, second, metre a
/// second, byte, kelvin (after `offset` was added, for temperatures).
struct Unit {
  std::string_view name;
  std::string_view others;  // further names, between spaces
  Measure measure;
  Fraction factor;
  Fraction offset = {};
};

constexpr Unit kUnits[] = {
    {"m", " metre metres meter meters ", Measure::length, {1, 1}},
    {"km", " kilometre kilometres kilometer kilometers kms ", Measure::length, {1'000, 1}},
    {"cm", " centimetre centimetres centimeter centimeters ", Measure::length, {1, 100}},
    {"mm", " millimetre millimetres millimeter millimeters ", Measure::length, {1, 1'000}},
    {"inches", " inch ", Measure::length, {254, 10'000}},
    {"feet", " foot ft ", Measure::length, {3'048, 10'000}},
    {"yards", " yard yd ", Measure::length, {9'144, 10'000}},
    {"miles", " mile mi ", Measure::length, {1'609'344, 1'000}},
    {"nautical", " nm ", Measure::length, {1'852, 1}},
    {"kg", " kilogram kilograms kilo kilos ", Measure::mass, {1, 1}},
    {"g", " gram grams ", Measure::mass, {1, 1'000}},
    {"mg", " milligram milligrams ", Measure::mass, {1, 1'000'000}},
    {"tonnes", " tonne ", Measure::mass, {1'000, 1}},
    {"pounds", " pound lb lbs ", Measure::mass, {45'359'237, 100'000'000}},
    {"ounces", " ounce oz ", Measure::mass, {45'359'237, 1'600'000'000}},
    {"stone", " stones ", Measure::mass, {45'359'237LL * 14, 100'000'000}},
    {"litres", " litre liter liters l ", Measure::volume, {1, 1}},
    {"ml", " millilitre millilitres milliliter milliliters ", Measure::volume, {1, 1'000}},
    {"gallons", " gallon gal ", Measure::volume, {3'785'411'784, 1'000'000'000}},
    {"cups", " cup ", Measure::volume, {2'365'882'365, 10'000'000'000}},
    {"pints", " pint ", Measure::volume, {473'176'473, 1'000'000'000}},
    {"seconds", " second s sec secs ", Measure::time, {1, 1}},
    {"ms", " millisecond milliseconds ", Measure::time, {1, 1'000}},
    {"minutes", " minute min mins ", Measure::time, {60, 1}},
    {"hours", " hour h hr hrs ", Measure::time, {3'600, 1}},
    {"days", " day ", Measure::time, {86'400, 1}},
    {"weeks", " week ", Measure::time, {604'800, 1}},
    {"kmh", " kph ", Measure::speed, {10, 36}},
    {"mph", " ", Measure::speed, {1'609'344, 3'600'000}},
    {"knots", " knot kn ", Measure::speed, {1'852, 3'600}},
    {"bytes", " byte b ", Measure::data, {1, 1}},
    {"bits", " bit ", Measure::data, {1, 8}},
    {"kb", " kilobyte kilobytes ", Measure::data, {1'000, 1}},
    {"mb", " megabyte megabytes ", Measure::data, {1'000'000, 1}},
    {"gb", " gigabyte gigabytes ", Measure::data, {1'000'000'000, 1}},
    {"kib", " kibibyte kibibytes ", Measure::data, {1'024, 1}},
    {"mib", " mebibyte mebibytes ", Measure::data, {1'048'576, 1}},
    {"gib", " gibibyte gibibytes ", Measure::data, {1'073'741'824, 1}},
    {"celsius", " c centigrade ", Measure::temperature, {1, 1}, {27'315, 100}},
    {"fahrenheit", " f ", Measure::temperature, {5, 9}, {45'967, 100}},
    {"kelvin", " k kelvins ", Measure::temperature, {1, 1}},
};

const Unit* unit_of(std::string_view word) {
  for (const Unit& unit : kUnits)
    if (word == unit.name || unit.others.find(fmt::format(" {} ", word)) != std::string_view::npos)
      return &unit;
  return nullptr;
}

struct Mention {
  const Unit* unit;
  std::size_t token;
};

/// A value in a unit; a number of many decimals is given to six digits and said to be so.
std::string value_text(const Fraction& value) {
  const std::string exact = text_of(value);
  if (exact.find('/') == std::string::npos) return exact;
  return "about " +
         fmt::format("{:.6g}", static_cast<double>(static_cast<long double>(value.numerator) /
                                                   static_cast<long double>(value.denominator)));
}

bool says_conversion(const Question& question) {
  return question.has_any({"convert", "in", "into", "to", "many", "much", "equals", "as"});
}

}  // namespace

std::optional<Solution> solve_units(const Question& question) {
  if (!says_conversion(question) || !question.quoted.empty()) return std::nullopt;
  const std::vector<Token>& tokens = question.tokens;
  // The unit that a number stands before is what is given, the other one what is asked for.
  std::optional<Mention> given, asked;
  Fraction value;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i].kind != Token::Kind::word) continue;
    const Unit* unit = unit_of(tokens[i].text);
    if (!unit || (tokens[i].text == "s" && i > 0 && tokens[i - 1].text == "'")) continue;
    std::size_t before = i;
    while (before > 0 &&
           (tokens[before - 1].text == "degrees" || tokens[before - 1].text == "degree"))
      --before;
    const bool counted =
        before > 0 && (tokens[before - 1].kind == Token::Kind::number ||
                       tokens[before - 1].text == "a" || tokens[before - 1].text == "one");
    if (counted && !given) {
      const Token& number = tokens[before - 1];
      value = number.kind == Token::Kind::number ? number.value : Fraction{1, 1};
      // "-40 F": a sign right before the number, and no number before the sign.
      if (before > 1 && tokens[before - 2].text == "-" && tokens[before - 2].end == number.begin &&
          (before < 3 || tokens[before - 3].kind != Token::Kind::number))
        value.numerator = -value.numerator;
      given = {unit, i};
    } else if (!counted && !asked && unit->name.size() + unit->others.size() > 0) {
      asked = {unit, i};
    } else if (!counted && asked && given && asked->token < given->token) {
      continue;
    } else if (!counted) {
      asked = {unit, i};
    }
  }
  if (!given || !asked || given->unit->measure != asked->unit->measure ||
      given->unit == asked->unit)
    return std::nullopt;
  const Unit& from = *given->unit;
  const Unit& to = *asked->unit;
  auto base = sum(value, from.offset);
  if (base) base = product(*base, from.factor);
  auto result = base ? quotient(*base, to.factor) : std::nullopt;
  if (result) result = difference(*result, to.offset);
  if (!result) return std::nullopt;
  Solution solution;
  solution.area = Area::units;
  solution.task = fmt::format("convert {} {} to {}", text_of(value), from.name, to.name);
  solution.answer = fmt::format("{} {}", value_text(*result), to.name);
  if (from.measure == Measure::temperature) {
    solution.steps.push_back(
        fmt::format("{} {} are {} kelvin", text_of(value), from.name, value_text(*base)));
  } else {
    const auto factor = quotient(from.factor, to.factor);
    if (factor)
      solution.steps.push_back(
          fmt::format("one of {} is {} {}", from.name, value_text(*factor), to.name));
  }
  solution.steps.push_back(
      fmt::format("so {} {} are {}", text_of(value), from.name, solution.answer));
  return solution;
}

}  // namespace trinity::reckoner
