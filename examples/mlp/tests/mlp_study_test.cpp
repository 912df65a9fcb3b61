// The whole study, with its default setting on the real images, against limits that were fixed before it was first run.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace {

std::string out;

struct Row {
  int scale;
  double deviation;
  std::string norm;
  double last_sample, train, test;
};

class Study : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    const auto start = std::chrono::steady_clock::now();
    const int status = std::system(("'" WN_MLP_PROGRAM "' --out '" + out + "'").c_str());
    seconds_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "wn_mlp failed; its message is above";
    std::ifstream file(out + "/summary.csv");
    std::string line;
    std::getline(file, line);
    ASSERT_EQ(line, "scale,std,norm,last_sample_accuracy,train_accuracy,train_loss,test_accuracy,test_loss");
    while (std::getline(file, line)) {
      std::istringstream cells(line);
      std::vector<std::string> cell(1);
      while (std::getline(cells, cell.back(), ',')) cell.emplace_back();
      ASSERT_GE(cell.size(), 8u) << line;
      rows_.push_back({std::stoi(cell[0]), std::stod(cell[1]), cell[2], std::stod(cell[3]), std::stod(cell[4]),
                       std::stod(cell[6])});
    }
  }

  static int reached(const std::string &norm, double accuracy) {
    int scales = 0;
    for (const Row &row : rows_) scales += row.norm == norm && row.last_sample >= accuracy;
    return scales;
  }

  static std::vector<Row> rows_;
  static double seconds_;
};
std::vector<Row> Study::rows_;
double Study::seconds_;

TEST_F(Study, CoversSixteenScalesTwice) {
  ASSERT_EQ(rows_.size(), 32u);
  for (size_t i = 0; i < rows_.size(); i++) {
    EXPECT_EQ(rows_[i].scale, static_cast<int>(i / 2) + 1);
    EXPECT_EQ(rows_[i].norm, i % 2 ? "batch" : "none");
    EXPECT_NEAR(rows_[i].deviation / std::pow(10, -4.0 * (rows_[i].scale - 1) / 15), 1, 1e-8);
  }
}

TEST_F(Study, WithNormalizationNearlyEveryScaleLearns) { EXPECT_GE(reached("batch", 0.30), 15); }

TEST_F(Study, WithoutNormalizationFewScalesLearn) { EXPECT_LE(reached("none", 0.30), 6); }

TEST_F(Study, WhatIsLearnedHoldsOnTheTestImages) {
  // Chance is 0.10 on the balanced test set of 10,000, give or take 0.012 at 4 sigma. Running statistics that were
  // wrong would show here.
  int above_chance = 0;
  for (const Row &row : rows_) above_chance += row.norm == "batch" && row.test > 0.20;
  EXPECT_GE(above_chance, 15);
}

TEST_F(Study, TakesUnderTwoMinutes) {
#if defined(__SANITIZE_ADDRESS__)
  EXPECT_LT(seconds_, 600);
#else
  EXPECT_LT(seconds_, 120);
#endif
}

}  // namespace

int main(int count, char **words) {
  testing::InitGoogleTest(&count, words);
  if (count != 2) {
    std::fputs("usage: wn_mlp_study_test FOLDER\n", stderr);
    return 2;
  }
  out = words[1];
  return RUN_ALL_TESTS();
}
