/* Streams run what they are told at once; a stream that is being captured keeps it for a graph. */
#include <set>

#include "simt_cudart.h"

namespace wn::simt {
namespace {

struct Graph {
  std::shared_ptr<Recording> recording;
};
struct Event {
  int64_t at;
  bool recorded;
};
std::set<const void *> streams, graphs, graph_execs, events;
thread_local char this_thread; /* its address is the thread's name */
int64_t clock_now = 0;         /* launches are instantaneous: an event is a microsecond after the one before */

template <class Handle, class T>
Handle handle(std::set<const void *> *set, T *p) {
  set->insert(p);
  return reinterpret_cast<Handle>(p);
}

}  // namespace

Stream *stream_of(cudaStream_t s) {
  static std::map<int, Stream> defaults;
  if (s == nullptr || s == cudaStreamLegacy || s == cudaStreamPerThread) {
    Stream &d = defaults[current_device()];
    d.device = current_device();
    return &d;
  }
  return streams.count(s) ? reinterpret_cast<Stream *>(s) : nullptr;
}

cudaError_t enqueue(const Call &call, cudaStream_t stream, std::function<cudaError_t()> step) {
  Stream *const s = stream_of(stream);
  if (!s) return call.wrong(cudaErrorInvalidResourceHandle, "the stream is not alive");
  if (s->capture == cudaStreamCaptureStatusInvalidated) return cudaErrorStreamCaptureInvalidated;
  if (!s->recording) return step();
  s->recording->steps.push_back(std::move(step));
  return cudaSuccess;
}

bool forbidden_by_capture() {
  bool broken = false;
  for (const void *const p : streams) {
    Stream *const s = static_cast<Stream *>(const_cast<void *>(p));
    if (!s->recording || s->mode == cudaStreamCaptureModeRelaxed) continue;
    if (s->mode == cudaStreamCaptureModeThreadLocal && s->capturing_thread != &this_thread) continue;
    s->capture = cudaStreamCaptureStatusInvalidated;
    broken = true;
  }
  return broken;
}

}  // namespace wn::simt

using namespace wn::simt;

static cudaError_t stream_create(cudaStream_t *stream, unsigned flags) {
  Stream *const s = new Stream();
  s->device = current_device();
  s->flags = flags;
  *stream = handle<cudaStream_t>(&streams, s);
  return cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned flags) {
  WN_CALL_BEGIN();
  return stream_create(stream, flags);
}

cudaError_t cudaStreamCreate(cudaStream_t *stream) {
  WN_CALL_BEGIN();
  return stream_create(stream, cudaStreamDefault);
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  WN_CALL_BEGIN();
  if (!streams.erase(stream)) return call.wrong(cudaErrorInvalidResourceHandle, "the stream is not alive");
  delete reinterpret_cast<Stream *>(stream);
  return cudaSuccess;
}

static cudaError_t synchronize(const Call &call, cudaStream_t stream) {
  Stream *const s = stream_of(stream);
  if (!s) return call.wrong(cudaErrorInvalidResourceHandle, "the stream is not alive");
  if (s->recording) {
    s->capture = cudaStreamCaptureStatusInvalidated;
    return call.done(cudaErrorStreamCaptureUnsupported);
  }
  return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  WN_CALL_BEGIN();
  return synchronize(call, stream);
}

cudaError_t cudaStreamQuery(cudaStream_t stream) {
  WN_CALL_BEGIN();
  return synchronize(call, stream);
}

cudaError_t cudaStreamGetDevice(cudaStream_t stream, int *device) {
  WN_CALL_BEGIN();
  const Stream *const s = stream_of(stream);
  if (!s) return call.wrong(cudaErrorInvalidResourceHandle, "the stream is not alive");
  *device = s->device;
  return cudaSuccess;
}

cudaError_t cudaDeviceSynchronize(void) {
  WN_CALL_BEGIN();
  return call.done(forbidden_by_capture() ? cudaErrorStreamCaptureUnsupported : cudaSuccess);
}

/* ---- capture and graphs */

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
  WN_CALL_BEGIN();
  Stream *const s = stream_of(stream);
  if (!s) return call.wrong(cudaErrorInvalidResourceHandle, "the stream is not alive");
  if (stream == nullptr || stream == cudaStreamLegacy) return call.done(cudaErrorStreamCaptureUnsupported);
  if (s->recording) return call.done(cudaErrorIllegalState);
  s->mode = mode;
  s->capture = cudaStreamCaptureStatusActive;
  s->capturing_thread = &this_thread;
  s->recording = std::make_shared<Recording>();
  return cudaSuccess;
}

cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus *status) {
  WN_CALL_BEGIN();
  const Stream *const s = stream_of(stream);
  if (!s) return call.wrong(cudaErrorInvalidResourceHandle, "the stream is not alive");
  *status = s->capture;
  return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *graph) {
  WN_CALL_BEGIN();
  *graph = nullptr;
  Stream *const s = stream_of(stream);
  if (!s) return call.wrong(cudaErrorInvalidResourceHandle, "the stream is not alive");
  if (!s->recording) return call.done(cudaErrorIllegalState);
  const bool good = s->capture == cudaStreamCaptureStatusActive;
  if (good) *graph = handle<cudaGraph_t>(&graphs, new Graph{s->recording});
  s->recording = nullptr;
  s->capture = cudaStreamCaptureStatusNone;
  return call.done(good ? cudaSuccess : cudaErrorStreamCaptureInvalidated);
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t *exec, cudaGraph_t graph, unsigned long long) {
  WN_CALL_BEGIN();
  if (!graphs.count(graph)) return call.wrong(cudaErrorInvalidValue, "the graph is not alive");
  *exec = handle<cudaGraphExec_t>(&graph_execs, new Graph{reinterpret_cast<Graph *>(graph)->recording});
  return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
  WN_CALL_BEGIN();
  if (!graph_execs.count(exec)) return call.wrong(cudaErrorInvalidValue, "the graph is not alive");
  const std::shared_ptr<Recording> r = reinterpret_cast<Graph *>(exec)->recording;
  return call.done(enqueue(call, stream, [r] {
    for (const auto &step : r->steps) {
      const cudaError_t e = step();
      if (e != cudaSuccess) return e;
    }
    return cudaSuccess;
  }));
}

cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t *, size_t *count) {
  WN_CALL_BEGIN();
  if (!graphs.count(graph)) return call.wrong(cudaErrorInvalidValue, "the graph is not alive");
  *count = reinterpret_cast<Graph *>(graph)->recording->steps.size();
  return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  WN_CALL_BEGIN();
  if (!graphs.erase(graph)) return call.wrong(cudaErrorInvalidValue, "the graph is not alive");
  delete reinterpret_cast<Graph *>(graph);
  return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
  WN_CALL_BEGIN();
  if (!graph_execs.erase(exec)) return call.wrong(cudaErrorInvalidValue, "the graph is not alive");
  delete reinterpret_cast<Graph *>(exec);
  return cudaSuccess;
}

/* ---- events */

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned) {
  WN_CALL_BEGIN();
  *event = handle<cudaEvent_t>(&events, new Event{0, false});
  return cudaSuccess;
}

cudaError_t cudaEventCreate(cudaEvent_t *event) {
  WN_CALL_BEGIN();
  *event = handle<cudaEvent_t>(&events, new Event{0, false});
  return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  WN_CALL_BEGIN();
  if (!events.erase(event)) return call.wrong(cudaErrorInvalidResourceHandle, "the event is not alive");
  delete reinterpret_cast<Event *>(event);
  return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  WN_CALL_BEGIN();
  if (!events.count(event)) return call.wrong(cudaErrorInvalidResourceHandle, "the event is not alive");
  return call.done(enqueue(call, stream, [event] {
    *reinterpret_cast<Event *>(event) = {++clock_now, true};
    return cudaSuccess;
  }));
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  WN_CALL_BEGIN();
  if (!events.count(event)) return call.wrong(cudaErrorInvalidResourceHandle, "the event is not alive");
  return cudaSuccess;
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  WN_CALL_BEGIN();
  if (!events.count(event)) return call.wrong(cudaErrorInvalidResourceHandle, "the event is not alive");
  return cudaSuccess;
}

cudaError_t cudaEventElapsedTime(float *ms, cudaEvent_t start, cudaEvent_t end) {
  WN_CALL_BEGIN();
  if (!events.count(start) || !events.count(end)) {
    return call.wrong(cudaErrorInvalidResourceHandle, "the event is not alive");
  }
  const Event *const a = reinterpret_cast<Event *>(start), *const b = reinterpret_cast<Event *>(end);
  if (!a->recorded || !b->recorded) return call.done(cudaErrorInvalidResourceHandle);
  *ms = 1e-3f * static_cast<float>(b->at - a->at);
  return cudaSuccess;
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  WN_CALL_BEGIN();
  if (!events.count(event)) return call.wrong(cudaErrorInvalidResourceHandle, "the event is not alive");
  if (!stream_of(stream)) return call.wrong(cudaErrorInvalidResourceHandle, "the stream is not alive");
  return cudaSuccess;
}
