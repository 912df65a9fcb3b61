#include "cases.h"

#include <algorithm>
#include <sstream>

namespace wn::test {
namespace {

constexpr wn_kind kKinds[] = {WN_BATCH, WN_LAYER, WN_GROUP, WN_INSTANCE, WN_RMS};
constexpr wn_layout kLayouts[] = {WN_NCX, WN_NXC};
constexpr wn_dtype kInputs[] = {WN_F32, WN_F16, WN_BF16, WN_F64};
constexpr wn_dtype kOutputs[] = {WN_F32, WN_F16, WN_BF16, WN_F8_E4M3, WN_F8_E5M2};
constexpr wn_dtype kGradients[] = {WN_F32, WN_F16, WN_BF16};
constexpr wn_add kAdds[] = {WN_ADD_NONE, WN_ADD_BEFORE, WN_ADD_AFTER};

struct Shape {
  std::int64_t n, c, x, groups, parts;  // groups for WN_GROUP, parts for WN_BATCH
};

constexpr Shape kSmallShapes[] = {
    {1, 1, 1, 1, 1},  // m = 1
    {3, 1, 5, 1, 3},  {2, 3, 1, 1, 1},   {4, 3, 49, 1, 2},  {2, 6, 49, 2, 1},  {3, 35, 1, 5, 1},
    {2, 35, 9, 7, 2}, {2, 65, 1, 13, 1}, {3, 65, 3, 5, 3},  {6, 8, 16, 8, 3},  {5, 4, 2, 2, 1},
    {8, 24, 7, 8, 4}, {70, 5, 2, 1, 7},  {33, 17, 1, 1, 1}, {1, 64, 36, 4, 1}, {12, 1, 1, 1, 12},
};

// Sizes at which something changes: vectors and their tails, 16-bit counts, a million elements in a set.
struct LongShape {
  wn_kind kind;
  wn_layout layout;
  wn_dtype x_type;
  Shape shape;
};
constexpr LongShape kLongShapes[] = {
    {WN_LAYER, WN_NCX, WN_F32, {1, 1000003, 1, 1, 1}},  {WN_RMS, WN_NXC, WN_BF16, {1, 1000003, 1, 1, 1}},
    {WN_LAYER, WN_NXC, WN_BF16, {2, 131073, 1, 1, 1}},  {WN_LAYER, WN_NCX, WN_F64, {2, 70001, 1, 1, 1}},
    {WN_RMS, WN_NCX, WN_F16, {3, 65537, 1, 1, 1}},      {WN_LAYER, WN_NXC, WN_F16, {40, 4096, 1, 1, 1}},
    {WN_LAYER, WN_NCX, WN_F16, {70000, 3, 1, 1, 1}},    {WN_RMS, WN_NXC, WN_F32, {70000, 3, 1, 1, 1}},
    {WN_LAYER, WN_NCX, WN_F32, {2, 5, 20011, 1, 1}},    {WN_RMS, WN_NCX, WN_BF16, {1, 20011, 7, 1, 1}},
    {WN_LAYER, WN_NXC, WN_BF16, {1, 3, 70001, 1, 1}},   {WN_LAYER, WN_NCX, WN_F64, {66000, 2, 2, 1, 1}},
    {WN_BATCH, WN_NXC, WN_F16, {70000, 3, 1, 1, 1}},    {WN_BATCH, WN_NCX, WN_F32, {70000, 1, 3, 1, 1}},
    {WN_BATCH, WN_NCX, WN_BF16, {3, 2, 40009, 1, 1}},   {WN_BATCH, WN_NXC, WN_F32, {2, 70001, 1, 1, 2}},
    {WN_BATCH, WN_NCX, WN_F16, {2, 66000, 2, 1, 1}},    {WN_BATCH, WN_NXC, WN_BF16, {16, 65, 200, 1, 4}},
    {WN_BATCH, WN_NXC, WN_F64, {8, 35, 500, 1, 1}},     {WN_BATCH, WN_NCX, WN_F32, {66000, 2, 1, 1, 66000}},
    {WN_BATCH, WN_NXC, WN_F32, {1, 1, 500009, 1, 1}},   {WN_GROUP, WN_NCX, WN_F16, {8200, 24, 1, 8, 1}},
    {WN_GROUP, WN_NXC, WN_F32, {8200, 16, 2, 8, 1}},    {WN_GROUP, WN_NCX, WN_F32, {1, 6, 50021, 2, 1}},
    {WN_GROUP, WN_NXC, WN_BF16, {1, 6, 50021, 2, 1}},   {WN_GROUP, WN_NXC, WN_F16, {66000, 3, 1, 1, 1}},
    {WN_GROUP, WN_NCX, WN_F64, {2, 96, 300, 32, 1}},    {WN_INSTANCE, WN_NCX, WN_F16, {700, 100, 3, 1, 1}},
    {WN_INSTANCE, WN_NXC, WN_F32, {700, 100, 3, 1, 1}}, {WN_INSTANCE, WN_NCX, WN_BF16, {1, 2, 100003, 1, 1}},
    {WN_INSTANCE, WN_NXC, WN_F16, {2, 35, 3001, 1, 1}}, {WN_INSTANCE, WN_NXC, WN_F64, {1, 3, 70001, 1, 1}},
    {WN_RMS, WN_NCX, WN_F32, {35001, 3, 2, 1, 1}},      {WN_LAYER, WN_NCX, WN_F32, {5, 131080, 1, 1, 1}},
    {WN_RMS, WN_NXC, WN_BF16, {18, 131073, 1, 1, 1}},
};

// The rest of what a type of x allows: y, dy, parameters and their gradients.
struct TypeChoice {
  wn_dtype y, dy, param, param_grad;
};

std::vector<TypeChoice> TypeChoices(wn_dtype x) {
  if (x == WN_F64) return {{WN_F64, WN_F64, WN_F64, WN_F64}};
  std::vector<TypeChoice> choices;
  const auto add_parameters = [&](wn_dtype y, wn_dtype dy) {
    choices.push_back({y, dy, WN_F32, WN_F32});
    if (x == WN_F32) return;
    choices.push_back({y, dy, x, x});
    choices.push_back({y, dy, x, WN_F32});
  };
  for (const wn_dtype y : kOutputs) {
    if (!IsFloat8(y)) {
      add_parameters(y, y);
      continue;
    }
    for (const wn_dtype dy : kGradients) add_parameters(y, dy);
    choices.push_back({y, WN_DTYPE_DEFAULT, WN_F32, WN_F32});
  }
  return choices;
}

enum StrideMode { kPacked, kOdd, kWide, kOutermost, kInputOnly, kStrideModes };

// Strides of one tensor; `extra` differs from tensor to tensor where they are odd.
wn_stride MakeStride(const wn_problem &p, StrideMode mode, std::int64_t extra) {
  if (mode == kPacked) return {0, 0};
  if (mode == kWide) extra = 8;
  if (p.layout == WN_NCX) return {p.c * p.x + extra, 0};
  if (mode == kOutermost) return {p.c + extra, std::max<std::int64_t>(p.n, 1) * (p.c + extra) + 1};
  const std::int64_t pixel = p.c + extra;
  return {p.x * pixel + extra, pixel};
}

void SetStrides(StrideMode mode, wn_problem *p) {
  const bool packed = mode == kInputOnly;
  p->x_stride = MakeStride(*p, packed ? kOdd : mode, 1);
  p->y_stride = MakeStride(*p, packed ? kPacked : mode, 3);
  p->dx_stride = MakeStride(*p, packed ? kPacked : mode, 2);
  p->dy_stride = MakeStride(*p, packed ? kOdd : mode, 5);
  p->residual_stride = MakeStride(*p, packed ? kPacked : mode, 7);
  p->sum_stride = MakeStride(*p, packed ? kPacked : mode, 4);
}

class List {
 public:
  std::vector<Case> cases;

