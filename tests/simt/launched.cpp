#include "tests/simt/launched.h"

#include <map>

extern "C" {
#include "host/names.h"
}

namespace wn::simt {
namespace {

constexpr wn_dtype kTypes[] = {WN_F32, WN_F16, WN_BF16, WN_F64, WN_F8_E4M3, WN_F8_E5M2};

struct Instance {
  wni_cuda_function function;
  int variant;
  wn_dtype real;
  std::string name;
};

bool IsBackward(wni_cuda_function f) {
  return (f >= WNI_CUDA_ROW_BACKWARD && f <= WNI_CUDA_ROW_BACKWARD_APPLY) || f == WNI_CUDA_COLUMN_BACKWARD_SUMS ||
         f == WNI_CUDA_COLUMN_BACKWARD_APPLY;
}

bool IsJoin(wni_cuda_function f) { return f == WNI_CUDA_JOIN_MOMENTS || f == WNI_CUDA_JOIN_SUMS; }

bool HasScopes(wni_cuda_function f) { return f == WNI_CUDA_ROW_FORWARD || f == WNI_CUDA_ROW_BACKWARD; }

std::string FunctionAndScope(wni_cuda_function f, int variant) {
  const std::string scope = wni_cuda_scope_name(f, variant);
  return wni_cuda_function_name(f) + (scope.empty() ? "" : " " + scope);
}

std::string Name(wni_cuda_function f, int variant, wn_dtype x, wn_dtype other) {
  return FunctionAndScope(f, variant) + ", x " + wni_dtype_name(x) + (IsBackward(f) ? ", dy " : ", y ") +
         wni_dtype_name(other);
}

std::map<const void *, Instance> FindInstances() {
  std::map<const void *, Instance> instances;
  for (int f = 0; f < WNI_CUDA_FUNCTIONS; f++) {
    const auto function = static_cast<wni_cuda_function>(f);
    for (int variant = 0; variant < (HasScopes(function) ? WNI_CUDA_SCOPES : 1); variant++)
      for (const wn_dtype x : kTypes)
        for (const wn_dtype other : kTypes) {
          const wn_dtype real = x == WN_F64 ? WN_F64 : WN_F32;
          const wni_types types = {real, x, other, other, real, real};
          const void *const kernel = wni_cuda_kernel(function, variant, &types);
          if (kernel != nullptr)
            instances.insert({kernel, {function, variant, real, Name(function, variant, x, other)}});
        }
  }
  return instances;
}

const std::map<const void *, Instance> &Instances() {
  static const std::map<const void *, Instance> instances = FindInstances();
  return instances;
}

std::string Parameter(const wni_cuda_row &row) {
  return row.per_element      ? ", a parameter for each element"
         : row.param_run != 0 ? ", a parameter for each run"
                              : ", a parameter for the set";
}

std::string RowWay(const wni_cuda_row &row, bool whole) {
  std::string way = Parameter(row);
  if (row.runs > 1) way += ", several runs";
  if (whole) return way;
  way += row.lanes <= 32 ? ", lanes" : ", blocks";
  return way + (row.segments > 1 ? ", several segments" : "");
}

std::string ColumnWay(const wni_geometry &geo) {
  if (geo.pattern == WNI_ROW) return geo.param_step != 0 ? ", of rows with parameters of their own" : ", of rows";
  return std::string(geo.param_by_row ? ", a parameter for each row" : "") +
         (geo.set_columns > 1 ? ", several columns to a set" : "");
}

}  // namespace

std::string InstanceName(const void *kernel) {
  const auto instance = Instances().find(kernel);
  return instance == Instances().end() ? "" : instance->second.name;
}

std::vector<std::string> InstanceNames() {
  std::vector<std::string> names;
  for (const auto &instance : Instances()) names.push_back(instance.second.name);
  return names;
}

std::vector<std::string> WayNames(const void *kernel, const wni_cuda_cut &cut, const wni_geometry &geo, wni_stats stats,
                                  bool plain) {
  static constexpr const char *sources[] = {"", ", computed", ", saved", ", running"};
  const Instance &i = Instances().at(kernel);
  const std::string function = FunctionAndScope(i.function, i.variant) + (i.real == WN_F64 ? ", f64" : ", f32");
  if (IsJoin(i.function)) return {function};  // of messages, whatever they are about
  const std::string way = function + sources[stats] + (geo.centered ? "" : ", not centered");
  const bool merge = i.function >= WNI_CUDA_MERGE_MOMENTS, row = i.function <= WNI_CUDA_ROW_BACKWARD_APPLY;
  if (!row && !(merge && geo.pattern == WNI_ROW)) return {way + ColumnWay(geo)};
  std::vector<std::string> ways = {way + RowWay(cut.row, HasScopes(i.function) || merge)};
  if (!row) return ways;
  const std::string shorter = plain && i.real != WN_F64 ? ", plain" : "";  // f64 has one way
  if (!shorter.empty()) ways.push_back(function + Parameter(cut.row) + shorter);
  if (cut.row.keeps_params) ways.push_back(function + ", parameters kept" + shorter);
  return ways;
}

}  // namespace wn::simt
