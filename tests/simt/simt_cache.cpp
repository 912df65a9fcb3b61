/* The cache between a device's multiprocessors and its memory, as far as counters ask for it: sectors in the order in
 * which they were touched last, of which the oldest go. A GPU's is no such list, and is told what is not needed again;
 * whoever counts on part of its size (two thirds) finds that part here. */
#include <list>
#include <unordered_map>

#include "simt_machine.h"

namespace wn::simt {
namespace {

constexpr size_t sector_bytes = 32;

size_t room = 0;              /* sectors */
std::list<uintptr_t> sectors; /* the last one touched in front */
std::unordered_map<uintptr_t, std::list<uintptr_t>::iterator> places;

}  // namespace

void set_cache(size_t bytes) {
  room = bytes / sector_bytes;
  sectors.clear();
  places.clear();
}

bool cache_touch(uintptr_t sector) {
  if (room == 0) return true;
  const auto known = places.find(sector);
  if (known != places.end()) {
    sectors.splice(sectors.begin(), sectors, known->second);
    return true;
  }
  if (places.size() == room) {
    places.erase(sectors.back());
    sectors.splice(sectors.begin(), sectors, std::prev(sectors.end()));
    sectors.front() = sector;
  } else {
    sectors.push_front(sector);
  }
  places[sector] = sectors.begin();
  return false;
}

}  // namespace wn::simt
