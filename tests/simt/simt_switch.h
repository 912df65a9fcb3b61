/* Switching stacks: what Boost.Context's jump_fcontext does, in the few lines that this needs. ucontext is about 20
 * times slower, because it saves the signal mask with a system call. */
#ifndef WN_SIMT_SWITCH_H
#define WN_SIMT_SWITCH_H

extern "C" {
/* Saves the callee-saved registers on this stack, leaves its pointer in *from, continues at `to`. */
void wn_simt_switch(void **from, void *to);
/* Where a new stack begins. */
void wn_simt_begin(void);
/* Which wn_simt_begin calls; it does not return. */
[[noreturn]] void wn_simt_fiber(void);
}

namespace wn::simt {

/* Prepares the stack that ends at `top` (a multiple of 16) so that a switch to the result enters wn_simt_fiber. */
inline void *switch_prepare(char *top) {
#if defined(__x86_64__)
  void **sp = reinterpret_cast<void **>(top);
  *--sp = nullptr; /* twice: where functions are called, the stack is a multiple of 16 */
  *--sp = nullptr;
  *--sp = reinterpret_cast<void *>(wn_simt_begin);
  for (int i = 0; i < 6; i++) *--sp = nullptr;
  return sp;
#elif defined(__aarch64__)
  void **const sp = reinterpret_cast<void **>(top - 160);
  for (int i = 0; i < 20; i++) sp[i] = nullptr;
  sp[11] = reinterpret_cast<void *>(wn_simt_begin);
  return sp;
#else
#error "simt: the stack switch is written for x86-64 and aarch64"
#endif
}

}  // namespace wn::simt
#endif
