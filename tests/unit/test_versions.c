/* SPDX-License-Identifier: MIT */
/* Files under patches and the store of versions, without faults: what is refused, what is kept, and
   how many patches lead to a version. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <postproof/versions.h>

#include "../../src/base/base.h"
#include "../../src/versions/versions.h"

enum { PAGE = PP_ROLLBACK_PAGE_BYTES, PAGES = 40 };

static char top[128];

/* ---- Files ---------------------------------------------------------------------------------- */

static const char *in(const char *name)
{
    static char paths[4][256];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", top, name);
    return path;
}

static int enter(void **state)
{
    (void)state;
    snprintf(top, sizeof top, "/tmp/postproof-versions-XXXXXX");
    return mkdtemp(top) == NULL;
}

static int leave(void **state)
{
    char command[256];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", top);
    return system(command);
}

static void fill(uint8_t *data, size_t bytes, uint64_t seed)
{
    for (size_t i = 0; i < bytes; i++) {
        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        data[i] = (uint8_t)(seed >> 56);
    }
}

static void write_file(const char *name, const void *data, size_t bytes)
{
    FILE *file = fopen(in(name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, bytes, file), bytes);
    assert_int_equal(fclose(file), 0);
}

static void assert_file(const char *name, const void *data, size_t bytes)
{
    uint8_t *have = malloc(bytes + 1);
    FILE *file = fopen(in(name), "rb");
    assert_non_null(file);
    assert_int_equal(fread(have, 1, bytes + 1, file), bytes);
    assert_memory_equal(have, data, bytes);
    fclose(file);
    free(have);
}

static void must(enum pp_error error, const struct pp_failure *failure)
{
    if (error != PP_OK)
        fail_msg("%s", failure->text);
}

static struct pp_patch_file *make_patch(const char *old_name, const char *new_name)
{
    struct pp_failure failure = {0};
    const struct pp_diff_options options = {.mode = PP_DIFF_PAGES};
    struct pp_patch_file *patch;
    unlink(in("patch"));
    must(pp_patch_file_make(in(old_name), in(new_name), in("patch"), &options, &failure), &failure);
    must(pp_patch_file_open(in("patch"), &patch, &failure), &failure);
    return patch;
}

static struct pp_image *open_image(const char *name, struct pp_image_opening *opening)
{
    struct pp_failure failure = {0};
    const struct pp_image_options options = {.not_durable = true, .keep_tree = true};
    struct pp_image *image;
    must(pp_image_open(in(name), &options, &image, opening, &failure), &failure);
    return image;
}

static void close_image(struct pp_image *image)
{
    struct pp_failure failure = {0};
    must(pp_image_close(image, &failure), &failure);
}

/* ---- Images --------------------------------------------------------------------------------- */

/* Every pair of sizes around page limits, with a change and without one, there and back. */
static void sizes_of_any_kind_go_there_and_back(void **state)
{
    static const size_t sizes[] = {0,        1,        100,          PAGE - 1,     PAGE,
                                   PAGE + 1, 2 * PAGE, 2 * PAGE + 9, 5 * PAGE - 3, 7 * PAGE};
    enum { SIZES = sizeof sizes / sizeof sizes[0] };
    static uint8_t a[8 * PAGE], b[8 * PAGE];
    struct pp_failure failure = {0};
    (void)state;
    for (size_t i = 0; i < SIZES * SIZES * 2; i++) {
        size_t old_bytes = sizes[i % SIZES], new_bytes = sizes[i / SIZES % SIZES];
        fill(a, sizeof a, 1);
        memcpy(b, a, sizeof b);
        if (i >= SIZES * SIZES)
            b[new_bytes / 2] ^= 1;
        write_file("old", a, old_bytes);
        write_file("new", b, new_bytes);
        write_file("file", a, old_bytes);
        struct pp_patch_file *patch = make_patch("old", "new");
        struct pp_image *image = open_image("file", NULL);
        must(pp_image_transition(image, patch, PP_ROLLBACK_APPLY, &failure), &failure);
        assert_file("file", b, new_bytes);
        must(pp_image_transition(image, patch, PP_ROLLBACK_REVERT, &failure), &failure);
        close_image(image);
        assert_file("file", a, old_bytes);
        pp_patch_file_close(patch);
    }
}

