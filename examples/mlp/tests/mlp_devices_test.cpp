// The study on an emulated GPU beside the study on the processor.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "cublas_double.h"
#include "mlp_folder.h"
#include "tests/simt/simt.h"

extern "C" {
#include "options.h"
#include "study.h"
#include "train.h"
}

namespace {

namespace simt = wn::simt;

constexpr int64_t kPixels = 20, kImages = 48, kWidth = 12, kBatch = 12;
constexpr int kHidden = 2, kEpochs = 2;

// Pictures whose brightest pixels tell their label.
dataset Pictures() {
  static std::vector<float> images;
  static std::vector<uint8_t> labels;
  std::mt19937 random(4);
  std::uniform_real_distribution<float> uniform;
  images.clear(), labels.clear();
  for (int64_t i = 0; i < kImages; i++) {
    labels.push_back(static_cast<uint8_t>(random() % DATASET_CLASSES));
    for (int64_t p = 0; p < kPixels; p++)
      images.push_back(0.3f * uniform(random) + (p % DATASET_CLASSES == labels.back() ? 0.7f : 0));
  }
  return {kImages, 1, kPixels, kPixels, images.data(), labels.data()};
}

train_plan PlanOf(int kind) {
  train_plan plan = {};
  plan.shape.inputs = kPixels;
  plan.shape.width = kWidth;
  plan.shape.classes = DATASET_CLASSES;
  plan.shape.hidden = kHidden;
  plan.shape.act = WN_ACT_SILU;  // smooth: a unit of relu that one machine turns off would be no rounding
  plan.shape.normalized = kind != 0;
  plan.shape.norm.kind = static_cast<wn_kind>(kind);
  plan.shape.norm.groups = 3;
  plan.shape.norm.eps = 1e-6;
  plan.shape.norm.momentum = 0.1;
  plan.deviation = 0.5;
  plan.batch = kBatch;
  plan.epochs = kEpochs;
  plan.epoch_steps = kImages / kBatch;
  plan.rate = 0.1;
  plan.seed = 3;
  return plan;
}

struct Trained {
  bool good = false;
  std::string fault_text;
  std::vector<train_sample> samples;
  train_result result = {};
};

Trained Train(wn_backend backend, train_plan plan) {
  Trained t;
  fault f = {};
  machine m;
  if (!machine_open(&m, backend, 0, 1, &f)) return t.fault_text = f.text, t;
  buffers memory = {};
  memory.on = &m;
  const dataset pictures = Pictures();
  t.samples.resize(static_cast<size_t>(plan.epochs));
  t.result.samples = t.samples.data();
  t.good = train_upload(&plan.training, &pictures, &memory, &f);
  plan.test = plan.training;
  t.good = t.good && train_run(&m, &plan, &t.result, nullptr, nullptr, &f);
  t.fault_text = f.text;
  buffers_release(&memory);
  machine_close(&m);
  return t;
}

std::vector<double> Losses(const Trained &t) {
  std::vector<double> losses;
  for (const train_sample &sample : t.samples) losses.push_back(sample.loss);
  losses.push_back(t.result.end.loss);
  losses.push_back(t.result.test_loss);
  return losses;
}

TEST(Devices, TrainAlike) {
  // An output passes hidden + 1 products of up to kPixels terms and as many activations or normalizations of about 8
  // operations, each rounded to 2^-24 of what it adds; sums that cancel double that, as in the gradient test. The loss
  // is the mean of as many independent errors as there are images. A step takes rate |g|^2 off the loss, and of that
  // as much differs: together no more than the loss that there was, and twice that for what later steps make of earlier
  // differences. The factors: 4 for the worst of two dozen losses, sqrt(2) for two machines.
  const double usual = 2 * std::sqrt(2.0 * (kHidden + 1) * (kPixels + 8)) * 0x1p-24;
  const double relative = 4 * std::sqrt(2) * (1 + 2) * usual / std::sqrt(kImages);
  for (int kind = 0; kind <= WN_RMS; kind++) {
    train_plan plan = PlanOf(kind);
    const Trained cpu = Train(WN_CPU, plan), gpu = Train(WN_CUDA, plan);
    ASSERT_TRUE(cpu.good && gpu.good) << cpu.fault_text << gpu.fault_text;
    const std::vector<double> expected = Losses(cpu), got = Losses(gpu);
    const double tolerance = relative * *std::max_element(expected.begin(), expected.end());
    for (size_t i = 0; i < expected.size(); i++) EXPECT_NEAR(got[i], expected[i], tolerance) << kind << ", loss " << i;
    for (size_t i = 0; i < cpu.samples.size(); i++)
      EXPECT_NEAR(gpu.samples[i].accuracy, cpu.samples[i].accuracy, 1.0 / kImages)
          << "more than one near tie: " << kind;
    // A thousandth more of each step is far outside.
    plan.rate *= 1.001;
    EXPECT_GT(std::fabs(Losses(Train(WN_CPU, plan))[kEpochs] - expected[kEpochs]), 2 * tolerance) << kind;
  }
}

TEST(Devices, RepeatTheirBits) {
  for (const int kind : {0, static_cast<int>(WN_BATCH)}) {
    train_plan plan = PlanOf(kind);
    plan.optimizer = OPTIMIZER_ADAM;
    plan.shape.norm.bf16 = true;
    const Trained first = Train(WN_CUDA, plan);
    ASSERT_TRUE(first.good) << first.fault_text;
    simt::set_seed(77);  // threads and blocks in another order
    EXPECT_EQ(Losses(Train(WN_CUDA, plan)), Losses(first)) << kind;
  }
}

TEST(Devices, StepsDoNotWait) {
  int64_t waits[2] = {};
  for (const int more : {0, 1}) {
    train_plan plan = PlanOf(WN_BATCH);
    plan.epoch_steps = 2 + 5 * more;
    const int64_t before = simt::calls("cudaStreamSynchronize");
    ASSERT_TRUE(Train(WN_CUDA, plan).good);
    waits[more] = simt::calls("cudaStreamSynchronize") - before;
  }
  EXPECT_EQ(waits[0], waits[1]);
  EXPECT_GT(waits[0], 0);
}

TEST(Devices, GiveEverythingBack) {
  const int before = simt::live_allocations();
  ASSERT_TRUE(Train(WN_CUDA, PlanOf(WN_GROUP)).good);
  EXPECT_EQ(simt::live_allocations(), before);
  EXPECT_EQ(wn::LiveCublasHandles(), 0);
}

TEST(Devices, SayWhatFailed) {
  fault f = {};
  machine m;
  wn::FailCublas(CUBLAS_STATUS_NOT_INITIALIZED);
  EXPECT_FALSE(machine_open(&m, WN_CUDA, 0, 1, &f));
  EXPECT_EQ(std::string(f.text).find("cublasCreate: CUBLAS_STATUS_NOT_INITIALIZED (1)"), 0u) << f.text;

  simt::inject("cudaStreamCreateWithFlags", 1, cudaErrorMemoryAllocation);
  EXPECT_FALSE(machine_open(&m, WN_CUDA, 0, 1, &f));
  EXPECT_EQ(std::string(f.text).find("cudaStreamCreateWithFlags: cudaErrorMemoryAllocation (2): out of memory"), 0u)
      << f.text;

  // A step reads nothing back, so that the next read or write, of the evaluation or the next epoch, has to say it.
  simt::inject("cudaLaunchKernelExC", 30, cudaErrorLaunchOutOfResources);
  EXPECT_FALSE(Train(WN_CUDA, PlanOf(0)).good);

  for (const bool product : {false, true}) {
    ASSERT_TRUE(machine_open(&m, WN_CUDA, 0, 1, &f)) << f.text;
    buffers memory = {};
    memory.on = &m;
    auto *const x = static_cast<float *>(buffers_take(&memory, 1, sizeof(float), &f));
    const matrix_product p = {1, 1, 1, x, x, x, false, false, false};
    if (product)
      wn::FailCublas(CUBLAS_STATUS_EXECUTION_FAILED);
    else
      simt::inject("cudaLaunchKernelExC", 1, cudaErrorLaunchOutOfResources);
    product ? m.ops->multiply(&m, &p) : m.ops->fill(&m, 1, 0, x);
    m.ops->fill(&m, 1, 0, x);
    float back = 1;
    EXPECT_FALSE(machine_read(&m, &back, x, sizeof back, &f));
    EXPECT_EQ(back, 1) << "something ran after the failure";
    EXPECT_EQ(std::string(f.text).find(product ? "cublasSgemm: CUBLAS_STATUS_EXECUTION_FAILED (13)"
                                               : "launching a kernel: cudaErrorLaunchOutOfResources (701)"),
              0u)
        << f.text;
    buffers_release(&memory);
    machine_close(&m);
  }
  EXPECT_EQ(wn::LiveCublasHandles(), 0);
}

TEST(Devices, AreChosenOnTheCommandLine) {
  const wn::Folder images, out;
  wn::write_images(images, 30, 20, 4, false);
  const std::string data = "--data=" + images.path(), results = "--out=" + out.path();
  const char *const words[] = {"wn_mlp",     data.c_str(),  results.c_str(),  "--images=30",
                               "--batch=10", "--layers=1",  "--width=16",     "--scales=0.3",
                               "--epochs=2", "--figure=no", "--device=cuda:0"};
  options opt;
  fault f = {};
  ASSERT_EQ(options_parse(&opt, std::size(words), const_cast<char *const *>(words), &f), OPTIONS_RUN) << f.text;
  std::FILE *const report = std::fopen(out.path("report").c_str(), "w");
  ASSERT_NE(report, nullptr);
  EXPECT_TRUE(study_run(&opt, nullptr, report, &f)) << f.text;
  std::fclose(report);
  const std::string text = wn::text(out.read("report"));
  EXPECT_NE(text.find(", sm_"), std::string::npos) << text;
  EXPECT_EQ(wn::lines(wn::text(out.read("summary.csv"))).size(), 3u);

  opt.ordinal = 1;
  EXPECT_FALSE(study_run(&opt, nullptr, stdout, &f));
  EXPECT_NE(std::string(f.text).find("there is 1 GPU"), std::string::npos) << f.text;
}

}  // namespace
