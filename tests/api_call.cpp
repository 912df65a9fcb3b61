#include "api_call.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sstream>

namespace wn {
namespace {

// Every argument has a slot of its own and lies in the middle of it, so that a test can move it both ways.
constexpr std::size_t kPlace = 2048, kAlign = 256;

std::size_t RoundUp(std::size_t bytes) { return (bytes + kAlign - 1) / kAlign * kAlign; }

std::size_t TypeBytes(wn_dtype type) {
  switch (type) {
    case WN_F64:
      return 8;
    case WN_F16:
    case WN_BF16:
      return 2;
    case WN_F8_E4M3:
    case WN_F8_E5M2:
      return 1;
    default:
      return 4;
  }
}

wn_dtype Or(wn_dtype type, wn_dtype otherwise) { return type == WN_DTYPE_DEFAULT ? otherwise : type; }

// The header's table of types, with its defaults.
struct Types {
  explicit Types(const wn_problem &p)
      : x(p.x_type),
        y(Or(p.y_type, x)),
        dy(Or(p.dy_type, y)),
        real(x == WN_F64 ? WN_F64 : WN_F32),
        param(Or(p.param_type, real)),
        param_grad(Or(p.param_grad_type, param)) {}
  wn_dtype x, y, dy, real, param, param_grad;
};

std::size_t SpanBytes(const wn_problem &p, wn_stride s, wn_dtype type) {
  const std::int64_t pixel = s.pixel != 0 ? s.pixel : p.c;
  const std::int64_t sample = p.layout == WN_NCX ? p.c * p.x : (p.x - 1) * pixel + p.c;
  const std::int64_t row = s.row != 0 ? s.row : p.layout == WN_NCX ? p.c * p.x : p.x * pixel;
  return static_cast<std::size_t>((p.n - 1) * row + sample) * TypeBytes(type);
}

std::int64_t Sets(const wn_problem &p) {
  switch (p.kind) {
    case WN_BATCH:
      return (p.parts > 1 ? p.parts : 1) * p.c;
    case WN_GROUP:
      return p.n * p.groups;
    case WN_INSTANCE:
      return p.n * p.c;
    default:
      return p.n * p.x;
  }
}

bool HasRunning(const wn_problem &p) {
  return p.kind == WN_BATCH || (p.kind == WN_INSTANCE && (p.flags & WN_INSTANCE_RUNNING) != 0);
}

bool HasMask(const wn_problem &p) { return p.act == WN_ACT_RELU || p.act == WN_ACT_LEAKY_RELU; }

}  // namespace

wn_device *ApiDevice() {
  static wn_device *const device = [] {
    const char *name = std::getenv("WN_TEST_BACKEND");
    const bool cuda = name != nullptr && std::string(name) == "cuda";
    wn_device *opened = nullptr;
    if (wn_device_open(&opened, cuda ? WN_CUDA : WN_CPU, 0) != WN_OK) {
      std::fprintf(stderr, "no device for WN_TEST_BACKEND=%s: %s\n", name != nullptr ? name : "cpu", wn_last_error());
      std::exit(1);
    }
    return opened;
  }();
  return device;
}

bool HasWord(const std::string &text, const std::string &word) {
  const auto part_of_name = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    if ((at == 0 || !part_of_name(text[at - 1])) && (end == text.size() || !part_of_name(text[end]))) return true;
  }
  return false;
}

void SpoilLastError() { ASSERT_NE(wn_device_open(nullptr, WN_CPU, 0), WN_OK); }

void ExpectLastError(const std::string &words) {
  const std::string text = wn_last_error();
  SpoilLastError();
  EXPECT_NE(text, wn_last_error()) << "the text is not of this error";
  std::istringstream each(words);
  for (std::string word; each >> word;) EXPECT_TRUE(HasWord(text, word)) << "no \"" << word << "\" in: " << text;
}

const char *PassName(wn_pass pass) {
  static const char *const names[] = {"", "train", "infer", "backward", "backward_frozen"};
  return names[pass];
}

