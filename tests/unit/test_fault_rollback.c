/* SPDX-License-Identifier: MIT */
/* Files under patches, and the store of versions, when any system call fails or is the last one:
   afterwards there is exactly the old or the new image, and nobody is accused.  PP_CHAOS=1 takes
   several seeds of each power cut. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <postproof/versions.h>

#include "../lib/os_fault.h"

enum { PAGE = PP_ROLLBACK_PAGE_BYTES, OLD_BYTES = 23 * PAGE + 100, NEW_BYTES = 25 * PAGE + 7 };

static char top[128], live[160], template[160], context[256];
static uint8_t old_image[OLD_BYTES], new_image[NEW_BYTES];

/* ---- Files ---------------------------------------------------------------------------------- */

static void shell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void shell(const char *format, ...)
{
    char command[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(command, sizeof command, format, arguments);
    va_end(arguments);
    if (system(command) != 0)
        fail_msg("%s: %s", context, command);
}

/* A path in the folder at work; four may be in use at the same time. */
static const char *in(const char *name)
{
    static char paths[4][256];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", live, name);
    return path;
}

static void write_file(const char *path, const uint8_t *data, size_t bytes)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, bytes, file), bytes);
    assert_int_equal(fclose(file), 0);
}

static bool file_is(const char *path, const uint8_t *data, size_t bytes)
{
    uint8_t *have = malloc(bytes + 1);
    FILE *file = fopen(path, "rb");
    bool same =
        file != NULL && fread(have, 1, bytes + 1, file) == bytes && memcmp(have, data, bytes) == 0;
    if (file != NULL)
        fclose(file);
    free(have);
    return same;
}

static bool exists(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0;
}

static void must(enum pp_error error, const struct pp_failure *failure)
{
    if (error != PP_OK)
        fail_msg("%s: %s", context, failure->text);
}

/* ---- Stories -------------------------------------------------------------------------------- */

static enum pp_error run_in_place(struct pp_failure *failure)
{
    const struct pp_image_options options = {.keep_tree = true};
    struct pp_patch_file *patch;
    struct pp_image *image;
    enum pp_error error = pp_patch_file_open(in("patch"), &patch, failure);
    if (error != PP_OK)
        return error;
    error = pp_image_open(in("file"), &options, &image, NULL, failure);
    if (error == PP_OK) {
        error = pp_image_transition(image, patch, PP_ROLLBACK_APPLY, failure);
        enum pp_error closing = pp_image_close(image, failure);
        error = error == PP_OK ? closing : error;
    }
    pp_patch_file_close(patch);
    return error;
}

static enum pp_error run_rewrite(struct pp_failure *failure)
{
    struct pp_patch_file *patch;
    enum pp_error error = pp_patch_file_open(in("patch"), &patch, failure);
    if (error != PP_OK)
        return error;
    error = pp_patch_file_rewrite(patch, PP_ROLLBACK_APPLY, in("file"), NULL, NULL, failure);
    pp_patch_file_close(patch);
    return error;
}

static enum pp_error run_folder_patch(enum pp_rollback_direction direction,
                                      struct pp_failure *failure)
{
    struct pp_patch_file *patch;
    enum pp_error error = pp_patch_file_open(in("folder-patch"), &patch, failure);
    if (error != PP_OK)
        return error;
    error = pp_patch_file_rewrite(patch, direction, in("folder"), NULL, NULL, failure);
    pp_patch_file_close(patch);
    return error;
}

static enum pp_error run_apply_folder(struct pp_failure *failure)
{
    return run_folder_patch(PP_ROLLBACK_APPLY, failure);
}

static enum pp_error run_diff_folders(struct pp_failure *failure)
{
    return pp_patch_file_make(in("folder-0"), in("folder-1"), in("made-patch"), NULL, failure);
}

static enum pp_error open_store(const char *name, enum pp_versions_use use,
                                struct pp_versions **versions, struct pp_failure *failure)
{
    const struct pp_versions_options options = {.use = use, .actor = "test@host"};
    return pp_versions_open(in(name), &options, versions, failure);
}