  // A case of this kind, layout and type of x with everything else varied.
  Case Varied(wn_kind kind, wn_layout layout, wn_dtype x_type) {
    Case c;
    c.problem.kind = kind;
    c.problem.layout = layout;
    c.problem.x_type = x_type;
    SetShape(kSmallShapes[Pick(std::size(kSmallShapes))], &c);
    const std::vector<TypeChoice> types = TypeChoices(x_type);
    SetTypes(types[Pick(types.size())], &c);
    c.problem.act = static_cast<wn_act>(Pick(WN_ACT_SILU + 1));
    c.problem.add = kAdds[Pick(std::size(kAdds))];
    VaryStatistics(&c);
    VaryArguments(&c);
    return c;
  }

  void SetShape(const Shape &s, Case *c) {
    wn_problem &p = c->problem;
    p.n = c->n = s.n;
    p.c = s.c;
    p.x = s.x;
    p.groups = p.kind == WN_GROUP ? s.groups : 1;
    p.parts = p.kind == WN_BATCH && Pick(2) == 0 ? s.parts : 1;
    if (Pick(4) == 0 && s.n > p.parts) c->n -= p.parts;
  }

  static void SetTypes(const TypeChoice &t, Case *c) {
    c->problem.y_type = t.y;
    c->problem.dy_type = t.dy;
    c->problem.param_type = t.param;
    c->problem.param_grad_type = t.param_grad;
  }

