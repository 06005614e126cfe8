/* SPDX-License-Identifier: MIT */
/* Makes and runs patch files for bench/rollback.sh, generates checkpoints, and measures how fast
   page mode encodes. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <postproof/patch.h>

#include "../src/base/hash.h"
#include "checkpoint_pairs.h"

static void die(const char *what)
{
    fprintf(stderr, "bench_rollback: %s: %s\n", what, strerror(errno));
    exit(2);
}

static void require(enum pp_error error, const char *what)
{
    if (error == PP_OK)
        return;
    fprintf(stderr, "bench_rollback: %s: %s\n", what, pp_error_text(error));
    exit(1);
}

/* Of processor time: the images lie in memory, and what else the core does is not measured. */
static double seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ---- Files ----------------------------------------------------------------------------------- */

struct file {
    int fd;
    uint64_t bytes;
};

static struct file open_file(const char *path)
{
    struct stat status;
    struct file file = {open(path, O_RDONLY | O_CLOEXEC), 0};
    if (file.fd < 0 || fstat(file.fd, &status) != 0)
        die(path);
    file.bytes = (uint64_t)status.st_size;
    return file;
}

static int create_file(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        die(path);
    return fd;
}

static void read_at(int fd, uint8_t *data, size_t n, uint64_t offset)
{
    while (n > 0) {
        ssize_t got = pread(fd, data, n, (off_t)offset);
        if (got <= 0)
            die("read");
        data += got;
        n -= (size_t)got;
        offset += (uint64_t)got;
    }
}

static void write_at(int fd, const uint8_t *data, size_t n, uint64_t offset)
{
    while (n > 0) {
        ssize_t put = pwrite(fd, data, n, (off_t)offset);
        if (put <= 0)
            die("write");
        data += put;
        n -= (size_t)put;
        offset += (uint64_t)put;
    }
}

static struct pp_bytes map_file(const struct file *file)
{
    void *data = mmap(NULL, file->bytes, PROT_READ, MAP_PRIVATE, file->fd, 0);
    if (file->bytes > 0 && data == MAP_FAILED)
        die("mmap");
    return (struct pp_bytes){data, (size_t)file->bytes};
}

/* ---- Encoding -------------------------------------------------------------------------------- */

struct output {
    int fd;
    uint64_t at;
};

static void put(struct output *out, struct pp_bytes block)
{
    write_at(out->fd, block.data, block.len, out->at);
    out->at += block.len;
}

static size_t part_bytes(uint64_t bytes, uint64_t at)
{
    if (at >= bytes)
        return 0;
    return bytes - at < PP_PATCH_FEED_BYTES ? (size_t)(bytes - at) : (size_t)PP_PATCH_FEED_BYTES;
}

static void encode_pages(const struct file *old_file, const struct file *new_file,
                         struct pp_patch_encoder *encoder, struct output *out)
{
    static uint8_t old_part[PP_PATCH_FEED_BYTES], new_part[PP_PATCH_FEED_BYTES];
    uint64_t end = old_file->bytes > new_file->bytes ? old_file->bytes : new_file->bytes;
    for (uint64_t at = 0; at < end; at += PP_PATCH_FEED_BYTES) {
        struct pp_bytes block, a = {old_part, part_bytes(old_file->bytes, at)},
                               b = {new_part, part_bytes(new_file->bytes, at)};
        read_at(old_file->fd, old_part, a.len, at);
        read_at(new_file->fd, new_part, b.len, at);
        require(pp_patch_encoder_feed(encoder, a, b, &block), "encoding");
        put(out, block);
    }
}

