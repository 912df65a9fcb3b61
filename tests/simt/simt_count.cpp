/* Counters of a launch. Lanes run one after another, so requests are put together afterwards: between two points where
 * all lanes of a warp meet, the k-th access of each lane at one place of the code counts as one request. */
#include <algorithm>
#include <map>

#include "simt_machine.h"

namespace wn::simt {
namespace {

struct Access {
  uintptr_t site, address;
  uint32_t order; /* of the lane's accesses at this site */
  uint8_t lane, bytes;
  bool write;
};

std::vector<Counts> collected;
Counts now;
std::map<const Allocation *, Traffic> traffic;
std::map<const Warp *, std::vector<Access>> logs;
uint32_t launch_number = 0; /* in sectors: never 0 */
uint64_t requested = 0;     /* bytes of sectors, by this launch */

/* The banks are 4 bytes wide and take one word each in a pass; wide accesses go by halves or quarters of a warp. */
int64_t passes(const Access *first, const Access *last) {
  const size_t share = first->bytes > 4 ? 128u / first->bytes : 32;
  int64_t sum = 0;
  for (const Access *at = first; at < last;) {
    const Access *const end = at + std::min<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(share), last - at);
    std::vector<uintptr_t> words;
    for (; at < end; ++at) {
      for (uintptr_t w = at->address / 4; w <= (at->address + at->bytes - 1) / 4; w++) words.push_back(w);
    }
    std::sort(words.begin(), words.end());
    words.erase(std::unique(words.begin(), words.end()), words.end());
    int64_t bank[32] = {};
    for (const uintptr_t w : words) bank[w % 32]++;
    sum += *std::max_element(bank, bank + 32);
  }
  return sum;
}

int64_t best_passes(const Access *first, const Access *last) {
  const int64_t share = first->bytes > 4 ? 128 / first->bytes : 32;
  return (last - first + share - 1) / share;
}

void count_sector(Traffic *t, uintptr_t address, bool write) {
  Sector &sector = *sector_of(address);
  if (write) {
    t->sectors_written += sector.write_launch != launch_number;
    sector.write_launch = launch_number;
    return;
  }
  if (sector.read_launch != launch_number) {
    t->sectors_read++;
  } else {
    t->sectors_again++;
    t->again_after += static_cast<int64_t>(requested - sector.read_at);
  }
  sector.read_launch = launch_number;
  sector.read_at = requested;
}

Traffic &traffic_of(const Allocation *a) {
  Traffic &t = traffic[a];
  t.allocation = reinterpret_cast<const void *>(a->lo);
  t.bytes = a->hi - a->lo;
  return t;
}

/* When it happens, because the cache's content is a matter of time. */
void count_cached(uintptr_t address, unsigned bytes, bool write) {
  for (uintptr_t s = address / 32; s <= (address + bytes - 1) / 32; s++)
    if (!cache_touch(s) && !write) traffic_of(allocation_near(address)).sectors_fetched++;
}

void count_request(const Access *first, const Access *last) {
  if (first->address < global_base) {
    now.shared_requests += best_passes(first, last);
    now.shared_passes += std::max(passes(first, last), best_passes(first, last));
    return;
  }
  std::vector<uintptr_t> sectors;
  for (const Access *a = first; a < last; ++a) {
    for (uintptr_t s = a->address / 32; s <= (a->address + a->bytes - 1) / 32; s++) sectors.push_back(s);
  }
  std::sort(sectors.begin(), sectors.end());
  sectors.erase(std::unique(sectors.begin(), sectors.end()), sectors.end());
  (first->write ? now.write_requests : now.read_requests)++;
  now.request_sectors += static_cast<int64_t>(sectors.size());
  requested += 32 * sectors.size();
  const Allocation *const a = allocation_near(first->address); /* one instruction may serve two: never seen */
  Traffic &t = traffic_of(a);
  for (const uintptr_t s : sectors) count_sector(&t, s * 32, first->write);
}

}  // namespace

void count_begin(const Launch &launch) {
  now = Counts{};
  now.kernel = kernel_name(launch.function);
  now.blocks = launch.blocks;
  now.threads = launch.threads;
  traffic.clear();
  logs.clear();
  launch_number++;
  requested = 0;
}

void count_end() {
  for (const auto &[allocation, t] : traffic) now.traffic.push_back(t);
  collected.push_back(now);
}

void count_access(uintptr_t address, unsigned bytes, bool write, uintptr_t site) {
  std::vector<Access> &log = logs[me->warp];
  log.push_back({site, address, 0, me->lane, static_cast<uint8_t>(std::min(bytes, 255u)), write});
  if (address >= global_base) count_cached(address, bytes, write);
}

void count_ahead(uintptr_t address, unsigned bytes) { count_cached(address, bytes, false); }

void count_flush(Warp *w) {
  const auto it = logs.find(w);
  if (it == logs.end()) return;
  std::vector<Access> &log = it->second;
  std::stable_sort(log.begin(), log.end(), [](const Access &a, const Access &b) {
    return a.site != b.site ? a.site < b.site : a.lane < b.lane;
  });
  for (size_t i = 1; i < log.size(); i++) {
    if (log[i].site == log[i - 1].site && log[i].lane == log[i - 1].lane) log[i].order = log[i - 1].order + 1;
  }
  std::stable_sort(log.begin(), log.end(), [](const Access &a, const Access &b) {
    return a.site != b.site ? a.site < b.site : a.order < b.order;
  });
  for (size_t i = 0, end; i < log.size(); i = end) {
    for (end = i + 1; end < log.size() && log[end].site == log[i].site && log[end].order == log[i].order;) end++;
    count_request(&log[i], log.data() + end);
  }
  log.clear();
}

void count_barrier() { now.barriers++; }
void count_shuffle() { now.shuffles++; }
void forget_counts() { collected.clear(); }

void set_counting(bool on) { machine.counting = on; }
const std::vector<Counts> &counts() { return collected; }

}  // namespace wn::simt
