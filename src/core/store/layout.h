/* layout.h: how header and directory of blocks.h lie in the file; for the reader and the writer alone. */
#ifndef FM_LAYOUT_H
#define FM_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#include "blocks.h"

#define FM_STORE_MAGIC "FIRMMOVE"
#define FM_BYTE_ORDER UINT32_C(0x01020304)

typedef struct fm_disk_header {
  char magic[8];
  uint32_t version, byte_order;
  uint64_t length, directory;
  uint32_t n, directory_crc;
  uint32_t zero[5];
  uint32_t crc; /* of all before */
} fm_disk_header;

typedef struct fm_disk_entry {
  char name[FM_STORE_NAME];
  uint32_t type, encoding;
  uint64_t n, offset, stored;
  uint32_t crc;
  uint32_t zero[7];
} fm_disk_entry;

_Static_assert(sizeof(fm_disk_header) == 64, "the header is 64 bytes");
_Static_assert(sizeof(fm_disk_entry) == 128, "an entry is 128 bytes");

/* The next multiple of 64. */
static inline size_t fm_store_aligned(size_t offset) {
  return (offset + FM_STORE_ALIGN - 1) / FM_STORE_ALIGN * FM_STORE_ALIGN;
}

/* 1 to 63 printable characters of ASCII without blanks; `room` bytes may be looked at. */
static inline int fm_store_name_valid(const char *name, size_t room) {
  size_t length = 0;
  while (length < room && name[length] > ' ' && name[length] <= '~') {
    length++;
  }
  return length > 0 && length < FM_STORE_NAME && length < room && name[length] == '\0';
}

#endif