static enum pp_error close_store(struct pp_versions *versions, enum pp_error error,
                                 struct pp_failure *failure)
{
    enum pp_error closing = pp_versions_close(versions, error == PP_OK ? failure : NULL);
    return error == PP_OK ? closing : error;
}

static enum pp_error commit(const char *store, const char *subject, struct pp_failure *failure)
{
    struct pp_versions *versions;
    uint64_t number;
    enum pp_error error = open_store(store, PP_VERSIONS_WRITE, &versions, failure);
    if (error != PP_OK)
        return error;
    error = pp_versions_commit(versions, in(subject), "a message", &number, failure);
    return close_store(versions, error, failure);
}

static enum pp_error checkout(const char *store, uint64_t number, struct pp_failure *failure)
{
    const struct pp_checkout_options options = {0};
    struct pp_versions *versions;
    enum pp_error error = open_store(store, PP_VERSIONS_WRITE, &versions, failure);
    if (error != PP_OK)
        return error;
    error = pp_versions_checkout(versions, number, &options, failure);
    return close_store(versions, error, failure);
}

static enum pp_error run_commit(struct pp_failure *failure)
{
    return commit("store", "subject", failure);
}

static enum pp_error run_checkout_step(struct pp_failure *failure)
{
    return checkout("store", 2, failure);
}

static enum pp_error run_checkout_far(struct pp_failure *failure)
{
    return checkout("store", 1, failure);
}

static enum pp_error run_checkout_folder(struct pp_failure *failure)
{
    return checkout("folders", 0, failure);
}

/* ---- What must hold afterwards -------------------------------------------------------------- */

enum outcome { IS_OLD, IS_NEW };

static enum outcome outcome_of(const char *path)
{
    bool is_old = file_is(path, old_image, OLD_BYTES), is_new = file_is(path, new_image, NEW_BYTES);
    if (!is_old && !is_new)
        fail_msg("%s: %s is neither the old nor the new image", context, path);
    return is_new ? IS_NEW : IS_OLD;
}

static enum outcome check_in_place(void)
{
    const struct pp_image_options options = {.keep_tree = true};
    struct pp_failure failure = {0};
    struct pp_image *image;
    must(pp_image_open(in("file"), &options, &image, NULL, &failure), &failure);
    enum outcome outcome = outcome_of(in("file"));
    must(pp_image_close(image, &failure), &failure);
    assert_false(exists(in("file.rollback-journal")));
    /* What is kept beside it is right: another transition starts from it. */
    if (outcome == IS_OLD)
        must(run_in_place(&failure), &failure);
    assert_int_equal(outcome_of(in("file")), IS_NEW);
    return outcome;
}

static enum outcome check_rewrite(void)
{
    struct pp_failure failure = {0};
    enum outcome outcome = outcome_of(in("file"));
    if (outcome == IS_OLD)
        must(run_rewrite(&failure), &failure);
    assert_int_equal(outcome_of(in("file")), IS_NEW);
    assert_false(exists(in(".file.rollback-new")));
    return outcome;
}

/* A crash or an error of the disk is no rollback: nothing may be called bad. */
static void check_store(const char *name, bool all, bool settled)
{
    struct pp_failure failure = {0};
    struct pp_versions *versions;
    struct pp_versions_report report;
    must(open_store(name, PP_VERSIONS_CHECK, &versions, &failure), &failure);
    must(pp_versions_verify(versions, all, &report, &failure), &failure);
    must(pp_versions_close(versions, &failure), &failure);
    if (!report.good || (settled && report.interrupted))
        fail_msg("%s: verify says: %s (interrupted: %d)", context, report.reason,
                 report.interrupted);
}

static uint64_t count_versions(const char *name)
{
    struct pp_failure failure = {0};
    struct pp_versions *versions;
    must(open_store(name, PP_VERSIONS_LOOK, &versions, &failure), &failure);
    uint64_t count = pp_versions_count(versions);
    must(pp_versions_close(versions, &failure), &failure);
    return count;
}

/* Whoever opens the store for writing ends what is open. */
static void settle(const char *store)
{
    struct pp_failure failure = {0};
    struct pp_versions *versions;
    must(open_store(store, PP_VERSIONS_WRITE, &versions, &failure), &failure);
    must(pp_versions_close(versions, &failure), &failure);
}

