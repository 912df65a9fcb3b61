"""The method of docs/benchmarks.md, for peers in this process: judged first, then timed in turns."""

import statistics
import time
from dataclasses import dataclass, field

SAMPLE_SECONDS = 1e-3
MOST_BATCH, LEAST_ROUNDS, MOST_ROUNDS, STABLE = 1000, 5, 200, 3
# Long enough for the threads of another library's OpenMP to stop spinning.
PAUSE_SECONDS = 2e-3


@dataclass
class Outcome:
    peer: object
    state: str = "ok"
    reason: str = ""
    worst: float = 0.0
    batch: int = 1
    samples: list = field(default_factory=list)

    @property
    def timed(self):
        return self.state in ("ok", "wrong")

    @property
    def median(self):
        return statistics.median(self.samples)

    def quantile(self, part):
        ordered = sorted(self.samples)
        at = part * (len(ordered) - 1)
        below = int(at)
        above = min(below + 1, len(ordered) - 1)
        return ordered[below] + (at - below) * (ordered[above] - ordered[below])

    @property
    def noisy(self):
        return self.quantile(0.9) - self.quantile(0.1) > 0.3 * self.median


class Clock:
    """Of the processor; gpu.py has one of events."""

    def time(self, batch):
        start = time.perf_counter()
        batch()
        return time.perf_counter() - start

    def settle(self):
        time.sleep(PAUSE_SECONDS)


class Contest:
    def __init__(self, session, peers, clock, seconds, rounds):
        self.session, self.clock, self.seconds, self.rounds = session, clock, seconds, rounds
        self.outcomes = [Outcome(peer) for peer in peers]
        self.slot = 0

    def judge(self, outcome):
        try:
            why = outcome.peer.prepare(self.session)
            if why is not None:
                outcome.state, outcome.reason = "cannot", why
                return
            self.session.reset()
            outcome.peer.write_results()
            ours = outcome.peer.name == "warpnorm"
            right, outcome.worst, text = self.session.judge(outcome.peer.results, ours)
            if not right:
                outcome.state, outcome.reason = "wrong", text
        except Exception as error:  # of a library that is not ours: the row says so, the others go on
            outcome.state, outcome.reason = "failed", f"{type(error).__name__}: {error}".splitlines()[0][:160]

    def sample(self, outcome):
        """Seconds of a run, after one that is not counted."""

        def batch():
            for _ in range(outcome.batch):
                self.slot = (self.slot + 1) % self.session.slots
                outcome.peer.run(self.slot)

        self.clock.settle()
        self.slot = (self.slot + 1) % self.session.slots
        outcome.peer.run(self.slot)
        return self.clock.time(batch) / outcome.batch

    def warm_up(self, outcome, seconds):
        last, spent = [], 0.0
        while spent < seconds:
            took = self.sample(outcome)
            last = (last + [took])[-STABLE:]
            spent += took * outcome.batch
            outcome.batch = max(1, min(MOST_BATCH, round(SAMPLE_SECONDS / max(took, 1e-9))))
            if len(last) == STABLE and max(last) <= 1.05 * min(last):
                break
        return last[-1]

    def number_of_rounds(self, costs):
        if self.rounds:
            return self.rounds
        return max(LEAST_ROUNDS, min(MOST_ROUNDS, int(self.seconds / max(sum(costs), 1e-6))))

    def run(self):
        for outcome in self.outcomes:
            self.judge(outcome)
        running = [o for o in self.outcomes if o.timed]
        costs = []
        for outcome in running:
            took = self.warm_up(outcome, max(0.02, 0.25 * self.seconds / max(len(running), 1)))
            costs.append(took * outcome.batch + PAUSE_SECONDS)
        rounds = self.number_of_rounds(costs) if running else 0
        for number in range(rounds):
            order = running[number % len(running) :] + running[: number % len(running)]
            for outcome in order if number % 2 == 0 else reversed(order):
                outcome.samples.append(self.sample(outcome))
        return self.outcomes


def ratio(a, b):
    """Median over the rounds of a's time over b's; 0: not known."""
    if a is None or b is None or not (a.samples and b.samples):
        return 0.0
    return statistics.median(x / y for x, y in zip(a.samples, b.samples))
