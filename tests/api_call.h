// One call of a pass with every argument that the pass may be given, in memory that is watched: the tests of the
// interface change one thing about it and state what must happen.
#ifndef WN_TESTS_API_CALL_H
#define WN_TESTS_API_CALL_H
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "api_problem_spec.h"
#include "warpnorm.h"

namespace wn {

// The backend of WN_TEST_BACKEND, "cpu" (default) or "cuda"; one device for the whole program, never closed.
wn_device *ApiDevice();

// Whether `word` stands in the text by itself: not as a part of a longer name or number.
bool HasWord(const std::string &text, const std::string &word);

// wn_last_error must have been set since SpoilLastError, and contain each of the words (separated by spaces).
void SpoilLastError();
void ExpectLastError(const std::string &words);

struct ApiArgument {
  const char *name;
  std::size_t offset;  // of the pointer in the arguments of the pass
  bool written;        // by this pass
  bool given;          // by default: wherever the pass and the problem have a meaning for it
  std::size_t bytes;   // of the memory behind it
  std::size_t align;   // of its elements
};

class ApiCall {
 public:
  // The plan must be creatable. All arguments that have a meaning are given, without overlap.
  ApiCall(const wn_problem &p, wn_pass which);
  ~ApiCall();
  ApiCall(const ApiCall &) = delete;
  ApiCall &operator=(const ApiCall &) = delete;

  const std::vector<ApiArgument> &arguments() const { return arguments_; }
  const ApiArgument &argument(const std::string &name) const;
  std::uint8_t *Get(const std::string &name) const;
  void Set(const std::string &name, const void *pointer);
  std::uint8_t *Place(const std::string &name) const;  // memory of this argument, given or not

  const std::uint8_t *memory() const { return memory_; }  // on the device; what Memory() is a copy of

  wn_status Run() const;
  std::vector<std::uint8_t> Memory() const;  // all memory that any argument can point to, workspace included

  // The call must fail with this status, say these words, and write nothing.
  void ExpectRefused(wn_status status, const std::string &words) const;
  void ExpectRuns() const;

  wn_problem problem;
  wn_pass pass;
  wn_plan *plan = nullptr;
  wn_forward_args forward = WN_FORWARD_INIT;     // WN_TRAIN, WN_INFER
  wn_backward_args backward = WN_BACKWARD_INIT;  // the other two
  std::uint8_t *work = nullptr;                  // NULL when the pass needs none
  std::size_t work_bytes = 0;

 private:
  bool IsForward() const { return pass == WN_TRAIN || pass == WN_INFER; }
  void DescribeForward();
  void DescribeBackward();
  void Add(const char *name, std::size_t offset, bool written, bool given, std::size_t bytes, std::size_t align);

  std::vector<ApiArgument> arguments_;
  std::uint8_t *memory_ = nullptr;
  std::size_t memory_bytes_ = 0, slot_ = 0;
};

const char *PassName(wn_pass pass);

}  // namespace wn
#endif
