/* connected.c: components by union and find, articulation points by Tarjan's search (1972) without
 * recursion.
 *
 * Nodes of the graph are places 0 .. J-1 and, behind them, the firms at several places.
 */
#include "connected.h"

#include <string.h>

#include "../base/alloc.h"

typedef struct graph {
  const fm_lives *lives;
  size_t n_places, n_movers, n_nodes, n_edges;
  uint32_t *mover;                            /* n_movers: the firm */
  size_t *first;                              /* n_nodes + 1: where the neighbours of a node begin */
  uint32_t *to;                               /* 2 n_edges */
  size_t *mark;                               /* n_places: scratch */
  uint32_t *parent;                           /* n_places: union and find */
  uint32_t *seen, *low, *from, *next, *stack; /* n_nodes: the search */
  unsigned char *reason, *kept;               /* firms */
} graph;

/* ---- building --------------------------------------------------------------------------------------- */
/* Calls for the distinct places of firm i, in the order of its life; returns their number. at NULL: only
 * counts. */
static size_t distinct_places(const graph *g, size_t i, uint32_t *at) {
  const fm_lives *v = g->lives;
  size_t n = 0;
  for (size_t s = v->first[i]; s < v->first[i + 1]; s++) {
    if (g->mark[v->place[s]] != i + 1) {
      g->mark[v->place[s]] = i + 1;
      if (at != NULL) {
        at[n] = v->place[s];
      }
      n++;
    }
  }
  return n;
}

static fm_code lay_out(graph *g) {
  const fm_lives *v = g->lives;
  g->n_places = v->n_places;
  g->mark = fm_alloc_zero(v->n_places, sizeof(size_t));
  g->parent = fm_alloc(v->n_places, sizeof(uint32_t));
  g->mover = fm_alloc(v->n_firms, sizeof(uint32_t));
  if (g->mark == NULL || g->parent == NULL || g->mover == NULL) {
    return FM_NO_MEMORY;
  }
  for (size_t i = 0; i < v->n_firms; i++) {
    if (fm_moves(v, i)) {
      g->mover[g->n_movers++] = (uint32_t)i;
      g->n_edges += distinct_places(g, i, NULL);
    }
  }
  g->n_nodes = g->n_places + g->n_movers;
  g->first = fm_alloc_zero(g->n_nodes + 1, sizeof(size_t));
  g->to = fm_alloc(2 * g->n_edges, sizeof(uint32_t));
  g->seen = fm_alloc(g->n_nodes, sizeof(uint32_t));
  g->low = fm_alloc(g->n_nodes, sizeof(uint32_t));
  g->from = fm_alloc(g->n_nodes, sizeof(uint32_t));
  g->next = fm_alloc(g->n_nodes, sizeof(uint32_t));
  g->stack = fm_alloc(g->n_nodes, sizeof(uint32_t));
  return g->first && g->to && g->seen && g->low && g->from && g->next && g->stack ? FM_OK : FM_NO_MEMORY;
}

/* Movers behind places in `to`; then each place's movers. */
static void connect(graph *g) {
  memset(g->mark, 0, g->n_places * sizeof(size_t));
  size_t at = g->n_edges; /* the neighbours of movers fill the second half */
  for (size_t m = 0; m < g->n_movers; m++) {
    g->first[g->n_places + m] = at;
    at += distinct_places(g, g->mover[m], g->to + at);
  }
  g->first[g->n_nodes] = at;
  for (size_t e = g->n_edges; e < 2 * g->n_edges; e++) {
    g->first[g->to[e]]++;
  }
  size_t before = 0;
  for (size_t j = 0; j < g->n_places; j++) {
    const size_t count = g->first[j];
    g->first[j] = before;
    g->mark[j] = before;
    before += count;
  }
  for (size_t m = 0; m < g->n_movers; m++) {
    for (size_t e = g->first[g->n_places + m]; e < g->first[g->n_places + m + 1]; e++) {
      g->to[g->mark[g->to[e]]++] = (uint32_t)(g->n_places + m);
    }
  }
}

static void release(graph *g) {
  fm_free(g->mark), fm_free(g->parent), fm_free(g->mover), fm_free(g->first), fm_free(g->to);
  fm_free(g->seen), fm_free(g->low), fm_free(g->from), fm_free(g->next), fm_free(g->stack);
}

static int alive(const graph *g, size_t node) {
  return node < g->n_places || g->reason[g->mover[node - g->n_places]] == FM_KEPT;
}

/* ---- components ------------------------------------------------------------------------------------- */
static uint32_t root(graph *g, uint32_t j) {
  while (g->parent[j] != j) {
    g->parent[j] = g->parent[g->parent[j]];
    j = g->parent[j];
  }
  return j;
}

