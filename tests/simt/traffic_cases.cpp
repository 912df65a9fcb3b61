#include "tests/simt/traffic.h"

namespace wn::simt {
namespace {

struct Size {
  std::int64_t n, c, x;
};

// What is left of it, and of which part of a device.
struct Cut {
  Size size;
  int part;
  const char *device = "H100";
};

std::string Shape(wn_kind kind, const Size &s, std::int64_t groups) {
  std::string shape = std::to_string(s.n) + "x" + std::to_string(s.c);
  if (s.x > 1) shape += "x" + std::to_string(s.x);
  return shape + (kind == WN_GROUP ? " g" + std::to_string(groups) : "");
}

class List {
 public:
  TrafficCase &Add(wn_kind kind, wn_layout layout, const Size &size, wn_dtype type, wn_pass pass, const Cut &cut,
                   std::int64_t groups = 1) {
    TrafficCase c;
    c.problem = WN_PROBLEM_INIT;
    c.problem.kind = kind;
    c.problem.layout = layout;
    c.problem.n = size.n;
    c.problem.c = size.c;
    c.problem.x = size.x;
    c.problem.groups = groups;
    c.problem.x_type = type;
    c.shape = Shape(kind, size, groups);
    c.device = cut.device;
    c.pass = pass;
    c.n = cut.size.n;
    c.c = cut.size.c;
    c.x = cut.size.x;
    c.part = cut.part;
    cases.push_back(c);
    return cases.back();
  }

