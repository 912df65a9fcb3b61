// Runs a case on the device under test, every buffer of it watched.
#ifndef WN_TESTS_RUNNER_H
#define WN_TESTS_RUNNER_H
#include <map>
#include <set>
#include <string>
#include <vector>

#include "cases.h"
#include "device_memory.h"

namespace wn::test {

struct Output {
  wn_dtype type;                    // WN_DTYPE_DEFAULT: bytes that are no numbers
  std::vector<std::uint8_t> bytes;  // the elements, in the order (n, c, x)

  std::vector<double> values() const { return Unpack(type, bytes); }
};

struct RunOptions {
  std::map<std::string, std::string> in_place;  // output -> input whose memory it takes
  std::set<std::string> without;                // arguments that are NULL
  std::uint8_t garbage = 0xff;                  // in outputs, gaps, bands and workspace before the call
  const Given *forward = nullptr;               // of the pass that makes a backward pass's mask; NULL: the case's own
};

struct Result {
  wn_status status = WN_OK;
  std::string complaint;                  // empty: the call succeeded and wrote nothing but elements of its outputs
  std::map<std::string, Output> outputs;  // by the name of the argument
  bool fewer = false;                     // samples than the plan's: the end of the mask is left as it was
};

class Runner {
 public:
  // comm: of a sync plan, which all its ranks make at the same time.
  explicit Runner(const Case &c, const wn_comm *comm = nullptr);
  ~Runner();
  Runner(const Runner &) = delete;
  Runner &operator=(const Runner &) = delete;

  // The arguments that the case has for the pass. A backward pass with a mask first runs the forward pass that makes
  // it.
  Result Do(wn_pass pass, const RunOptions &options = {}) const;
  Result Do(wn_pass pass, const Given &in, const RunOptions &options) const;

  const Case &test_case() const { return case_; }
  wn_plan *plan() const { return plan_; }

 private:
  struct Argument;
  class List;
  class Call;

  void DescribeForward(wn_pass pass, const Given &in, wn_forward_args *args, List *list) const;
  void DescribeBackward(wn_pass pass, const Given &in, const std::vector<std::uint8_t> &mask, wn_backward_args *args,
                        List *list) const;

  Case case_;
  Types types_;
  wn_plan *plan_ = nullptr;
};

}  // namespace wn::test
#endif
