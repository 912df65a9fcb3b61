// The command line: what each option does, and what is said about a bad one.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "mlp_folder.h"

extern "C" {
#include "optimizer.h"
#include "options.h"
}

namespace {

struct Parsed {
  options_result result;
  options opt;
  std::string text;
};

// The words must outlive the options: `data` and `out` point at them.
Parsed parse(const std::vector<const char *> &words) {
  static std::vector<std::vector<std::string>> kept;
  kept.push_back({"wn_mlp"});
  for (const char *word : words) kept.back().emplace_back(word);
  std::vector<char *> pointers;
  for (std::string &word : kept.back()) pointers.push_back(word.data());
  Parsed parsed = {};
  fault f = {};
  parsed.result = options_parse(&parsed.opt, static_cast<int>(pointers.size()), pointers.data(), &f);
  parsed.text = f.text;
  return parsed;
}

TEST(Options, DefaultsAreTheReferenceSetting) {
  const Parsed p = parse({});
  ASSERT_EQ(p.result, OPTIONS_RUN) << p.text;
  EXPECT_EQ(p.opt.norm, WN_BATCH);
  EXPECT_EQ(p.opt.place, 0);
  EXPECT_EQ(p.opt.activation, WN_ACT_RELU);
  EXPECT_EQ(p.opt.layers, 5);
  EXPECT_EQ(p.opt.width, 100);
  EXPECT_EQ(p.opt.batch, 100);
  EXPECT_EQ(p.opt.epochs, 20);
  EXPECT_EQ(p.opt.images, 1000);
  EXPECT_EQ(p.opt.rate, 0.01);
  EXPECT_EQ(p.opt.optimizer, OPTIMIZER_SGD);
  EXPECT_EQ(p.opt.type, WN_F32);
  EXPECT_EQ(p.opt.device, WN_CPU);
  ASSERT_EQ(p.opt.scale_count, 16);
  for (int i = 0; i < 16; i++) EXPECT_NEAR(p.opt.scales[i], std::pow(10, -4.0 * i / 15), 1e-14);
  EXPECT_EQ(p.opt.scales[0], 1);
  EXPECT_EQ(p.opt.scales[15], 1e-4);
}

TEST(Options, EachIsRead) {
  const Parsed p = parse({"--norm",
                          "group",
                          "--groups",
                          "5",
                          "--place=after",
                          "--activation",
                          "gelu-tanh",
                          "--layers",
                          "3",
                          "--width",
                          "50",
                          "--scales",
                          "0.5,0.25",
                          "--batch",
                          "7",
                          "--lr",
                          "0.125",
                          "--epochs",
                          "4",
                          "--images",
                          "all",
                          "--optimizer=adam",
                          "--type=bf16",
                          "--seed=99",
                          "--device=cuda:3",
                          "--threads=2",
                          "--data=a/b",
                          "--out",
                          "c",
                          "--figure",
                          "no"});
  ASSERT_EQ(p.result, OPTIONS_RUN) << p.text;
  EXPECT_EQ(p.opt.norm, WN_GROUP);
  EXPECT_EQ(p.opt.groups, 5);
  EXPECT_EQ(p.opt.place, 1);
  EXPECT_EQ(p.opt.activation, WN_ACT_GELU_TANH);
  EXPECT_EQ(p.opt.layers, 3);
  EXPECT_EQ(p.opt.width, 50);
  ASSERT_EQ(p.opt.scale_count, 2);
  EXPECT_EQ(p.opt.scales[0], 0.5);
  EXPECT_EQ(p.opt.scales[1], 0.25);
  EXPECT_EQ(p.opt.batch, 7);
  EXPECT_EQ(p.opt.rate, 0.125);
  EXPECT_EQ(p.opt.epochs, 4);
  EXPECT_EQ(p.opt.images, 0);
  EXPECT_EQ(p.opt.optimizer, OPTIMIZER_ADAM);
  EXPECT_EQ(p.opt.type, WN_BF16);
  EXPECT_EQ(p.opt.seed, 99);
  EXPECT_EQ(p.opt.device, WN_CUDA);
  EXPECT_EQ(p.opt.ordinal, 3);
  EXPECT_EQ(p.opt.threads, 2);
  EXPECT_STREQ(p.opt.data, "a/b");
  EXPECT_STREQ(p.opt.out, "c");
  EXPECT_EQ(p.opt.figure, 0);
}

TEST(Options, EveryChoiceHasItsWord) {
  const std::pair<const char *, std::vector<std::pair<const char *, int>>> options_and_words[] = {
      {"--norm",
       {{"none", 0},
        {"batch", WN_BATCH},
        {"layer", WN_LAYER},
        {"group", WN_GROUP},
        {"instance", WN_INSTANCE},
        {"rms", WN_RMS}}},
      {"--activation",
       {{"none", WN_ACT_NONE},
        {"relu", WN_ACT_RELU},
        {"leaky-relu", WN_ACT_LEAKY_RELU},
        {"sigmoid", WN_ACT_SIGMOID},
        {"tanh", WN_ACT_TANH},
        {"gelu", WN_ACT_GELU},
        {"gelu-tanh", WN_ACT_GELU_TANH},
        {"silu", WN_ACT_SILU}}}};
  for (const auto &[option, words] : options_and_words) {
    for (const auto &[word, value] : words) {
      const Parsed p = parse({option, word});
      ASSERT_EQ(p.result, OPTIONS_RUN) << p.text;
      EXPECT_EQ(option == std::string("--norm") ? p.opt.norm : p.opt.activation, value);
      EXPECT_STREQ(options_word(option, value), word);
    }
  }
}

TEST(Options, ARangeOfScalesIsLogarithmic) {
  const Parsed p = parse({"--scales", "0.01:100:5"});
  ASSERT_EQ(p.result, OPTIONS_RUN) << p.text;
  ASSERT_EQ(p.opt.scale_count, 5);
  for (int i = 0; i < 5; i++) EXPECT_NEAR(p.opt.scales[i] / std::pow(10, i - 2), 1, 1e-14);
}

struct BadCase {
  std::vector<const char *> words;
  std::string bad;   // the underlined text
  std::string says;  // a part of the sentence
};

class BadOption : public testing::TestWithParam<BadCase> {};

TEST_P(BadOption, IsNamedAndUnderlined) {
  const BadCase &c = GetParam();
  const Parsed p = parse(c.words);
  ASSERT_EQ(p.result, OPTIONS_WRONG);
  const std::vector<std::string> text = wn::lines(p.text);
  ASSERT_EQ(text.size(), 3u) << p.text;
  EXPECT_NE(text[0].find(c.says), std::string::npos) << p.text;
  std::string command = "  wn_mlp";
  for (const char *word : c.words) command += std::string(" ") + word;
  EXPECT_EQ(text[1], command);
  const size_t from = text[2].find('^');
  ASSERT_NE(from, std::string::npos) << p.text;
  EXPECT_EQ(text[1].substr(from, text[2].size() - from), c.bad) << p.text;
  EXPECT_EQ(text[2].find_first_not_of('~', from + 1), std::string::npos) << p.text;
}

INSTANTIATE_TEST_SUITE_P(
    Each, BadOption,
    testing::Values(
        BadCase{{"--nrom", "batch"}, "--nrom", "unknown option \"--nrom\""},
        BadCase{{"batch"}, "batch", "unknown option \"batch\""},
        BadCase{{"--epochs", "3", "--lr"}, "--lr", "--lr: a value is missing: --lr RATE"},
        BadCase{{"--norm", "bacth", "--seed", "3"},
                "bacth",
                "--norm: expected none, batch, layer, group, instance or rms, got \"bacth\""},
        BadCase{{"--norm=bacth"}, "bacth", "got \"bacth\""}, BadCase{{"--norm="}, "", "got \"\""},
        BadCase{{"--place", "behind"}, "behind", "--place: expected before or after"},
        BadCase{{"--activation", "softplus"}, "softplus", "gelu-tanh"},
        BadCase{{"--optimizer", "lion"}, "lion", "expected sgd or adam"},
        BadCase{{"--type", "f16"}, "f16", "expected f32 or bf16"},
        BadCase{{"--device", "tpu"}, "tpu", "expected cpu, cuda, or cuda:N with N from 0 to 1023"},
        BadCase{{"--device", "cpu:0"}, "cpu:0", "expected cpu, cuda"},
        BadCase{{"--device=cuda0"}, "cuda0", "got \"cuda0\""}, BadCase{{"--device=cuda:"}, "cuda:", "got \"cuda:\""},
        BadCase{{"--device=cuda:-1"}, "cuda:-1", "N from 0 to 1023"},
        BadCase{{"--device=cuda:1024"}, "cuda:1024", "N from 0 to 1023"},
        BadCase{{"--figure", "maybe"}, "maybe", "expected yes or no"},
        BadCase{{"--layers", "0"}, "0", "a whole number from 1 to 1000"},
        BadCase{{"--width", "1e3"}, "1e3", "a whole number from 1 to 65536"},
        BadCase{{"--epochs", "-1"}, "-1", "a whole number from 1 to"},
        BadCase{{"--batch", "99999999999999999999"}, "99999999999999999999", "a whole number"},
        BadCase{{"--images", "some"}, "some", "or all"}, BadCase{{"--threads", "0"}, "0", "from 1 to 1024"},
        BadCase{{"--seed", "-4"}, "-4", "a whole number from 0"}, BadCase{{"--lr", "0"}, "0", "a number above 0"},
        BadCase{{"--lr", "fast"}, "fast", "a number above 0"}, BadCase{{"--lr", "nan"}, "nan", "a number above 0"},
        BadCase{{"--lr", "1e999"}, "1e999", "a number above 0"},
        BadCase{{"--scales", "1:1e-4"}, "1:1e-4", "FROM:TO:COUNT"},
        BadCase{{"--scales", "1:1e-4:1"}, "1:1e-4:1", "COUNT from 2 to 64"},
        BadCase{{"--scales", "1:0:4"}, "1:0:4", "above 0"},
        BadCase{{"--scales", "1,,2"}, "1,,2", "numbers with commas"},
        BadCase{{"--scales", "0.1,-1"}, "0.1,-1", "above 0"}, BadCase{{"--data", ""}, "", "a folder"},
        BadCase{{"--norm", "layer", "--groups", "5"}, "5", "--norm layer has no groups"},
        BadCase{{"--norm", "group", "--groups", "7"}, "7", "7 does not divide --width 100"},
        BadCase{{"--norm", "group", "--width=30"}, "30", "4 does not divide --width 30"},
        BadCase{{"--norm", "instance", "--groups", "100"}, "100", "would be 0 everywhere"},
        BadCase{{"--ranks", "4"}, "4", "no, sync or local"},
        BadCase{{"--ranks", "sync", "--device", "cuda"}, "sync", "on processors only"}));

TEST(Options, RanksAreOfAnEnum) {
  EXPECT_EQ(parse({}).opt.ranks, RANKS_NONE);
  EXPECT_EQ(parse({"--ranks", "sync"}).opt.ranks, RANKS_SYNC);
  EXPECT_EQ(parse({"--ranks=local"}).opt.ranks, RANKS_LOCAL);
}

TEST(Options, MoreScalesThanFitAreAnError) {
  std::string list = "1";
  for (int i = 1; i < 64; i++) list += ",1";
  EXPECT_EQ(parse({"--scales", list.c_str()}).result, OPTIONS_RUN);
  EXPECT_EQ(parse({"--scales", (list + ",1").c_str()}).result, OPTIONS_WRONG);
}

TEST(Options, AnEndlessCommandLineStillGetsASentence) {
  const std::string endless(5000, 'x');
  const Parsed p = parse({"--out", endless.c_str(), "--norm", "bacth"});
  EXPECT_EQ(p.result, OPTIONS_WRONG);
  EXPECT_NE(p.text.find("got \"bacth\""), std::string::npos) << p.text;
}

TEST(Options, HelpNamesEachOption) {
  EXPECT_EQ(parse({"--epochs", "3", "--help"}).result, OPTIONS_HELP);
  const wn::Outcome run = wn::run_mlp({"--help"});
  EXPECT_EQ(run.status, 0);
  for (const char *name : {"--norm",   "--groups",  "--place",  "--activation", "--layers",    "--width", "--scales",
                           "--batch",  "--lr",      "--epochs", "--images",     "--optimizer", "--type",  "--seed",
                           "--device", "--threads", "--ranks",  "--data",       "--out",       "--figure"})
    EXPECT_NE(run.output.find(std::string("  ") + name + " "), std::string::npos) << name;
}

}  // namespace