  std::vector<TrafficCase> cases;
};

// What all multiprocessors together do not hold, nor the cache.
void Twice(TrafficCase &c) {
  c.reads = 2;
  c.reason = "neither all blocks hold a set, nor the cache all of them";
}

TrafficCase &Relu(TrafficCase &c, wn_add add) {
  c.problem.act = WN_ACT_RELU;
  c.problem.add = add;
  c.masked = true;
  return c;
}

void AddRows(List *l) {
  const Size language = {16384, 4096, 1}, part = {248, 4096, 1};
  l->Add(WN_RMS, WN_NXC, language, WN_BF16, WN_INFER, {part, 66});
  l->Add(WN_RMS, WN_NXC, language, WN_BF16, WN_BACKWARD, {part, 66});
  l->Add(WN_LAYER, WN_NXC, language, WN_F16, WN_TRAIN, {part, 66});
  l->Add(WN_LAYER, WN_NXC, language, WN_F16, WN_TRAIN, {{303, 4096, 1}, 54, "A100"});
  l->Add(WN_RMS, WN_NXC, language, WN_BF16, WN_TRAIN, {{221, 4096, 1}, 74, "B200"}).problem.add = WN_ADD_BEFORE;
  l->Add(WN_RMS, WN_NXC, language, WN_BF16, WN_BACKWARD, {{221, 4096, 1}, 74, "B200"}).problem.add = WN_ADD_BEFORE;
  l->Add(WN_LAYER, WN_NXC, language, WN_BF16, WN_TRAIN, {part, 66}).problem.y_type = WN_F8_E4M3;
  l->Add(WN_RMS, WN_NXC, {4096, 16384, 1}, WN_BF16, WN_TRAIN, {{62, 16384, 1}, 66});
  l->Add(WN_RMS, WN_NXC, {131072, 128, 1}, WN_BF16, WN_TRAIN, {{5958, 128, 1}, 22});
  l->Add(WN_RMS, WN_NXC, {131072, 128, 1}, WN_BF16, WN_BACKWARD, {{5958, 128, 1}, 22});
  l->Add(WN_RMS, WN_NXC, {131072, 128, 1}, WN_BF16, WN_BACKWARD, {{4096, 128, 1}, 32, "RTX 4090"});
  l->Add(WN_LAYER, WN_NXC, {16384, 1024, 1}, WN_F32, WN_TRAIN, {{744, 1024, 1}, 22});
  l->Add(WN_LAYER, WN_NXC, {16384, 1024, 1}, WN_F32, WN_BACKWARD, {{744, 1024, 1}, 22});
  l->Add(WN_LAYER, WN_NXC, {131072, 35, 1}, WN_BF16, WN_TRAIN, {{5958, 35, 1}, 22});
  l->Add(WN_LAYER, WN_NXC, {16384, 1023, 1}, WN_BF16, WN_BACKWARD, {{744, 1023, 1}, 22});
  l->Add(WN_LAYER, WN_NXC, {4096, 768, 1}, WN_F64, WN_TRAIN, {{186, 768, 1}, 22});
  l->Add(WN_LAYER, WN_NXC, {64, 1024, 1}, WN_BF16, WN_TRAIN, {{64, 1024, 1}, 1});
  l->Add(WN_LAYER, WN_NXC, {16, 1 << 20, 1}, WN_BF16, WN_TRAIN, {{4, 1 << 20, 1}, 2, "A100"});
}

void AddFewLongRows(List *l) {
  for (const Size size : {Size{1024, 12288, 1}, Size{512, 16384, 1}}) {
    // A part of 8 multiprocessors, so that there are the largest clusters.
    l->Add(WN_LAYER, WN_NXC, size, WN_BF16, WN_TRAIN, {{size.n / 33, size.c, 1}, 33});
    l->Add(WN_LAYER, WN_NXC, size, WN_BF16, WN_BACKWARD, {{size.n / 16, size.c, 1}, 16});
  }
}

void AddBatches(List *l) {
  const Size first = {32, 64, 112 * 112}, middle = {32, 256, 56 * 56}, last = {32, 2048, 49};
  l->Add(WN_BATCH, WN_NCX, first, WN_BF16, WN_TRAIN, {{32, 4, 112 * 112}, 16});
  l->Add(WN_BATCH, WN_NCX, first, WN_BF16, WN_BACKWARD, {{32, 4, 112 * 112}, 16});
  l->Add(WN_BATCH, WN_NCX, middle, WN_BF16, WN_TRAIN, {{32, 7, 56 * 56}, 33});
  Relu(l->Add(WN_BATCH, WN_NCX, middle, WN_F16, WN_TRAIN, {{32, 7, 56 * 56}, 33}), WN_ADD_AFTER);
  Relu(l->Add(WN_BATCH, WN_NCX, middle, WN_F16, WN_BACKWARD, {{32, 7, 56 * 56}, 33}), WN_ADD_AFTER);
  l->Add(WN_BATCH, WN_NCX, last, WN_BF16, WN_TRAIN, {{32, 186, 49}, 11});
  l->Add(WN_BATCH, WN_NCX, last, WN_BF16, WN_BACKWARD, {{32, 186, 49}, 11});
  l->Add(WN_BATCH, WN_NCX, middle, WN_F32, WN_INFER, {{32, 7, 56 * 56}, 33});
  l->Add(WN_BATCH, WN_NCX, middle, WN_BF16, WN_BACKWARD_FROZEN, {{32, 7, 56 * 56}, 33});
  l->Add(WN_BATCH, WN_NXC, first, WN_BF16, WN_TRAIN, {{2, 64, 112 * 112}, 16});
  Twice(l->Add(WN_BATCH, WN_NXC, first, WN_BF16, WN_BACKWARD, {{2, 64, 112 * 112}, 16}));
  Relu(l->Add(WN_BATCH, WN_NXC, middle, WN_BF16, WN_TRAIN, {{1, 256, 56 * 56}, 33}), WN_ADD_AFTER);
  TrafficCase &masked =
      Relu(l->Add(WN_BATCH, WN_NXC, middle, WN_BF16, WN_BACKWARD, {{1, 256, 56 * 56}, 33}), WN_ADD_AFTER);
  masked.mask_reads = 4;
  masked.reason = "four tiles share a sector of the mask, and come to it in turns";
  l->Add(WN_BATCH, WN_NXC, last, WN_BF16, WN_TRAIN, {last, 1});
  l->Add(WN_BATCH, WN_NXC, last, WN_F32, WN_BACKWARD, {{3, 2048, 49}, 11, "H200"});
  l->Add(WN_BATCH, WN_NXC, middle, WN_F16, WN_INFER, {{1, 256, 56 * 56}, 33});
  l->Add(WN_BATCH, WN_NXC, middle, WN_BF16, WN_BACKWARD_FROZEN, {{1, 256, 56 * 56}, 33});
  l->Add(WN_BATCH, WN_NXC, {32, 35, 56 * 56}, WN_BF16, WN_TRAIN, {{4, 35, 56 * 56}, 8});
  l->Add(WN_BATCH, WN_NCX, {8, 64, 32 * 32}, WN_F16, WN_TRAIN, {{8, 64, 32 * 32}, 1});
}

void AddGroups(List *l) {
  const Size diffusion = {8, 320, 64 * 64}, image = {2, 128, 512 * 512};
  l->Add(WN_GROUP, WN_NXC, diffusion, WN_BF16, WN_TRAIN, {{1, 320, 64 * 64}, 8}, 32);
  l->Add(WN_GROUP, WN_NXC, diffusion, WN_BF16, WN_BACKWARD, {{1, 320, 64 * 64}, 8}, 32);
  l->Add(WN_GROUP, WN_NXC, image, WN_BF16, WN_TRAIN, {{2, 128, 8192}, 32}, 32);
  Twice(l->Add(WN_GROUP, WN_NXC, image, WN_BF16, WN_BACKWARD, {{2, 128, 8192}, 32}, 32));
  l->Add(WN_GROUP, WN_NCX, {32, 256, 56 * 56}, WN_F16, WN_TRAIN, {{1, 256, 56 * 56}, 32}, 32);
  l->Add(WN_GROUP, WN_NCX, {32, 256, 56 * 56}, WN_F16, WN_BACKWARD, {{1, 256, 56 * 56}, 32}, 32);
}

void AddInstances(List *l) {
  const Size volume = {2, 32, 128 * 128 * 128};
  l->Add(WN_INSTANCE, WN_NCX, {8, 64, 64 * 64}, WN_BF16, WN_TRAIN, {{2, 64, 64 * 64}, 4});
  l->Add(WN_INSTANCE, WN_NCX, {8, 64, 64 * 64}, WN_BF16, WN_BACKWARD, {{2, 64, 64 * 64}, 4});
  Twice(l->Add(WN_INSTANCE, WN_NXC, volume, WN_F16, WN_TRAIN, {{2, 32, 16384}, 128, "RTX 4090"}));
  Twice(l->Add(WN_INSTANCE, WN_NXC, volume, WN_F16, WN_BACKWARD, {{2, 32, 16384}, 128, "RTX 4090"}));
  l->Add(WN_LAYER, WN_NCX, {64, 768, 196}, WN_BF16, WN_TRAIN, {{6, 768, 196}, 11});
  l->Add(WN_LAYER, WN_NCX, {64, 768, 196}, WN_BF16, WN_BACKWARD, {{6, 768, 196}, 11});
}

std::vector<TrafficCase> MakeCases() {
  List l;
  AddRows(&l);
  AddFewLongRows(&l);
  AddBatches(&l);
  AddGroups(&l);
  AddInstances(&l);
  return l.cases;
}

}  // namespace

const std::vector<TrafficCase> &TrafficCases() {
  static const std::vector<TrafficCase> cases = MakeCases();
  return cases;
}

}  // namespace wn::simt
