// What peers say that they cannot do.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "bench_cases_of.h"

extern "C" {
#include "bench_field.h"
}

namespace wn::bench {
namespace {

TEST(BenchPeers, TablesAreComplete) {
  std::set<std::string> names;
  for (int i = 0; bench_peers[i] != nullptr; i++) {
    const bench_peer &p = *bench_peers[i];
    EXPECT_TRUE(names.insert(p.name).second || p.backend == WN_CUDA) << p.name;
    EXPECT_TRUE(p.version && p.cannot && p.prepare && p.run && p.release) << p.name;
    char text[96];
    EXPECT_TRUE(p.version(text, sizeof text)) << p.name << ": " << text;
  }
  EXPECT_EQ(bench_peers[0], &bench_peer_warpnorm);
  EXPECT_EQ(names.count("copy"), 1u);
}

TEST(BenchPeers, OursAndTheCopyCanDoEverything) {
  for (const char *line : {"layer 8x16x5 f64 backward gelu add-after unaligned", "group4 8x16 bf16 train add-before"}) {
    const bench_case c = CaseOf(line);
    EXPECT_EQ(bench_peer_warpnorm.cannot(&c), nullptr);
    EXPECT_EQ(bench_peer_copy.cannot(&c), nullptr);
  }
}

TEST(BenchPeers, TheFieldIsOursTheCopyAndWhoIsNamed) {
  bench_field field;
  bench_fault fault = {""};
  ASSERT_TRUE(bench_field_choose(&field, "planted", WN_CPU, &fault)) << fault.text;
  ASSERT_EQ(field.count, 3);
  EXPECT_STREQ(field.peer[2]->name, "planted");
  ASSERT_TRUE(bench_field_choose(&field, nullptr, WN_CPU, &fault)) << fault.text;
  for (int i = 0; i < field.count; i++) EXPECT_FALSE(field.peer[i]->when_named) << field.peer[i]->name;
  EXPECT_FALSE(bench_field_choose(&field, "planted,nobody", WN_CPU, &fault));
  EXPECT_NE(std::string(fault.text).find("there is no peer \"nobody\""), std::string::npos) << fault.text;
}

#ifdef BENCH_HAVE_ONEDNN
TEST(BenchPeers, OneDnnSaysWhatItCannot) {
  const struct {
    const char *line, *reason;  // NULL: it can
  } answers[] = {{"layer 8x16 bf16 train", nullptr},         {"layer nxc 8x16x5 backward", nullptr},
                 {"layer 8x16x5 train", "innermost axis"},   {"batch 8x16x5x5 infer", nullptr},
                 {"batch 8x16x5x5 backward relu", nullptr},  {"batch 8x16x5x5 frozen", nullptr},
                 {"batch 8x16x5x5 f64 train", "no f64"},     {"batch 8x16x5x5 train silu", "activation"},
                 {"layer 8x16 train relu", "activation"},    {"batch 8x16x5x5 train relu add-after", "residual"},
#ifndef BENCH_ONEDNN_GROUP
                 {"group4 8x16x5x5 train", "no group norm"}, {"instance 8x16x5x5 train", "no group norm"},
#else
                 {"group4 8x16x5x5 train", nullptr},
                 {"instance 8x16x5x5 train", nullptr},
#endif
#ifndef BENCH_ONEDNN_RMS
                 {"rms 8x16 train", "no RMS norm"}
#else
                 {"rms 8x16 train", nullptr}
#endif
  };
  for (const auto &a : answers) {
    const bench_case c = CaseOf(a.line);
    const char *const reason = bench_peer_onednn.cannot(&c);
    EXPECT_EQ(reason == nullptr, a.reason == nullptr) << a.line << ": " << (reason == nullptr ? "it can" : reason);
    if (reason != nullptr && a.reason != nullptr) {
      EXPECT_NE(std::string(reason).find(a.reason), std::string::npos) << reason;
    }
  }
  const bench_case image = CaseOf("batch 8x16x5x5 train"), rows = CaseOf("layer 8x16 train");
  EXPECT_EQ(bench_peer_onednn_blocked.cannot(&image), nullptr);
  EXPECT_NE(bench_peer_onednn_blocked.cannot(&rows), nullptr);
  EXPECT_FALSE(bench_peer_onednn_blocked.ranked) << "its layout is nobody else's";
}
#endif

}  // namespace
}  // namespace wn::bench
