// wn_mlp as a user runs it, on small images of the test's own.
#include <gtest/gtest.h>

#include <regex>
#include <string>
#include <vector>

#include "mlp_folder.h"

namespace {

using wn::Folder;
using wn::Outcome;

class Program : public testing::Test {
 protected:
  Program() { wn::write_images(images_, 60, 30, 6, true); }

  Outcome run(const Folder &out, std::vector<std::string> more) {
    std::vector<std::string> words = {"--data",   images_.path(), "--out",    out.path(), "--images", "60",
                                      "--batch",  "10",           "--layers", "2",        "--width",  "16",
                                      "--scales", "0.5,0.05",     "--epochs", "3",        "--figure", "no"};
    words.insert(words.end(), more.begin(), more.end());
    return wn::run_mlp(words);
  }

  Folder images_;
};

TEST_F(Program, WritesItsTables) {
  const Folder out;
  const Outcome ran = run(out, {});
  ASSERT_EQ(ran.status, 0) << ran.errors;
  const std::vector<std::string> curves = wn::lines(wn::text(out.read("curves.csv")));
  ASSERT_EQ(curves.size(), 1u + 2 * 2 * 3);
  EXPECT_EQ(curves[0], "scale,std,norm,epoch,step,accuracy,loss");
  for (size_t row = 1; row < curves.size(); row++) {
    const std::vector<std::string> c = wn::cells(curves[row]);
    const size_t epoch = (row - 1) % 3, series = (row - 1) / 3 % 2, scale = (row - 1) / 6;
    ASSERT_EQ(c.size(), 7u);
    EXPECT_EQ(c[0], std::to_string(scale + 1));
    EXPECT_EQ(c[1], scale == 0 ? "0.5" : "0.05");
    EXPECT_EQ(c[2], series == 0 ? "none" : "batch");
    EXPECT_EQ(c[3], std::to_string(epoch));
    EXPECT_EQ(c[4], std::to_string(6 * epoch + 1));
    EXPECT_TRUE(std::stod(c[5]) >= 0 && std::stod(c[5]) <= 1) << curves[row];
    EXPECT_GT(std::stod(c[6]), 0);
  }
  const std::vector<std::string> summary = wn::lines(wn::text(out.read("summary.csv")));
  ASSERT_EQ(summary.size(), 1u + 2 * 2);
  EXPECT_EQ(summary[0], "scale,std,norm,last_sample_accuracy,train_accuracy,train_loss,test_accuracy,test_loss");
  for (size_t row = 1; row < summary.size(); row++) {
    const std::vector<std::string> c = wn::cells(summary[row]);
    ASSERT_EQ(c.size(), 8u);
    EXPECT_EQ(c[3], wn::cells(curves[3 * row])[5]) << "the last point of the curve";
  }
}

TEST_F(Program, LearnsTheseImages) {
  // Brightness tells the label, so a working network gets all of them; chance is 0.1.
  const Folder out;
  const Outcome ran = run(out, {"--scales", "0.3", "--epochs", "60", "--lr", "0.1"});
  ASSERT_EQ(ran.status, 0) << ran.errors;
  const std::vector<std::string> summary = wn::lines(wn::text(out.read("summary.csv")));
  ASSERT_EQ(summary.size(), 3u);
  EXPECT_GE(std::stod(wn::cells(summary[2])[4]), 0.95) << summary[2];
  EXPECT_GE(std::stod(wn::cells(summary[2])[6]), 0.8) << summary[2];
}

TEST_F(Program, IsRepeatableForASeed) {
  for (const std::vector<std::string> &setting :
       {std::vector<std::string>{}, {"--norm", "group", "--place", "after", "--optimizer", "adam", "--type", "bf16"}}) {
    const Folder first, second, other;
    std::vector<std::string> other_seed = setting;
    other_seed.insert(other_seed.end(), {"--seed", "2"});
    ASSERT_EQ(run(first, setting).status, 0);
    ASSERT_EQ(run(second, setting).status, 0);
    ASSERT_EQ(run(other, other_seed).status, 0);
    for (const char *name : {"curves.csv", "summary.csv"}) {
      EXPECT_EQ(first.read(name), second.read(name)) << name;
      EXPECT_NE(first.read(name), other.read(name)) << name;
    }
  }
}

TEST_F(Program, ComparesEveryNormWithTheSameNetworkWithout) {
  const Folder alone;
  ASSERT_EQ(run(alone, {"--norm", "none"}).status, 0);
  const std::vector<std::string> expected = wn::lines(wn::text(alone.read("curves.csv")));
  ASSERT_EQ(expected.size(), 1u + 2 * 3);
  for (const char *norm : {"batch", "layer", "group", "instance", "rms"}) {
    for (const char *place : {"before", "after"}) {
      const Folder out;
      const Outcome ran = run(out, {"--norm", norm, "--place", place});
      ASSERT_EQ(ran.status, 0) << ran.errors;
      std::vector<std::string> without, with;
      for (const std::string &line : wn::lines(wn::text(out.read("curves.csv"))))
        (line.find(std::string(",") + norm + ",") == std::string::npos ? without : with).push_back(line);
      EXPECT_EQ(without, expected) << "the weights or the batches differ";
      EXPECT_EQ(with.size(), 6u);
    }
  }
}

TEST_F(Program, TellsHowFarItIs) {
  const Folder out;
  const Outcome ran = run(out, {"--norm", "rms"});
  ASSERT_EQ(ran.status, 0) << ran.errors;
  EXPECT_EQ(ran.errors, "");
  for (std::string line : {"\\[ 1/2\\] std 0.5 ", "\\[ 2/2\\] std 0.05 "}) {
    line +=
        " +none 0\\.[0-9]{3} test 0\\.[0-9]{3}  rms 0\\.[0-9]{3} test 0\\.[0-9]{3}   [0-9]+\\.[0-9] s, [0-9]+ s left\n";
    EXPECT_TRUE(std::regex_search(ran.output, std::regex(line))) << ran.output;
  }
  EXPECT_NE(ran.output.find("network 36-16-16-10, relu, sgd 0.01, batch 10, 3 epochs of 6 steps"), std::string::npos)
      << ran.output;
  EXPECT_NE(ran.output.find("rms norm before the activation in f32"), std::string::npos) << ran.output;
  EXPECT_EQ(ran.output.find('\r'), std::string::npos) << "a line that is rewritten belongs on a terminal only";
}

TEST_F(Program, DrawsItsPicture) {
  const Folder out;
  const Outcome ran = run(out, {"--figure", "yes"});
  ASSERT_EQ(ran.status, 0) << ran.errors;
  EXPECT_EQ(ran.errors, "") << "gnuplot complained";
  const wn::Bytes png = out.read("accuracy.png");
  ASSERT_GT(png.size(), 5000u);
  EXPECT_EQ(wn::text(wn::Bytes(png.begin(), png.begin() + 8)), "\x89PNG\r\n\x1a\n");
  const std::string svg = wn::text(out.read("accuracy.svg"));
  EXPECT_NE(svg.find("</svg>"), std::string::npos);
  const auto times = [&](const std::string &what) {
    size_t found = 0;
    for (size_t at = svg.find(what); at != std::string::npos; at = svg.find(what, at + 1)) found++;
    return found;
  };
  EXPECT_EQ(times("without normalization"), 1u) << "the legend stands there once";
  EXPECT_EQ(times("with batch norm before the activation"), 1u);
  EXPECT_EQ(times("std 0.5<"), 1u);
  EXPECT_EQ(times("std 0.05<"), 1u);
}

TEST_F(Program, StopsAtWhatIsWrong) {
  const Folder out;
  Outcome ran = run(out, {"--norm", "bacth"});
  EXPECT_EQ(ran.status, 2);
  EXPECT_NE(ran.errors.find("got \"bacth\""), std::string::npos) << ran.errors;

  ran = run(out, {"--data", "/nowhere"});
  EXPECT_EQ(ran.status, 1);
  EXPECT_NE(ran.errors.find("/nowhere: no such folder"), std::string::npos) << ran.errors;

  ran = run(out, {"--images", "61"});
  EXPECT_EQ(ran.status, 1);
  EXPECT_NE(ran.errors.find("has only 60"), std::string::npos) << ran.errors;

  ran = run(out, {"--out", "/proc/here"});
  EXPECT_EQ(ran.status, 1);
  EXPECT_NE(ran.errors.find("--out /proc/here"), std::string::npos) << ran.errors;

  wn::write_images(out, 60, 30, 5, false); /* other sizes than the test images below */
  std::remove(out.path("t10k-images-idx3-ubyte").c_str());
  out.write("t10k-images-idx3-ubyte", wn::idx({30, 6, 6}, wn::Bytes(30 * 36)));
  ran = run(out, {"--data", out.path()});
  EXPECT_EQ(ran.status, 1);
  EXPECT_NE(ran.errors.find("sizes disagree: training images of 25 pixels, test images of 36"), std::string::npos)
      << ran.errors;
}

TEST_F(Program, SaysWhenThereIsNoGnuplot) {
  const Folder out, nothing;
  // An empty PATH for wn_mlp alone: /usr/bin/env is named by its path, and is found without one.
  const std::string command = "PATH='" + nothing.path() + "' '" WN_MLP_PROGRAM "' --data '" + images_.path() +
                              "' --images 60 --layers 1 --width 8 --scales 0.1 --epochs 1 --out '" + out.path() +
                              "' >'" + nothing.path("output") + "' 2>'" + nothing.path("errors") + "'";
  EXPECT_NE(std::system(command.c_str()), 0);
  const std::string errors = wn::text(nothing.read("errors"));
  EXPECT_NE(errors.find("gnuplot is not installed"), std::string::npos) << errors;
  EXPECT_FALSE(out.read("curves.csv").empty());
}

TEST_F(Program, ContinuesThroughADivergingTraining) {
  // Weights this large overflow without normalization: the result is a bad accuracy and not an error.
  const Folder out;
  const Outcome ran = run(out, {"--scales", "1e6"});
  ASSERT_EQ(ran.status, 0) << ran.errors;
  const std::string curves = wn::text(out.read("curves.csv"));
  EXPECT_NE(curves.find(",nan\n"), std::string::npos) << curves;
}

}  // namespace
