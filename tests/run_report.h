// What tests over many cases have in common: which cases, and a report that stays readable when many fail.
#ifndef WN_TESTS_RUN_REPORT_H
#define WN_TESTS_RUN_REPORT_H
#include <functional>
#include <map>
#include <string>

#include "expected.h"
#include "runner.h"

namespace wn::test {

constexpr wn_pass kPasses[] = {WN_TRAIN, WN_INFER, WN_BACKWARD, WN_BACKWARD_FROZEN};

std::int64_t ElementsOf(const Case &c);

// WN_TEST_EVERY=k: of many cases take every k-th only, for slow machines and watched builds; 1 if it is not set.
// WN_TEST_FIRST: the number of the first that is taken, 0 if it is not set, so that several runs take different ones.
std::size_t Every();
std::size_t First();

// Of what a test tries one after another, the same share.
class Sample {
 public:
  bool Take() { return tried_++ % Every() == First() % Every(); }

 private:
  std::size_t tried_ = 0;
};

// The cases of up to so many elements, every one or every k-th.
void ForCases(std::int64_t most_elements, const std::function<void(const Case &)> &of);

// Every pass that the cases have.
void ForRuns(std::int64_t most_elements, const std::function<void(const Runner &, wn_pass)> &of);

// Collects failures and the worst ratios, prints the first few of the one and all of the other.
class Report {
 public:
  ~Report();
  void Fail(const std::string &label, const std::string &text);
  void Ratio(const std::string &output, const std::string &label, real ratio);
  void Count() { runs_++; }

 private:
  struct Worst {
    real ratio = -1;
    std::string label;
  };
  std::int64_t runs_ = 0, failures_ = 0;
  std::map<std::string, Worst> worst_;
};

std::string Label(const Case &c, wn_pass pass);

// Whether a run that succeeded has returned all that is expected and nothing that is not: complaints, empty when it
// has. Notes in the report what part of the tolerances it used.
std::string Judge(const std::string &label, const Expectation &expectation, const Result &run, Report *report);

// What differs between the outputs of two runs, bit by bit (NaN: whether it is one); empty: nothing. Only what both
// have is compared, and of masks only those that are written to the end.
std::string Difference(const Result &a, const Result &b);

}  // namespace wn::test
#endif
