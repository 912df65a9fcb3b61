// Offsets beyond 2^31 and 2^32 elements: large strides over memory of which only the pages with elements exist. For the
// processor, and for emulated GPUs, whose memory is such by itself.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <memory>

#include "run_report.h"

namespace wn::test {
namespace {

using Bytes = std::vector<std::uint8_t>;

// Of the device under test.
class SparseMemory {
 public:
  explicit SparseMemory(std::size_t bytes) : bytes_(bytes), of_host_(wn_device_backend(TestDevice()) == WN_CPU) {
    if (!of_host_) {
      EXPECT_EQ(wn_buffer_alloc(TestDevice(), &memory_, bytes, nullptr), WN_OK) << wn_last_error();
      return;
    }
    memory_ = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    EXPECT_NE(memory_, MAP_FAILED) << bytes;
  }
  ~SparseMemory() {
    if (of_host_) {
      EXPECT_EQ(munmap(memory_, bytes_), 0);
    } else {
      EXPECT_EQ(wn_buffer_free(TestDevice(), memory_, nullptr), WN_OK) << wn_last_error();
    }
  }
  SparseMemory(const SparseMemory &) = delete;
  SparseMemory &operator=(const SparseMemory &) = delete;

  std::uint8_t *pointer() const { return static_cast<std::uint8_t *>(memory_); }

 private:
  std::size_t bytes_;
  bool of_host_;
  void *memory_ = nullptr;
};

class SparseTensor {
 public:
  SparseTensor(const Place &place, std::size_t element_bytes)
      : place_(place), element_bytes_(element_bytes), memory_(static_cast<std::size_t>(place.span()) * element_bytes) {}

  void *pointer() const { return memory_.pointer(); }
  void Write(const Bytes &elements) const {
    ForElements([&](std::uint8_t *at, std::size_t i) {
      EXPECT_EQ(wn_buffer_write(TestDevice(), at, &elements[i], element_bytes_, nullptr), WN_OK);
    });
  }
  Bytes Read() const {
    Bytes elements(static_cast<std::size_t>(place_.elements()) * element_bytes_);
    ForElements([&](const std::uint8_t *at, std::size_t i) {
      EXPECT_EQ(wn_buffer_read(TestDevice(), &elements[i], at, element_bytes_, nullptr), WN_OK);
    });
    EXPECT_EQ(wn_stream_wait(TestDevice(), nullptr), WN_OK);
    return elements;
  }

 private:
  template <class Function>
  void ForElements(const Function &of) const {
    std::size_t i = 0;
    for (std::int64_t n = 0; n < place_.samples; n++)
      for (std::int64_t c = 0; c < place_.channels; c++)
        for (std::int64_t x = 0; x < place_.positions; x++, i += element_bytes_)
          of(memory_.pointer() + static_cast<std::size_t>(place_.offset(n, c, x)) * element_bytes_, i);
  }

  Place place_;
  std::size_t element_bytes_;
  SparseMemory memory_;
};

// The same small problem with every tensor spread out; bits must be those of the packed one.
class Spread {
 public:
  Spread(const Case &packed, wn_stride stride) : packed_(packed), problem_(packed.problem) {
    problem_.x_stride = problem_.y_stride = problem_.dx_stride = stride;
    problem_.dy_stride = problem_.residual_stride = problem_.sum_stride = stride;
    place_ = Place::OfTensor(problem_, problem_.n, stride);
    EXPECT_EQ(wn_plan_create(&plan_, TestDevice(), &problem_), WN_OK) << wn_last_error();
  }
  ~Spread() { wn_plan_destroy(plan_); }
  Spread(const Spread &) = delete;
  Spread &operator=(const Spread &) = delete;

  void Check(wn_pass pass) {
    if (pass == WN_TRAIN || pass == WN_INFER) {
      CheckForward(pass);
    } else {
      CheckBackward(pass);
    }
  }

 private:
  void CheckForward(wn_pass pass) {
    const Given in = MakeForwardGiven(packed_, pass);
    const Result expected = Runner(packed_).Do(pass, in, {});
    ASSERT_EQ(expected.complaint, "");
    wn_forward_args a = WN_FORWARD_INIT;
    a.x = Add(in.x).pointer();
    a.residual = Add(in.residual).pointer();
    a.running_mean = AddVector(in.running_mean);
    a.running_var = AddVector(in.running_var);
    const SparseTensor &y = Add({}), &sum = Add({});
    a.y = y.pointer();
    a.sum = sum.pointer();
    const auto run = pass == WN_TRAIN ? wn_train : wn_infer;
    Run(pass, [&](void *work, std::size_t bytes) { return run(plan_, &a, work, bytes, nullptr); });
    EXPECT_EQ(y.Read(), expected.outputs.at("y").bytes) << Label(packed_, pass);
    EXPECT_EQ(sum.Read(), expected.outputs.at("sum").bytes) << Label(packed_, pass);
  }

