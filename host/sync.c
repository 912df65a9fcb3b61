/* Many ranks. The interface stands and its arguments are checked; the exchange itself is not offered by this version.
 */
#include "error.h"
#include "problem.h"

static wn_status check_comm(const wn_comm *comm) {
  if (!comm) return wni_error(WN_ERR_ARGUMENT, "comm is NULL");
  if (comm->size != sizeof *comm)
    return wni_error(WN_ERR_ARGUMENT, "comm.size is %zu; this library knows %zu", comm->size, sizeof *comm);
  if (comm->ranks < 1) return wni_error(WN_ERR_ARGUMENT, "comm.ranks is %d; it must be 1 or more", comm->ranks);
  if (comm->rank < 0 || comm->rank >= comm->ranks)
    return wni_error(WN_ERR_ARGUMENT, "comm.rank is %d; it must be 0 to %d", comm->rank, comm->ranks - 1);
  if (!comm->all_gather) return wni_error(WN_ERR_ARGUMENT, "comm.all_gather is NULL");
  return WN_OK;
}

wn_status wn_plan_create_sync(wn_plan **out, wn_device *device, const wn_problem *problem, const wn_comm *comm) {
  if (!out) return wni_error(WN_ERR_ARGUMENT, "plan is NULL; the address of a wn_plan * is expected");
  *out = NULL;
  if (!device) return wni_error(WN_ERR_ARGUMENT, "device is NULL");
  wni_problem resolved;
  wn_status status = wni_problem_resolve(problem, &resolved);
  if (status == WN_OK) status = check_comm(comm);
  if (status != WN_OK) return status;
  return wni_error(WN_ERR_UNSUPPORTED, "statistics across ranks are not part of version %d of the library", WN_VERSION);
}

wn_status wn_plan_sync_status(const wn_plan *plan, void *stream) {
  (void)stream;
  if (!plan) return wni_error(WN_ERR_ARGUMENT, "plan is NULL");
  return wni_error(WN_ERR_UNSUPPORTED, "the plan was not made by wn_plan_create_sync");
}
