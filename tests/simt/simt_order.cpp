#include <algorithm>

#include "simt_machine.h"

namespace wn::simt {

void Known::add(uint32_t key, uint32_t stamp) {
  const auto it = std::lower_bound(entries.begin(), entries.end(), key,
                                   [](const Entry &e, uint32_t wanted) { return e.key < wanted; });
  if (it != entries.end() && it->key == key) {
    it->stamp = std::max(it->stamp, stamp);
  } else {
    entries.insert(it, {key, stamp});
  }
}

void Known::merge(const Known &other) {
  if (other.entries.empty()) return;
  if (entries.empty()) {
    entries = other.entries;
    return;
  }
  static std::vector<Entry> both;
  both.clear();
  auto a = entries.cbegin(), b = other.entries.cbegin();
  while (a != entries.cend() || b != other.entries.cend()) {
    if (b == other.entries.cend() || (a != entries.cend() && a->key < b->key)) {
      both.push_back(*a++);
    } else if (a == entries.cend() || b->key < a->key) {
      both.push_back(*b++);
    } else {
      both.push_back({a->key, std::max(a->stamp, b->stamp)});
      ++a, ++b;
    }
  }
  entries = both;
}

bool Known::has(uint32_t who, uint32_t stamp) const {
  for (const uint32_t key : {key_thread(who), key_warp(who), key_block(who)}) {
    const auto it = std::lower_bound(entries.begin(), entries.end(), key,
                                     [](const Entry &e, uint32_t wanted) { return e.key < wanted; });
    if (it != entries.end() && it->key == key && stamp < it->stamp) return true;
  }
  return false;
}

bool ordered_far(uint32_t who, uint32_t stamp) {
  const Fiber &f = *me;
  const Block &b = *f.block;
  const uint32_t d = who ^ f.who;
  if (d >> 9 == 0 && f.lane_floor && stamp < (*f.lane_floor)[who >> 4 & 31]) return true;
  if (d >> 14 == 0 && f.warp->warp_floor && stamp < (*f.warp->warp_floor)[who >> 9 & 31]) return true;
  const Cluster &c = *b.cluster;
  if (stamp < c.floor) {
    for (const Block *const peer : c.blocks) {
      if (((static_cast<uint32_t>(peer->id) << 14) ^ who) >> 14 == 0) return true;
    }
  }
  return f.known.has(who, stamp) || b.known.has(who, stamp);
}

void release_to(Known *known) {
  const Fiber &f = *me;
  const Block &b = *f.block;
  known->merge(f.known);
  known->merge(b.known);
  known->add(key_warp(f.who), f.warp->floor);
  known->add(key_block(f.who), b.floor);
  if (b.cluster->blocks.size() > 1) {
    for (const Block *const peer : b.cluster->blocks) known->add(key_block(peer->fibers[0].who), b.cluster->floor);
  }
  if (f.lane_floor) {
    for (uint32_t i = 0; i < 32; i++) known->add(key_thread((f.who & ~511u) | i << 4), (*f.lane_floor)[i]);
  }
  if (f.warp->warp_floor) {
    for (uint32_t i = 0; i < 32; i++) known->add(key_warp((f.who & ~16383u) | i << 9), (*f.warp->warp_floor)[i]);
  }
  known->add(key_thread(f.who), ++machine.counter);
}

void acquire_from(const Word &word) {
  Fiber &f = *me;
  if (f.acquired == &word && f.acquired_version == word.version) return;
  f.acquired = &word;
  f.acquired_version = word.version;
  if (word.known.entries.empty()) return;
  f.known.merge(word.known);
  f.warp->fresh = f.block->fresh = true;
}

void share_block(Block *b) {
  for (Fiber &f : b->fibers) {
    b->known.merge(f.known);
    f.known.entries.clear();
  }
  for (Warp &w : b->warps) w.fresh = false;
  b->fresh = false;
}

void share_warp(Warp *w, uint32_t lanes) {
  Known all;
  for (uint32_t l = lanes; l; l &= l - 1) all.merge(w->fibers[__builtin_ctz(l)].known);
  for (uint32_t l = lanes; l; l &= l - 1) w->fibers[__builtin_ctz(l)].known = all;
}

void share_cluster(Cluster *c) {
  Known all;
  for (Block *const b : c->blocks) {
    if (b->fresh) share_block(b);
    all.merge(b->known);
  }
  for (Block *const b : c->blocks) b->known = all;
}

}  // namespace wn::simt
