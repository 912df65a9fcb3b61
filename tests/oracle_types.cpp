// The formats of the tests against known codes, and against the compiler where it has the type.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "types.h"

namespace wn::test {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr wn_dtype kTypes[] = {WN_F32, WN_F16, WN_BF16, WN_F64, WN_F8_E4M3, WN_F8_E5M2};

struct Known {
  wn_dtype type;
  std::uint64_t bits;
  double value;
};

// From IEEE 754-2019 and the OCP 8-bit specification (Micikevicius et al. 2022, table 1).
constexpr Known kKnown[] = {
    {WN_F16, 0x3c00, 1},
    {WN_F16, 0x7bff, 65504},
    {WN_F16, 0x0001, 0x1p-24},
    {WN_F16, 0x0400, 0x1p-14},
    {WN_F16, 0x03ff, 0x1.ff8p-15},
    {WN_F16, 0x7c00, kInfinity},
    {WN_F16, 0xfc00, -kInfinity},
    {WN_F16, 0xc000, -2},
    {WN_F16, 0x3555, 0.333251953125},
    {WN_BF16, 0x3f80, 1},
    {WN_BF16, 0x7f7f, 0x1.fep127},
    {WN_BF16, 0x0001, 0x1p-133},
    {WN_BF16, 0x4049, 3.140625},
    {WN_BF16, 0xff80, -kInfinity},
    {WN_F32, 0x3f800000, 1},
    {WN_F32, 0x7f7fffff, 0x1.fffffep127},
    {WN_F32, 0x00000001, 0x1p-149},
    {WN_F64, 0x3ff0000000000000, 1},
    {WN_F64, 0x0000000000000001, 0x1p-1074},
    {WN_F64, 0x7fefffffffffffff, 0x1.fffffffffffffp1023},
    {WN_F8_E4M3, 0x38, 1},
    {WN_F8_E4M3, 0x7e, 448},
    {WN_F8_E4M3, 0x01, 0x1p-9},
    {WN_F8_E4M3, 0x08, 0x1p-6},
    {WN_F8_E4M3, 0x07, 0.875 * 0x1p-6},
    {WN_F8_E4M3, 0xfe, -448},
    {WN_F8_E5M2, 0x3c, 1},
    {WN_F8_E5M2, 0x7b, 57344},
    {WN_F8_E5M2, 0x01, 0x1p-16},
    {WN_F8_E5M2, 0x04, 0x1p-14},
    {WN_F8_E5M2, 0x03, 0.75 * 0x1p-14},
    {WN_F8_E5M2, 0xc5, -5},
};

TEST(OracleTypes, KnownCodes) {
  for (const Known &k : kKnown) {
    EXPECT_EQ(Decode(k.type, k.bits), k.value) << TypeName(k.type) << " " << k.bits;
    EXPECT_EQ(Encode(k.type, k.value), k.bits) << TypeName(k.type) << " " << k.value;
  }
  EXPECT_EQ(Decode(WN_F8_E5M2, 0x7c), kInfinity);  // read as infinity, never made from one
  EXPECT_TRUE(std::isnan(Decode(WN_F8_E4M3, 0x7f)));
  EXPECT_TRUE(std::isnan(Decode(WN_F8_E4M3, 0xff)));
  EXPECT_TRUE(std::isnan(Decode(WN_F8_E5M2, 0x7d)));
  EXPECT_FALSE(std::isnan(Decode(WN_F8_E4M3, 0x7e)));
}

TEST(OracleTypes, Sizes) {
  for (const wn_dtype type : kTypes) {
    const std::size_t bytes = type == WN_F64 ? 8 : type == WN_F32 ? 4 : IsFloat8(type) ? 1 : 2;
    EXPECT_EQ(TypeBytes(type), bytes) << TypeName(type);
    EXPECT_EQ(Round(type, LargestFinite(type)), LargestFinite(type));
    const real above = LargestFinite(type) * (1 + std::ldexp(real{1}, -Precision(type) + 1));
    EXPECT_EQ(Round(type, above), IsFloat8(type) ? LargestFinite(type) : kInfinity) << TypeName(type);
    EXPECT_EQ(Round(type, 1 + HalfUlp(type, 1)), 1) << TypeName(type);  // the tie goes to even
    EXPECT_GT(Round(type, 1 + HalfUlp(type, 1) * 1.01L), 1) << TypeName(type);
  }
}

// Every code of the small types: decoding and encoding are inverse, neighbours are ordered, and between two neighbours
// what is nearer, and at the tie the even code, is taken.
TEST(OracleTypes, EveryCode) {
  for (const wn_dtype type : {WN_F16, WN_BF16, WN_F8_E4M3, WN_F8_E5M2}) {
    const std::uint64_t top = Encode(type, LargestFinite(type));
    const std::uint64_t sign = std::uint64_t{1} << (8 * TypeBytes(type) - 1);
    for (std::uint64_t bits = 0; bits <= top; bits++) {
      const real v = Decode(type, bits);
      ASSERT_EQ(Encode(type, v), bits) << TypeName(type);
      ASSERT_EQ(Encode(type, -v), bits | sign) << TypeName(type);
      if (bits == top) break;
      const real next = Decode(type, bits + 1), middle = (v + next) / 2, nudge = (next - v) / 64;
      ASSERT_GT(next, v) << TypeName(type);
      ASSERT_EQ(Encode(type, middle - nudge), bits) << TypeName(type);
      ASSERT_EQ(Encode(type, middle + nudge), bits + 1) << TypeName(type);
      ASSERT_EQ(Encode(type, middle), bits % 2 == 0 ? bits : bits + 1) << TypeName(type);
      const real hair = std::ldexp(middle, -62);  // less than a double can tell from the middle
      ASSERT_EQ(Encode(type, middle - hair), bits) << TypeName(type);
      ASSERT_EQ(Encode(type, middle + hair), bits + 1) << TypeName(type);
      ASSERT_EQ(HalfUlp(type, v), (next - v) / 2) << TypeName(type);
    }
  }
}

TEST(OracleTypes, NotFinite) {
  for (const wn_dtype type : kTypes) {
    EXPECT_TRUE(std::isnan(Round(type, kNan))) << TypeName(type);
    EXPECT_TRUE(std::isnan(Decode(type, ~std::uint64_t{0} >> (64 - 8 * TypeBytes(type))))) << "all ones must be NaN";
    const double beyond = IsFloat8(type) ? LargestFinite(type) : kInfinity;
    EXPECT_EQ(Round(type, kInfinity), beyond) << TypeName(type);
    EXPECT_EQ(Round(type, -kInfinity), -beyond) << TypeName(type);
    EXPECT_TRUE(std::signbit(Round(type, -0.0))) << TypeName(type);
  }
}

TEST(OracleTypes, AgreesWithTheCompiler) {
  std::uint64_t state = 1;
  for (int i = 0; i < 200000; i++) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    double v = 0;
    std::memcpy(&v, &state, sizeof v);
    if (std::isnan(v)) continue;
    const auto narrow = static_cast<float>(v);
    ASSERT_EQ(Decode(WN_F32, Encode(WN_F32, v)), narrow) << v;
    ASSERT_EQ(Decode(WN_F64, Encode(WN_F64, v)), v);
    const auto bits32 = static_cast<std::uint32_t>(state >> 32);
    float f = 0;
    std::memcpy(&f, &bits32, sizeof f);
    if (std::isnan(f)) continue;
    ASSERT_EQ(Decode(WN_F32, bits32), f);
    const real middle = static_cast<real>(v) * (1 + std::ldexp(real{1}, -53)) + std::ldexp(real{1}, -1070);
    ASSERT_EQ(Decode(WN_F64, Encode(WN_F64, middle)), static_cast<double>(middle));
  }
}

TEST(OracleTypes, Defaults) {
  wn_problem p = WN_PROBLEM_INIT;
  p.x_type = WN_BF16;
  EXPECT_EQ(Types(p).y, WN_BF16);
  EXPECT_EQ(Types(p).dy, WN_BF16);
  EXPECT_EQ(Types(p).param, WN_F32);
  EXPECT_EQ(Types(p).param_grad, WN_F32);
  p.param_type = WN_BF16;
  p.y_type = WN_F8_E5M2;
  EXPECT_EQ(Types(p).param_grad, WN_BF16);
  EXPECT_EQ(Types(p).dy, WN_DTYPE_DEFAULT);
  p.x_type = WN_F64;
  p.param_type = p.y_type = WN_DTYPE_DEFAULT;
  EXPECT_EQ(Types(p).param, WN_F64);
  EXPECT_EQ(Types(p).real, WN_F64);
}

}  // namespace
}  // namespace wn::test
