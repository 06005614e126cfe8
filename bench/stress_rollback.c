/* SPDX-License-Identifier: MIT */
/* Thousands of upgrades and rollbacks of one checkpoint in place: the root compared after each, the
   whole file hashed now and then and at the end; time and memory of a transition; and what the
   theorem checkers said of the format. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>
#include <postproof/versions.h>

#include "../src/base/base.h"
#include "../src/base/hash.h"
#include "../src/os/os.h"
#include "checkpoint.h"

enum { SEED = 1, PER_MILLE = 10, WHOLE_EVERY = 1000, CHUNK_BYTES = 1 << 20 };

static char old_path[4096], new_path[4096], patch_path[4096], live_path[4096];

static int fail(const char *what)
{
    fprintf(stderr, "stress_rollback: %s\n", what);
    return 2;
}

static uint64_t now_ns(void)
{
    struct pp_os_clock clock;
    pp_os_clock_read(&clock);
    return clock.monotonic_ns;
}

static bool hash_file(const char *path, struct pp_digest *digest)
{
    static uint8_t chunk[CHUNK_BYTES];
    struct pp_sha256_stream stream;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = -1;
    pp_sha256_init(&stream);
    while (fd >= 0 && (got = read(fd, chunk, sizeof chunk)) > 0)
        pp_sha256_update(&stream, (struct pp_bytes){chunk, (size_t)got});
    if (fd >= 0)
        close(fd);
    *digest = pp_sha256_final(&stream);
    return got == 0;
}

/* ---- Making the images ---------------------------------------------------------------------- */

/* In a process of its own, so that the memory measured is that of the transitions. */
static bool in_child(bool (*work)(uint64_t rows), uint64_t rows)
{
    int status = 0;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        _exit(work(rows) ? 0 : 1);
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

static bool make_images(uint64_t rows)
{
    return checkpoint_write(old_path, rows, SEED, 0, PER_MILLE) &&
           checkpoint_write(new_path, rows, SEED, 1, PER_MILLE) &&
           checkpoint_write(live_path, rows, SEED, 0, PER_MILLE);
}

static bool make_patch(uint64_t rows)
{
    struct pp_failure failure = {0};
    (void)rows;
    if (pp_patch_file_make(old_path, new_path, patch_path, NULL, &failure) == PP_OK)
        return true;
    fprintf(stderr, "stress_rollback: %s\n", failure.text);
    return false;
}

/* ---- Transitions ---------------------------------------------------------------------------- */

struct figures {
    uint64_t *times_ns;
    uint64_t count, total_ns;
};

struct images {
    const struct pp_patch_header *header;
    struct pp_digest old_hash, new_hash;
};

static bool is_side(const struct pp_image *image, const struct images *images, bool new_side)
{
    struct pp_digest root = pp_image_root(image);
    return pp_digest_equal(&root, new_side ? &images->header->new_image.root
                                           : &images->header->old_image.root);
}

static bool whole_is_side(const struct images *images, bool new_side)
{
    struct pp_digest hash;
    return hash_file(live_path, &hash) &&
           pp_digest_equal(&hash, new_side ? &images->new_hash : &images->old_hash);
}

static int step(struct pp_image *image, const struct pp_patch_file *patch, bool apply,
                struct figures *figures)
{
    struct pp_failure failure = {0};
    uint64_t start = now_ns();
    enum pp_error error =
        pp_image_transition(image, patch, apply ? PP_ROLLBACK_APPLY : PP_ROLLBACK_REVERT, &failure);
    uint64_t taken = now_ns() - start;
    figures->times_ns[figures->count++] = taken;
    figures->total_ns += taken;
    return error == PP_OK ? 0 : fail(failure.text);
}

static int walk(struct pp_image *image, const struct pp_patch_file *patch,
                const struct images *images, uint64_t transitions, struct figures *figures)
{
    for (uint64_t i = 0; i < transitions; i++) {
        bool apply = i % 2 == 0;
        if (step(image, patch, apply, figures) != 0)
            return 2;
        if (!is_side(image, images, apply))
            return fail("the root after a transition is another than the patch says");
        if ((i + 1) % WHOLE_EVERY == 0 && !whole_is_side(images, apply))
            return fail("the file is not bit-identical to the image that the root stands for");
    }
    return whole_is_side(images, transitions % 2 == 1)
               ? 0
               : fail("at the end the file is not bit-identical");
}

static int compare_times(const void *a, const void *b)
{
    const uint64_t *left = a, *right = b;
    return *left < *right ? -1 : *left > *right;
}

static double ms(uint64_t ns)
{
    return (double)ns / 1e6;
}

static void report(const char *what, struct figures *figures)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    qsort(figures->times_ns, figures->count, sizeof *figures->times_ns, compare_times);
    printf("%-9s %7" PRIu64 " transitions  %8.2f ms mean  %8.2f median  %8.2f p99  %8.2f max  "
           "%7.1f s in all  %5.1f MiB peak\n",
           what, figures->count, ms(figures->total_ns) / (double)figures->count,
           ms(figures->times_ns[figures->count / 2]),
           ms(figures->times_ns[figures->count - 1 - figures->count / 100]),
           ms(figures->times_ns[figures->count - 1]), ms(figures->total_ns) / 1e3,
           (double)usage.ru_maxrss / 1024);
    fflush(stdout);
}

