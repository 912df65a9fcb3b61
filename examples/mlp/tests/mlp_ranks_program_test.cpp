// wn_mlp --ranks as a user runs it. WN_MLP_MPIEXEC is how processes are started, without their number; empty: the build
// has no MPI.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "mlp_folder.h"

namespace {

using wn::Folder;
using wn::Outcome;
const std::string launcher = WN_MLP_MPIEXEC;

class RanksProgram : public testing::Test {
 protected:
  RanksProgram() { wn::write_images(images_, 60, 30, 6, true); }

  // ranks: 0: one process that is not told of any.
  Outcome run(const Folder &out, int ranks, std::vector<std::string> more) {
    std::vector<std::string> words = {"--data",   images_.path(), "--out",    out.path(), "--images", "60",
                                      "--batch",  "10",           "--layers", "2",        "--width",  "16",
                                      "--scales", "0.3",          "--epochs", "3",        "--figure", "no"};
    words.insert(words.end(), more.begin(), more.end());
    return wn::run_mlp(words, ranks == 0 ? "" : launcher + " " + std::to_string(ranks));
  }

  Folder images_;
};

TEST_F(RanksProgram, WithoutMpiItSaysSo) {
  if (!launcher.empty()) GTEST_SKIP() << "built with MPI";
  const Folder out;
  const Outcome ran = run(out, 0, {"--ranks", "sync"});
  EXPECT_EQ(ran.status, 1);
  EXPECT_NE(ran.errors.find("built without MPI"), std::string::npos) << ran.errors;
}

TEST_F(RanksProgram, WritesWhatOneProcessWrites) {
  if (launcher.empty()) GTEST_SKIP() << "built without MPI";
  const Folder alone, shared, local;
  ASSERT_EQ(run(alone, 0, {}).status, 0);
  const Outcome ran = run(shared, 2, {"--ranks", "sync"});
  ASSERT_EQ(ran.status, 0) << ran.errors;
  EXPECT_NE(ran.output.find("2 ranks, statistics of the batch"), std::string::npos) << ran.output;
  const size_t at = ran.output.find("network 36-16-16-10");
  ASSERT_NE(at, std::string::npos) << ran.output;
  EXPECT_EQ(ran.output.find("network 36-16-16-10", at + 1), std::string::npos) << "both ranks have reported";
  ASSERT_EQ(run(local, 2, {"--ranks", "local"}).status, 0);
  const auto rows = [](const Folder &folder) { return wn::lines(wn::text(folder.read("curves.csv"))); };
  const std::vector<std::string> expected = rows(alone), got = rows(shared), other = rows(local);
  ASSERT_EQ(got.size(), expected.size());
  ASSERT_EQ(got.size(), 1u + 2 * 3);
  for (size_t row = 1; row < got.size(); row++) {
    const double loss = std::stod(wn::cells(expected[row])[6]);
    EXPECT_NEAR(std::stod(wn::cells(got[row])[6]), loss, 1e-4 * loss) << "18 steps: " << got[row];
  }
  const double loss = std::stod(wn::cells(expected[6])[6]);
  EXPECT_GT(std::fabs(std::stod(wn::cells(other[6])[6]) - loss), 1e-3 * loss) << "local statistics make no difference";
}

TEST_F(RanksProgram, SharesAreEqual) {
  if (launcher.empty()) GTEST_SKIP() << "built without MPI";
  const Folder out;
  const Outcome ran = run(out, 3, {"--ranks", "sync"});
  EXPECT_NE(ran.status, 0);
  EXPECT_NE(ran.errors.find("--batch: 10 images are no equal shares for 3 ranks"), std::string::npos) << ran.errors;
}

}  // namespace
