/* fuzz_blocks.c: libFuzzer's door to the reader of src/core/store/blocks.h.
 *
 * An input is a file in memory: it is opened, listed, each block is read whole and in part, and all is
 * verified. The mutator makes the checksums right again most of the time, so that inputs get behind them,
 * and likes to change one entry of the directory.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../../src/core/base/alloc.h"
#include "../../../src/core/store/blocks.h"
#include "../../../src/core/store/layout.h"
#include "../../../src/core/store/shuffle.h"

enum { LARGEST_BLOCK = 1 << 22 }; /* bytes; more is allowed by the format and slow to fuzz */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned int seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t room);

static void read_block(const fm_store_file *f, const fm_store_block *entry) {
  fm_error err;
  const size_t size = fm_store_type_size(entry->type);
  if (fm_store_find(f, entry->name) != entry) {
    abort();
  }
  size_t n = 0;
  const void *data = NULL;
  if (fm_store_get(f, entry->name, entry->type, &n, &data, &err) == FM_OK) {
    (void)fm_crc(0, data, n * size); /* touches all of it */
  }
  if (entry->n > LARGEST_BLOCK / size) {
    return;
  }
  unsigned char *out = malloc(entry->n * size + 1);
  if (out == NULL) {
    return;
  }
  (void)fm_store_read(f, entry->name, entry->type, out, entry->n, &err);
  (void)fm_store_read_part(f, entry->name, entry->type, entry->n / 3, entry->n / 3, out, &err);
  free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fm_error err;
  fm_store_file f;
  uint8_t *exact =
      malloc(size + (size == 0)); /* no byte beyond, so that the sanitizer sees reads past the end */
  if (exact == NULL) {
    return 0;
  }
  memcpy(exact, data, size);
  if (fm_store_open_memory(&f, exact, size, "input", &err) == FM_OK) {
    size_t total = 0;
    for (size_t i = 0; i < fm_store_count(&f); i++) {
      const fm_store_block *entry = fm_store_entry(&f, i);
      read_block(&f, entry);
      total += entry->n * fm_store_type_size(entry->type);
    }
    if (total <= LARGEST_BLOCK) {
      (void)fm_store_verify(&f, &err);
    }
    fm_store_close(&f);
  }
  free(exact);
  return 0;
}

/* ---- the mutator
 */

static void repair_blocks(uint8_t *data, size_t size, const fm_disk_header *header) {
  for (size_t i = 0; i < header->n; i++) {
    fm_disk_entry entry;
    uint8_t *at = data + header->directory + i * sizeof entry;
    memcpy(&entry, at, sizeof entry);
    if (entry.offset <= size && entry.stored <= size - entry.offset) {
      entry.crc = fm_crc(0, data + entry.offset, (size_t)entry.stored);
      memcpy(at, &entry, sizeof entry);
    }
  }
}

/* Makes length, directory and checksums fit the bytes there are, where that can be done. */
static void repair(uint8_t *data, size_t size) {
  fm_disk_header header;
  if (size < sizeof header) {
    return;
  }
  memcpy(&header, data, sizeof header);
  memcpy(header.magic, FM_STORE_MAGIC, sizeof header.magic);
  header.version = FM_STORE_VERSION;
  header.byte_order = FM_BYTE_ORDER;
  header.length = size;
  memset(header.zero, 0, sizeof header.zero);
  header.n %= 16;
  const size_t entries = header.n * sizeof(fm_disk_entry);
  if (entries <= size - sizeof header) {
    header.directory = size - entries;
    repair_blocks(data, size, &header);
    header.directory_crc = fm_crc(0, data + header.directory, entries);
  }
  header.crc = fm_crc(0, &header, offsetof(fm_disk_header, crc));
  memcpy(data, &header, sizeof header);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned int seed) {
  const size_t entry = sizeof(fm_disk_entry);
  if (seed % 3 == 0 && size > entry + sizeof(fm_disk_header)) {
    const size_t entries = (size - sizeof(fm_disk_header)) / entry;
    const size_t which = seed / 64 % (entries < 4 ? entries : 4) + 1;
    (void)LLVMFuzzerMutate(data + size - which * entry, entry, entry);
  } else {
    size = LLVMFuzzerMutate(data, size, room);
  }
  if (seed % 16 >= 2) {
    size = size / 64 * 64 >= 64 ? size / 64 * 64 : size; /* a directory is at a multiple of 64 */
    repair(data, size);
  }
  return size;
}
