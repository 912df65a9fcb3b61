// What programs that were compiled against this header rely on: values, sizes and offsets, in C++ and in C.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstring>
#include <type_traits>
#include <vector>

#include "api_in_c.h"

namespace wn {
namespace {

static_assert(sizeof(void *) == 8, "the layout is stated for 64-bit platforms");

TEST(ApiAbi, EnumValues) {
  EXPECT_EQ(WN_OK, 0);
  EXPECT_EQ(WN_ERR_ARGUMENT, 1);
  EXPECT_EQ(WN_ERR_SHAPE, 2);
  EXPECT_EQ(WN_ERR_UNSUPPORTED, 3);
  EXPECT_EQ(WN_ERR_WORKSPACE, 4);
  EXPECT_EQ(WN_ERR_MEMORY, 5);
  EXPECT_EQ(WN_ERR_NO_DEVICE, 6);
  EXPECT_EQ(WN_ERR_DEVICE, 7);
  EXPECT_EQ(WN_ERR_COMM, 8);
  EXPECT_EQ(WN_BATCH, 1);
  EXPECT_EQ(WN_LAYER, 2);
  EXPECT_EQ(WN_GROUP, 3);
  EXPECT_EQ(WN_INSTANCE, 4);
  EXPECT_EQ(WN_RMS, 5);
  EXPECT_EQ(WN_DTYPE_DEFAULT, 0);
  EXPECT_EQ(WN_F32, 1);
  EXPECT_EQ(WN_F16, 2);
  EXPECT_EQ(WN_BF16, 3);
  EXPECT_EQ(WN_F64, 4);
  EXPECT_EQ(WN_F8_E4M3, 5);
  EXPECT_EQ(WN_F8_E5M2, 6);
  EXPECT_EQ(WN_NCX, 1);
  EXPECT_EQ(WN_NXC, 2);
  EXPECT_EQ(WN_ACT_NONE, 0);
  EXPECT_EQ(WN_ACT_RELU, 1);
  EXPECT_EQ(WN_ACT_LEAKY_RELU, 2);
  EXPECT_EQ(WN_ACT_SIGMOID, 3);
  EXPECT_EQ(WN_ACT_TANH, 4);
  EXPECT_EQ(WN_ACT_GELU, 5);
  EXPECT_EQ(WN_ACT_GELU_TANH, 6);
  EXPECT_EQ(WN_ACT_SILU, 7);
  EXPECT_EQ(WN_ADD_NONE, 0);
  EXPECT_EQ(WN_ADD_BEFORE, 1);
  EXPECT_EQ(WN_ADD_AFTER, 2);
  EXPECT_EQ(WN_RUNNING_POPULATION, 1u);
  EXPECT_EQ(WN_INSTANCE_RUNNING, 2u);
  EXPECT_EQ(WN_GAMMA_MINUS_ONE, 4u);
  EXPECT_EQ(WN_GRAD_ADD, 8u);
  EXPECT_EQ(WN_SPLIT_FEW_ROWS, 16u);
  EXPECT_EQ(WN_RUNNING_CUMULATIVE, 32u);
  EXPECT_EQ(WN_AUTO, 0);
  EXPECT_EQ(WN_CPU, 1);
  EXPECT_EQ(WN_CUDA, 2);
  EXPECT_EQ(WN_TRAIN, 1);
  EXPECT_EQ(WN_INFER, 2);
  EXPECT_EQ(WN_BACKWARD, 3);
  EXPECT_EQ(WN_BACKWARD_FROZEN, 4);
  EXPECT_EQ(sizeof(wn_status), 4u);
  EXPECT_EQ(sizeof(wn_kind), 4u);
  EXPECT_EQ(sizeof(wn_dtype), 4u);
  EXPECT_EQ(sizeof(wn_layout), 4u);
  EXPECT_EQ(sizeof(wn_act), 4u);
  EXPECT_EQ(sizeof(wn_add), 4u);
  EXPECT_EQ(sizeof(wn_backend), 4u);
  EXPECT_EQ(sizeof(wn_pass), 4u);
}

struct Field {
  const char *name;
  std::size_t offset, expected, bytes;
};

// Each field where it is stated to be, and no byte between them: a size tells versions apart.
void ExpectLayout(const char *type, std::size_t size, std::size_t expected_size, const std::vector<Field> &fields) {
  SCOPED_TRACE(type);
  EXPECT_EQ(size, expected_size);
  std::size_t next = 0;
  for (const Field &f : fields) {
    EXPECT_EQ(f.offset, f.expected) << f.name;
    EXPECT_EQ(f.offset, next) << "padding before " << f.name;
    next = f.offset + f.bytes;
  }
  EXPECT_EQ(next, size) << "padding at the end";
}

#define FIELD(type, name, expected) \
  { #name, offsetof(type, name), expected, sizeof(type::name) }

TEST(ApiAbi, Problem) {
  EXPECT_TRUE(std::is_standard_layout<wn_problem>::value && std::is_trivially_copyable<wn_problem>::value);
  ExpectLayout("wn_stride", sizeof(wn_stride), 16, {FIELD(wn_stride, row, 0), FIELD(wn_stride, pixel, 8)});
  ExpectLayout("wn_problem", sizeof(wn_problem), 208,
               {FIELD(wn_problem, size, 0),
                FIELD(wn_problem, kind, 8),
                FIELD(wn_problem, layout, 12),
                FIELD(wn_problem, x_type, 16),
                FIELD(wn_problem, y_type, 20),
                FIELD(wn_problem, dy_type, 24),
                FIELD(wn_problem, param_type, 28),
                FIELD(wn_problem, param_grad_type, 32),
                FIELD(wn_problem, act, 36),
                FIELD(wn_problem, add, 40),
                FIELD(wn_problem, flags, 44),
                FIELD(wn_problem, n, 48),
                FIELD(wn_problem, c, 56),
                FIELD(wn_problem, x, 64),
                FIELD(wn_problem, groups, 72),
                FIELD(wn_problem, parts, 80),
                FIELD(wn_problem, x_stride, 88),
                FIELD(wn_problem, dx_stride, 104),
                FIELD(wn_problem, y_stride, 120),
                FIELD(wn_problem, dy_stride, 136),
                FIELD(wn_problem, residual_stride, 152),
                FIELD(wn_problem, sum_stride, 168),
                FIELD(wn_problem, eps, 184),
                FIELD(wn_problem, momentum, 192),
                FIELD(wn_problem, act_slope, 200)});
}

TEST(ApiAbi, Arguments) {
  ExpectLayout(
      "wn_forward_args", sizeof(wn_forward_args), 128,
      {FIELD(wn_forward_args, size, 0), FIELD(wn_forward_args, n, 8), FIELD(wn_forward_args, x, 16),
       FIELD(wn_forward_args, residual, 24), FIELD(wn_forward_args, gamma, 32), FIELD(wn_forward_args, beta, 40),
       FIELD(wn_forward_args, y, 48), FIELD(wn_forward_args, sum, 56), FIELD(wn_forward_args, mean, 64),
       FIELD(wn_forward_args, rstd, 72), FIELD(wn_forward_args, mask, 80), FIELD(wn_forward_args, running_mean, 88),
       FIELD(wn_forward_args, running_var, 96), FIELD(wn_forward_args, batches_seen, 104),
       FIELD(wn_forward_args, y_scale, 112), FIELD(wn_forward_args, y_amax, 120)});
  ExpectLayout("wn_backward_args", sizeof(wn_backward_args), 136,
               {FIELD(wn_backward_args, size, 0), FIELD(wn_backward_args, n, 8), FIELD(wn_backward_args, x, 16),
                FIELD(wn_backward_args, residual, 24), FIELD(wn_backward_args, mask, 32),
                FIELD(wn_backward_args, dy, 40), FIELD(wn_backward_args, dsum, 48), FIELD(wn_backward_args, gamma, 56),
                FIELD(wn_backward_args, beta, 64), FIELD(wn_backward_args, mean, 72), FIELD(wn_backward_args, rstd, 80),
                FIELD(wn_backward_args, running_mean, 88), FIELD(wn_backward_args, running_var, 96),
                FIELD(wn_backward_args, dx, 104), FIELD(wn_backward_args, dresidual, 112),
                FIELD(wn_backward_args, dgamma, 120), FIELD(wn_backward_args, dbeta, 128)});
  ExpectLayout("wn_comm", sizeof(wn_comm), 40,
               {FIELD(wn_comm, size, 0), FIELD(wn_comm, rank, 8), FIELD(wn_comm, ranks, 12),
                FIELD(wn_comm, context, 16), FIELD(wn_comm, all_gather, 24), FIELD(wn_comm, wait, 32)});
}

#undef FIELD

TEST(ApiAbi, Signatures) {
  using Run = wn_status(const wn_plan *, const wn_forward_args *, void *, size_t, void *);
  using Back = wn_status(const wn_plan *, const wn_backward_args *, void *, size_t, void *);
  EXPECT_TRUE((std::is_same<decltype(wn_train), Run>::value && std::is_same<decltype(wn_infer), Run>::value));
  EXPECT_TRUE((std::is_same<decltype(wn_backward), Back>::value));
  EXPECT_TRUE((std::is_same<decltype(wn_backward_frozen), Back>::value));
  EXPECT_TRUE((std::is_same<decltype(wn_plan_create), wn_status(wn_plan **, wn_device *, const wn_problem *)>::value));
  EXPECT_TRUE((std::is_same<decltype(wn_plan_create_sync),
                            wn_status(wn_plan **, wn_device *, const wn_problem *, const wn_comm *)>::value));
}

TEST(ApiAbi, ProblemInit) {
  const wn_problem p = WN_PROBLEM_INIT, in_c = wn_api_problem_in_c();
  EXPECT_EQ(std::memcmp(&p, &in_c, sizeof p), 0);  // NOLINT: bit by bit is meant, doubles and all
  EXPECT_EQ(p.size, sizeof(wn_problem));
  int kind = -1;
  std::memcpy(&kind, &p.kind, sizeof kind);
  EXPECT_EQ(kind, 0) << "no kind by default";
  EXPECT_EQ(p.layout, WN_NCX);
  EXPECT_EQ(p.x_type, WN_F32);
  EXPECT_EQ(p.y_type, WN_DTYPE_DEFAULT);
  EXPECT_EQ(p.dy_type, WN_DTYPE_DEFAULT);
  EXPECT_EQ(p.param_type, WN_DTYPE_DEFAULT);
  EXPECT_EQ(p.param_grad_type, WN_DTYPE_DEFAULT);
  EXPECT_EQ(p.act, WN_ACT_NONE);
  EXPECT_EQ(p.add, WN_ADD_NONE);
  EXPECT_EQ(p.flags, 0u);
  EXPECT_EQ(p.n, 0);
  EXPECT_EQ(p.c, 0);
  EXPECT_EQ(p.x, 1);
  EXPECT_EQ(p.groups, 1);
  EXPECT_EQ(p.parts, 1);
  const wn_stride strides[] = {p.x_stride, p.dx_stride, p.y_stride, p.dy_stride, p.residual_stride, p.sum_stride};
  for (const wn_stride &s : strides) EXPECT_TRUE(s.row == 0 && s.pixel == 0);
  EXPECT_EQ(p.eps, 1e-5);
  EXPECT_EQ(p.momentum, 0.1);
  EXPECT_EQ(p.act_slope, 0.01);
}

// All fields after size and n are NULL.
template <typename Args>
void ExpectOnlyNull(const Args &args) {
  EXPECT_EQ(args.size, sizeof args);
  EXPECT_EQ(args.n, -1);
  Args expected;
  std::memset(&expected, 0, sizeof expected);
  expected.size = sizeof args;
  expected.n = -1;
  EXPECT_EQ(std::memcmp(&args, &expected, sizeof args), 0);
}

TEST(ApiAbi, ArgumentsInit) {
  const wn_forward_args forward = WN_FORWARD_INIT;
  const wn_backward_args backward = WN_BACKWARD_INIT;
  ExpectOnlyNull(forward);
  ExpectOnlyNull(backward);
  ExpectOnlyNull(wn_api_forward_in_c());
  ExpectOnlyNull(wn_api_backward_in_c());
}

TEST(ApiAbi, AProgramInC) {
  float y[4] = {};
  ASSERT_EQ(wn_api_row_in_c(y), WN_OK) << wn_last_error();
  const float expected[4] = {-1.3416355F, -0.4472118F, 0.4472118F, 1.3416355F};  // +-1.5, 0.5 by sqrt(1.25 + 1e-5)
  for (int i = 0; i < 4; i++) EXPECT_NEAR(y[i], expected[i], 1e-6F);
}

}  // namespace
}  // namespace wn
