// The progress line: what it says, and that it is rewritten on a terminal only.
#include <gtest/gtest.h>

#include <cstdio>
#include <regex>
#include <string>

extern "C" {
#include "progress.h"
}

namespace {

std::string duration(double seconds) {
  char text[32];
  progress_duration(text, sizeof text, seconds);
  return text;
}

TEST(Progress, Durations) {
  EXPECT_EQ(duration(0), "0 s");
  EXPECT_EQ(duration(0.2), "1 s");
  EXPECT_EQ(duration(99), "99 s");
  EXPECT_EQ(duration(99.5), "1 min 40 s");
  EXPECT_EQ(duration(200), "3 min 20 s");
  EXPECT_EQ(duration(3599.5), "1 h 0 min");
  EXPECT_EQ(duration(7500), "2 h 5 min");
  EXPECT_EQ(duration(1e6), "277 h 46 min");
}

// What is written by `steps` of `total` epochs that took `seconds`, and a line.
std::string written(bool terminal, int steps, int total, double seconds) {
  std::FILE *const file = std::tmpfile();
  progress p;
  progress_start(&p, file, total);
  EXPECT_FALSE(p.terminal) << "a file is no terminal";
  p.terminal = terminal;
  p.start -= seconds;
  p.shown -= seconds;
  for (int i = 0; i < steps; i++) progress_step(&p);
  progress_line(&p, "done with this");
  std::rewind(file);
  char text[512];
  std::string result(text, std::fread(text, 1, sizeof text, file));
  std::fclose(file);
  return result;
}

// The clock runs while the test does, so the last digits are left open.
void expect_match(const std::string &text, const std::string &pattern) {
  EXPECT_TRUE(std::regex_match(text, std::regex(pattern))) << text;
}

TEST(Progress, TellsTheTimeLeft) {
  // 30 s for 3 of 12 epochs: 90 s for the other nine, rounded up.
  expect_match(written(false, 3, 12, 30), "done with this   30\\.[0-9] s, 9[0-9] s left\n");
  expect_match(written(false, 12, 12, 30), "done with this   30\\.[0-9] s, 0 s left\n");
}

TEST(Progress, RewritesItsLineOnATerminal) {
  // The first step shows the line; the others come within a fifth of a second, too soon to show it again.
  expect_match(
      written(true, 3, 12, 30),
      "\r\033\\[K    8%  30\\.[0-9] s, 5 min 3[0-9] s left\r\033\\[Kdone with this   30\\.[0-9] s, 9[0-9] s left\n");
}

}  // namespace
