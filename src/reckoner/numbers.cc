// Numbers: primes, divisors and multiples, roots, sums and means; expressions are in expression.cc.
#include <fmt/format.h>

#include <algorithm>

#include "reckoner/solver.h"

namespace trinity::reckoner {
namespace {

Solution answered_number(std::string task, std::string answer, std::vector<std::string> steps) {
  return {Area::numbers, std::move(task), std::move(answer), std::move(steps), {}};
}

constexpr Wide kLargestFactored = 1'000'000'000'000;  // a million divisions

std::vector<Wide> prime_factors(Wide number) {
  std::vector<Wide> factors;
  for (Wide divisor = 2; divisor * divisor <= number; ++divisor)
    while (number % divisor == 0) {
      factors.push_back(divisor);
      number /= divisor;
    }
  if (number > 1) factors.push_back(number);
  return factors;
}

std::string product_text(const std::vector<Wide>& factors) {
  std::string text;
  for (const Wide factor : factors) text += (text.empty() ? "" : " * ") + text_of(factor);
  return text;
}

std::optional<Solution> solve_primes(const Question& question,
                                     const std::vector<Fraction>& numbers) {
  const bool asks_prime = question.has("prime") && !question.has_any({"factors", "factorization"});
  const bool asks_factors =
      question.has_any({"factorize", "factorise", "factorization", "factor"}) ||
      question.has_phrase("prime factors");
  if (numbers.size() != 1 || !(asks_prime || asks_factors)) return std::nullopt;
  const Fraction& value = numbers[0];
  const std::string shown = text_of(value);
  if (!value.is_whole() || value.numerator < 2) {
    if (!asks_prime || asks_factors) return std::nullopt;
    return answered_number("tell whether " + shown + " is prime", "no",
                           {"primes are whole numbers above 1"});
  }
  if (value.numerator > kLargestFactored) {
    Solution solution = answered_number("factor " + shown, "", {});
    solution.refusal = shown + " is too large for me to factor by trial";
    return solution;
  }
  const std::vector<Wide> factors = prime_factors(value.numerator);
  if (asks_factors)
    return answered_number("factor " + shown, product_text(factors),
                           {fmt::format("{} = {}", shown, product_text(factors))});
  if (factors.size() == 1)
    return answered_number("tell whether " + shown + " is prime", "yes",
                           {"no number up to its square root divides " + shown});
  return answered_number("tell whether " + shown + " is prime", "no",
                         {fmt::format("{} = {}", shown, product_text(factors))});
}

std::optional<Solution> solve_divisors(const Question& question,
                                       const std::vector<Fraction>& numbers) {
  const bool greatest = question.has("gcd") || question.has_phrase("greatest common divisor") ||
                        question.has_phrase("greatest common factor");
  const bool least = question.has("lcm") || question.has_phrase("least common multiple");
  if (greatest == least || numbers.size() < 2) return std::nullopt;
  Wide result = 0;
  std::string names;
  for (const Fraction& number : numbers) {
    if (!number.is_whole() || number.numerator <= 0) return std::nullopt;
    names += (names.empty() ? "" : ", ") + text_of(number);
    if (greatest || result == 0) {
      result = greatest ? greatest_common_divisor(result, number.numerator) : number.numerator;
      continue;
    }
    const auto multiple =
        product({result / greatest_common_divisor(result, number.numerator), 1}, number);
    if (!multiple) return std::nullopt;
    result = multiple->numerator;
  }
  return answered_number(
      fmt::format("find the {} of {}",
                  greatest ? "greatest common divisor" : "least common multiple", names),
      text_of(result),
      {greatest ? "Euclid's algorithm leaves " + text_of(result)
                : "products over greatest common divisors give " + text_of(result)});
}

std::optional<Solution> solve_root(const Question& question, const std::vector<Fraction>& numbers) {
  if (!question.has_phrase("square root") && !question.has("sqrt")) return std::nullopt;
  if (numbers.size() != 1 || !numbers[0].is_whole() || numbers[0].numerator < 0 ||
      numbers[0].numerator > kLargestFactored)
    return std::nullopt;
  const Wide square = numbers[0].numerator;
  Wide root = 0;
  for (Wide step = 1 << 20; step > 0; step /= 2)
    if ((root + step) * (root + step) <= square) root += step;
  const std::string task = "take the square root of " + text_of(square);
  if (root * root == square)
    return answered_number(
        task, text_of(root),
        {fmt::format("{} * {} = {}", text_of(root), text_of(root), text_of(square))});
  Solution solution = answered_number(task, "", {});
  solution.refusal =
      fmt::format("the root of {} is irrational, between {} and {}, and I do not round",
                  text_of(square), text_of(root), text_of(root + 1));
  return solution;
}

std::optional<Solution> solve_lists(const Question& question,
                                    const std::vector<Fraction>& numbers) {
  if (numbers.size() < 2) return std::nullopt;
  std::string names;
  Fraction total;
  for (const Fraction& number : numbers) {
    names += (names.empty() ? "" : ", ") + text_of(number);
    const auto next = sum(total, number);
    if (!next) return std::nullopt;
    total = *next;
  }
  if (question.has_any({"sum", "total", "add"}) || question.has_phrase("add up"))
    return answered_number("add " + names, text_of(total), {"the sum is " + text_of(total)});
  if (question.has_any({"average", "mean"})) {
    const auto mean = quotient(total, {static_cast<Wide>(numbers.size()), 1});
    return answered_number(
        "average " + names, text_of(*mean),
        {fmt::format("{} / {} = {}", text_of(total), numbers.size(), text_of(*mean))});
  }
  const bool largest =
      question.has_any({"largest", "biggest", "maximum", "max", "greatest", "larger"});
  const bool smallest = question.has_any({"smallest", "minimum", "min", "least", "smaller"});
  if (largest == smallest) return std::nullopt;
  const auto found = largest ? std::max_element(numbers.begin(), numbers.end(), less)
                             : std::min_element(numbers.begin(), numbers.end(), less);
  return answered_number(fmt::format("find the {} of {}", largest ? "largest" : "smallest", names),
                         text_of(*found), {"compared one after the other"});
}

}  // namespace

std::optional<Solution> solve_numbers(const Question& question, Care care) {
  const std::vector<Fraction> numbers = question.numbers();
  if (auto solution = solve_primes(question, numbers)) return solution;
  if (auto solution = solve_divisors(question, numbers)) return solution;
  if (auto solution = solve_root(question, numbers)) return solution;
  if (auto solution = solve_expression(question, care)) return solution;
  return solve_lists(question, numbers);
}

}  // namespace trinity::reckoner
