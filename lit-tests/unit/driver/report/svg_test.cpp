// purpose: shows that any text is escaped for XML, and that numbers and ticks are short.
// layer: tests; includes the driver.
// threads: one.
// invariants: none.
// RUN: %runner %build/tests/svg_test
#include "driver/report/svg.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <string_view>

using namespace mneme::driver;

namespace {

TEST_CASE("characters that are special in XML are escaped, and no others") {
  CHECK(escape_xml("a<b>&\"'c") == "a&lt;b&gt;&amp;&quot;&#39;c");
  CHECK(escape_xml("</script><!-- ]]>") == "&lt;/script&gt;&lt;!-- ]]&gt;");
  CHECK(escape_xml("größe → 𝄞") == "größe → 𝄞");
}

TEST_CASE("invalid characters are replaced, byte by byte") {
  CHECK(escape_xml(std::string_view("a\0b\x1b\x7f", 5)) ==
        "a\xEF\xBF\xBD"
        "b\xEF\xBF\xBD\xEF\xBF\xBD");
  CHECK(escape_xml("\xFF\x80") == "\xEF\xBF\xBD\xEF\xBF\xBD");
  CHECK(escape_xml("\xC0\xAF") == "\xEF\xBF\xBD\xEF\xBF\xBD");                  // too long a form
  CHECK(escape_xml("\xE0\x80\xAF") == "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");  // and again
  CHECK(escape_xml("\xED\xA0\x80") == "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");  // a surrogate
  CHECK(escape_xml("\xEF\xBF\xBE") == "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");  // U+FFFE
  CHECK(escape_xml("\xF0\x9D\x84") == "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");  // cut
}

TEST_CASE("texts are truncated between characters") {
  CHECK(shortened("größe", 5) == "größe");
  CHECK(shortened("größer", 5) == "größ…");
  CHECK(shortened("ab", 1) == "…");
}

TEST_CASE("numbers have at most one decimal") {
  CHECK(number_text(3) == "3");
  CHECK(number_text(3.14159) == "3.1");
  CHECK(number_text(-0.01) == "0");
  CHECK(with_commas(0) == "0");
  CHECK(with_commas(1024) == "1,024");
  CHECK(with_commas(1234567) == "1,234,567");
}

TEST_CASE("ticks are few, and at round numbers") {
  CHECK(tick_step(1024, 8, true) == 128);
  CHECK(tick_step(1000, 8, true) == 128);
  CHECK(tick_step(51779, 10, false) == 10000);
  CHECK(tick_step(40, 50, false) == 1);
  CHECK(tick_step(0, 10, false) == 1);
}

TEST_CASE("all colours of a ramp are different") {
  for (const std::size_t count : {1U, 2U, 14U, 60U}) {
    std::set<std::string> colours;
    for (std::size_t at = 0; at < count; ++at) colours.insert(ramp_colour(at, count));
    CHECK(colours.size() == count);
  }
  CHECK(is_dark("#440154"));
  CHECK(!is_dark("#fde725"));
}

TEST_CASE("a picture is one element, with its title") {
  Svg svg(10, 20.5, "a < b");
  svg.text(1, 2, "<&>");
  svg.rect(0, 0, 1, 1, "fill=\"red\"", "\"tip\"");
  const std::string text = svg.finish();
  CHECK(text.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"10\" height=\"20.5\""));
  CHECK(text.contains("<title>a &lt; b</title>"));
  CHECK(text.contains(">&lt;&amp;&gt;</text>"));
  CHECK(text.contains("><title>&quot;tip&quot;</title></rect>"));
  CHECK(text.ends_with("</svg>\n"));
}

}  // namespace
