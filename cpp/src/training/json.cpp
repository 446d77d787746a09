#include "training/json.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <locale>
#include <new>
#include <sstream>
#include <stdexcept>

namespace sublinear {
namespace {

constexpr int kMostDepth = 16;

class Parser {
 public:
  Parser(const char* text, std::size_t size, std::size_t most)
      : begin_(text), at_(text), end_(text + size), left_(most) {}

  JsonValue parse() {
    JsonValue value = parse_value(0);
    skip_blanks();
    if (at_ != end_) fail("something follows the value");
    return value;
  }

 private:
  [[noreturn]] void fail(const std::string& why) const {
    throw std::invalid_argument("the JSON text is wrong at byte " + std::to_string(at_ - begin_) + ": " + why);
  }

  void skip_blanks() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\t' || *at_ == '\n' || *at_ == '\r')) ++at_;
  }

  [[nodiscard]] bool take(char expected) {
    if (at_ == end_ || *at_ != expected) return false;
    ++at_;
    return true;
  }

  void expect(char expected) {
    skip_blanks();
    if (!take(expected)) fail(std::string("expected '") + expected + "'");
  }

  [[nodiscard]] bool take_word(const char* word) {
    const char* from = at_;
    for (; *word != '\0'; ++word)
      if (!take(*word)) {
        at_ = from;
        return false;
      }
    return true;
  }

  JsonValue parse_value(int depth) {
    if (depth > kMostDepth) fail("values are nested too deep");
    if (left_-- == 0) fail("there are too many values");
    skip_blanks();
    JsonValue value;
    if (at_ == end_) fail("a value is missing");
    if (*at_ == '{') {
      parse_object(value, depth);
    } else if (*at_ == '[') {
      parse_array(value, depth);
    } else if (*at_ == '"') {
      value.kind = JsonValue::Kind::string;
      value.text = parse_string();
    } else if (take_word("true")) {
      value.kind = JsonValue::Kind::boolean;
      value.flag = true;
    } else if (take_word("false")) {
      value.kind = JsonValue::Kind::boolean;
    } else if (!take_word("null")) {
      parse_number(value);
    }
    return value;
  }

  void parse_object(JsonValue& value, int depth) {
    value.kind = JsonValue::Kind::object;
    expect('{');
    skip_blanks();
    if (take('}')) return;
    do {
      skip_blanks();
      value.names.push_back(parse_string());
      expect(':');
      value.items.push_back(parse_value(depth + 1));
      skip_blanks();
    } while (take(','));
    expect('}');
    std::vector<std::string> sorted(value.names);
    std::sort(sorted.begin(), sorted.end());
    if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) fail("a name is there twice");
  }

  void parse_array(JsonValue& value, int depth) {
    value.kind = JsonValue::Kind::array;
    expect('[');
    skip_blanks();
    if (take(']')) return;
    do {
      value.items.push_back(parse_value(depth + 1));
      skip_blanks();
    } while (take(','));
    expect(']');
  }

  [[nodiscard]] bool at_digit() const { return at_ != end_ && *at_ >= '0' && *at_ <= '9'; }
  void parse_digits() {
    if (!at_digit()) fail("expected a value");
    while (at_digit()) ++at_;
  }

  void parse_number(JsonValue& value) {
    value.kind = JsonValue::Kind::number;
    const char* const from = at_;
    static_cast<void>(take('-'));
    if (!take('0')) parse_digits();
    if (take('.')) parse_digits();
    if (take('e') || take('E')) {
      if (!take('+')) static_cast<void>(take('-'));
      parse_digits();
    }
    value.text.assign(from, at_);
  }

  unsigned parse_hex() {
    unsigned code = 0;
    for (int k = 0; k < 4; ++k, ++at_) {
      if (at_ == end_) fail("the text ends inside a string");
      const char c = *at_;
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (digit < 0) fail("expected a hexadecimal digit");
      code = code * 16 + static_cast<unsigned>(digit);
    }
    return code;
  }

