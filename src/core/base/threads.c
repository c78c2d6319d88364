/* threads.c: a queue of tasks that workers empty from the front.
 *
 * Tasks are started in rising order and a started task is finished, so every task before a failed one has
 * run: the failure reported is that of the lowest failing task whatever the number of threads.
 * An interrupt counts as the failure of the task after the last, so that a task that failed comes before
 * it. Overwrites nothing itself. Thread safety: no state outside the call; concurrent
 * calls share only the lock of the queue, which is held for a few instructions a task.
 */
#include "threads.h"

#include <time.h>

#ifdef _OPENMP
#include <omp.h>
#endif

typedef struct fm_queue {
  size_t n_tasks;
  size_t next;   /* first task not yet started */
  size_t failed; /* lowest failed task, n_tasks if the user stopped, more if none */
  fm_code code;  /* its code */
  fm_task run;
  void *context;
  fm_interrupted interrupted; /* NULL: nobody asks */
  void *interrupt_context;
  clock_t asked; /* when last; of the calling thread alone */
} fm_queue;

enum { LOOKS_A_SECOND = 10 };

/* The next task, or n_tasks when there is none or one has failed. */
static size_t take(fm_queue *queue) {
  size_t task = queue->n_tasks;
#ifdef _OPENMP
#pragma omp critical(fm_queue_lock)
#endif
  {
    if (queue->failed > queue->n_tasks && queue->next < queue->n_tasks) {
      task = queue->next++;
    }
  }
  return task;
}

static void report(fm_queue *queue, size_t task, fm_code code) {
#ifdef _OPENMP
#pragma omp critical(fm_queue_lock)
#endif
  {
    if (task < queue->failed) {
      queue->failed = task;
      queue->code = code;
    }
  }
}

/* Asks the user now and then. Only the calling thread, worker 0, may: the callback can be R's. */
static void look_up(fm_queue *queue, size_t worker) {
  if (worker > 0 || queue->interrupted == NULL ||
      clock() - queue->asked < CLOCKS_PER_SEC / LOOKS_A_SECOND) {
    return;
  }
  if (queue->interrupted(queue->interrupt_context)) {
    report(queue, queue->n_tasks, FM_INTERRUPTED);
  }
  queue->asked = clock();
}

static void work(fm_queue *queue, size_t worker) {
  for (size_t task = take(queue); task < queue->n_tasks; task = take(queue)) {
    const fm_code code = queue->run(queue->context, task, worker);
    if (code != FM_OK) {
      report(queue, task, code);
    }
    look_up(queue, worker);
  }
}

fm_code fm_parallel(size_t n_tasks, int threads, fm_task run, void *context) {
  return fm_parallel_watched(n_tasks, threads, run, context, NULL, NULL);
}

fm_code fm_parallel_watched(size_t n_tasks, int threads, fm_task run, void *context,
                            fm_interrupted interrupted, void *interrupt_context) {
  fm_queue queue = {n_tasks, 0, n_tasks + 1, FM_OK, run, context, interrupted, interrupt_context, clock()};
#ifdef _OPENMP
  queue.interrupted = omp_in_parallel() ? NULL : interrupted;
  const size_t wanted = threads > 1 ? (size_t)threads : 1;
  const int workers = (int)(wanted < n_tasks ? wanted : n_tasks);
  if (workers > 1) { /* one worker never enters OpenMP, so a forked child with one thread is safe */
#pragma omp parallel num_threads(workers)
    work(&queue, (size_t)omp_get_thread_num());
    return queue.code;
  }
#else
  (void)threads;
#endif
  work(&queue, 0);
  return queue.code;
}