/* Weights trained anew: three bytes of four are others, but each is in its place. */
static void weights_trained_anew_get_a_patch_of_pages(void **state)
{
    static uint8_t a[PAGES * PAGE], b[PAGES * PAGE], noise[PAGES * PAGE];
    struct pp_failure failure = {0};
    struct pp_patch_file *patch;
    (void)state;
    fill(a, sizeof a, 5);
    fill(noise, sizeof noise, 6);
    for (size_t i = 0; i < sizeof a; i += 4) {
        uint32_t old_weight = UINT32_C(0x3c200000) | (pp_get_u32(a + i) & 0x1fffff);
        uint32_t new_weight = old_weight + (pp_get_u32(noise + i) & 0x1ffff);
        for (size_t k = 0; k < 4; k++) {
            a[i + k] = (uint8_t)(old_weight >> 8 * k);
            b[i + k] = (uint8_t)(new_weight >> 8 * k);
        }
    }
    write_file("old", a, sizeof a);
    write_file("new", b, sizeof b);
    unlink(in("patch"));
    must(pp_patch_file_make(in("old"), in("new"), in("patch"), NULL, &failure), &failure);
    must(pp_patch_file_open(in("patch"), &patch, &failure), &failure);
    assert_int_equal(pp_patch_file_header(patch)->mode, PP_PATCH_PAGES);
    pp_patch_file_close(patch);
    /* The same bytes 100 further on: generic mode finds them. */
    memmove(b + 100, a, sizeof b - 100);
    write_file("new", b, sizeof b);
    unlink(in("patch"));
    must(pp_patch_file_make(in("old"), in("new"), in("patch"), NULL, &failure), &failure);
    must(pp_patch_file_open(in("patch"), &patch, &failure), &failure);
    assert_int_equal(pp_patch_file_header(patch)->mode, PP_PATCH_GENERIC);
    pp_patch_file_close(patch);
}

struct pair {
    uint8_t old_image[PAGES * PAGE], new_image[PAGES * PAGE];
    struct pp_patch_file *patch;
};

static void make_pair(struct pair *pair)
{
    fill(pair->old_image, sizeof pair->old_image, 7);
    memcpy(pair->new_image, pair->old_image, sizeof pair->new_image);
    for (size_t page = 3; page < PAGES; page += 9)
        pair->new_image[page * PAGE + 11] ^= 0xff;
    write_file("old", pair->old_image, sizeof pair->old_image);
    write_file("new", pair->new_image, sizeof pair->new_image);
    write_file("file", pair->old_image, sizeof pair->old_image);
    pair->patch = make_patch("old", "new");
}

static void a_kept_tree_saves_reading_and_names_the_page(void **state)
{
    static struct pair pair;
    struct pp_image_opening opening;
    struct pp_failure failure = {0};
    (void)state;
    make_pair(&pair);
    close_image(open_image("file", &opening));
    assert_true(opening.hashed);
    struct pp_image *image = open_image("file", &opening);
    assert_false(opening.hashed);
    must(pp_image_transition(image, pair.patch, PP_ROLLBACK_APPLY, &failure), &failure);
    close_image(image);
    close_image(open_image("file", &opening));
    assert_false(opening.hashed);
    /* Something else writes, within the same tick or not: the tree is out of date. */
    FILE *file = fopen(in("file"), "r+b");
    assert_int_equal(fseek(file, 25 * PAGE, SEEK_SET), 0);
    assert_int_equal(fputc(pair.new_image[25 * PAGE] ^ 1, file) >= 0, 1);
    fclose(file);
    image = open_image("file", &opening);
    assert_true(opening.hashed);
    assert_int_equal(pp_image_transition(image, pair.patch, PP_ROLLBACK_REVERT, &failure),
                     PP_ERROR_MISMATCH);
    assert_non_null(strstr(failure.text, "first at page 25 "));
    close_image(image);
    pair.new_image[25 * PAGE] ^= 1;
    assert_file("file", pair.new_image, sizeof pair.new_image);
    pp_patch_file_close(pair.patch);
}

/* A page that changes behind the back of an open image: it is compared as it is read. */
static void a_page_is_checked_when_it_is_read(void **state)
{
    static struct pair pair;
    struct pp_failure failure = {0};
    (void)state;
    make_pair(&pair);
    struct pp_image *image = open_image("file", NULL);
    FILE *file = fopen(in("file"), "r+b");
    assert_int_equal(fseek(file, 12 * PAGE + 100, SEEK_SET), 0);
    assert_true(fputc(pair.old_image[12 * PAGE + 100] ^ 4, file) >= 0);
    fclose(file);
    assert_int_equal(pp_image_transition(image, pair.patch, PP_ROLLBACK_APPLY, &failure),
                     PP_ERROR_MISMATCH);
    assert_non_null(strstr(failure.text, "page 12 "));
    close_image(image);
    pair.old_image[12 * PAGE + 100] ^= 4;
    assert_file("file", pair.old_image, sizeof pair.old_image);
    pp_patch_file_close(pair.patch);
}