static int encode(const char *mode, const char *old_path, const char *new_path,
                  const char *patch_path)
{
    struct file old_file = open_file(old_path), new_file = open_file(new_path);
    struct output out = {create_file(patch_path), PP_PATCH_HEADER_BYTES};
    struct pp_patch_encoder *encoder = NULL;
    struct pp_patch_image old_image = {.bytes = old_file.bytes},
                          new_image = {.bytes = new_file.bytes};
    struct pp_patch_header header;
    struct pp_bytes block;
    uint8_t bytes[PP_PATCH_HEADER_BYTES];
    bool pages = strcmp(mode, "pages") == 0;
    if (pages)
        encoder = pp_patch_encoder_new_pages(old_file.bytes, new_file.bytes);
    else
        require(pp_patch_encoder_new(map_file(&old_file), map_file(&new_file), &encoder),
                "matching");
    if (encoder == NULL)
        die("memory");
    if (pages)
        encode_pages(&old_file, &new_file, encoder, &out);
    do {
        require(pp_patch_encoder_next(encoder, &block), "encoding");
        put(&out, block);
    } while (block.len > 0);
    require(pp_patch_encoder_finish(encoder, &old_image, &new_image, &header, bytes), "header");
    write_at(out.fd, bytes, sizeof bytes, 0);
    pp_patch_encoder_free(encoder);
    return 0;
}

/* ---- Decoding -------------------------------------------------------------------------------- */

static void copy_range(int from, uint64_t source_offset, int to, uint64_t offset, uint64_t bytes)
{
    static uint8_t buffer[1 << 17];
    while (bytes > 0) {
        size_t n = bytes < sizeof buffer ? (size_t)bytes : sizeof buffer;
        read_at(from, buffer, n, source_offset);
        write_at(to, buffer, n, offset);
        source_offset += n;
        offset += n;
        bytes -= n;
    }
}

static uint64_t decode_block(struct pp_patch_decoder *decoder, int patch, uint64_t at, int source,
                             int out)
{
    uint8_t header[PP_PATCH_BLOCK_HEADER_BYTES];
    struct pp_patch_space stored;
    struct pp_patch_read read;
    struct pp_patch_write write;
    read_at(patch, header, sizeof header, at);
    require(pp_patch_decoder_begin(decoder, header, &stored), "block");
    read_at(patch, stored.data, stored.bytes, at + sizeof header);
    require(pp_patch_decoder_open(decoder), "operations");
    while (pp_patch_decoder_next_read(decoder, &read))
        read_at(source, read.space.data, read.space.bytes, read.offset);
    require(pp_patch_decoder_run(decoder), "run");
    while (pp_patch_decoder_next_write(decoder, &write)) {
        if (write.data != NULL)
            write_at(out, write.data, (size_t)write.bytes, write.offset);
        else
            copy_range(source, write.source_offset, out, write.offset, write.bytes);
    }
    return at + sizeof header + stored.bytes;
}

static int decode(const char *direction, const char *source_path, const char *patch_path,
                  const char *out_path)
{
    struct file source = open_file(source_path), patch = open_file(patch_path);
    int out = create_file(out_path);
    uint8_t bytes[PP_PATCH_HEADER_BYTES];
    struct pp_patch_header header;
    uint64_t at = PP_PATCH_HEADER_BYTES;
    read_at(patch.fd, bytes, sizeof bytes, 0);
    require(pp_patch_header_read(bytes, &header), "header");
    struct pp_patch_decoder *decoder = pp_patch_decoder_new(
        strcmp(direction, "apply") == 0 ? PP_ROLLBACK_APPLY : PP_ROLLBACK_REVERT, &header);
    if (decoder == NULL)
        die("memory");
    while (!pp_patch_decoder_at_end(decoder))
        at = decode_block(decoder, patch.fd, at, source.fd, out);
    require(pp_patch_decoder_finish(decoder), "end");
    pp_patch_decoder_free(decoder);
    return 0;
}

/* ---- Speed of page mode ---------------------------------------------------------------------- */