ApiCall::ApiCall(const wn_problem &p, wn_pass which) : problem(p), pass(which) {
  const wn_status status = wn_plan_create(&plan, ApiDevice(), &problem);
  EXPECT_EQ(status, WN_OK) << wn_last_error();
  if (status != WN_OK) std::abort();
  if (IsForward()) {
    DescribeForward();
  } else {
    DescribeBackward();
  }
  work_bytes = wn_plan_workspace(plan, pass);
  std::size_t most = 0;
  for (const ApiArgument &a : arguments_) most = std::max(most, a.bytes);
  slot_ = kPlace + 2 * RoundUp(most) + kPlace;
  const std::size_t slots = arguments_.size() * slot_;
  memory_bytes_ = slots + RoundUp(work_bytes) + kPlace;
  void *memory = nullptr;
  EXPECT_EQ(wn_buffer_alloc(ApiDevice(), &memory, memory_bytes_, nullptr), WN_OK) << wn_last_error();
  if (memory == nullptr) std::abort();
  memory_ = static_cast<std::uint8_t *>(memory);
  // Small positive numbers of each type, in no pattern: no result can be the old content by chance.
  std::vector<std::uint8_t> content(memory_bytes_);
  std::uint32_t state = 1;
  for (std::uint8_t &byte : content) {
    state = state * 1664525U + 1013904223U;
    byte = static_cast<std::uint8_t>(0x34 + (state >> 24) % 5);
  }
  // A count of calls that is small enough for one more to change an average.
  constexpr std::int64_t seen = 2;
  for (std::size_t i = 0; i < arguments_.size(); i++)
    if (std::string(arguments_[i].name) == "batches_seen")
      std::memcpy(&content[i * slot_ + kPlace], &seen, sizeof seen);
  EXPECT_EQ(wn_buffer_write(ApiDevice(), memory_, content.data(), content.size(), nullptr), WN_OK);
  if (work_bytes != 0) work = memory_ + slots;
  for (const ApiArgument &a : arguments_) {
    if (a.given) Set(a.name, Place(a.name));
  }
}

ApiCall::~ApiCall() {
  wn_buffer_free(ApiDevice(), memory_, nullptr);
  wn_plan_destroy(plan);
}

void ApiCall::Add(const char *name, std::size_t offset, bool written, bool given, std::size_t bytes,
                  std::size_t align) {
  arguments_.push_back({name, offset, written, given, bytes, align});
}

void ApiCall::DescribeForward() {
  const wn_problem &p = problem;
  const Types t(p);
  const bool train = pass == WN_TRAIN, running = HasRunning(p), f8 = TypeBytes(t.y) == 1;
  const auto tensor = [&](const char *name, std::size_t offset, bool written, bool given, wn_stride s, wn_dtype type) {
    Add(name, offset, written, given, SpanBytes(p, s, type), TypeBytes(type));
  };
  const auto array = [&](const char *name, std::size_t offset, bool written, bool given, std::int64_t n,
                         std::size_t element) {
    Add(name, offset, written, given, static_cast<std::size_t>(n) * element, element);
  };
  const std::size_t real = TypeBytes(t.real);
  using F = wn_forward_args;
  tensor("x", offsetof(F, x), false, true, p.x_stride, t.x);
  tensor("residual", offsetof(F, residual), false, p.add != WN_ADD_NONE, p.residual_stride, t.x);
  array("gamma", offsetof(F, gamma), false, true, p.c, TypeBytes(t.param));
  array("beta", offsetof(F, beta), false, true, p.c, TypeBytes(t.param));
  tensor("y", offsetof(F, y), true, true, p.y_stride, t.y);
  tensor("sum", offsetof(F, sum), true, p.add == WN_ADD_BEFORE, p.sum_stride, t.x);
  array("mean", offsetof(F, mean), true, train && p.kind != WN_RMS, Sets(p), real);
  array("rstd", offsetof(F, rstd), true, train, Sets(p), real);
  Add("mask", offsetof(F, mask), true, HasMask(p) && (train || running), wn_plan_mask(plan), 4);
  array("running_mean", offsetof(F, running_mean), train, running, p.c, real);
  array("running_var", offsetof(F, running_var), train, running, p.c, real);
  array("batches_seen", offsetof(F, batches_seen), true, train && (p.flags & WN_RUNNING_CUMULATIVE) != 0, 1, 8);
  array("y_scale", offsetof(F, y_scale), false, f8, 1, 4);
  array("y_amax", offsetof(F, y_amax), true, f8, 1, 4);
}

