/* SPDX-License-Identifier: MIT */
/* The program postproof: a table of verbs drives usage, help and dispatch. */
#include <stdio.h>
#include <string.h>

#include "../src/os/os.h"
#include "bundle.h"
#include "cli.h"

struct verb {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *description;
};

static const struct verb VERBS[] = {
    {"keygen", cmd_keygen, "make the keys of a new ledger"},
    {"init", cmd_init, "make an empty ledger bound to its keys"},
    {"append", cmd_append, "append lines from files, standard input or a syslog socket"},
    {"verify", cmd_verify, "verify a whole ledger: a verdict, the first bad place, the reason"},
    {"cat", cmd_cat, "print entries as text or JSON lines"},
    {"checkpoint", cmd_checkpoint, "sign the tree of all entries, to be saved elsewhere"},
    {"prove", cmd_prove, "make a proof that one entry is in the checkpointed tree"},
    {"check", cmd_check, "check such a proof offline"},
    {"recover", cmd_recover, "repair what a crash left, and say what it was"},
    {"prune", cmd_prune, "delete old segments so that the rest stays provable"},
    {"export", cmd_export, "write the ledger as a C2SP tlog-tiles tree"},
    {"limit", cmd_limit, "replay and check a limiter's decisions; measure it"},
    {"bundle", cmd_bundle, "evidence bundles and their parts"},
    {"rollback", cmd_rollback, "patches for both directions; versions of a file or folder"},
    {"dashboard", cmd_dashboard, "alert rules and a dashboard from what is proved"},
    {"proofs", cmd_proofs, "list what is proved, or prove it again"},
    {"serve", cmd_serve, "answer limit checks over HTTP and RESP"},
    {"doctor", cmd_doctor, "check this machine, the keys and the ledger for trouble"},
    {"demo", cmd_demo, "show it on this machine's own logs, attacks included"},
};

enum { VERB_COUNT = sizeof VERBS / sizeof *VERBS };

/* Names that the program is also installed under, each for a verb; OTHER_NAMES in the Makefile. */
static const struct verb PROGRAMS[] = {
    {"log_verifier", cmd_verify, "the verb verify"},
    {"bundle_builder", bundle_create_command, "the verb bundle create"},
    {"verify_bundle", bundle_verify_command, "the verb bundle verify"},
    {"bundle_uploader", bundle_uploader_command, "the verbs bundle upload and bundle audit"},
    {"dashboard_generator", cmd_dashboard, "the verb dashboard"},
};

static const char MAP_FAULT[] =
    "postproof: a file got shorter while it was read, or its disk fails: nothing was decided; "
    "try again on a copy\n";

enum { PROGRAM_COUNT = sizeof PROGRAMS / sizeof *PROGRAMS };

static void print_usage(FILE *out)
{
    fputs("usage: postproof VERB [argument...] [option...]\n\nverbs:\n", out);
    for (size_t i = 0; i < VERB_COUNT; i++)
        fprintf(out, "  %-12s %s\n", VERBS[i].name, VERBS[i].description);
    fputs("\n`postproof help VERB` explains a verb and gives an example.\n"
          "exit code: 0 proven good or done, 1 proven bad, 2 cannot decide\n",
          out);
}

static const struct verb *find_verb(const char *name)
{
    for (size_t i = 0; i < VERB_COUNT; i++)
        if (strcmp(VERBS[i].name, name) == 0)
            return &VERBS[i];
    fprintf(stderr, "postproof: unknown verb '%s'; `postproof help` lists the verbs\n", name);
    return NULL;
}

static int run_help(int argc, char **argv)
{
    if (argc < 2) {
        print_usage(stdout);
        return CLI_GOOD;
    }
    const struct verb *verb = find_verb(argv[1]);
    char help[] = "--help";
    char *words[] = {argv[1], help, NULL};
    return verb ? verb->run(2, words) : CLI_UNDECIDED;
}

static int print_version(void)
{
    puts("postproof " PP_VERSION);
    return CLI_GOOD;
}

/* The verb that the program's own name stands for, or NULL. */
static const struct verb *verb_of_program(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    for (size_t i = 0; i < PROGRAM_COUNT; i++) {
        if (strcmp(PROGRAMS[i].name, name) == 0) {
            cli_set_program(PROGRAMS[i].name);
            return &PROGRAMS[i];
        }
    }
    return NULL;
}

/* implied: the verb that the program's name stands for, or NULL. */
static int dispatch(const struct verb *implied, int argc, char **argv)
{
    if (implied && argc == 2 && strcmp(argv[1], "--version") == 0)
        return print_version();
    if (implied)
        return implied->run(argc, argv);
    if (argc < 2) {
        print_usage(stderr);
        return CLI_UNDECIDED;
    }
    const char *word = argv[1];
    if (strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
        return run_help(argc - 1, argv + 1);
    if (strcmp(word, "--version") == 0)
        return print_version();
    const struct verb *verb = find_verb(word);
    return verb ? verb->run(argc - 1, argv + 1) : CLI_UNDECIDED;
}

/* A program started without standard input, output or error would get a file of the ledger under
   their numbers, and write messages into it. */
static bool reserve_standard_files(void)
{
    int fd;
    do
        fd = pp_os_open(PP_OS_CWD, "/dev/null", PP_OS_READ_WRITE);
    while (fd >= 0 && fd <= 2);
    if (fd > 2)
        pp_os_close(fd);
    return fd > 2;
}

int main(int argc, char **argv)
{
    if (!reserve_standard_files())
        return CLI_UNDECIDED;
    const struct verb *implied = argc > 0 ? verb_of_program(argv[0]) : NULL;
    /* Most verbs hold a secret at some time: none of them leaves a core dump. */
    int hardened = pp_os_harden_process();
    if (hardened < 0)
        fprintf(stderr, "%s: core dumps could not be turned off: %s\n", cli_program(),
                strerror(-hardened));
    if (pp_os_end_on_map_fault(MAP_FAULT, CLI_UNDECIDED) < 0)
        fprintf(stderr, "%s: SIGBUS could not be caught\n", cli_program());
    return cli_finish(dispatch(implied, argc, argv));
}
