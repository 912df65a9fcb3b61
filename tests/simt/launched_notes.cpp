// Linked to the tests of the library: what they launch is noted in the file WN_SIMT_LAUNCHED, which coverage_test.cpp
// reads.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <set>
#include <string>

#include "tests/simt/launched.h"
#include "tests/simt/simt.h"

namespace wn::simt {
namespace {

std::set<std::string> launched;  // lines of the file

void Note(const void *kernel, const void *argument) {
  const auto &job = *static_cast<const wni_cuda_job *>(argument);
  launched.insert("instance: " + InstanceName(kernel));
  for (const std::string &way : WayNames(kernel, job.cut, job.call.geo, job.call.stats, job.plain))
    launched.insert("way: " + way);
}

class Notes : public ::testing::EmptyTestEventListener {
 public:
  // Not when the program is loaded: the emulator may come to life after this file.
  void OnTestProgramStart(const ::testing::UnitTest &) override {
    if (file_ == nullptr) return;
    std::remove(file_);  // of the run before, should this one not come to its end
    set_observer(Note);
  }

  // Only what has passed counts as run.
  void OnTestProgramEnd(const ::testing::UnitTest &tests) override {
    if (file_ == nullptr || !tests.Passed()) return;
    std::ofstream file(file_);
    for (const std::string &line : launched) file << line << '\n';
  }

 private:
  const char *const file_ = std::getenv("WN_SIMT_LAUNCHED");
};

const bool noting = [] {
  ::testing::UnitTest::GetInstance()->listeners().Append(new Notes);
  return true;
}();

}  // namespace
}  // namespace wn::simt