  void Add(Case c, StrideMode mode) {
    SetStrides(mode, &c.problem);
    c.seed = static_cast<std::uint32_t>(cases.size()) + 1;
    cases.push_back(c);
  }
  void Add(const Case &c) { Add(c, Pick(2) == 0 ? kPacked : static_cast<StrideMode>(Pick(kStrideModes))); }

  // 0 to count - 1: the same in every run, and no pattern against which two choices could keep step.
  std::size_t Pick(std::size_t count) {
    state_ = state_ * 6364136223846793005U + 1442695040888963407U;
    return static_cast<std::size_t>(state_ >> 33) % count;
  }

 private:
  void VaryStatistics(Case *c) {
    wn_problem &p = c->problem;
    constexpr double epsilons[] = {1e-5, 1e-5, 1e-6, 1e-3, 0.1};
    p.eps = epsilons[Pick(std::size(epsilons))];
    if (Pick(5) == 0) p.flags |= WN_GAMMA_MINUS_ONE;
    if (Pick(4) == 0) p.flags |= WN_GRAD_ADD;
    if (Pick(6) == 0) p.flags |= WN_SPLIT_FEW_ROWS;
    if (p.kind == WN_INSTANCE && Pick(2) == 0) p.flags |= WN_INSTANCE_RUNNING;
    if (!HasRunning(p)) return;
    constexpr double momenta[] = {0.1, 0.1, 1, 0, 0.37};
    p.momentum = momenta[Pick(std::size(momenta))];
    if (Pick(3) == 0) p.flags |= WN_RUNNING_POPULATION;
    if (Pick(4) == 0) p.flags |= WN_RUNNING_CUMULATIVE;
    c->batches_seen = Pick(2) == 0 ? 0 : 4;
    c->running = Pick(6) != 0;
  }

  void VaryArguments(Case *c) {
    c->shift = static_cast<std::int64_t>(Pick(2) == 0 ? 0 : Pick(8));
    c->gamma = Pick(5) != 0;
    c->beta = Pick(5) != 0;
    c->saved = Pick(5) != 0;
    c->infer_sum = Pick(2) == 0;
    c->dsum = Pick(3) != 0;
    c->mask = (c->problem.act == WN_ACT_RELU || c->problem.act == WN_ACT_LEAKY_RELU) && Pick(2) == 0;
    c->amax = Pick(3) != 0;
    constexpr double scales[] = {0, 0.25, 17, 100, 1};
    if (IsFloat8(c->problem.y_type)) c->y_scale = scales[Pick(std::size(scales))];
  }

