"""Time on a GPU: events around a batch of launches."""

import torch


class EventClock:
    def time(self, batch):
        start, stop = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        batch()
        stop.record()
        stop.synchronize()
        return start.elapsed_time(stop) * 1e-3

    def settle(self):
        torch.cuda.synchronize()