static enum outcome check_commit(void)
{
    struct pp_failure failure = {0};
    uint64_t before = count_versions("store");
    assert_true(file_is(in("subject"), new_image, NEW_BYTES));
    if (before == 4)
        must(run_commit(&failure), &failure);
    else
        check_store("store", false, false);
    settle("store");
    assert_int_equal(count_versions("store"), 5);
    check_store("store", true, true);
    return before == 5 ? IS_NEW : IS_OLD;
}

/* The version whose image the subject is, after the kept copies in the template. */
static int version_at(const char *path)
{
    for (int i = 0; i < 4; i++) {
        char copy[32];
        snprintf(copy, sizeof copy, "copy-%d", i);
        char command[700];
        snprintf(command, sizeof command, "cmp -s %s %s", path, in(copy));
        if (system(command) == 0)
            return i;
    }
    fail_msg("%s: the subject is no version", context);
    return -1;
}

static enum outcome check_checkout(int from, int to)
{
    struct pp_failure failure = {0};
    /* As verify would, the image under a journal is completed first by whoever opens it. */
    must(checkout("store", (uint64_t)to, &failure), &failure);
    assert_int_equal(version_at(in("subject")), to);
    check_store("store", false, true);
    must(checkout("store", (uint64_t)from, &failure), &failure);
    assert_int_equal(version_at(in("subject")), from);
    return IS_OLD;
}

static enum outcome check_step(void)
{
    return check_checkout(3, 2);
}

static enum outcome check_far(void)
{
    int at = version_at(in("subject")); /* a rename: never anything between */
    assert_true(at == 3 || at == 1);
    check_store("store", false, false);
    check_checkout(3, 1);
    return at == 1 ? IS_NEW : IS_OLD;
}

static bool folder_is(const char *copy)
{
    char command[900];
    snprintf(command, sizeof command,
             "cd %s && diff -r --no-dereference folder %s >/dev/null && "
             "[ \"$(cd folder && find . -printf '%%P %%m %%T@ %%l\\n' | sort)\" = "
             "\"$(cd %s && find . -printf '%%P %%m %%T@ %%l\\n' | sort)\" ]",
             live, copy, copy);
    return system(command) == 0;
}

static enum outcome check_folder(void)
{
    struct pp_failure failure = {0};
    bool is_old = folder_is("folder-1"), is_new = folder_is("folder-0");
    if (!is_old && !is_new)
        fail_msg("%s: the folder is neither version", context);
    check_store("folders", false, false);
    must(checkout("folders", 0, &failure), &failure);
    assert_true(folder_is("folder-0"));
    check_store("folders", true, true);
    return is_new ? IS_NEW : IS_OLD;
}

static enum outcome check_apply_folder(void)
{
    struct pp_failure failure = {0};
    bool is_old = folder_is("folder-1"), is_new = folder_is("folder-0");
    if (!is_old && !is_new)
        fail_msg("%s: the folder is neither the old nor the new one", context);
    if (is_old)
        must(run_apply_folder(&failure), &failure);
    assert_true(folder_is("folder-0"));
    /* Whoever comes next removes what was left over. */
    must(run_folder_patch(PP_ROLLBACK_REVERT, &failure), &failure);
    assert_true(folder_is("folder-1"));
    assert_false(exists(in(".folder.rollback-new")));
    assert_false(exists(in(".folder.rollback-image")));
    return is_new ? IS_NEW : IS_OLD;
}

/* A patch is there as a whole, or there is none, and the next one is made all the same. */
static enum outcome check_diff_folders(void)
{
    struct pp_failure failure = {0};
    struct pp_patch_file *patch;
    bool made = exists(in("made-patch"));
    if (!made)
        must(run_diff_folders(&failure), &failure);
    must(pp_patch_file_open(in("made-patch"), &patch, &failure), &failure);
    must(pp_patch_file_rewrite(patch, PP_ROLLBACK_REVERT, in("folder"), NULL, NULL, &failure),
         &failure);
    pp_patch_file_close(patch);
    assert_true(folder_is("folder-0"));
    if (!made)
        assert_false(exists(in(".made-patch.rollback-old-image")));
    return made ? IS_NEW : IS_OLD;
}

