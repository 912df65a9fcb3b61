// Ranks that disagree, are elsewhere, have no samples or are gone.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <string>

#include "local_ranks.h"
#include "small_batch.h"
#include "tests/device_memory.h"

namespace wn::test {
namespace {

struct Answer {
  wn_status status = WN_OK;
  std::string words;
};

Answer Note(wn_status status) { return {status, status == WN_OK ? "" : wn_last_error()}; }

void ExpectWords(const Answer &a, std::initializer_list<const char *> words) {
  for (const char *const word : words) EXPECT_NE(a.words.find(word), std::string::npos) << word << " in: " << a.words;
}

// What each of three ranks gets when it makes a plan of a problem of its own.
std::vector<Answer> MakePlans(const std::function<void(int rank, wn_problem *)> &change) {
  LocalRanks ranks(TestDevice(), 3, RanksTakeTurns());
  std::vector<Answer> answers(3);
  ranks.Run([&](const wn_comm &comm) {
    wn_problem p = SmallProblem();
    change(comm.rank, &p);
    wn_plan *plan = nullptr;
    answers[static_cast<std::size_t>(comm.rank)] = Note(wn_plan_create_sync(&plan, TestDevice(), &p, &comm));
    wn_plan_destroy(plan);
  });
  EXPECT_EQ(ranks.collectives(), 1);
  return answers;
}

struct Difference {
  const char *field, *here, *first;
  void (*make)(wn_problem *);
};

TEST(SyncCreation, ADifferenceIsNamedOnEveryRank) {
  const Difference differences[] = {
      {"problem.layout", "2", "1", [](wn_problem *p) { p->layout = WN_NXC; }},
      {"problem.x_type", "f64", "f32", [](wn_problem *p) { p->x_type = WN_F64; }},
      {"problem.y_type", "bf16", "f32", [](wn_problem *p) { p->y_type = WN_BF16; }},
      {"problem.act", "1", "0", [](wn_problem *p) { p->act = WN_ACT_RELU; }},
      {"problem.add", "2", "0", [](wn_problem *p) { p->add = WN_ADD_AFTER; }},
      {"problem.flags", "8", "0", [](wn_problem *p) { p->flags = WN_GRAD_ADD; }},
      {"problem.c", "4", "3", [](wn_problem *p) { p->c = 4; }},
      {"problem.x", "5", "2", [](wn_problem *p) { p->x = 5; }},
      {"problem.eps", "0.25", "1.0000000000000001e-05", [](wn_problem *p) { p->eps = 0.25; }},
      {"problem.momentum", "0.5", "0.10000000000000001", [](wn_problem *p) { p->momentum = 0.5; }},
      {"problem.act_slope", "0.5", "0.01", [](wn_problem *p) { p->act_slope = 0.5; }},
  };
  for (const Difference &d : differences) {
    SCOPED_TRACE(d.field);
    for (const Answer &a : MakePlans([&](int rank, wn_problem *p) {
           if (rank == 2) d.make(p);
         })) {
      EXPECT_EQ(a.status, WN_ERR_COMM);
      ExpectWords(
          a, {d.field, (std::string(d.here) + " on rank 2").c_str(), (std::string(d.first) + " on rank 0").c_str()});
    }
  }
}

TEST(SyncCreation, SamplesAndStridesMayDiffer) {
  for (const Answer &a : MakePlans([](int rank, wn_problem *p) {
         p->n = rank == 2 ? 0 : 5 + rank;
         if (rank == 1) p->x_stride.row = 100;
       }))
    EXPECT_EQ(a.status, WN_OK) << a.words;
}

TEST(SyncCreation, ARankThatCanNotMakesTheOthersSayWho) {
  struct Bad {
    wn_status status;
    const char *own, *others;
    void (*make)(wn_problem *);
  };
  const Bad bad[] = {{WN_ERR_SHAPE, "problem.c is 0", "bad shape", [](wn_problem *p) { p->c = 0; }},
                     {WN_ERR_UNSUPPORTED, "kind is layer", "not supported", [](wn_problem *p) { p->kind = WN_LAYER; }},
                     {WN_ERR_UNSUPPORTED, "parts is 2", "not supported", [](wn_problem *p) { p->parts = 2; }},
                     {WN_ERR_ARGUMENT, "eps", "bad argument", [](wn_problem *p) { p->eps = -1; }}};
  for (const Bad &b : bad) {
    SCOPED_TRACE(b.own);
    const std::vector<Answer> answers = MakePlans([&](int rank, wn_problem *p) {
      if (rank == 1) b.make(p);
    });
    EXPECT_EQ(answers[1].status, b.status);
    ExpectWords(answers[1], {b.own});
    for (const std::size_t other : {0, 2}) {
      EXPECT_EQ(answers[other].status, WN_ERR_COMM);
      ExpectWords(answers[other], {"rank 1", b.others});
    }
  }
}

TEST(SyncCreation, ACollectiveThatFailsIsTheAnswer) {
  LocalRanks ranks(TestDevice(), 2, RanksTakeTurns());
  ranks.FailOn(1);
  std::vector<Answer> answers(2);
  ranks.Run([&](const wn_comm &comm) {
    wn_plan *plan = nullptr;
    const wn_problem p = SmallProblem();
    answers[static_cast<std::size_t>(comm.rank)] = Note(wn_plan_create_sync(&plan, TestDevice(), &p, &comm));
    EXPECT_EQ(plan, nullptr);
  });
  EXPECT_EQ(answers[0].status, WN_ERR_COMM);
  ExpectWords(answers[0], {"a rank has left"});
  EXPECT_EQ(answers[1].status, WN_ERR_COMM);
  ExpectWords(answers[1], {"all_gather answered 8", "noted no reason"});
}

// ---- calls

// A fault shows in the call itself on the processor, and in the status everywhere, once.
void ExpectFault(wn_status status, const SmallBatch &batch, std::initializer_list<const char *> words) {
  const bool at_once = wn_device_backend(TestDevice()) == WN_CPU;
  EXPECT_EQ(status, at_once ? WN_ERR_COMM : WN_OK);
  if (at_once) ExpectWords({status, wn_last_error()}, words);
  const Answer asked = Note(wn_plan_sync_status(batch.plan(), nullptr));
  EXPECT_EQ(asked.status, WN_ERR_COMM);
  ExpectWords(asked, words);
  EXPECT_EQ(wn_plan_sync_status(batch.plan(), nullptr), WN_OK) << "asked again";
}

TEST(SyncCalls, AnotherPass) {
  LocalRanks ranks(TestDevice(), 2, RanksTakeTurns());
  ranks.Run([&](const wn_comm &comm) {
    SmallBatch batch(comm);
    EXPECT_EQ(batch.Train(2), WN_OK);
    const std::vector<float> before = batch.Read("running_mean");
    const bool enqueued = wn_device_backend(TestDevice()) != WN_CPU;  // and so went on: with what nobody takes for good
    if (comm.rank == 0) {
      ExpectFault(batch.Train(2), batch, {"rank 1 was in call 1, backward", "rank, 0, was in call 1, train"});
      EXPECT_EQ(batch.Read("running_mean"), before);
      EXPECT_TRUE(!enqueued || (std::isnan(batch.Read("y")[0]) && std::isnan(batch.Read("mean")[2])));
    } else {
      ExpectFault(batch.Backward(2), batch, {"rank 0 was in call 1, train", "rank, 1, was in call 1, backward"});
      EXPECT_TRUE(!enqueued || std::isnan(batch.Read("dx")[0]));
    }
    EXPECT_EQ(batch.Train(2), WN_OK) << "both are in the same call again";
    EXPECT_EQ(wn_plan_sync_status(batch.plan(), nullptr), WN_OK);
    EXPECT_NE(batch.Read("running_mean"), before);
  });
}

TEST(SyncCalls, AnotherPlan) {
  LocalRanks ranks(TestDevice(), 2, RanksTakeTurns());
  ranks.Run([&](const wn_comm &comm) {
    SmallBatch first(comm), second(comm);
    SmallBatch &batch = comm.rank == 0 ? first : second;
    ExpectFault(batch.Train(2), batch, {"of sync plan"});
    // Now one has made a call of the first plan and the other has not.
    ExpectFault(first.Train(2), first, {"call 1", "call 0"});
  });
}

TEST(SyncCalls, ARankThatIsGone) {
  LocalRanks ranks(TestDevice(), 3, RanksTakeTurns());
  ranks.Run([&](const wn_comm &comm) {
    SmallBatch batch(comm);
    if (comm.rank == 1) return;
    const Answer answer = Note(batch.Train(2));
    EXPECT_EQ(answer.status, WN_ERR_COMM);
    ExpectWords(answer, {"a rank has left"});
  });
}

TEST(SyncCalls, BadArgumentsExchangeNothing) {
  LocalRanks ranks(TestDevice(), 1, RanksTakeTurns());
  ranks.Run([&](const wn_comm &comm) {
    SmallBatch batch(comm);
    EXPECT_EQ(batch.Train(100), WN_ERR_SHAPE);
    EXPECT_EQ(batch.TrainWithout("work", 0), WN_ERR_WORKSPACE) << "a rank without samples exchanges too";
    EXPECT_EQ(batch.TrainWithout("running_var", 0), WN_ERR_ARGUMENT);
  });
  EXPECT_EQ(ranks.collectives(), 1);
}

TEST(SyncCalls, MessagesHaveTheStatedSize) {
  for (const wn_dtype type : {WN_F32, WN_BF16, WN_F64}) {
    LocalRanks ranks(TestDevice(), 2, RanksTakeTurns());
    ranks.Run([&](const wn_comm &comm) {
      wn_problem p = SmallProblem();
      p.x_type = type;
      const std::size_t stated = type == WN_F64 ? 24 + 16 * 3 : 24 + 8 * 3;
      const std::string words = std::to_string(stated) + " bytes of each of 2 ranks";
      SmallBatch batch(comm, p);
      EXPECT_EQ(ranks.bytes(), 256U);
      EXPECT_EQ(batch.Train(2), WN_OK);
      EXPECT_EQ(ranks.bytes(), stated);
      EXPECT_EQ(batch.Backward(2), WN_OK);
      EXPECT_EQ(ranks.bytes(), stated);
      for (const wn_pass pass : {WN_TRAIN, WN_INFER, WN_BACKWARD, WN_BACKWARD_FROZEN}) {
        char text[512];
        EXPECT_EQ(wn_plan_explain(batch.plan(), pass, text, sizeof text), WN_OK);
        const bool exchanges = pass == WN_TRAIN || pass == WN_BACKWARD;
        EXPECT_EQ(std::string(text).find(words) != std::string::npos, exchanges) << text;
      }
    });
    EXPECT_EQ(ranks.collectives(), 3);
  }
}

TEST(SyncCalls, WithoutGradientsToMakeTheOthersStillGetTheirs) {
  LocalRanks ranks(TestDevice(), 2, RanksTakeTurns());
  std::vector<float> wanted[2];
  ranks.Run([&](const wn_comm &comm) {
    SmallBatch batch(comm);
    EXPECT_EQ(batch.Train(2), WN_OK);
    EXPECT_EQ(batch.Backward(2), WN_OK);
    if (comm.rank == 0) wanted[0] = batch.Read("dx");
    batch.Clear("dx");
    EXPECT_EQ(comm.rank == 0 ? batch.Backward(2) : batch.BackwardOfNothing(2), WN_OK);
    if (comm.rank == 0) wanted[1] = batch.Read("dx");
  });
  EXPECT_EQ(wanted[0], wanted[1]);
}

TEST(SyncCalls, NoSamplesAnywhere) {
  LocalRanks ranks(TestDevice(), 3, RanksTakeTurns());
  ranks.Run([&](const wn_comm &comm) {
    wn_problem p = SmallProblem();
    p.flags = WN_RUNNING_CUMULATIVE;
    SmallBatch batch(comm, p);
    const char *const kept[] = {"running_mean", "running_var", "mean", "rstd", "batches_seen"};
    std::vector<std::vector<float>> before;
    for (const char *name : kept) before.push_back(batch.Read(name));
    EXPECT_EQ(batch.Train(0), WN_OK);
    for (std::size_t i = 0; i < before.size(); i++) EXPECT_EQ(batch.Read(kept[i]), before[i]) << kept[i];
    EXPECT_EQ(batch.Backward(0), WN_OK);
    EXPECT_EQ(batch.Read("dgamma"), std::vector<float>(3, 0));
    EXPECT_EQ(batch.Read("dbeta"), std::vector<float>(3, 0));
    EXPECT_EQ(wn_plan_sync_status(batch.plan(), nullptr), WN_OK);
  });
  EXPECT_EQ(ranks.collectives(), 3);
}

// The other rank claims more elements than an int32 counts, all of them 3: they are the mean, and Bessel's factor is 1.
TEST(SyncCalls, CountsAreOf64Bits) {
  LocalRanks ranks(TestDevice(), 2, RanksTakeTurns());
  ranks.Tamper([](std::vector<std::uint8_t> *messages) {
    if (messages->size() != 2 * (24 + 8 * 3)) return;
    const std::int64_t count = std::int64_t{1} << 40;
    const float numbers[6] = {3, 3, 3, 2, 2, 2};
    std::memcpy(&(*messages)[48 + 16], &count, sizeof count);
    std::memcpy(&(*messages)[48 + 24], numbers, sizeof numbers);
  });
  ranks.Run([&](const wn_comm &comm) {
    wn_problem p = SmallProblem();
    p.momentum = 1;
    SmallBatch batch(comm, p);
    EXPECT_EQ(batch.Train(2), WN_OK);
    EXPECT_EQ(batch.Read("mean"), std::vector<float>(3, 3));
    EXPECT_EQ(batch.Read("running_mean"), std::vector<float>(3, 3));
    for (const float var : batch.Read("running_var")) EXPECT_NEAR(var, 2, 1e-6);
  });
}

}  // namespace
}  // namespace wn::test
