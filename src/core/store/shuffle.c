/* shuffle.c: byte shuffling, crc32, and zlib's streams over sizes beyond 32 bits. zlib counts in unsigned
 * int, so data go to it in pieces.
 */
#include "shuffle.h"

#include <limits.h>
#include <string.h>
#include <zlib.h>

#include "../base/alloc.h"

enum { PIECE = 1 << 30, BUFFER = 1 << 17, LEVEL = 1 };

/* ---- shuffling -------------------------------------------------------------------------------------- */

static void shuffle_4(const unsigned char *restrict in, size_t n, unsigned char *restrict out) {
  for (size_t i = 0; i < n; i++) {
    for (size_t b = 0; b < 4; b++) {
      out[b * n + i] = in[i * 4 + b];
    }
  }
}

static void shuffle_8(const unsigned char *restrict in, size_t n, unsigned char *restrict out) {
  for (size_t i = 0; i < n; i++) {
    for (size_t b = 0; b < 8; b++) {
      out[b * n + i] = in[i * 8 + b];
    }
  }
}

void fm_shuffle(const unsigned char *in, size_t n, size_t size, unsigned char *out) {
  if (size == 8) {
    shuffle_8(in, n, out);
  } else if (size == 4) {
    shuffle_4(in, n, out);
  } else if (n > 0) {
    memcpy(out, in, n);
  }
}

static void unshuffle_4(const unsigned char *restrict in, size_t n, unsigned char *restrict out) {
  for (size_t i = 0; i < n; i++) {
    for (size_t b = 0; b < 4; b++) {
      out[i * 4 + b] = in[b * n + i];
    }
  }
}

static void unshuffle_8(const unsigned char *restrict in, size_t n, unsigned char *restrict out) {
  for (size_t i = 0; i < n; i++) {
    for (size_t b = 0; b < 8; b++) {
      out[i * 8 + b] = in[b * n + i];
    }
  }
}

void fm_unshuffle(const unsigned char *in, size_t n, size_t size, unsigned char *out) {
  if (size == 8) {
    unshuffle_8(in, n, out);
  } else if (size == 4) {
    unshuffle_4(in, n, out);
  } else if (n > 0) {
    memcpy(out, in, n);
  }
}

/* ---- zlib ------------------------------------------------------------------------------------------- */

static uInt piece_of(size_t bytes) { return (uInt)(bytes < PIECE ? bytes : PIECE); }

uint32_t fm_crc(uint32_t crc, const void *data, size_t bytes) {
  const unsigned char *at = data;
  uLong value = crc;
  while (bytes > 0) {
    const uInt piece = piece_of(bytes);
    value = crc32(value, at, piece);
    at += piece;
    bytes -= piece;
  }
  return (uint32_t)value;
}

static voidpf take(voidpf unused, uInt n, uInt size) {
  (void)unused;
  return fm_alloc(n, size);
}

static void give(voidpf unused, voidpf p) {
  (void)unused;
  fm_free(p);
}

/* Feeds what is left of the input; returns whether that was the last piece. */
static int feed(z_stream *stream, const unsigned char **at, size_t *left) {
  if (stream->avail_in == 0 && *left > 0) {
    stream->next_in = (z_const Bytef *)*at;
    stream->avail_in = piece_of(*left);
    *at += stream->avail_in;
    *left -= stream->avail_in;
  }
  return *left == 0;
}

fm_code fm_deflate(const void *data, size_t bytes, fm_sink sink, void *context) {
  z_stream stream = {.zalloc = take, .zfree = give};
  unsigned char *buffer = fm_alloc(BUFFER, 1);
  if (buffer == NULL || deflateInit(&stream, LEVEL) != Z_OK) {
    fm_free(buffer);
    return FM_NO_MEMORY;
  }
  const unsigned char *at = data;
  int state = Z_OK;
  fm_code code = FM_OK;
  while (state != Z_STREAM_END && code == FM_OK) {
    const int last = feed(&stream, &at, &bytes);
    stream.next_out = buffer;
    stream.avail_out = BUFFER;
    state = deflate(&stream, last ? Z_FINISH : Z_NO_FLUSH);
    code = sink(context, buffer, BUFFER - stream.avail_out);
  }
  (void)deflateEnd(&stream);
  fm_free(buffer);
  return code;
}

fm_code fm_inflate(const void *data, size_t stored, void *out, size_t bytes) {
  z_stream stream = {.zalloc = take, .zfree = give};
  if (inflateInit(&stream) != Z_OK) {
    return FM_NO_MEMORY;
  }
  const unsigned char *at = data;
  unsigned char *to = out;
  int state = Z_OK;
  while (state == Z_OK) {
    (void)feed(&stream, &at, &stored);
    if (stream.avail_out == 0 && bytes > 0) {
      stream.next_out = to;
      stream.avail_out = piece_of(bytes);
      to += stream.avail_out;
      bytes -= stream.avail_out;
    }
    state = inflate(&stream, Z_NO_FLUSH);
  }
  const int whole =
      state == Z_STREAM_END && bytes == 0 && stream.avail_out == 0 && stored == 0 && stream.avail_in == 0;
  (void)inflateEnd(&stream);
  return state == Z_MEM_ERROR ? FM_NO_MEMORY : whole ? FM_OK : FM_CORRUPT;
}