  // What follows a backslash and a 'u', as UTF-8.
  void parse_code(std::string& out) {
    unsigned code = parse_hex();
    if (code >= 0xDC00 && code < 0xE000) fail("half a surrogate pair");
    if (code >= 0xD800 && code < 0xDC00) {
      if (!take_word("\\u")) fail("half a surrogate pair");
      const unsigned low = parse_hex();
      if (low < 0xDC00 || low >= 0xE000) fail("half a surrogate pair");
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    const auto put = [&](unsigned byte) { out.push_back(static_cast<char>(byte)); };
    if (code < 0x80) {
      put(code);
    } else if (code < 0x800) {
      put(0xC0 | code >> 6);
      put(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
      put(0xE0 | code >> 12);
      put(0x80 | (code >> 6 & 0x3F));
      put(0x80 | (code & 0x3F));
    } else {
      put(0xF0 | code >> 18);
      put(0x80 | (code >> 12 & 0x3F));
      put(0x80 | (code >> 6 & 0x3F));
      put(0x80 | (code & 0x3F));
    }
  }

  std::string parse_string() {
    if (!take('"')) fail("expected '\"'");
    std::string out;
    while (true) {
      if (at_ == end_) fail("the text ends inside a string");
      const char c = *at_;
      if (static_cast<unsigned char>(c) < 0x20) fail("a control character inside a string");
      ++at_;
      if (c == '"') return out;
      if (c != '\\') {
        out.push_back(c);
        continue;
      }
      static constexpr char kShort[] = "\"\\/bfnrt", kMeant[] = "\"\\/\b\f\n\r\t";
      if (take('u')) {
        parse_code(out);
        continue;
      }
      const char* const found = at_ == end_ ? kShort + 8 : std::find(kShort, kShort + 8, *at_);
      if (found == kShort + 8) fail("an unknown escape inside a string");
      out.push_back(kMeant[found - kShort]);
      ++at_;
    }
  }

  const char* begin_;
  const char* at_;
  const char* end_;
  std::size_t left_;  // values that may still come
};

// Reads or writes numbers as everywhere, also where the application set another locale; does not keep to itself that
// memory ran out.
template <class Stream>
Stream plain() {
  Stream stream;
  stream.imbue(std::locale::classic());
  stream.exceptions(std::ios::badbit);
  return stream;
}

// The double that a number in decimals is nearest to; whether there is one.
bool nearest(const std::string& number, double& value) {
  auto stream = plain<std::istringstream>();
  stream.str(number);
  value = std::numeric_limits<double>::quiet_NaN();
  stream >> value;
  if (std::isnan(value)) throw std::bad_alloc();  // of which libstdc++ for Windows says no more than that it failed
  // A number too small to be told from 0 is reported as a failure by some libraries, and is 0.
  return (!stream.fail() || value == 0) && std::isfinite(value);
}

}  // namespace

const JsonValue* JsonValue::find(const std::string& name) const noexcept {
  for (std::size_t k = 0; k < names.size(); ++k)
    if (names[k] == name) return &items[k];
  return nullptr;
}

JsonValue parse_json(const char* text, std::size_t size, std::size_t most) { return Parser(text, size, most).parse(); }

double json_double(const std::string& number) {
  double value = 0;
  if (!nearest(number, value)) throw std::invalid_argument("the number " + number.substr(0, 40) + " is too large");
  return value;
}

std::string json_text(double value) {
  for (int digits = std::numeric_limits<double>::digits10;; ++digits) {
    auto stream = plain<std::ostringstream>();
    stream.precision(digits);
    stream << value;
    std::string text = stream.str();
    // Fewer digits than it takes may give another number, or round to above the largest.
    double read = 0;
    if (digits < std::numeric_limits<double>::max_digits10 && (!nearest(text, read) || read != value)) continue;
    // Readers take "-0" for an integer, which has no sign.
    if (text.find_first_of(".e") == std::string::npos) text += ".0";
    return text;
  }
}

std::string json_quoted(const std::string& text) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += "\\u00";
      out.push_back(kHex[static_cast<unsigned char>(c) >> 4]);
      out.push_back(kHex[c & 15]);
    } else {
      out.push_back(c);
    }
  }
  return out + "\"";
}

}  // namespace sublinear
