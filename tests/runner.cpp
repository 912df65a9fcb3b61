#include "runner.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace wn::test {

// A pointer of the arguments and what lies behind it.
struct Runner::Argument {
  std::string name;
  void *field;  // of the arguments' struct: any type of pointer
  bool output;
  wn_dtype type;  // WN_DTYPE_DEFAULT: bytes
  Place place;
  std::size_t align;
  std::vector<std::uint8_t> content;  // empty: garbage

  std::size_t element_bytes() const { return type == WN_DTYPE_DEFAULT ? 1 : TypeBytes(type); }
};

// The arguments that a call has, with the types and places that the problem gives them.
class Runner::List {
 public:
  List(const Runner &runner, const RunOptions &options) : runner_(runner), options_(options) {}

  void Tensor(const char *name, void *field, wn_dtype type, wn_stride stride, const std::vector<double> *content) {
    const Place place = Place::OfTensor(runner_.case_.problem, runner_.case_.n, stride);
    Add({name, field, content == nullptr, type, place, TypeBytes(type), Packed(type, content)});
  }

  void Vector(const char *name, void *field, bool output, wn_dtype type, std::int64_t count,
              const std::vector<double> *content) {
    Add({name, field, output, type, Place::OfVector(count), TypeBytes(type), Packed(type, content)});
  }

  void Bytes(const char *name, void *field, bool output, std::size_t align, std::int64_t count,
             const std::vector<std::uint8_t> &content) {
    Add({name, field, output, WN_DTYPE_DEFAULT, Place::OfVector(count), align, content});
  }

  std::vector<Argument> items;

 private:
  static std::vector<std::uint8_t> Packed(wn_dtype type, const std::vector<double> *content) {
    return content == nullptr ? std::vector<std::uint8_t>() : Pack(type, *content);
  }
  void Add(const Argument &a) {
    if (options_.without.count(a.name) == 0) items.push_back(a);
  }

  const Runner &runner_;
  const RunOptions &options_;
};

// The memory of one call.
class Runner::Call {
 public:
  Call(const Runner &runner, const RunOptions &options, std::vector<Argument> arguments)
      : runner_(runner), options_(options), arguments_(std::move(arguments)) {
    for (const Argument &a : arguments_) {
      if (options_.in_place.count(a.name) != 0) continue;
      const std::size_t shift = static_cast<std::size_t>(runner_.case_.shift) * a.align;
      auto memory = std::make_unique<DeviceMemory>(a.place, a.element_bytes(), shift, options_.garbage);
      if (!a.content.empty()) memory->Write(a.content);
      memory_[a.name] = std::move(memory);
    }
    for (const Argument &a : arguments_) {
      void *const pointer = MemoryOf(a.name).pointer();
      std::memcpy(a.field, &pointer, sizeof pointer);
    }
  }

  template <class Pass, class Args>
  Result Do(wn_pass pass, const Pass &function, const Args &args) {
    Result run;
    run.fewer = runner_.case_.n < runner_.case_.problem.n;
    const std::size_t need = wn_plan_workspace(runner_.plan_, pass);
    const DeviceMemory work(Place::OfVector(static_cast<std::int64_t>(need)), 1, 0, options_.garbage);
    run.status = function(runner_.plan_, &args, need == 0 ? nullptr : work.pointer(), need, nullptr);
    if (run.status != WN_OK) {
      run.complaint = std::string(wn_status_text(run.status)) + ": " + wn_last_error();
      return run;
    }
    (void)work.Read("work", true, &run.complaint);
    for (const Argument &a : arguments_) {
      const bool overwritten = Overwritten(a.name);
      std::vector<std::uint8_t> bytes = MemoryOf(a.name).Read(a.name, a.output || overwritten, &run.complaint);
      if (a.output) run.outputs[a.name] = {a.type, std::move(bytes)};
    }
    return run;
  }

 private:
  const DeviceMemory &MemoryOf(const std::string &name) const {
    const auto shared = options_.in_place.find(name);
    return *memory_.at(shared == options_.in_place.end() ? name : shared->second);
  }

  bool Overwritten(const std::string &input) const {
    for (const auto &pair : options_.in_place)
      if (pair.second == input) return true;
    return false;
  }

  const Runner &runner_;
  const RunOptions &options_;
  std::vector<Argument> arguments_;
  std::map<std::string, std::unique_ptr<DeviceMemory>> memory_;
};

Runner::Runner(const Case &c, const wn_comm *comm) : case_(c), types_(c.problem) {
  const wn_problem *const p = &case_.problem;
  if (comm == nullptr && wn_plan_create(&plan_, TestDevice(), p) == WN_OK) return;
  if (comm != nullptr && wn_plan_create_sync(&plan_, TestDevice(), p, comm) == WN_OK) return;
  std::fprintf(stderr, "%s: wn_plan_create: %s\n", c.Name().c_str(), wn_last_error());
  std::abort();
}

Runner::~Runner() { wn_plan_destroy(plan_); }

