#include <dlfcn.h>
#include <link.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <map>

#include "simt_machine.h"

namespace wn::simt {
namespace {

std::vector<Report> collected;

std::string format_list(const char *format, va_list list) {
  char text[600];
  vsnprintf(text, sizeof text, format, list);
  return text;
}

/* What addr2line says about an address; asked once for each, because it takes some milliseconds. */
struct Symbol {
  std::string function, line; /* line: with those that it was inlined into */
};

const Symbol &symbol(uintptr_t address) {
  static std::map<uintptr_t, Symbol> known;
  const auto it = known.find(address);
  if (it != known.end()) return it->second;
  Symbol &s = known[address];
  Dl_info info;
  if (!dladdr(reinterpret_cast<void *>(address), &info) || !info.dli_fbase) return s;
  const auto *const header = static_cast<const ElfW(Ehdr) *>(info.dli_fbase);
  const uintptr_t base = header->e_type == ET_DYN ? reinterpret_cast<uintptr_t>(info.dli_fbase) : 0;
  /* The program itself has a name that stays good when its file is linked anew under a long run. */
  const bool program = reinterpret_cast<uintptr_t>(header) + header->e_phoff == getauxval(AT_PHDR);
  const std::string file = program ? "/proc/" + std::to_string(getpid()) + "/exe" : info.dli_fname;
  char command[9000];
  snprintf(command, sizeof command, "addr2line -C -f -i -e '%s' %#zx 2>/dev/null", file.c_str(),
           static_cast<size_t>(address - base));
  FILE *const pipe = popen(command, "r");
  char text[4096];
  for (int line = 0; pipe && fgets(text, sizeof text, pipe); line++) {
    text[strcspn(text, "\n")] = 0;
    if (line % 2 == 0) {
      s.function = text; /* the last one is the function that all is inlined into */
      continue;
    }
    if (char *const note = strstr(text, " (discriminator")) *note = 0;
    const char *const slash = strrchr(text, '/');
    const std::string place = slash ? slash + 1 : text;
    if (place.compare(0, 13, "simt_kernel.h") == 0) continue;
    s.line += (s.line.empty() ? "" : " < ") + place;
  }
  if (pipe) pclose(pipe);
  return s;
}

/* Texts in a message of a trap: nobody comes back from there to free them. */
char *scratch() {
  static char texts[8][200];
  static unsigned next = 0;
  return texts[next++ % 8];
}
constexpr size_t scratch_bytes = 200;

}  // namespace

const char *line_name(uintptr_t site) {
  if (!site) return "";
  const std::string &line = symbol(site - 1).line; /* the call, not what it returns to */
  return line.empty() || line[0] == '?' ? "?" : line.c_str();
}

bool same_line(uintptr_t a, uintptr_t b) { return a == b || strcmp(line_name(a), line_name(b)) == 0; }

std::string kernel_name(const void *function) {
  if (!function) return "";
  std::string name = symbol(reinterpret_cast<uintptr_t>(function)).function;
  for (const char *const noise : {"void ", "(anonymous namespace)::"}) {
    for (size_t at; (at = name.find(noise)) != std::string::npos;) name.erase(at, strlen(noise));
  }
  return name.substr(0, name.find('('));
}

const char *who_name(uint32_t who) {
  const uint32_t block = who >> 14, thread = who >> 4 & 1023;
  if (block == 0x3ffff) return "a bulk copy";
  char *const text = scratch();
  snprintf(text, scratch_bytes, "block %u, thread %u", block, thread);
  return text;
}

const char *place_name(uintptr_t address) {
  char *const text = scratch();
  if (address - arena_base >= arena_bytes) {
    snprintf(text, scratch_bytes, "%#zx", static_cast<size_t>(address));
  } else if (address < global_base) {
    const Block *const b = machine.slot_owner[(address - arena_base) >> slot_shift];
    const long long id = b ? static_cast<long long>(b->id) : -1;
    const size_t offset = address % slot_bytes;
    if (offset >= static_bytes) {
      snprintf(text, scratch_bytes, "shared[%zu] of block %lld", offset - static_bytes, id);
    } else {
      snprintf(text, scratch_bytes, "static shared memory of block %lld (+%zu)", id, offset);
      for (size_t i = 0; b && i < b->arrays.size(); i++) {
        const Array &a = b->arrays[i];
        if (address < a.at || address >= a.at + a.bytes) continue;
        snprintf(text, scratch_bytes, "byte %zu of static array %zu (%zu bytes) of block %lld",
                 static_cast<size_t>(address - a.at), i, static_cast<size_t>(a.bytes), id);
      }
    }
  } else {
    const Allocation *const a = allocation_near(address);
    if (a) {
      snprintf(text, scratch_bytes, "%#zx + %lld (an allocation of %zu bytes)", static_cast<size_t>(a->lo),
               static_cast<long long>(address - a->lo), static_cast<size_t>(a->hi - a->lo));
    } else {
      snprintf(text, scratch_bytes, "%#zx", static_cast<size_t>(address));
    }
  }
  return text;
}

void report(Trap t, const std::string &kernel, const std::string &what) {
  collected.push_back({t, kernel, -1, -1, "", what});
}

void report_fiber(const Fiber *f, Trap t, uintptr_t site, const std::string &what) {
  collected.push_back(
      {t, kernel_name(machine.launch.function), f->block->id, static_cast<int>(f->thread), line_name(site), what});
}

void trap_of(const Fiber *f, Trap t, uintptr_t site, const char *format, ...) {
  {
    va_list list;
    va_start(list, format);
    const std::string what = format_list(format, list);
    va_end(list);
    report_fiber(f, t, site, what);
  }
  leave_trapped();
}

void trap(Trap t, uintptr_t site, const char *format, ...) {
  {
    va_list list;
    va_start(list, format);
    const std::string what = format_list(format, list);
    va_end(list);
    report_fiber(me, t, site, what);
  }
  leave_trapped();
}

void forget_reports() { collected.clear(); }

const std::vector<Report> &reports() { return collected; }

std::string describe(const Report &r) {
  std::string s = std::string("trap: ") + name(r.trap);
  if (!r.kernel.empty()) s += " in " + r.kernel;
  if (r.block >= 0) s += ", block " + std::to_string(r.block) + ", thread " + std::to_string(r.thread);
  if (!r.where.empty()) s += ", at " + r.where;
  return s + ": " + r.what;
}

const char *name(Trap t) {
  static const char *const names[] = {
      "outside",     "freed",       "host_memory",   "misaligned",      "forbidden", "undefined",   "race_shared",
      "race_global", "barrier",     "barrier_named", "barrier_cluster", "lane",      "shared_size", "peer_left",
      "peer",        "copy_early",  "copy_source",   "copy_lost",       "mbarrier",  "deadlock",    "endless",
      "stack",       "unsupported", "launch",        "early",           "resident",  "host_call"};
  static_assert(sizeof names / sizeof *names == static_cast<size_t>(Trap::count_), "a name for each trap");
  return names[static_cast<size_t>(t)];
}

}  // namespace wn::simt