  std::uint64_t state_ = 4;
};

template <class Function>
void ForKindsAndLayouts(const Function &of) {
  for (const wn_kind kind : kKinds)
    for (const wn_layout layout : kLayouts) of(kind, layout);
}

void AddTypes(List *list) {
  ForKindsAndLayouts([&](wn_kind kind, wn_layout layout) {
    for (const wn_dtype x : kInputs) {
      for (const TypeChoice &types : TypeChoices(x)) {
        Case c = list->Varied(kind, layout, x);
        List::SetTypes(types, &c);
        if (!IsFloat8(c.problem.y_type)) c.y_scale = 0;
        list->Add(c);
      }
    }
  });
}

void AddActivations(List *list) {
  ForKindsAndLayouts([&](wn_kind kind, wn_layout layout) {
    for (int act = WN_ACT_NONE; act <= WN_ACT_SILU; act++) {
      for (const wn_add add : kAdds) {
        Case c = list->Varied(kind, layout, kInputs[list->Pick(std::size(kInputs))]);
        c.problem.act = static_cast<wn_act>(act);
        c.problem.add = add;
        c.problem.act_slope = list->Pick(2) == 0 ? 0.01 : -0.3;
        const bool signs = act == WN_ACT_RELU || act == WN_ACT_LEAKY_RELU;
        for (const bool mask : {false, true}) {
          if (mask && !signs) continue;
          c.mask = mask;
          list->Add(c);
        }
      }
    }
  });
}

void AddShapes(List *list) {
  ForKindsAndLayouts([&](wn_kind kind, wn_layout layout) {
    for (const Shape &shape : kSmallShapes) {
      for (const wn_dtype x : kInputs) {
        Case c = list->Varied(kind, layout, x);
        list->SetShape(shape, &c);
        list->Add(c);
      }
    }
  });
}

void AddStrides(List *list) {
  ForKindsAndLayouts([&](wn_kind kind, wn_layout layout) {
    for (int mode = 0; mode < kStrideModes; mode++) {
      for (const wn_dtype x : kInputs) {
        Case c = list->Varied(kind, layout, x);
        list->SetShape(kSmallShapes[3 + list->Pick(8)], &c);
        c.shift = static_cast<std::int64_t>(list->Pick(8));
        list->Add(c, static_cast<StrideMode>(mode));
      }
    }
  });
}

void AddData(List *list) {
  ForKindsAndLayouts([&](wn_kind kind, wn_layout layout) {
    for (int data = 0; data < kDataCount; data++) {
      for (const wn_dtype x : kInputs) {
        Case c = list->Varied(kind, layout, x);
        c.data = static_cast<Data>(data);
        list->Add(c);
      }
    }
  });
}

// Every rule of running statistics with every other.
void AddRunning(List *list) {
  for (const wn_kind kind : {WN_BATCH, WN_INSTANCE}) {
    for (const wn_layout layout : kLayouts) {
      for (const double momentum : {0.1, 1.0, -1.0}) {  // -1: cumulative
        for (const bool population : {false, true}) {
          for (const bool first : {false, true}) {
            for (const Shape &shape : {kSmallShapes[0], kSmallShapes[3], kSmallShapes[15], Shape{6, 5, 2, 1, 3}}) {
              Case c = list->Varied(kind, layout, kInputs[list->Pick(std::size(kInputs))]);
              list->SetShape(shape, &c);
              c.problem.flags = kind == WN_INSTANCE ? WN_INSTANCE_RUNNING : 0;
              if (population) c.problem.flags |= WN_RUNNING_POPULATION;
              if (momentum < 0) c.problem.flags |= WN_RUNNING_CUMULATIVE;
              if (momentum > 0) c.problem.momentum = momentum;
              c.batches_seen = first ? 0 : 7;
              c.running = true;
              list->Add(c);
            }
          }
        }
      }
    }
  }
}

void AddLong(List *list) {
  for (const LongShape &s : kLongShapes) {
    Case c = list->Varied(s.kind, s.layout, s.x_type);
    list->SetShape(s.shape, &c);
    if (s.shape.parts > 1) c.problem.parts = s.shape.parts;
    c.n = c.problem.n;
    list->Add(c);
  }
}

// Rows of the lengths at which another kernel of a GPU holds them: a few octets of a warp's lanes, two and four of a
// block's threads (which have room for half as many f64), and rows that a block reads twice, which in place must not
// hurt.
constexpr std::int64_t kRowLengths[] = {700, 2000, 9001, 17003}, kRowLengthsF64[] = {300, 1000, 5003, 9001};

// In every type of y or dy that there is a kernel for.
void AddRowTypes(List *list) {
  for (const wn_dtype x : kInputs) {
    for (const TypeChoice &types : TypeChoices(x)) {
      const bool no_backward = IsFloat8(types.y);
      if (types.param != types.param_grad || (x != WN_F64 && types.param != WN_F32)) continue;
      if (types.dy != (no_backward ? WN_DTYPE_DEFAULT : types.y)) continue;
      for (const std::int64_t c : x == WN_F64 ? kRowLengthsF64 : kRowLengths) {
        Case row = list->Varied(list->Pick(2) == 0 ? WN_LAYER : WN_RMS, kLayouts[list->Pick(2)], x);
        list->SetShape({c < 9000 ? 3 : 1, c, 1, 1, 1}, &row);
        List::SetTypes(types, &row);
        if (!no_backward) row.y_scale = 0;
        list->Add(row);
      }
    }
  }
}

// About `length` elements to a set of each kind whose sets are rows, and two sets.
Shape RowShape(wn_kind kind, std::int64_t length) {
  if (kind == WN_GROUP) return {1, 4, length / 2, 2, 1};
  if (kind == WN_BATCH) return {3, 2, length / 3, 1, 1};
  return kind == WN_INSTANCE ? Shape{1, 2, length, 1, 1} : Shape{2, length, 1, 1, 1};
}

// Of every kind; and so few and long that sets are cut into segments, a group's even each of its channels.
void AddRowKinds(List *list) {
  for (const wn_kind kind : kKinds) {
    for (const wn_dtype x : kInputs) {
      std::vector<std::int64_t> lengths(std::begin(kRowLengths), std::end(kRowLengths));
      if (x == WN_F64) lengths.assign(std::begin(kRowLengthsF64), std::end(kRowLengthsF64));
      lengths.push_back(kind == WN_GROUP ? 66006 : 33001);
      for (const std::int64_t length : lengths) {
        if (x == WN_F16 && length != lengths.back()) continue;  // as bf16
        Case row = list->Varied(kind, WN_NCX, x);
        list->SetShape(RowShape(kind, length), &row);
        row.problem.parts = 1;
        row.n = row.problem.n;
        if (length > 20000) row.problem.flags |= WN_SPLIT_FEW_ROWS;
        if (kind == WN_INSTANCE) row.problem.flags |= WN_INSTANCE_RUNNING;
        list->Add(row);
      }
    }
  }
}

// Rows of whole groups of eight elements with nothing added, for which kernels have shorter ways where tensors are
// aligned: of each class of lengths, few of them and so many that what they share (gamma, beta) is worth keeping.
struct EvenRows {
  Shape shape;
  wn_kind kind;
  bool split = false;
  std::int64_t shift = 0;
};
constexpr EvenRows kEvenRows[] = {
    {{9, 32, 1, 1, 1}, WN_LAYER},
    {{40, 72, 1, 1, 1}, WN_LAYER},
    {{600, 64, 1, 1, 1}, WN_LAYER},
    {{6, 2048, 1, 1, 1}, WN_LAYER},
    {{3, 5000, 1, 1, 1}, WN_LAYER},
    {{2, 9000, 1, 1, 1}, WN_LAYER},
    {{1, 16400, 1, 1, 1}, WN_LAYER},
    {{1, 33008, 1, 1, 1}, WN_LAYER, true},
    {{2200, 1032, 1, 1, 1}, WN_LAYER},
    {{2, 4, 64, 2, 1}, WN_GROUP},
    {{5, 256, 1, 4, 1}, WN_GROUP},
    {{1, 4, 33008, 2, 1}, WN_GROUP, true},
    {{3, 2, 64, 1, 3}, WN_BATCH},
    {{3, 2, 64, 1, 1}, WN_BATCH},
    {{4, 2, 2048, 1, 4}, WN_BATCH},
    {{4, 3, 32, 1, 1}, WN_INSTANCE},
    {{6, 4, 128, 1, 1}, WN_INSTANCE},
    {{2, 2, 2048, 1, 1}, WN_INSTANCE},
    {{1, 2, 9000, 1, 1}, WN_INSTANCE},
    {{1, 2, 16400, 1, 1}, WN_INSTANCE},
    {{1, 1, 33008, 1, 1}, WN_INSTANCE, true},
    // What is kept of tensors that are not aligned.
    {{600, 64, 1, 1, 1}, WN_LAYER, false, 1},
    {{2200, 1032, 1, 1, 1}, WN_LAYER, false, 1},
    // What a toy's blocks do not hold together, of several runs.
    {{3, 1, 11008, 1, 1}, WN_BATCH},
    {{1, 2, 16504, 1, 1}, WN_GROUP},
    {{3, 1, 11008, 1, 1}, WN_BATCH, false, 1},
    {{1, 2, 16504, 1, 1}, WN_GROUP, false, 1},
};

void AddEvenRows(List *list) {
  for (const EvenRows &rows : kEvenRows) {
    for (const wn_dtype x : {WN_F32, WN_BF16, WN_F64}) {
      for (const wn_kind kind : {rows.kind, WN_RMS}) {
        if (kind != rows.kind && rows.kind != WN_LAYER) continue;
        const bool large = rows.shape.n * rows.shape.c > 1000000;  // one of each arithmetic is enough
        if (large && (kind != rows.kind || x == WN_BF16)) continue;
        Case c = list->Varied(kind, WN_NCX, x);
        list->SetShape(rows.shape, &c);
        c.problem.parts = rows.shape.parts;
        c.n = c.problem.n;
        c.problem.add = WN_ADD_NONE;
        c.problem.flags &= ~std::uint32_t{WN_SPLIT_FEW_ROWS};
        if (rows.split) c.problem.flags |= WN_SPLIT_FEW_ROWS;
        c.shift = rows.shift;
        c.mask = c.amax = false;
        list->Add(c, kPacked);
      }
    }
  }
}

std::vector<Case> MakeCases() {
  List list;
  AddTypes(&list);
  AddActivations(&list);
  AddShapes(&list);
  AddStrides(&list);
  AddData(&list);
  AddRunning(&list);
  AddLong(&list);
  AddRowTypes(&list);
  AddRowKinds(&list);
  AddEvenRows(&list);
  return list.cases;
}

void WriteStride(const char *name, wn_stride s, std::ostream *out) {
  if (s.row == 0) return;
  *out << ' ' << name << '[' << s.row;
  if (s.pixel != 0) *out << ',' << s.pixel;
  *out << ']';
}

void WriteTypes(const wn_problem &p, std::ostream *out) {
  const Types t(p);
  *out << TypeName(t.x) << '>' << TypeName(t.y);
  if (IsFloat8(t.y)) *out << '<' << TypeName(t.dy);
  *out << " param=" << TypeName(t.param) << '/' << TypeName(t.param_grad);
}

void WriteFlags(const wn_problem &p, std::ostream *out) {
  static constexpr const char *names[] = {"population", "instance-running", "gamma-1",
                                          "grad-add",   "split-few-rows",   "cumulative"};
  for (std::size_t i = 0; i < std::size(names); i++)
    if ((p.flags >> i & 1U) != 0) *out << ' ' << names[i];
}

}  // namespace

const char *KindName(wn_kind kind) {
  static constexpr const char *names[] = {"", "batch", "layer", "group", "instance", "rms"};
  return names[kind];
}

const char *PassName(wn_pass pass) {
  static constexpr const char *names[] = {"", "train", "infer", "backward", "backward_frozen"};
  return names[pass];
}

const char *DataName(Data data) {
  static constexpr const char *names[] = {"normal",   "offset",  "large", "tiny",
                                          "constant", "outlier", "nan",   "infinity"};
  return names[static_cast<int>(data)];
}

std::string Case::Name() const {
  static constexpr const char *acts[] = {"none", "relu", "leaky", "sigmoid", "tanh", "gelu", "gelu-tanh", "silu"};
  static constexpr const char *adds[] = {"", " before", " after"};
  const wn_problem &p = problem;
  std::ostringstream out;
  out << KindName(p.kind) << (p.layout == WN_NCX ? " ncx " : " nxc ");
  WriteTypes(p, &out);
  out << " n=" << n << '/' << p.n << " c=" << p.c << " x=" << p.x;
  if (p.groups != 1) out << " groups=" << p.groups;
  if (p.parts != 1) out << " parts=" << p.parts;
  out << " act=" << acts[p.act] << adds[p.add] << " eps=" << p.eps;
  WriteFlags(p, &out);
  if (HasRunning(p)) out << " momentum=" << p.momentum << (running ? "" : " no-running") << " seen=" << batches_seen;
  out << (gamma ? "" : " no-gamma") << (beta ? "" : " no-beta") << (mask ? " mask" : "") << (saved ? "" : " unsaved");
  if (p.add == WN_ADD_BEFORE) out << (dsum ? "" : " no-dsum") << (infer_sum ? "" : " no-sum");
  if (IsFloat8(p.y_type)) out << " scale=" << y_scale << (amax ? " amax" : "");
  WriteStride("x", p.x_stride, &out);
  WriteStride("y", p.y_stride, &out);
  WriteStride("dx", p.dx_stride, &out);
  WriteStride("dy", p.dy_stride, &out);
  WriteStride("residual", p.residual_stride, &out);
  WriteStride("sum", p.sum_stride, &out);
  out << " shift=" << shift << ' ' << DataName(data) << " #" << seed;
  return out.str();
}

bool Case::HasPass(wn_pass pass) const {
  if (pass == WN_TRAIN || pass == WN_INFER) return true;
  return Types(problem).dy != WN_DTYPE_DEFAULT && (pass == WN_BACKWARD || HasRunning(problem));
}

const std::vector<Case> &Cases() {
  static const std::vector<Case> cases = MakeCases();
  return cases;
}

}  // namespace wn::test
