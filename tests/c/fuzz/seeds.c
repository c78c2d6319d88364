/* seeds.c: writes the inputs the fuzzer of blocks starts from:  seeds <folder>
 *
 * Small stores' files of each kind: no block, raw blocks, deflated blocks, a block that shrinks a lot.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../../../src/core/store/blocks.h"

static int put(const char *folder, const char *name, size_t n, int deflate) {
  static double x[2000];
  static const int32_t k[4] = {1, 2, INT32_MIN, 1};
  static const uint64_t ends[2] = {6, 13};
  char path[512];
  fm_error err;
  fm_store_writer w;
  (void)snprintf(path, sizeof path, "%s/%s", folder, name);
  if (fm_store_create(&w, path, &err) != FM_OK) {
    return 1;
  }
  if (n > 0 && (fm_store_put(&w, "1", FM_STORE_DOUBLE, x, n, deflate, &err) != FM_OK ||
                fm_store_put(&w, "2", FM_STORE_INT32, k, 4, deflate, &err) != FM_OK ||
                fm_store_put(&w, "2.bytes", FM_STORE_BYTES, "GuzhenWenzhou", 13, deflate, &err) != FM_OK ||
                fm_store_put(&w, "2.ends", FM_STORE_SIZE, ends, 2, deflate, &err) != FM_OK)) {
    return 1;
  }
  return fm_store_finish(&w, &err) != FM_OK;
}

int main(int argc, char **argv) {
  if (argc != 2) {
    return 2;
  }
  return put(argv[1], "none.fms", 0, 0) || put(argv[1], "raw.fms", 3, 0) ||
         put(argv[1], "deflated.fms", 3, 1) || put(argv[1], "shrunk.fms", 2000, 1);
}
