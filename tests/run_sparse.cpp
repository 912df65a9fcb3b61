// Offsets beyond 2^32 elements: large strides over memory of which only the pages with elements exist. For devices
// whose pointers are the host's.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>
#include <memory>

#include "run_report.h"

namespace wn::test {
namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::int64_t kFar = (std::int64_t{1} << 32) + 13;

class SparseTensor {
 public:
  SparseTensor(const Place &place, std::size_t element_bytes)
      : place_(place), element_bytes_(element_bytes), bytes_(static_cast<std::size_t>(place.span()) * element_bytes) {
    void *const memory =
        mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    EXPECT_NE(memory, MAP_FAILED) << bytes_;
    memory_ = static_cast<std::uint8_t *>(memory);
  }
  ~SparseTensor() { EXPECT_EQ(munmap(memory_, bytes_), 0); }
  SparseTensor(const SparseTensor &) = delete;
  SparseTensor &operator=(const SparseTensor &) = delete;

  void *pointer() const { return memory_; }
  void Write(const Bytes &elements) const {
    ForElements([&](std::uint8_t *at, std::size_t i) { std::memcpy(at, &elements[i], element_bytes_); });
  }
  Bytes Read() const {
    Bytes elements(static_cast<std::size_t>(place_.elements()) * element_bytes_);
    ForElements([&](const std::uint8_t *at, std::size_t i) { std::memcpy(&elements[i], at, element_bytes_); });
    return elements;
  }

 private:
  template <class Function>
  void ForElements(const Function &of) const {
    std::size_t i = 0;
    for (std::int64_t n = 0; n < place_.samples; n++)
      for (std::int64_t c = 0; c < place_.channels; c++)
        for (std::int64_t x = 0; x < place_.positions; x++, i += element_bytes_)
          of(memory_ + static_cast<std::size_t>(place_.offset(n, c, x)) * element_bytes_, i);
  }

  Place place_;
  std::size_t element_bytes_, bytes_;
  std::uint8_t *memory_ = nullptr;
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

  void CheckTrain() {
    const Given in = MakeForwardGiven(packed_, WN_TRAIN);
    const Result expected = Runner(packed_).Do(WN_TRAIN, in, {});
    ASSERT_EQ(expected.complaint, "");
    wn_forward_args a = WN_FORWARD_INIT;
    a.x = Add(in.x).pointer();
    a.residual = Add(in.residual).pointer();
    const SparseTensor &y = Add({}), &sum = Add({});
    a.y = y.pointer();
    a.sum = sum.pointer();
    Run(WN_TRAIN, [&](void *work, std::size_t bytes) { return wn_train(plan_, &a, work, bytes, nullptr); });
    EXPECT_EQ(y.Read(), expected.outputs.at("y").bytes) << Label(packed_, WN_TRAIN);
    EXPECT_EQ(sum.Read(), expected.outputs.at("sum").bytes) << Label(packed_, WN_TRAIN);
  }

  void CheckBackward() {
    const Given in = MakeBackwardGiven(packed_, WN_BACKWARD);
    const Result expected = Runner(packed_).Do(WN_BACKWARD, in, {});
    ASSERT_EQ(expected.complaint, "");
    std::vector<float> dgamma(static_cast<std::size_t>(problem_.c)), mean_values(in.mean.begin(), in.mean.end()),
        rstd_values(in.rstd.begin(), in.rstd.end());
    wn_backward_args a = WN_BACKWARD_INIT;
    a.x = Add(in.x).pointer();
    a.dy = Add(in.dy).pointer();
    a.dsum = Add(in.dsum).pointer();
    a.mean = mean_values.empty() ? nullptr : mean_values.data();
    a.rstd = rstd_values.data();
    a.dgamma = dgamma.data();
    const SparseTensor &dx = Add({});
    a.dx = dx.pointer();
    Run(WN_BACKWARD, [&](void *work, std::size_t bytes) { return wn_backward(plan_, &a, work, bytes, nullptr); });
    EXPECT_EQ(dx.Read(), expected.outputs.at("dx").bytes) << Label(packed_, WN_BACKWARD);
    Bytes dgamma_bytes(4 * dgamma.size());
    std::memcpy(dgamma_bytes.data(), dgamma.data(), dgamma_bytes.size());
    EXPECT_EQ(dgamma_bytes, expected.outputs.at("dgamma").bytes) << Label(packed_, WN_BACKWARD);
  }

 private:
  const SparseTensor &Add(const std::vector<double> &content) {
    tensors_.push_back(std::make_unique<SparseTensor>(place_, TypeBytes(problem_.x_type)));
    if (!content.empty()) tensors_.back()->Write(Pack(problem_.x_type, content));
    return *tensors_.back();
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
};

TEST(Sparse, OffsetsBeyond32Bits) {
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
        const wn_stride outermost = {p.c + 2, kFar}, far_samples = {kFar, 0}, far_both = {3 * kFar, kFar};
        const std::vector<wn_stride> strides = layout == WN_NCX
                                                   ? std::vector<wn_stride>{far_samples}
                                                   : std::vector<wn_stride>{outermost, far_samples, far_both};
        for (const wn_stride &stride : strides) {
          Spread(c, stride).CheckTrain();
          Spread(c, stride).CheckBackward();
        }
      }
    }
  }
}

}  // namespace
}  // namespace wn::test