static void one_process_at_a_time(void **state)
{
    static struct pair pair;
    struct pp_image *second;
    struct pp_failure failure = {0};
    (void)state;
    make_pair(&pair);
    struct pp_image *image = open_image("file", NULL);
    assert_int_equal(pp_image_open(in("file"), NULL, &second, NULL, &failure), PP_ERROR_LOCKED);
    assert_int_equal(
        pp_patch_file_rewrite(pair.patch, PP_ROLLBACK_APPLY, in("file"), NULL, NULL, &failure),
        PP_ERROR_LOCKED);
    close_image(image);
    must(pp_patch_file_rewrite(pair.patch, PP_ROLLBACK_APPLY, in("file"), NULL, NULL, &failure),
         &failure);
    assert_file("file", pair.new_image, sizeof pair.new_image);
    pp_patch_file_close(pair.patch);
}

/* Every byte of a patch file counts. */
static void a_damaged_patch_is_refused_and_nothing_changes(void **state)
{
    static struct pair pair;
    struct pp_failure failure = {0};
    struct stat status;
    struct pp_patch_file *damaged;
    (void)state;
    make_pair(&pair);
    assert_int_equal(stat(in("patch"), &status), 0);
    size_t bytes = (size_t)status.st_size;
    uint8_t *patch = malloc(bytes);
    FILE *file = fopen(in("patch"), "rb");
    assert_int_equal(fread(patch, 1, bytes, file), bytes);
    fclose(file);
    for (size_t i = 0; i < bytes; i++) {
        patch[i] ^= 0x10;
        write_file("damaged", patch, bytes);
        patch[i] ^= 0x10;
        enum pp_error error = pp_patch_file_open(in("damaged"), &damaged, &failure);
        assert_true(error == PP_ERROR_FORMAT || error == PP_ERROR_MISMATCH);
    }
    for (size_t len = 0; len < bytes; len += 7) {
        write_file("damaged", patch, len);
        enum pp_error error = pp_patch_file_open(in("damaged"), &damaged, &failure);
        assert_true(error == PP_ERROR_FORMAT || error == PP_ERROR_MISMATCH);
    }
    free(patch);
    pp_patch_file_close(pair.patch);
}

/* ---- Ways ----------------------------------------------------------------------------------- */

static unsigned floor_log2(uint64_t n)
{
    unsigned log = 0;
    while (n > 1) {
        n /= 2;
        log++;
    }
    return log;
}

/* For every n up to 8192: any of n versions in at most floor(log2 n) patches; some need them. */
static void any_of_n_versions_is_log_n_patches_away(void **state)
{
    unsigned most = 0;
    (void)state;
    for (uint64_t n = 1; n <= 8192; n++) {
        unsigned steps = pp_versions_steps(n - 1);
        most = steps > most ? steps : most;
        assert_true(most <= floor_log2(n));
        if ((n & (n - 1)) == 0)
            assert_int_equal(most, floor_log2(n));
    }
}

static struct pp_versions *open_store(enum pp_versions_use use)
{
    struct pp_failure failure = {0};
    const struct pp_versions_options options = {.use = use, .actor = "test@host"};
    struct pp_versions *versions;
    must(pp_versions_open(in("store"), &options, &versions, &failure), &failure);
    return versions;
}

/* The store keeps to it: the patches of each record are those of the rule. */
static void a_store_has_those_ways_and_no_others(void **state)
{
    enum { VERSIONS = 19 };
    static uint8_t image[4 * PAGE];
    struct pp_failure failure = {0};
    (void)state;
    must(pp_versions_create(in("store"), NULL, NULL, &failure), &failure);
    struct pp_versions *versions = open_store(PP_VERSIONS_WRITE);
    fill(image, sizeof image, 3);
    for (uint64_t i = 0; i < VERSIONS; i++) {
        uint64_t number;
        image[i * 700] ^= 1;
        write_file("subject", image, sizeof image);
        must(pp_versions_commit(versions, in("subject"), "m", &number, &failure), &failure);
        assert_int_equal(number, i);
    }
    for (uint64_t i = 1; i < VERSIONS; i++) {
        struct pp_version_record record;
        uint64_t parent = i & (i - 1);
        must(pp_version_record_read(versions, i, &record, NULL, &failure), &failure);
        assert_int_equal(record.patch_count, parent == i - 1 ? 1 : 2);
        assert_int_equal(record.patches[0].from, parent);
        assert_int_equal(record.patches[record.patch_count - 1].from, i - 1);
    }
    for (uint64_t i = 0; i < VERSIONS; i++) {
        const struct pp_checkout_options options = {0};
        uint64_t number = i * 7 % VERSIONS;
        struct pp_version version;
        must(pp_versions_checkout(versions, number, &options, &failure), &failure);
        must(pp_versions_read(versions, number, &version, &failure), &failure);
        struct pp_image *image_now = open_image("subject", NULL);
        struct pp_digest root = pp_image_root(image_now);
        assert_memory_equal(&root, &version.root, sizeof root);
        close_image(image_now);
    }
    must(pp_versions_close(versions, &failure), &failure);
}

