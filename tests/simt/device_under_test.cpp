// Linked to tests that run on a device: WN_SIMT_DEVICE names the emulated GPU that they run on, WN_SIMT_MEMORY gives it
// so many GiB, WN_SIMT_SEED is the order of its threads, and each test fails that has trapped something.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

#include "tests/simt/simt.h"

namespace wn::simt {
namespace {

constexpr std::size_t kShown = 5;

class Watch : public ::testing::EmptyTestEventListener {
 public:
  // Not when the program is loaded: the emulator may come to life after this file.
  void OnTestProgramStart(const ::testing::UnitTest &) override {
    const char *const name = std::getenv("WN_SIMT_DEVICE");
    const std::map<std::string, Device> devices = {
        {"t4", t4()},     {"a100", a100()}, {"l4", l4()},           {"h100", h100()},       {"h200", h200()},
        {"b200", b200()}, {"toy", toy()},   {"rtx4090", rtx4090()}, {"rtx5090", rtx5090()},
    };
    const auto device = devices.find(name == nullptr ? "h100" : name);
    if (device == devices.end()) {
      std::fprintf(stderr, "WN_SIMT_DEVICE=%s is not known; known are:", name);
      for (const auto &known : devices) std::fprintf(stderr, " %s", known.first.c_str());
      std::fprintf(stderr, "\n");
      std::exit(2);
    }
    Device chosen = device->second;
    if (const char *const gigabytes = std::getenv("WN_SIMT_MEMORY"))
      chosen.memory = std::strtoull(gigabytes, nullptr, 10) << 30;
    set_devices({chosen});
    set_faults_stick(false);
    const char *const seed = std::getenv("WN_SIMT_SEED");
    set_seed(seed == nullptr ? 1 : std::strtoull(seed, nullptr, 10));
  }

  // Reports stay: reset() would also take back the attributes that open devices have given to kernels.
  void OnTestEnd(const ::testing::TestInfo &) override {
    const std::size_t before = seen_;
    seen_ = reports().size();
    for (std::size_t i = before; i < seen_ && i < before + kShown; i++) ADD_FAILURE() << describe(reports()[i]);
    EXPECT_EQ(seen_, before) << "launches were trapped";
  }

 private:
  std::size_t seen_ = 0;
};

const bool watching = [] {
  ::testing::UnitTest::GetInstance()->listeners().Append(new Watch);
  return true;
}();

}  // namespace
}  // namespace wn::simt
