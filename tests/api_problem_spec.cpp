#include "api_problem_spec.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <map>
#include <sstream>
#include <stdexcept>

namespace wn {
namespace {

enum class Kind { kInt32, kInt64, kDouble };

struct Field {
  std::size_t offset;
  Kind kind;
};

const Field &FieldOf(const std::string &name) {
  using P = wn_problem;
  static const std::map<std::string, Field> fields = {
      {"size", {offsetof(P, size), Kind::kInt64}},
      {"kind", {offsetof(P, kind), Kind::kInt32}},
      {"layout", {offsetof(P, layout), Kind::kInt32}},
      {"x_type", {offsetof(P, x_type), Kind::kInt32}},
      {"y_type", {offsetof(P, y_type), Kind::kInt32}},
      {"dy_type", {offsetof(P, dy_type), Kind::kInt32}},
      {"param_type", {offsetof(P, param_type), Kind::kInt32}},
      {"param_grad_type", {offsetof(P, param_grad_type), Kind::kInt32}},
      {"act", {offsetof(P, act), Kind::kInt32}},
      {"add", {offsetof(P, add), Kind::kInt32}},
      {"flags", {offsetof(P, flags), Kind::kInt32}},
      {"n", {offsetof(P, n), Kind::kInt64}},
      {"c", {offsetof(P, c), Kind::kInt64}},
      {"x", {offsetof(P, x), Kind::kInt64}},
      {"groups", {offsetof(P, groups), Kind::kInt64}},
      {"parts", {offsetof(P, parts), Kind::kInt64}},
      {"x_stride.row", {offsetof(P, x_stride.row), Kind::kInt64}},
      {"x_stride.pixel", {offsetof(P, x_stride.pixel), Kind::kInt64}},
      {"dx_stride.row", {offsetof(P, dx_stride.row), Kind::kInt64}},
      {"dx_stride.pixel", {offsetof(P, dx_stride.pixel), Kind::kInt64}},
      {"y_stride.row", {offsetof(P, y_stride.row), Kind::kInt64}},
      {"y_stride.pixel", {offsetof(P, y_stride.pixel), Kind::kInt64}},
      {"dy_stride.row", {offsetof(P, dy_stride.row), Kind::kInt64}},
      {"dy_stride.pixel", {offsetof(P, dy_stride.pixel), Kind::kInt64}},
      {"residual_stride.row", {offsetof(P, residual_stride.row), Kind::kInt64}},
      {"residual_stride.pixel", {offsetof(P, residual_stride.pixel), Kind::kInt64}},
      {"sum_stride.row", {offsetof(P, sum_stride.row), Kind::kInt64}},
      {"sum_stride.pixel", {offsetof(P, sum_stride.pixel), Kind::kInt64}},
      {"eps", {offsetof(P, eps), Kind::kDouble}},
      {"momentum", {offsetof(P, momentum), Kind::kDouble}},
      {"act_slope", {offsetof(P, act_slope), Kind::kDouble}},
  };
  return fields.at(name);
}

std::int64_t IntegerOf(const std::string &value) {
  static const std::map<std::string, std::int64_t> names = {
      {"batch", WN_BATCH},
      {"layer", WN_LAYER},
      {"group", WN_GROUP},
      {"instance", WN_INSTANCE},
      {"rms", WN_RMS},
      {"ncx", WN_NCX},
      {"nxc", WN_NXC},
      {"f32", WN_F32},
      {"f16", WN_F16},
      {"bf16", WN_BF16},
      {"f64", WN_F64},
      {"f8_e4m3", WN_F8_E4M3},
      {"f8_e5m2", WN_F8_E5M2},
      {"relu", WN_ACT_RELU},
      {"leaky_relu", WN_ACT_LEAKY_RELU},
      {"gelu", WN_ACT_GELU},
      {"silu", WN_ACT_SILU},
      {"before", WN_ADD_BEFORE},
      {"after", WN_ADD_AFTER},
      {"running_population", WN_RUNNING_POPULATION},
      {"instance_running", WN_INSTANCE_RUNNING},
      {"gamma_minus_one", WN_GAMMA_MINUS_ONE},
      {"grad_add", WN_GRAD_ADD},
      {"split_few_rows", WN_SPLIT_FEW_ROWS},
      {"running_cumulative", WN_RUNNING_CUMULATIVE},
      {"max", std::numeric_limits<std::int64_t>::max()},
  };
  const auto named = names.find(value);
  if (named != names.end()) return named->second;
  if (value.rfind("2^", 0) == 0) return std::int64_t{1} << std::stoi(value.substr(2));
  std::size_t read = 0;
  const std::int64_t number = std::stoll(value, &read, 0);
  if (read != value.size()) throw std::invalid_argument(value);
  return number;
}

void SetField(wn_problem *p, const std::string &name, const std::string &value) {
  const Field field = FieldOf(name);
  char *const at = reinterpret_cast<char *>(p) + field.offset;
  if (field.kind == Kind::kDouble) {
    const double number = std::stod(value);
    std::memcpy(at, &number, sizeof number);
    return;
  }
  std::int64_t number = 0;  // flags are joined by |
  std::istringstream parts(value);
  for (std::string part; std::getline(parts, part, '|');) number |= IntegerOf(part);
  const auto narrow = static_cast<std::int32_t>(number);
  if (field.kind == Kind::kInt32) {
    std::memcpy(at, &narrow, sizeof narrow);
  } else {
    std::memcpy(at, &number, sizeof number);
  }
}

}  // namespace

wn_problem ApiProblem(const std::string &spec) {
  wn_problem p = WN_PROBLEM_INIT;
  p.n = 4;
  p.c = 6;
  p.x = 5;
  std::istringstream words(spec);
  std::string word;
  words >> word;
  SetField(&p, "kind", word);
  if (word == "group") p.groups = 3;
  while (words >> word) {
    const std::size_t equals = word.find('=');
    SetField(&p, word.substr(0, equals), word.substr(equals + 1));
  }
  return p;
}

}  // namespace wn
