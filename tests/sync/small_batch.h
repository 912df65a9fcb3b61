// A sync plan of a small batch norm with all its buffers, for tests of what happens around the numbers.
#ifndef WN_TESTS_SYNC_SMALL_BATCH_H
#define WN_TESTS_SYNC_SMALL_BATCH_H
#include <map>
#include <string>
#include <vector>

#include "warpnorm.h"

namespace wn::test {

// 8 samples of 3 channels of 2, f32.
wn_problem SmallProblem();

class SmallBatch {
 public:
  // Together with the other ranks. x depends on the rank.
  explicit SmallBatch(const wn_comm &comm, const wn_problem &p = SmallProblem());
  ~SmallBatch();
  SmallBatch(const SmallBatch &) = delete;
  SmallBatch &operator=(const SmallBatch &) = delete;

  wn_status Train(std::int64_t n) { return TrainWithout("", n); }
  wn_status TrainWithout(const std::string &argument, std::int64_t n);  // one of them NULL
  wn_status Backward(std::int64_t n) { return Back(n, true); }
  wn_status BackwardOfNothing(std::int64_t n) { return Back(n, false); }

  std::vector<float> Read(const std::string &name) const;  // its bytes as floats
  void Clear(const std::string &name);
  wn_plan *plan() const { return plan_; }
  void UseStream(void *stream) { stream_ = stream; }  // for the calls to come

 private:
  struct Buffer {
    void *memory = nullptr;
    std::size_t bytes = 0;
  };
  void *At(const std::string &name) const { return buffers_.at(name).memory; }
  void Add(const std::string &name, std::size_t bytes);
  wn_status Back(std::int64_t n, bool wanted);

  wn_problem problem_;
  wn_plan *plan_ = nullptr;
  void *stream_ = nullptr;
  std::map<std::string, Buffer> buffers_;
};

}  // namespace wn::test
#endif