  void CheckBackward(wn_pass pass) {
    const Given in = MakeBackwardGiven(packed_, pass);
    const Result expected = Runner(packed_).Do(pass, in, {});
    ASSERT_EQ(expected.complaint, "");
    wn_backward_args a = WN_BACKWARD_INIT;
    a.x = Add(in.x).pointer();
    a.dy = Add(in.dy).pointer();
    a.dsum = Add(in.dsum).pointer();
    a.mean = AddVector(in.mean);
    a.rstd = AddVector(in.rstd);
    a.running_mean = AddVector(in.running_mean);
    a.running_var = AddVector(in.running_var);
    const SparseTensor &dx = Add({});
    a.dx = dx.pointer();
    a.dgamma = AddVector(std::vector<double>(static_cast<std::size_t>(problem_.c)));
    const DeviceMemory &dgamma = *vectors_.back();
    const auto run = pass == WN_BACKWARD ? wn_backward : wn_backward_frozen;
    Run(pass, [&](void *work, std::size_t bytes) { return run(plan_, &a, work, bytes, nullptr); });
    EXPECT_EQ(dx.Read(), expected.outputs.at("dx").bytes) << Label(packed_, pass);
    std::string complaint;
    EXPECT_EQ(dgamma.Read("dgamma", true, &complaint), expected.outputs.at("dgamma").bytes) << Label(packed_, pass);
    EXPECT_EQ(complaint, "");
  }

  const SparseTensor &Add(const std::vector<double> &content) {
    tensors_.push_back(std::make_unique<SparseTensor>(place_, TypeBytes(problem_.x_type)));
    if (!content.empty()) tensors_.back()->Write(Pack(problem_.x_type, content));
    return *tensors_.back();
  }

  // Null where there is nothing: the pass takes none.
  void *AddVector(const std::vector<double> &content) {
    if (content.empty()) return nullptr;
    const Place place = Place::OfVector(static_cast<std::int64_t>(content.size()));
    vectors_.push_back(std::make_unique<DeviceMemory>(place, sizeof(float), 0, 0xff));
    vectors_.back()->Write(Pack(WN_F32, content));
    return vectors_.back()->pointer();
  }

  template <class Call>
  void Run(wn_pass pass, const Call &call) {
    const std::size_t bytes = wn_plan_workspace(plan_, pass);
    void *work = nullptr;
    ASSERT_EQ(wn_buffer_alloc(TestDevice(), &work, bytes, nullptr), WN_OK);
    EXPECT_EQ(call(work, bytes), WN_OK) << wn_last_error();
    EXPECT_EQ(wn_buffer_free(TestDevice(), work, nullptr), WN_OK);
  }

  Case packed_;
  wn_problem problem_;
  Place place_;
  wn_plan *plan_ = nullptr;
  std::vector<std::unique_ptr<SparseTensor>> tensors_;
  std::vector<std::unique_ptr<DeviceMemory>> vectors_;
};

std::vector<wn_stride> FarStrides(const wn_problem &p, std::int64_t far) {
  const wn_stride far_positions = {p.c + 2, far}, far_samples = {far, 0}, both = {3 * far, far};
  if (p.layout == WN_NCX) return {far_samples};
  return {far_positions, far_samples, both};
}

void CheckFar(std::int64_t far) {
  for (const wn_kind kind : {WN_BATCH, WN_LAYER, WN_GROUP, WN_INSTANCE, WN_RMS}) {
    for (const wn_layout layout : {WN_NCX, WN_NXC}) {
      for (const wn_dtype type : {WN_F16, WN_F32}) {
        Case c;
        wn_problem &p = c.problem;
        p.kind = kind;
        p.layout = layout;
        p.x_type = type;
        p.add = WN_ADD_BEFORE;
        p.n = c.n = 2;
        p.c = 39;
        p.x = 3;
        p.groups = kind == WN_GROUP ? 13 : 1;
        c.gamma = c.beta = false;
        for (const wn_stride &stride : FarStrides(p, far))
          for (const wn_pass pass : kPasses)
            if (c.HasPass(pass)) Spread(c, stride).Check(pass);
      }
    }
  }
}

TEST(Sparse, OffsetsBeyond31Bits) { CheckFar((std::int64_t{1} << 31) + 5); }
TEST(Sparse, OffsetsBeyond32Bits) { CheckFar((std::int64_t{1} << 32) + 13); }

}  // namespace
}  // namespace wn::test