/* ---- Hostile folder images ------------------------------------------------------------------ */

static size_t put_entry(uint8_t *at, uint8_t kind, uint64_t bytes, const char *path,
                        const char *target)
{
    memset(at, 0, 24);
    at[0] = kind;
    pp_put_u16(at + 2, kind == 'l' ? 0 : 0700);
    pp_put_u64(at + 12, bytes);
    pp_put_u16(at + 20, (uint16_t)strlen(path));
    pp_put_u16(at + 22, (uint16_t)strlen(target));
    memcpy(at + 24, path, strlen(path));
    memcpy(at + 24 + strlen(path), target, strlen(target));
    return 24 + strlen(path) + strlen(target);
}

static void remove_unpacked(void)
{
    assert_int_equal(pp_folder_remove(PP_OS_CWD, in("unpacked")), 0);
}

/* An image of that many pages; the list is the first. */
static enum pp_error unpack(const uint8_t *list, size_t len, uint64_t claimed, size_t pages)
{
    static uint8_t image[3 * PAGE];
    struct pp_failure failure = {0};
    memset(image, 0, sizeof image);
    memcpy(image, "PPRBDIR1", 8);
    pp_put_u64(image + 8, claimed);
    memcpy(image + 16, list, len);
    write_file("image", image, pages * PAGE);
    remove_unpacked();
    return pp_folder_unpack(in("image"), in("unpacked"), true, &failure);
}

struct entry {
    uint8_t kind;
    uint64_t bytes;
    const char *path, *target;
};

/* A folder, and in it a link to the folder that it lies in, and the entry. */
static enum pp_error unpack_entry(const struct entry *entry)
{
    static uint8_t list[1024];
    size_t len = put_entry(list, 'd', 0, "", "");
    len += put_entry(list + len, 'l', 0, "link", "..");
    len += put_entry(list + len, entry->kind, entry->bytes, entry->path, entry->target);
    return unpack(list, len, 16 + len, entry->bytes > 0 ? 2 : 1);
}

static void a_hostile_folder_image_writes_nothing_outside(void **state)
{
    static const struct entry good[] = {
        {'f', 5, "linked", ""}, {'f', 0, "m", ""}, {'d', 0, "n", ""}, {'l', 0, "o", "target"}};
    static const struct entry bad[] = {
        {'f', 5, "../escaped", ""},
        {'f', 5, "/tmp/escaped", ""},
        {'f', 5, "m/../../escaped", ""},
        {'f', 5, "", ""},
        {'f', 5, "m//b", ""},
        {'f', 5, ".", ""},
        {'f', 5, "link/escaped", ""},
        {'x', 0, "m", ""},
        {'f', 1 << 30, "m", ""},
        {'d', 5, "m", ""},
        {'l', 0, "m", ""},
        {'f', 5, "m", "target"},
        {'f', 5, "before", ""},
        {'d', 0, "link", ""},
        {'l', 0, "link", "."},
    };
    struct stat before, after;
    (void)state;
    assert_int_equal(stat(top, &before), 0);
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_int_equal(unpack_entry(&good[i]), PP_OK);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_not_equal(unpack_entry(&bad[i]), PP_OK);
        assert_int_equal(access(in("escaped"), F_OK), -1);
        assert_int_equal(access("/tmp/escaped", F_OK), -1);
        /* Through the link: the folder that all of it lies in. */
        assert_int_equal(stat(top, &after), 0);
        assert_int_equal(after.st_mode, before.st_mode);
    }
}