/* Seconds to encode the pair that lies in memory; *patch_bytes is the size of the body. */
static double time_pages(struct pp_bytes old_image, struct pp_bytes new_image,
                         uint64_t *patch_bytes)
{
    struct pp_patch_encoder *encoder = pp_patch_encoder_new_pages(old_image.len, new_image.len);
    struct pp_bytes block;
    *patch_bytes = 0;
    if (encoder == NULL)
        die("memory");
    double start = seconds_now();
    for (uint64_t at = 0; at < old_image.len; at += PP_PATCH_FEED_BYTES) {
        size_t n = part_bytes(old_image.len, at);
        require(pp_patch_encoder_feed(encoder, (struct pp_bytes){old_image.data + at, n},
                                      (struct pp_bytes){new_image.data + at, n}, &block),
                "encoding");
        *patch_bytes += block.len;
    }
    require(pp_patch_encoder_next(encoder, &block), "encoding");
    *patch_bytes += block.len;
    double seconds = seconds_now() - start;
    pp_patch_encoder_free(encoder);
    return seconds;
}

static int speed(size_t mib)
{
    static const char *const kinds[] = {"f32-sparse", "f32-dense", "bf16-dense"};
    size_t n = mib << 20;
    uint8_t *a = malloc(n), *b = malloc(n);
    if (a == NULL || b == NULL)
        die("memory");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        double best = 1e9, worst = 0;
        uint64_t bytes = 0;
        checkpoint_fill(kinds[i], a, b, n);
        for (int run = 0; run < 3; run++) {
            double seconds = time_pages((struct pp_bytes){a, n}, (struct pp_bytes){b, n}, &bytes);
            best = seconds < best ? seconds : best;
            worst = seconds > worst ? seconds : worst;
        }
        printf("page mode, %-10s %zu MiB: %5.0f to %5.0f MB/s of processor time, without hashing "
               "the images; patch %.0f kB\n",
               kinds[i], mib, (double)n / worst / 1e6, (double)n / best / 1e6, (double)bytes / 1e3);
    }
    struct pp_digest digest = pp_sha256((struct pp_bytes){a, n});
    double start = seconds_now();
    digest = pp_sha256((struct pp_bytes){a, n});
    printf("SHA-256 of one image: %.0f MB/s (%02x)\n", (double)n / (seconds_now() - start) / 1e6,
           digest.b[0]);
    free(a);
    free(b);
    return 0;
}

/* ---- Checkpoints ----------------------------------------------------------------------------- */

static int generate(const char *kind, size_t mib, const char *old_path, const char *new_path)
{
    size_t n = mib << 20, new_bytes;
    uint8_t *a = malloc(n), *b = malloc(n + CHECKPOINT_GROWTH_BYTES);
    if (a == NULL || b == NULL)
        die("memory");
    new_bytes = checkpoint_fill(kind, a, b, n);
    if (new_bytes == 0) {
        fprintf(stderr, "bench_rollback: no checkpoint of the kind %s\n", kind);
        return 2;
    }
    write_at(create_file(old_path), a, n, 0);
    write_at(create_file(new_path), b, new_bytes, 0);
    free(a);
    free(b);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 6 && strcmp(argv[1], "encode") == 0)
        return encode(argv[2], argv[3], argv[4], argv[5]);
    if (argc == 6 && strcmp(argv[1], "decode") == 0)
        return decode(argv[2], argv[3], argv[4], argv[5]);
    if (argc == 6 && strcmp(argv[1], "checkpoint") == 0)
        return generate(argv[2], (size_t)atoi(argv[3]), argv[4], argv[5]);
    if (argc <= 3 && (argc < 2 || strcmp(argv[1], "speed") == 0))
        return speed(argc == 3 ? (size_t)atoi(argv[2]) : 64);
    fprintf(stderr, "usage: bench_rollback encode generic|pages OLD NEW PATCH\n"
                    "       bench_rollback decode apply|revert SOURCE PATCH RESULT\n"
                    "       bench_rollback checkpoint KIND MIB OLD NEW\n"
                    "       bench_rollback speed [MIB]\n");
    return 2;
}