void Runner::DescribeForward(wn_pass pass, const Given &in, wn_forward_args *a, List *list) const {
  const wn_problem &p = case_.problem;
  const bool train = pass == WN_TRAIN, running = !in.running_mean.empty();
  const std::int64_t sets = Sets(p, case_.n, false).count;
  list->Tensor("x", &a->x, types_.x, p.x_stride, &in.x);
  if (p.add != WN_ADD_NONE) list->Tensor("residual", &a->residual, types_.x, p.residual_stride, &in.residual);
  if (case_.gamma) list->Vector("gamma", &a->gamma, false, types_.param, p.c, &in.gamma);
  if (case_.beta) list->Vector("beta", &a->beta, false, types_.param, p.c, &in.beta);
  list->Tensor("y", &a->y, types_.y, p.y_stride, nullptr);
  if (p.add == WN_ADD_BEFORE && (train || case_.infer_sum))
    list->Tensor("sum", &a->sum, types_.x, p.sum_stride, nullptr);
  if (train && case_.saved) {
    if (p.kind != WN_RMS) list->Vector("mean", &a->mean, true, types_.real, sets, nullptr);
    list->Vector("rstd", &a->rstd, true, types_.real, sets, nullptr);
  }
  const auto mask = static_cast<std::int64_t>(wn_plan_mask(plan_));
  if (mask > 0 && (train || HasRunning(p))) list->Bytes("mask", &a->mask, true, 4, mask, {});
  if (running) {
    list->Vector("running_mean", &a->running_mean, train, types_.real, p.c, &in.running_mean);
    list->Vector("running_var", &a->running_var, train, types_.real, p.c, &in.running_var);
  }
  if (train && running && (p.flags & WN_RUNNING_CUMULATIVE) != 0) {
    std::vector<std::uint8_t> seen(sizeof in.batches_seen);
    std::memcpy(seen.data(), &in.batches_seen, seen.size());
    list->Bytes("batches_seen", &a->batches_seen, true, seen.size(), static_cast<std::int64_t>(seen.size()), seen);
  }
  const std::vector<double> scale = {in.y_scale};
  if (in.scaled) list->Vector("y_scale", &a->y_scale, false, WN_F32, 1, &scale);
  if (IsFloat8(types_.y) && case_.amax) list->Vector("y_amax", &a->y_amax, true, WN_F32, 1, nullptr);
}

void Runner::DescribeBackward(wn_pass pass, const Given &in, const std::vector<std::uint8_t> &mask, wn_backward_args *a,
                              List *list) const {
  const wn_problem &p = case_.problem;
  const bool before = p.add == WN_ADD_BEFORE, after = p.add == WN_ADD_AFTER;
  const auto count = [](const std::vector<double> &v) { return static_cast<std::int64_t>(v.size()); };
  list->Tensor("x", &a->x, types_.x, before ? p.sum_stride : p.x_stride, &in.x);
  if (after && !case_.mask) list->Tensor("residual", &a->residual, types_.x, p.residual_stride, &in.residual);
  if (case_.mask) list->Bytes("mask", &a->mask, false, 4, static_cast<std::int64_t>(mask.size()), mask);
  list->Tensor("dy", &a->dy, types_.dy, p.dy_stride, &in.dy);
  if (!in.dsum.empty()) list->Tensor("dsum", &a->dsum, types_.x, p.sum_stride, &in.dsum);
  if (case_.gamma) list->Vector("gamma", &a->gamma, false, types_.param, p.c, &in.gamma);
  if (case_.beta) list->Vector("beta", &a->beta, false, types_.param, p.c, &in.beta);
  if (pass == WN_BACKWARD_FROZEN) {
    list->Vector("running_mean", &a->running_mean, false, types_.real, p.c, &in.running_mean);
    list->Vector("running_var", &a->running_var, false, types_.real, p.c, &in.running_var);
  } else {
    if (p.kind != WN_RMS) list->Vector("mean", &a->mean, false, types_.real, count(in.mean), &in.mean);
    list->Vector("rstd", &a->rstd, false, types_.real, count(in.rstd), &in.rstd);
  }
  const bool add = (p.flags & WN_GRAD_ADD) != 0;
  list->Tensor("dx", &a->dx, types_.x, p.dx_stride, nullptr);
  if (after) list->Tensor("dresidual", &a->dresidual, types_.x, p.residual_stride, nullptr);
  list->Vector("dgamma", &a->dgamma, true, types_.param_grad, p.c, add ? &in.dgamma : nullptr);
  list->Vector("dbeta", &a->dbeta, true, types_.param_grad, p.c, add ? &in.dbeta : nullptr);
}

Result Runner::Do(wn_pass pass, const RunOptions &options) const {
  const bool forward = pass == WN_TRAIN || pass == WN_INFER;
  return Do(pass, forward ? MakeForwardGiven(case_, pass) : MakeBackwardGiven(case_, pass), options);
}

Result Runner::Do(wn_pass pass, const Given &in, const RunOptions &options) const {
  List list(*this, options);
  if (pass == WN_TRAIN || pass == WN_INFER) {
    wn_forward_args args = WN_FORWARD_INIT;
    args.n = case_.n;
    DescribeForward(pass, in, &args, &list);
    Call call(*this, options, std::move(list.items));
    return call.Do(pass, pass == WN_TRAIN ? wn_train : wn_infer, args);
  }
  std::vector<std::uint8_t> mask;
  if (case_.mask) {
    RunOptions plain;
    plain.garbage = options.garbage;
    const wn_pass forward = pass == WN_BACKWARD ? WN_TRAIN : WN_INFER;
    Result made = options.forward == nullptr ? Do(forward, plain) : Do(forward, *options.forward, plain);
    if (!made.complaint.empty()) return made;
    if (wn_plan_mask(plan_) > 0) mask = std::move(made.outputs.at("mask").bytes);
  }
  wn_backward_args args = WN_BACKWARD_INIT;
  args.n = case_.n;
  DescribeBackward(pass, in, mask, &args, &list);
  Call call(*this, options, std::move(list.items));
  return call.Do(pass, pass == WN_BACKWARD ? wn_backward : wn_backward_frozen, args);
}

}  // namespace wn::test