/* Of each folder there is one image: any other is refused before anything is made. */
static void a_folder_image_is_refused_unless_packing_makes_it(void **state)
{
    static uint8_t list[2 * PAGE];
    char path[256] = "";
    (void)state;
    size_t len = put_entry(list, 'd', 0, "", "");
    len += put_entry(list + len, 'f', 5, "good", "");
    assert_int_equal(unpack(list, len, 16 + len, 2), PP_OK);
    for (uint64_t claimed = 0; claimed < 16 + len; claimed++)
        assert_int_not_equal(unpack(list, len, claimed, 2), PP_OK);
    assert_int_not_equal(unpack(list, len, UINT64_MAX, 2), PP_OK);
    assert_int_not_equal(unpack(list, len, 16 + len, 1), PP_OK); /* contents missing */
    assert_int_not_equal(unpack(list, len, 16 + len, 3), PP_OK); /* contents of nothing */
    list[len] = 1;                                               /* behind the list */
    assert_int_not_equal(unpack(list, len + 1, 16 + len, 2), PP_OK);
    list[PAGE - 16 + 5] = 1; /* behind the contents */
    assert_int_not_equal(unpack(list, PAGE - 16 + 6, 16 + len, 2), PP_OK);
    remove_unpacked();
    /* As deep as packing goes, and one deeper: nothing could remove that again. */
    len = put_entry(list, 'd', 0, "", "");
    for (unsigned depth = 1; depth <= PP_FOLDER_DEPTH_MAX; depth++) {
        strcat(path, depth == 1 ? "d" : "/d");
        len += put_entry(list + len, 'd', 0, path, "");
    }
    size_t pages = (16 + len + PAGE - 1) / PAGE;
    assert_int_equal(unpack(list, len, 16 + len, pages), PP_OK);
    strcat(path, "/d");
    len += put_entry(list + len, 'd', 0, path, "");
    assert_int_equal((16 + len + PAGE - 1) / PAGE, pages);
    assert_int_not_equal(unpack(list, len, 16 + len, pages), PP_OK);
    assert_int_equal(access(in("unpacked"), F_OK), -1);
}

struct disturber {
    pthread_t thread;
    _Atomic bool stops;
};

/* A file comes, grows and goes, over and over. */
static void *disturb(void *context)
{
    struct disturber *disturber = context;
    char path[256];
    snprintf(path, sizeof path, "%s/busy/b", top);
    while (!disturber->stops) {
        FILE *file = fopen(path, "wb");
        if (file != NULL) {
            fputs("something", file);
            fclose(file);
        }
        unlink(path);
    }
    return NULL;
}

/* Somebody works in the folder that is packed: an error says so, or the image is whole. */
static void a_folder_that_changes_gives_no_damaged_image(void **state)
{
    struct disturber disturber = {.stops = false};
    struct pp_failure failure = {0};
    (void)state;
    assert_int_equal(mkdir(in("busy"), 0700), 0);
    write_file("busy/a", "a", 1);
    write_file("busy/c", "c", 1);
    assert_int_equal(pthread_create(&disturber.thread, NULL, disturb, &disturber), 0);
    for (int i = 0; i < 100; i++) {
        unlink(in("image"));
        enum pp_error error = pp_folder_pack(in("busy"), in("image"), &failure);
        remove_unpacked();
        if (error == PP_OK)
            must(pp_folder_unpack(in("image"), in("unpacked"), true, &failure), &failure);
        else
            assert_int_equal(error, PP_ERROR_MISMATCH);
    }
    disturber.stops = true;
    assert_int_equal(pthread_join(disturber.thread, NULL), 0);
    unlink(in("image"));
    remove_unpacked();
    must(pp_folder_pack(in("busy"), in("image"), &failure), &failure);
    must(pp_folder_unpack(in("image"), in("unpacked"), true, &failure), &failure);
    assert_file("unpacked/c", "c", 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_of_any_kind_go_there_and_back),
        cmocka_unit_test(weights_trained_anew_get_a_patch_of_pages),
        cmocka_unit_test(a_kept_tree_saves_reading_and_names_the_page),
        cmocka_unit_test(a_page_is_checked_when_it_is_read),
        cmocka_unit_test(one_process_at_a_time),
        cmocka_unit_test(a_damaged_patch_is_refused_and_nothing_changes),
        cmocka_unit_test(any_of_n_versions_is_log_n_patches_away),
        cmocka_unit_test(a_store_has_those_ways_and_no_others),
        cmocka_unit_test(a_hostile_folder_image_writes_nothing_outside),
        cmocka_unit_test(a_folder_image_is_refused_unless_packing_makes_it),
        cmocka_unit_test(a_folder_that_changes_gives_no_damaged_image),
    };
    return cmocka_run_group_tests_name("versions", tests, enter, leave);
}
