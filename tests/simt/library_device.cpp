// The emulated GPU that the library's tests run on: WN_SIMT_DEVICE (t4, h200, toy, ...; h100 if it is not set), and the
// order of its threads, WN_SIMT_SEED. What is trapped fails the test that it happened in.
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>

#include "tests/simt/simt.h"

namespace wn::simt {
namespace {

Device Chosen() {
  const char *const name = std::getenv("WN_SIMT_DEVICE");
  const struct {
    const char *name;
    Device (*make)();
  } devices[] = {{"t4", t4},     {"a100", a100}, {"l4", l4},           {"h100", h100},      {"h200", h200},
                 {"b200", b200}, {"toy", toy},   {"rtx4090", rtx4090}, {"rtx5090", rtx5090}};
  for (const auto &d : devices)
    if (name != nullptr && std::strcmp(name, d.name) == 0) return d.make();
  if (name != nullptr) ADD_FAILURE() << "WN_SIMT_DEVICE is " << name;
  return h100();
}

class OneDevice : public testing::Environment {
 public:
  void SetUp() override {
    set_devices({Chosen()});
    const char *const seed = std::getenv("WN_SIMT_SEED");
    set_seed(seed == nullptr ? 1 : std::strtoull(seed, nullptr, 10));
  }
};

class TrapsAreFailures : public testing::EmptyTestEventListener {
  void OnTestEnd(const testing::TestInfo &) override {
    for (; seen_ < reports().size(); seen_++) ADD_FAILURE() << describe(reports()[seen_]);
  }
  std::size_t seen_ = 0;
};

const bool registered = [] {
  testing::AddGlobalTestEnvironment(new OneDevice);
  testing::UnitTest::GetInstance()->listeners().Append(new TrapsAreFailures);
  return true;
}();

}  // namespace
}  // namespace wn::simt
