/* threads.h: run independent tasks on several threads, with results that do not depend on how many.
 *
 * The tasks are fixed by the caller (never by the number of threads); each writes to its own place;
 * the caller then adds the places up in task order. Without OpenMP the tasks run one after another.
 * No R API may be called inside a task. Whether the user wants to stop is asked between tasks, on the
 * thread that called, so that the callback may use R.
 */
#ifndef FM_THREADS_H
#define FM_THREADS_H

#include <stddef.h>

#include "status.h"

/* Does task `task` on worker `worker` (0 <= worker < threads); each worker may own a workspace. */
typedef fm_code (*fm_task)(void *context, size_t task, size_t worker);

/* Runs tasks 0 .. n_tasks-1 on at most `threads` threads. Returns FM_OK or the code of the failed task
 * with the lowest number; after a failure no new task is started. */
fm_code fm_parallel(size_t n_tasks, int threads, fm_task run, void *context);

/* Non-zero when the user asked to stop. May be NULL: nobody asks. */
typedef int (*fm_interrupted)(void *context);
/* The same, and asks a few times a second whether to stop: then no new task is started, and the code is
 * FM_INTERRUPTED unless a task failed. Inside another parallel run nobody is asked. */
fm_code fm_parallel_watched(size_t n_tasks, int threads, fm_task run, void *context,
                            fm_interrupted interrupted, void *interrupt_context);

#endif