void ApiCall::DescribeBackward() {
  const wn_problem &p = problem;
  const Types t(p);
  const bool frozen = pass == WN_BACKWARD_FROZEN, before = p.add == WN_ADD_BEFORE, after = p.add == WN_ADD_AFTER;
  const auto tensor = [&](const char *name, std::size_t offset, bool written, bool given, wn_stride s, wn_dtype type) {
    Add(name, offset, written, given, SpanBytes(p, s, type), TypeBytes(type));
  };
  const auto array = [&](const char *name, std::size_t offset, bool written, bool given, std::int64_t n,
                         std::size_t element) {
    Add(name, offset, written, given, static_cast<std::size_t>(n) * element, element);
  };
  const std::size_t real = TypeBytes(t.real);
  using B = wn_backward_args;
  tensor("x", offsetof(B, x), false, true, before ? p.sum_stride : p.x_stride, t.x);
  tensor("residual", offsetof(B, residual), false, after, p.residual_stride, t.x);
  Add("mask", offsetof(B, mask), false, HasMask(p), wn_plan_mask(plan), 4);
  tensor("dy", offsetof(B, dy), false, true, p.dy_stride, t.dy);
  tensor("dsum", offsetof(B, dsum), false, before, p.sum_stride, t.x);
  array("gamma", offsetof(B, gamma), false, true, p.c, TypeBytes(t.param));
  array("beta", offsetof(B, beta), false, true, p.c, TypeBytes(t.param));
  array("mean", offsetof(B, mean), false, !frozen && p.kind != WN_RMS, Sets(p), real);
  array("rstd", offsetof(B, rstd), false, !frozen, Sets(p), real);
  array("running_mean", offsetof(B, running_mean), false, frozen, p.c, real);
  array("running_var", offsetof(B, running_var), false, frozen, p.c, real);
  tensor("dx", offsetof(B, dx), true, true, p.dx_stride, t.x);
  tensor("dresidual", offsetof(B, dresidual), true, after, p.residual_stride, t.x);
  array("dgamma", offsetof(B, dgamma), true, true, p.c, TypeBytes(t.param_grad));
  array("dbeta", offsetof(B, dbeta), true, true, p.c, TypeBytes(t.param_grad));
}

const ApiArgument &ApiCall::argument(const std::string &name) const {
  for (const ApiArgument &a : arguments_) {
    if (name == a.name) return a;
  }
  ADD_FAILURE() << "the pass has no argument " << name;
  std::abort();
}

std::uint8_t *ApiCall::Place(const std::string &name) const {
  const std::ptrdiff_t slot = &argument(name) - arguments_.data();
  return memory_ + static_cast<std::size_t>(slot) * slot_ + kPlace;
}

std::uint8_t *ApiCall::Get(const std::string &name) const {
  const void *args = IsForward() ? static_cast<const void *>(&forward) : &backward;
  std::uint8_t *pointer = nullptr;
  std::memcpy(&pointer, static_cast<const char *>(args) + argument(name).offset, sizeof pointer);
  return pointer;
}

void ApiCall::Set(const std::string &name, const void *pointer) {
  void *args = IsForward() ? static_cast<void *>(&forward) : &backward;
  std::memcpy(static_cast<char *>(args) + argument(name).offset, &pointer, sizeof pointer);
}

wn_status ApiCall::Run() const {
  switch (pass) {
    case WN_TRAIN:
      return wn_train(plan, &forward, work, work_bytes, nullptr);
    case WN_INFER:
      return wn_infer(plan, &forward, work, work_bytes, nullptr);
    case WN_BACKWARD:
      return wn_backward(plan, &backward, work, work_bytes, nullptr);
    case WN_BACKWARD_FROZEN:
      break;
  }
  return wn_backward_frozen(plan, &backward, work, work_bytes, nullptr);
}

std::vector<std::uint8_t> ApiCall::Memory() const {
  std::vector<std::uint8_t> content(memory_bytes_);
  EXPECT_EQ(wn_buffer_read(ApiDevice(), content.data(), memory_, memory_bytes_, nullptr), WN_OK);
  EXPECT_EQ(wn_stream_wait(ApiDevice(), nullptr), WN_OK);
  return content;
}

void ApiCall::ExpectRefused(wn_status status, const std::string &words) const {
  const std::vector<std::uint8_t> before = Memory();
  SpoilLastError();
  EXPECT_EQ(Run(), status) << wn_last_error();
  ExpectLastError(words);
  EXPECT_TRUE(Memory() == before) << "a refused call has written";
}

void ApiCall::ExpectRuns() const { EXPECT_EQ(Run(), WN_OK) << wn_last_error(); }

}  // namespace wn