struct story {
    const char *name;
    enum pp_error (*run)(struct pp_failure *failure);
    enum outcome (*check)(void);
    const char *needs;  /* of the template */
    bool outcome_known; /* check tells what the crash left, not only that it was repaired */
};
static const struct story stories[] = {
    {"apply in place", run_in_place, check_in_place, "file patch", true},
    {"apply to a new file", run_rewrite, check_rewrite, "file patch", true},
    {"commit", run_commit, check_commit, "store subject", true},
    {"checkout in place", run_checkout_step, check_step, "store subject copy-*", false},
    {"checkout of a file", run_checkout_far, check_far, "store subject copy-*", true},
    {"checkout of a folder", run_checkout_folder, check_folder, "folders folder folder-*", true},
    {"apply to a folder", run_apply_folder, check_apply_folder, "folder folder-*", true},
    {"diff of folders", run_diff_folders, check_diff_folders, "folder folder-*", true},
};
enum { STORIES = sizeof stories / sizeof stories[0] };

/* ---- The template --------------------------------------------------------------------------- */

static void fill_images(void)
{
    uint64_t state = 1;
    for (size_t i = 0; i < NEW_BYTES; i++) {
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        new_image[i] = (uint8_t)(state >> 56);
    }
    memcpy(old_image, new_image, OLD_BYTES);
    for (size_t page = 0; page < 23; page += 3)
        old_image[page * PAGE + 17 * page] ^= 0x55;
}

/* Four versions of a file that differ in a page each, and copies of them. */
static void make_file_store(void)
{
    struct pp_failure failure = {0};
    must(pp_versions_create(in("store"), NULL, NULL, &failure), &failure);
    for (int i = 0; i < 4; i++) {
        uint8_t image[OLD_BYTES];
        memcpy(image, old_image, sizeof image);
        for (int k = 1; k <= i; k++)
            image[k * PAGE + 5] ^= (uint8_t)k;
        write_file(in("subject"), image, sizeof image);
        must(commit("store", "subject", &failure), &failure);
        shell("cp -a %s %s/copy-%d", in("subject"), live, i);
    }
}

static void make_folder_store(void)
{
    struct pp_failure failure = {0};
    shell("cd %s && mkdir -p folder/inner && echo one >folder/a && ln -s a folder/link && "
          "head -c 9000 /dev/urandom >folder/inner/b && chmod 600 folder/a",
          live);
    must(pp_versions_create(in("folders"), NULL, NULL, &failure), &failure);
    must(commit("folders", "folder", &failure), &failure);
    shell("cd %s && cp -a folder folder-0 && rm folder/link && mv folder/inner/b folder/c && "
          "echo two >>folder/a && chmod 755 folder/inner",
          live);
    must(commit("folders", "folder", &failure), &failure);
    shell("cd %s && cp -a folder folder-1", live);
    must(pp_patch_file_make(in("folder-1"), in("folder-0"), in("folder-patch"), NULL, &failure),
         &failure);
}

