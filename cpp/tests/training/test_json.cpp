#include <doctest/doctest.h>

#include <clocale>
#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>

#include "sublinear/kernels/random.hpp"
#include "training/json.hpp"

using namespace sublinear;

TEST_SUITE_BEGIN("level-free");

namespace {

JsonValue parse(const std::string& text) { return parse_json(text.data(), text.size()); }

bool same_bits(double a, double b) { return std::memcmp(&a, &b, sizeof a) == 0; }

}  // namespace

TEST_CASE("JSON values of every kind are read") {
  const JsonValue value = parse(" {\"a\" : [1, -2.5e3, true, false, null], \"b\":{}, \"\":\"x\" }\n");
  REQUIRE(value.kind == JsonValue::Kind::object);
  REQUIRE(value.find("a") != nullptr);
  const JsonValue& list = *value.find("a");
  REQUIRE(list.items.size() == 5);
  CHECK(list.items[1].text == "-2.5e3");
  CHECK(list.items[2].flag);
  CHECK(list.items[3].kind == JsonValue::Kind::boolean);
  CHECK(list.items[4].kind == JsonValue::Kind::null);
  CHECK(value.find("b")->items.empty());
  CHECK(value.find("")->text == "x");
  CHECK(value.find("c") == nullptr);
}

TEST_CASE("JSON escapes become UTF-8, and quoted strings are read back") {
  CHECK(parse(R"("\"\\\/\b\f\n\r\t")").text == "\"\\/\b\f\n\r\t");
  CHECK(parse(R"("\u0041\u00e9\u20ac\ud83d\ude00")").text == "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
  const std::string strange = std::string("a\"\\/\n\x01\xc3\xa9") + '\0' + "z";
  CHECK(parse(json_quoted(strange)).text == strange);
}

TEST_CASE("text that is no JSON is refused") {
  for (const char* text : {"",
                           " ",
                           "{",
                           "}",
                           "[1,]",
                           "[1 2]",
                           "{\"a\":}",
                           "{\"a\" 1}",
                           "{a:1}",
                           "{\"a\":1,}",
                           "{\"a\":1,\"a\":2}",
                           "01",
                           "+1",
                           ".5",
                           "1.",
                           "1e",
                           "-",
                           "nul",
                           "tru",
                           "NaN",
                           "Infinity",
                           "\"",
                           "\"\\\"",
                           "\"\\x\"",
                           "\"\\u12\"",
                           "\"\\ud83d\"",
                           "\"\\ude00\"",
                           "\"\\ud83d\\u0041\"",
                           "\"\n\"",
                           "1 2",
                           "[1]]",
                           "'a'",
                           "{\"a\":1"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(parse(text), std::invalid_argument);
  }
  const auto nested = [](int depth) {
    return std::string(static_cast<std::size_t>(depth), '[') + std::string(static_cast<std::size_t>(depth), ']');
  };
  CHECK(parse(nested(16)).items.size() == 1);
  CHECK_THROWS_AS(parse(nested(1000000)), std::invalid_argument);
}

TEST_CASE("numbers come back to the last bit, in every locale") {
  using Limits = std::numeric_limits<double>;
  RandomStream random(5, RandomPurpose::weights);
  std::vector<double> numbers{0.0,
                              -0.0,
                              1.0,
                              0.1,
                              1e22,
                              -5e-324,
                              Limits::min(),
                              Limits::max(),
                              Limits::denorm_min(),
                              1.0 / 3,
                              2.5,
                              1e17,
                              123456789012345678.0};
  for (int k = 0; k < 2000; ++k) {
    const std::uint64_t bits = random.next();
    double any;
    std::memcpy(&any, &bits, sizeof any);
    if (std::isfinite(any)) numbers.push_back(any);
    numbers.push_back(static_cast<double>(static_cast<float>(random.normal())));
  }
  const auto check_all = [&] {
    for (const double number : numbers) {
      const std::string text = json_text(number);
      CAPTURE(text);
      CHECK(same_bits(json_double(text), number));
      CHECK(parse(text).kind == JsonValue::Kind::number);
      CHECK(text.find_first_of(".e") != std::string::npos);
    }
  };
  check_all();
  // A locale that writes a decimal comma, where there is one; the C library's is restored afterwards.
  const std::string before = std::setlocale(LC_ALL, nullptr);
  for (const char* name : {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE"})
    if (std::setlocale(LC_ALL, name) != nullptr) check_all();
  std::setlocale(LC_ALL, before.c_str());
  CHECK(json_text(0.1) == "0.1");
  CHECK(json_double("1") == 1);
  CHECK(json_double("1e-999") == 0);
  CHECK_THROWS_AS(static_cast<void>(json_double("1e999")), std::invalid_argument);
}

TEST_SUITE_END();
