/* SPDX-License-Identifier: MIT */
/* Compiles the proofs that a bundle carries with this machine's Coq, in a folder of its own. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../src/os/os.h"
#include "bundle.h"
#include "demo.h"

enum { SCRIPT_BYTES = 256 };

struct extraction {
    char folder[CLI_PATH_BYTES];
    unsigned files;
    bool failed;
};

/* Names come from a ZIP whose names were checked: no "..", no absolute ones. */
static bool write_one(const char *folder, const char *name, struct pp_bytes content)
{
    char path[CLI_PATH_BYTES];
    if (!cli_path("bundle verify", folder, name, path))
        return false;
    for (char *slash = strchr(path + strlen(folder) + 1, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        int error = pp_os_make_dir(PP_OS_CWD, path, true);
        *slash = '/';
        if (error < 0)
            return false;
    }
    int fd = pp_os_open(PP_OS_CWD, path, PP_OS_CREATE);
    if (fd < 0)
        return false;
    int error = pp_os_write(fd, content.data, content.len);
    pp_os_close(fd);
    return error >= 0;
}

static enum pp_error take_file(void *context, const char *name, struct pp_bytes content)
{
    struct extraction *extraction = context;
    extraction->files++;
    if (write_one(extraction->folder, name, content))
        return PP_OK;
    extraction->failed = true;
    return PP_ERROR_IO;
}

/* coqdep gives the order; coqc then compiles, as tools/prove does. */
static const char compile_script[] =
    "cd \"$1\" && command -v coqc >/dev/null && command -v coqdep >/dev/null || exit 127\n"
    "flags='-R spec PostProof.Spec -R proofs PostProof.Proofs'\n"
    "files=$(find spec proofs -name '*.v' | sort) && [ -n \"$files\" ] || exit 1\n"
    "order=$(coqdep -sort $flags $files 2>/dev/null) || exit 1\n"
    "for file in $order; do coqc -q $flags \"$file\" >/dev/null 2>&1 || exit 1; done\n"
    "for file in $(find spec -name '*.v'); do [ -f \"${file}o\" ] || exit 1; done\n";

static void compile(struct extraction *extraction, struct pp_check_outcome *coq)
{
    char shell[] = "/bin/sh", flag[] = "-c", name[] = "sh";
    char script[sizeof compile_script];
    memcpy(script, compile_script, sizeof script);
    char *argv[] = {shell, flag, script, name, extraction->folder, NULL};
    int status = cli_run_program("bundle verify", argv, true);
    if (status == 0) {
        coq->status = PP_CHECK_OK;
        snprintf(coq->text, sizeof coq->text, "Coq compiled %u files", extraction->files);
    } else if (status == 1) {
        coq->status = PP_CHECK_BAD;
        coq->code = "COQ";
        snprintf(coq->text, sizeof coq->text, "a proof in the bundle does not compile here");
    } else {
        coq->code = "NO_COQ";
        snprintf(coq->text, sizeof coq->text, "coqc and coqdep are not here");
    }
}

void bundle_check_proofs(const char *path, struct pp_check_outcome *coq)
{
    struct extraction extraction = {.files = 0};
    struct pp_bundle_verify_report report;
    const struct pp_bundle_verify_options options = {.file = take_file, .context = &extraction};
    const char *base = getenv("TMPDIR");
    coq->code = "UNREADABLE";
    snprintf(coq->text, sizeof coq->text, "the proofs can't be taken out of the bundle");
    snprintf(extraction.folder, sizeof extraction.folder, "%.3000s/postproof-coq-XXXXXX",
             base && base[0] ? base : "/tmp");
    if (mkdtemp(extraction.folder) == NULL)
        return;
    pp_bundle_verify(path, &options, &report);
    if (report.checks[PP_CHECK_SPECIFICATIONS].status == PP_CHECK_OK && !extraction.failed &&
        extraction.files > 0)
        compile(&extraction, coq);
    demo_remove_tree(extraction.folder);
}