static int run(bool durable, uint64_t transitions, const struct pp_patch_file *patch,
               const struct images *images)
{
    struct pp_failure failure = {0};
    struct pp_image_options options = {.not_durable = !durable};
    struct figures figures = {.times_ns = calloc((size_t)transitions, sizeof(uint64_t))};
    struct pp_image *image;
    if (figures.times_ns == NULL)
        return fail("no memory is left");
    if (pp_image_open(live_path, &options, &image, NULL, &failure) != PP_OK)
        return fail(failure.text);
    int exit_code = is_side(image, images, false)
                        ? walk(image, patch, images, transitions, &figures)
                        : fail("the file is not the old image");
    if (pp_image_close(image, &failure) != PP_OK)
        exit_code = fail(failure.text);
    if (exit_code == 0)
        report(durable ? "durable" : "volatile", &figures);
    free(figures.times_ns);
    return exit_code;
}

/* ---- What was proved ------------------------------------------------------------------------ */

static bool file_has_hash(const json_t *entry, const char *path_key, const char *hash_key)
{
    const char *path = json_string_value(json_object_get(entry, path_key));
    const char *want = json_string_value(json_object_get(entry, hash_key));
    struct pp_digest digest;
    char have[2 * PP_DIGEST_BYTES + 1];
    if (path == NULL || want == NULL || !hash_file(path, &digest))
        return false;
    pp_hex_encode(digest.b, PP_DIGEST_BYTES, have);
    return strcmp(have, want) == 0;
}

static bool is_rollback(const json_t *entry)
{
    const char *component = json_string_value(json_object_get(entry, "component"));
    return component != NULL && strcmp(component, "rollback") == 0;
}

static void report_theorems(const json_t *manifest)
{
    size_t i, proved = 0, stale = 0, axioms = 0;
    const json_t *entry;
    json_array_foreach(json_object_get(manifest, "theorems"), i, entry)
    {
        if (!is_rollback(entry))
            continue;
        bool current = file_has_hash(entry, "spec", "spec_sha256") &&
                       file_has_hash(entry, "proof", "proof_sha256");
        proved += current;
        stale += !current;
        axioms += json_array_size(json_object_get(entry, "axioms"));
        if (current && strstr(json_string_value(json_object_get(entry, "name")), "_after_"))
            printf("  theorem %s (%s, %s)\n", json_string_value(json_object_get(entry, "name")),
                   json_string_value(json_object_get(entry, "spec")),
                   json_string_value(json_object_get(entry, "prover")));
    }
    printf("  %zu theorems about the patch format proved, %zu axioms; %zu stale: their files have "
           "changed since\n",
           proved, axioms, stale);
}

static void report_contracts(const json_t *manifest)
{
    size_t i, functions = 0, stale = 0;
    uint64_t goals = 0;
    const json_t *entry;
    json_array_foreach(json_object_get(manifest, "contracts"), i, entry)
    {
        if (!is_rollback(entry))
            continue;
        bool current = file_has_hash(entry, "file", "file_sha256");
        functions += current;
        stale += !current;
        goals += current ? (uint64_t)json_integer_value(json_object_get(entry, "goals")) : 0;
    }
    printf("  %zu C functions of src/rollback proved with %" PRIu64 " goals; %zu stale\n",
           functions, goals, stale);
}

static void report_proofs(const char *path)
{
    json_t *manifest = json_load_file(path, 0, NULL);
    puts("theorem checker (proofs/manifest.json):");
    if (manifest == NULL) {
        puts("  no manifest: nothing is said to be proved");
        return;
    }
    report_theorems(manifest);
    report_contracts(manifest);
    json_decref(manifest);
}

/* ---- The program ---------------------------------------------------------------------------- */

static bool set_paths(const char *folder)
{
    return snprintf(old_path, sizeof old_path, "%s/old", folder) < (int)sizeof old_path &&
           snprintf(new_path, sizeof new_path, "%s/new", folder) < (int)sizeof new_path &&
           snprintf(live_path, sizeof live_path, "%s/live", folder) < (int)sizeof live_path &&
           snprintf(patch_path, sizeof patch_path, "%s/patch", folder) < (int)sizeof patch_path;
}

static int stress(uint64_t mib, uint64_t transitions)
{
    struct pp_failure failure = {0};
    struct pp_patch_file *patch;
    struct images images;
    uint64_t rows = mib * ((1 << 20) / CHECKPOINT_ROW_BYTES);
    if (!in_child(make_images, rows) || !in_child(make_patch, rows))
        return fail("the checkpoints or their patch can't be made");
    if (pp_patch_file_open(patch_path, &patch, &failure) != PP_OK)
        return fail(failure.text);
    images.header = pp_patch_file_header(patch);
    if (!hash_file(old_path, &images.old_hash) || !hash_file(new_path, &images.new_hash))
        return fail("the images can't be read");
    printf("checkpoint of %" PRIu64 " MiB f32, %d of 1000 rows touched; one patch of %" PRIu64
           " bytes for both directions\n",
           mib, PER_MILLE, PP_PATCH_HEADER_BYTES + images.header->body_bytes);
    int exit_code = run(false, transitions, patch, &images);
    if (exit_code == 0)
        exit_code = run(true, transitions, patch, &images);
    if (exit_code == 0)
        printf("bit-identical: the root after each of %" PRIu64 " transitions, SHA-256 of the "
               "whole file every %d and at the end\n",
               2 * transitions, WHOLE_EVERY);
    pp_patch_file_close(patch);
    return exit_code;
}

int main(int argc, char **argv)
{
    uint64_t mib, transitions;
    if (argc != 5 || !pp_decimal_decode(pp_bytes_of(argv[2]), &mib) || mib == 0 || mib > 65536 ||
        !pp_decimal_decode(pp_bytes_of(argv[3]), &transitions) || transitions == 0 ||
        transitions % 2 != 0 || !set_paths(argv[1]))
        return fail("usage: stress_rollback FOLDER MIB TRANSITIONS MANIFEST; an even number");
    int exit_code = stress(mib, transitions);
    if (exit_code == 0)
        report_proofs(argv[4]);
    return exit_code;
}