static void join(graph *g) {
  for (size_t j = 0; j < g->n_places; j++) {
    g->parent[j] = (uint32_t)j;
  }
  for (size_t m = 0; m < g->n_movers; m++) {
    const size_t node = g->n_places + m;
    if (!alive(g, node)) {
      continue;
    }
    const uint32_t one = root(g, g->to[g->first[node]]);
    for (size_t e = g->first[node] + 1; e < g->first[node + 1]; e++) {
      g->parent[root(g, g->to[e])] = one;
    }
  }
}

/* Firms outside the component with most rows are marked; returns one of its places. */
static uint32_t keep_largest(graph *g) {
  const fm_lives *v = g->lives;
  join(g);
  memset(g->mark, 0, g->n_places * sizeof(size_t));
  for (size_t i = 0; i < v->n_firms; i++) {
    if (g->reason[i] == FM_KEPT) {
      g->mark[root(g, v->place[v->first[i]])] += v->first[i + 1] - v->first[i];
    }
  }
  uint32_t best = 0;
  for (size_t j = 1; j < g->n_places; j++) {
    best = g->mark[j] > g->mark[best] ? (uint32_t)j : best;
  }
  for (size_t i = 0; i < v->n_firms; i++) {
    if (g->reason[i] == FM_KEPT && root(g, v->place[v->first[i]]) != best) {
      g->reason[i] = FM_OUTSIDE;
    }
  }
  return best;
}

/* ---- articulation points ---------------------------------------------------------------------------- */
/* The next neighbour of a node to look at, or n_nodes. */
static size_t step(graph *g, size_t node) {
  while (g->first[node] + g->next[node] < g->first[node + 1]) {
    const size_t to = g->to[g->first[node] + g->next[node]++];
    if (alive(g, to)) {
      return to;
    }
  }
  return g->n_nodes;
}

/* A search in depth from place `start`. seen: order of discovery, from 1 on; low: the earliest node that
 * the branch reaches.
 * A firm is an articulation point when a branch below it reaches nothing before it. Returns their number.
 * */
static size_t mark_sole_ties(graph *g, uint32_t start) {
  size_t depth = 0, found = 0;
  uint32_t count = 0;
  memset(g->seen, 0, g->n_nodes * sizeof(uint32_t));
  memset(g->next, 0, g->n_nodes * sizeof(uint32_t));
  g->stack[depth++] = start;
  g->seen[start] = g->low[start] = ++count;
  g->from[start] = start;
  while (depth > 0) {
    const uint32_t node = g->stack[depth - 1];
    const size_t to = step(g, node);
    if (to == g->n_nodes) {
      depth--;
      const uint32_t up = g->from[node];
      g->low[up] = g->low[node] < g->low[up] ? g->low[node] : g->low[up];
      if (up >= g->n_places && g->low[node] >= g->seen[up]) {
        found += g->kept[g->mover[up - g->n_places]] == 0;
        g->kept[g->mover[up - g->n_places]] = FM_SOLE_TIE;
      }
    } else if (g->seen[to] == 0) {
      g->seen[to] = g->low[to] = ++count;
      g->from[to] = node;
      g->stack[depth++] = (uint32_t)to;
    } else if (to != g->from[node]) {
      g->low[node] = g->seen[to] < g->low[node] ? g->seen[to] : g->low[node];
    }
  }
  return found;
}

static int several_places(const graph *g) {
  const fm_lives *v = g->lives;
  for (size_t i = 0; i < v->n_firms; i++) {
    if (g->reason[i] == FM_KEPT && fm_moves(v, i)) {
      return 1;
    }
  }
  return 0;
}

/* Drops sole ties and keeps the largest part until nothing changes. */
static void prune(graph *g, uint32_t start) {
  const fm_lives *v = g->lives;
  for (size_t found = 1; found > 0;) {
    memset(g->kept, 0, v->n_firms);
    found = mark_sole_ties(g, start);
    for (size_t i = 0; i < v->n_firms; i++) {
      g->reason[i] = g->kept[i] != 0 ? g->kept[i] : g->reason[i];
    }
    start = found > 0 ? keep_largest(g) : start;
  }
}

fm_code fm_connected(const fm_lives *v, unsigned char *keep, unsigned char *reason, int *leaves_out) {
  graph g = {.lives = v, .reason = reason, .kept = keep};
  unsigned char *connected = fm_alloc(v->n_firms, 1);
  fm_code code = connected != NULL ? lay_out(&g) : FM_NO_MEMORY;
  if (code == FM_OK) {
    connect(&g);
    for (size_t i = 0; i < v->n_firms; i++) {
      reason[i] = v->first[i + 1] - v->first[i] < 2 ? FM_SEEN_ONCE : FM_KEPT;
    }
    const uint32_t start = keep_largest(&g);
    memcpy(connected, reason, v->n_firms);
    prune(&g, start);
    *leaves_out = several_places(&g);
    if (!*leaves_out) {
      memcpy(reason, connected, v->n_firms);
    }
    for (size_t i = 0; i < v->n_firms; i++) {
      keep[i] = reason[i] == FM_KEPT;
    }
  }
  release(&g);
  fm_free(connected);
  return code;
}