static int set_up(void **state)
{
    struct pp_failure failure = {0};
    (void)state;
    /* Thousands of runs: where it costs nothing to be durable, if there is such a place. */
    snprintf(top, sizeof top, "%s/postproof-rollback-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (mkdtemp(top) == NULL)
        return -1;
    snprintf(live, sizeof live, "%s/live", top);
    snprintf(template, sizeof template, "%s/template", top);
    snprintf(context, sizeof context, "set-up");
    shell("mkdir %s", live);
    fill_images();
    write_file(in("file"), old_image, OLD_BYTES);
    write_file(in("new"), new_image, NEW_BYTES);
    must(pp_patch_file_make(in("file"), in("new"), in("patch"), NULL, &failure), &failure);
    make_file_store();
    make_folder_store();
    /* Segments are reserved for megabytes: their copies are holes. */
    shell("cp -a --sparse=always %s %s", live, template);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    snprintf(context, sizeof context, "tear-down");
    shell("rm -rf %s", top);
    return 0;
}

/* A commit needs something to commit: the new image. */
static void restore(const struct story *story)
{
    shell("rm -rf %s && mkdir %s && cd %s && cp -a %s %s", live, live, template, story->needs,
          live);
    if (story->run == run_commit)
        write_file(in("subject"), new_image, NEW_BYTES);
}

/* ---- Faults --------------------------------------------------------------------------------- */

struct kind {
    const char *name;
    enum pp_fault_action action;
    unsigned classes;
    bool lasting;
};
static const struct kind kinds[] = {
    {"a kill before", PP_FAULT_KILL_BEFORE, PP_FAULT_CHANGES, false},
    {"a kill in the middle of", PP_FAULT_KILL_SHORT, PP_FAULT_WRITES, false},
    {"a power cut at", PP_FAULT_POWER_CUT, PP_FAULT_CHANGES, false},
    {"an error of", PP_FAULT_EIO, PP_FAULT_ALL, false},
    {"a disk that is full from", PP_FAULT_SHORT_WRITE, PP_FAULT_WRITES, true},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

enum life { SUCCEEDED, REPORTED, KILLED };

static enum life live_under(struct pp_fault fault, const struct story *story, bool *struck)
{
    int status = 0, told[2];
    assert_int_equal(pipe(told), 0);
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct pp_failure failure = {0};
        pp_fault_set(fault);
        enum pp_error error = story->run(&failure);
        uint8_t strikes = pp_fault_strikes() > 0;
        pp_fault_clear();
        bool silent = error != PP_OK && failure.text[0] == '\0';
        if (write(told[1], &strikes, 1) != 1)
            _exit(3);
        _exit(silent ? 2 : error == PP_OK ? 0 : 1);
    }
    close(told[1]);
    assert_int_equal(waitpid(child, &status, 0), child);
    uint8_t strikes = 1;
    *struck = read(told[0], &strikes, 1) != 1 || strikes != 0;
    close(told[0]);
    if (WIFSIGNALED(status)) {
        if (WTERMSIG(status) != SIGKILL)
            fail_msg("%s: ended by signal %d", context, WTERMSIG(status));
        return KILLED;
    }
    if (WEXITSTATUS(status) > 1)
        fail_msg("%s: failed without a word", context);
    return WEXITSTATUS(status) == 0 ? SUCCEEDED : REPORTED;
}

static uint64_t fault_at_every_call(const struct kind *kind, const struct story *story,
                                    uint64_t seed)
{
    for (uint64_t call = 1;; call++) {
        bool struck;
        snprintf(context, sizeof context, "%s: %s call %llu, seed %llu", story->name, kind->name,
                 (unsigned long long)call, (unsigned long long)seed);
        struct pp_fault fault = {.action = kind->action,
                                 .classes = kind->classes,
                                 .at_call = call,
                                 .lasting = kind->lasting,
                                 .keep_bytes = PP_FAULT_BY_SEED,
                                 .seed = seed * 1000 + call};
        restore(story);
        enum life life = live_under(fault, story, &struck);
        enum outcome outcome = story->check();
        if (life == SUCCEEDED && story->outcome_known)
            assert_int_equal(outcome, IS_NEW);
        if (!struck)
            return call - 1;
    }
}

static void every_call_may_fail_or_be_the_last(void **state)
{
    const struct story *story = *state;
    uint64_t seeds = getenv("PP_CHAOS") != NULL ? 5 : 1, faults = 0;
    for (size_t i = 0; i < KINDS; i++)
        for (uint64_t seed = 1; seed <= seeds; seed++)
            faults += fault_at_every_call(&kinds[i], story, seed);
    print_message("%s: %llu faults\n", story->name, (unsigned long long)faults);
    assert_true(faults > 40);
}

int main(void)
{
    struct CMUnitTest tests[STORIES];
    static struct story states[STORIES];
    for (size_t i = 0; i < STORIES; i++) {
        states[i] = stories[i];
        tests[i] = (struct CMUnitTest){.name = stories[i].name,
                                       .test_func = every_call_may_fail_or_be_the_last,
                                       .initial_state = &states[i]};
    }
    return cmocka_run_group_tests_name("fault_rollback", tests, set_up, tear_down);
}
