// Which runs of a study stand beside which.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "mlp_folder.h"

extern "C" {
#include "run_study.h"
}

namespace {

namespace fs = std::filesystem;

// Two runs that may share the machine, one that may not, two that may.
bool list_five(run_list *list, const study_setting *, fault *f) {
  for (int i = 0; i < 5; i++) {
    if (!run_list_add(list, &i, sizeof i, f, "%d", i)) return false;
    list->runs[i].alone = i == 2;
  }
  return true;
}

int64_t entries(const fs::path &folder) {
  return std::distance(fs::directory_iterator(folder), fs::directory_iterator());
}

// Its row: the most that were there at once while it ran. The setting's `data` is a folder where each leaves a mark.
bool count_neighbours(run_context *context, const study_run *run, run_rows *rows, fault *) {
  const fs::path folder = context->setting->data, mark = folder / run->key;
  int64_t most = 0;
  std::ofstream(mark) << "here";
  for (int i = 0; i < 100; i++) {
    most = std::max(most, entries(folder));
    usleep(2000);
  }
  fs::remove(mark);
  run_rows_add(rows, 0, "%s %lld", run->key, static_cast<long long>(most));
  return true;
}

TEST(RunStudy, StartsNothingBesideARunThatIsAlone) {
  const wn::Folder out;
  const std::string marks = out.path("marks");
  ASSERT_TRUE(fs::create_directory(marks));
  study s = {};
  s.name = "five";
  s.title = "five runs";
  s.files[0] = {"most.csv", "run most"};
  s.list = list_five;
  s.run = count_neighbours;
  const study_setting setting = {STUDY_TINY, 1, marks.c_str()};
  FILE *const progress = std::fopen("/dev/null", "w");
  study_work work = {};
  const std::string results = out.path("results");
  work.out = results.c_str();
  work.jobs = 2;
  work.progress = progress;
  fault f = {};
  ASSERT_TRUE(study_execute(&s, &setting, &work, &f)) << f.text;
  std::fclose(progress);
  std::ifstream file(results + "/five/most.csv");
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_NE(text.str().find("\n2 1\n"), std::string::npos) << text.str();
  EXPECT_NE(text.str().find(" 2\n"), std::string::npos) << text.str();  // the others do stand beside one another
}

}  // namespace
