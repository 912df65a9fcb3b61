// The program of the studies, in its tiny form: what it keeps, what it does again, and what it says.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "mlp_folder.h"

namespace {

namespace fs = std::filesystem;

std::string read(const fs::path &path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

void write(const fs::path &path, const std::string &text) { std::ofstream(path) << text; }

class Studies : public testing::Test {
 protected:
  void SetUp() override { wn::write_images(data_, 300, 140, 28, false); }

  wn::Outcome run(const std::string &out, std::vector<std::string> more) {
    std::vector<std::string> words = {"--tiny", "--seeds", "1", "--data", data_.path(), "--out", out_.path(out)};
    words.insert(words.end(), more.begin(), more.end());
    return wn::run_mlp(words);
  }
  std::vector<std::string> names() {
    std::vector<std::string> found;
    std::stringstream lines(wn::run_mlp({"--list"}).output);
    for (std::string line; std::getline(lines, line);) found.push_back(line.substr(0, line.find(' ')));
    return found;
  }
  // All CSV files of a folder of results, one after another; of times, which differ, how many rows there are.
  std::string results(const std::string &out) {
    std::string all;
    for (const std::string &name : names()) {
      std::vector<fs::path> paths;
      for (const auto &entry : fs::directory_iterator(fs::path(out_.path(out)) / name))
        if (entry.path().extension() == ".csv") paths.push_back(entry.path());
      std::sort(paths.begin(), paths.end());
      EXPECT_FALSE(paths.empty()) << name;
      for (const fs::path &path : paths) {
        const std::string text = read(path), file = path.filename().string();
        const auto rows = std::count(text.begin(), text.end(), '\n');
        all += file + "\n" + (file == "times.csv" ? std::to_string(rows) + " rows\n" : text);
      }
    }
    return all;
  }
  std::vector<fs::path> runs(const std::string &out, const std::string &name) {
    std::vector<fs::path> found;
    for (const auto &entry : fs::directory_iterator(fs::path(out_.path(out)) / name / "runs"))
      found.push_back(entry.path());
    std::sort(found.begin(), found.end());
    return found;
  }

  wn::Folder data_, out_;
};

TEST_F(Studies, GiveTheSameForAnyNumberOfJobsAndGoOnWhereTheyWere) {
  const wn::Outcome alone = run("alone", {"all", "--jobs", "1"});
  ASSERT_EQ(alone.status, 0) << alone.errors;
  const wn::Outcome shared = run("shared", {"all", "--jobs", "3"});
  ASSERT_EQ(shared.status, 0) << shared.errors;
  const std::string expected = results("alone");
  EXPECT_EQ(results("shared"), expected);

  // One run never done, one broken off, one that another setting has left: these three are done again.
  const std::string name = names().front();
  const std::vector<fs::path> files = runs("shared", name);
  ASSERT_GE(files.size(), 4u);
  fs::remove(files[0]);
  const std::string whole = read(files[1]), other = read(files[2]);
  write(files[1], whole.substr(0, whole.size() - 4));
  const size_t form = other.find("tiny");
  ASSERT_NE(form, std::string::npos) << other;
  write(files[2], std::string(other).replace(form, 4, "full"));
  const wn::Outcome resumed = run("shared", {name});
  ASSERT_EQ(resumed.status, 0) << resumed.errors;
  const std::string count = std::to_string(files.size());
  EXPECT_NE(resumed.output.find(count + " runs, " + std::to_string(files.size() - 3) + " of them done before"),
            std::string::npos)
      << resumed.output;
  EXPECT_EQ(results("shared"), expected);

  const wn::Outcome again = run("shared", {name, "--again"});
  EXPECT_NE(again.output.find(count + " runs, 0 of them done before"), std::string::npos) << again.output;
  EXPECT_EQ(results("shared"), expected);
}

TEST_F(Studies, SayWhichRunHasFailedAndKeepTheOthers) {
  const wn::Folder wrong;
  wn::write_images(wrong, 300, 140, 26, false);
  const wn::Outcome failed = run("failed", {"batch-size", "--jobs", "2", "--data", wrong.path()});
  EXPECT_EQ(failed.status, 1);
  EXPECT_NE(failed.errors.find("pictures of 26 x 26 pixels: expected 28 x 28"), std::string::npos) << failed.errors;
  EXPECT_NE(failed.errors.find("a run has failed"), std::string::npos) << failed.errors;
  EXPECT_TRUE(runs("failed", "batch-size").empty());
}

TEST_F(Studies, RefuseWhatTheyDoNotKnow) {
  const struct {
    std::vector<std::string> words;
    const char *text;
  } wrong[] = {
      {{"no-such-study"}, "there is no study no-such-study; --list names them"},
      {{"--sedes", "3"}, "unknown option --sedes; --help lists them"},
      {{"--seeds", "none"}, "--seeds none: expected a number from 1 to 1000"},
      {{"--jobs", "0"}, "--jobs 0: expected a number from 1 to 1000"},
      {{"--out"}, "--out needs a value"},
  };
  for (const auto &w : wrong) {
    const wn::Outcome refused = wn::run_mlp(w.words);
    EXPECT_EQ(refused.status, 2);
    EXPECT_NE(refused.errors.find(w.text), std::string::npos) << refused.errors;
  }
  const wn::Outcome none = run("none", {});
  EXPECT_EQ(none.status, 1);
  EXPECT_NE(none.errors.find("no study is named"), std::string::npos) << none.errors;
}

}  // namespace
