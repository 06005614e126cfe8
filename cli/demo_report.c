/* SPDX-License-Identifier: MIT */
/* What the demo prints: its input, the honest runs, the table of attacks; as text or as JSON. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "demo.h"

static const char *const LEVELS[] = {"T0", "T1", "T2", "T3"};

void demo_print_start(const struct demo *demo)
{
    if (demo->json)
        return;
    puts(
        "This takes real telemetry of this machine, makes keys and a ledger from it, and verifies\n"
        "the ledger in honest situations: none may be flagged.  Then it attacks copies of the\n"
        "ledger and verifies each: every attack must be proven.  The machine's logs are only "
        "read.");
    if (demo->control)
        puts("CONTROL: the copies are left as they are, so no attack can be detected.");
}

/* ---- Input ---------------------------------------------------------------------------------- */

static void print_left_out(unsigned count, const char *what)
{
    if (count > 0)
        printf("  left out: %u %s%s\n", count, what, count == 1 ? "" : "s");
}

void demo_print_input(const struct demo *demo)
{
    const struct demo_input *input = &demo->input;
    char size[CLI_VALUE_BYTES];
    if (demo->json)
        return;
    printf("\n  %-42s %8s  %10s\n", "INPUT", "lines", "size");
    for (unsigned i = 0; i < input->source_count; i++) {
        const struct demo_source *source = &input->sources[i];
        cli_size_text(source->bytes, size);
        fputs("  ", stdout);
        cli_print_escaped(stdout, pp_bytes_of(source->name));
        printf("%*s %8" PRIu64 "  %10s  %s\n",
               strlen(source->name) < 42 ? (int)(42 - strlen(source->name)) : 0, "", source->lines,
               size, source->note);
    }
    print_left_out(input->empty, "empty file");
    print_left_out(input->binary, "binary file");
    print_left_out(input->compressed, "compressed file");
    print_left_out(input->unreadable, "unreadable file");
    if (input->distinct >= input->lines_max)
        printf("  the limit of %zu lines was reached (--max-lines)\n", input->lines_max);
    if (input->passes > 1)
        printf("  that is little: the lines are taken %zu times\n", input->passes);
    fflush(stdout);
}

/* ---- Tables --------------------------------------------------------------------------------- */

static void seq_text(uint64_t seq, char out[CLI_VALUE_BYTES])
{
    snprintf(out, CLI_VALUE_BYTES, "%" PRIu64, seq);
    if (seq == PP_NO_SEQ)
        snprintf(out, CLI_VALUE_BYTES, "-");
}

static void print_ledger(const struct demo *demo)
{
    const struct pp_verify_report *report = &demo->honest[demo->honest_count - 1].report;
    for (size_t i = 0; i < demo->honest_count; i++)
        if (strcmp(demo->honest[i].name, "after the last checkpoint") == 0)
            report = &demo->honest[i].report;
    printf("\n  LEDGER: %" PRIu64 " entries, %" PRIu64 " seals, %" PRIu64 " segments, %" PRIu64
           " body kept beside\n",
           report->entries, report->seals, report->segments, report->blobs);
}

/* Rows of the same name one after the other become one; *i is moved to the last of them. */
static void print_honest_row(const struct demo *demo, size_t *i)
{
    const struct demo_honest *row = &demo->honest[*i];
    char taken[CLI_VALUE_BYTES], name[DEMO_NAME_BYTES + 24];
    size_t times = 1;
    while (!row->flagged && *i + 1 < demo->honest_count && !demo->honest[*i + 1].flagged &&
           strcmp(row->name, demo->honest[*i + 1].name) == 0) {
        ++*i;
        times++;
    }
    cli_duration_text(row->report.time_ns, taken);
    snprintf(name, sizeof name, "%s", row->name);
    if (times > 1)
        snprintf(name, sizeof name, "%s (%zu times)", row->name, times);
    printf("  %-50s %-16s %5s %10s  %s\n", name, pp_verdict_text(row->report.verdict),
           LEVELS[row->level], taken, row->flagged ? "FLAGGED" : "right");
    if (row->flagged)
        printf("    %s %s\n", row->report.reason, row->report.place);
}

static void print_honest(const struct demo *demo)
{
    printf("\n  %-50s %-16s %5s %10s\n", "HONEST RUNS", "verdict", "trust", "time");
    for (size_t i = 0; i < demo->honest_count; i++)
        print_honest_row(demo, &i);
}

/* The verification that an auditor would run: with the key, and with a checkpoint where it needs
   one. */
static const struct pp_verify_report *shown_report(const struct demo_row *row)
{
    return &row->report[row->attack->needs > PP_TRUST_T1 ? row->attack->needs : PP_TRUST_T1];
}

static void print_attack(size_t number, const struct demo_row *row)
{
    const struct pp_verify_report *report = shown_report(row);
    char taken[CLI_VALUE_BYTES], seq[CLI_VALUE_BYTES];
    cli_duration_text(report->time_ns, taken);
    seq_text(report->first_bad_seq, seq);
    printf("%3zu  %-40s %-12s %12s %10s  %-5s  %s\n", number + 1, row->attack->name,
           pp_verdict_text(report->verdict), seq, taken,
           row->proved_from < 0 ? "none" : LEVELS[row->proved_from],
           row->detected ? "detected" : "MISSED");
}

static void print_attacks(const struct demo *demo)
{
    printf("\n     %-40s %-12s %12s %10s  %-5s\n", "ATTACK", "verdict", "first bad", "time",
           "needs");
    for (size_t i = 0; i < demo->row_count; i++)
        print_attack(i, &demo->rows[i]);
    puts("\nneeds: what proves it.  T0 the files alone; T1 with verify.key; T2 with a checkpoint\n"
         "saved elsewhere as well.  Verdict, entry and time are those of an auditor who has\n"
         "verify.key, and the checkpoint where it is needed; first bad is an entry, or - where "
         "only\n"
         "the whole is wrong.  Without the checkpoint the T2 rows look like an older or honestly\n"
         "written ledger (OK) or like a crash (TORN_TAIL).");
}

static void print_bundle(const struct demo_bundle *bundle)
{
    char taken[CLI_VALUE_BYTES];
    cli_duration_text(bundle->verify_ns, taken);
    printf("\nBUNDLE  %" PRIu64 " bytes with %" PRIu64 " of %" PRIu64 " entries: %s in %s;\n"
           "        %u of %u tampered copies of it refused\n",
           bundle->made.bytes, bundle->made.kept, bundle->made.entries,
           bundle->verified == CLI_GOOD ? "valid" : "NOT valid", taken, bundle->refused,
           bundle->copies);
}

static void print_next(const struct demo *demo)
{
    if (!demo->keep) {
        puts("\nThe folder was removed; `postproof demo --keep` keeps it for a closer look.");
        return;
    }
    printf("\nNext, look around in %s:\n"
           "  postproof verify %s/ledger --verify-key %s --checkpoint %s\n"
           "  postproof verify %s/attacks/01-*/ledger --verify-key %s\n"
           "  postproof cat %s/ledger | tail\n",
           demo->folder, demo->folder, demo->verify_key, demo->checkpoint, demo->folder,
           demo->verify_key, demo->folder);
}

void demo_print_results(const struct demo *demo, int exit_code)
{
    print_ledger(demo);
    print_honest(demo);
    print_attacks(demo);
    print_bundle(&demo->bundle);
    printf("\n%zu attacks, %zu detected; %zu honest runs, %zu flagged: %s\n", demo->row_count,
           demo->detected, demo->honest_count, demo->flagged,
           exit_code == CLI_GOOD ? "as it should be" : "NOT as it should be");
    print_next(demo);
}

/* ---- JSON ----------------------------------------------------------------------------------- */

static void add(json_t *array, json_t *value)
{
    if (json_array_append_new(array, value) != 0)
        exit(cli_fail("demo", "no memory is left"));
}

static json_t *verdicts_json(unsigned expected)
{
    json_t *array = json_array();
    for (unsigned v = 0; v < PP_VERDICT_COUNT; v++)
        if (expected & 1U << v)
            add(array, json_string(pp_verdict_text((enum pp_verdict)v)));
    return array;
}

static json_t *input_json(const struct demo_input *input)
{
    json_t *object = cli_json_object(), *sources = json_array();
    for (unsigned i = 0; i < input->source_count; i++) {
        json_t *source = cli_json_object();
        cli_json_text(source, "name", input->sources[i].name);
        cli_json_number(source, "lines", input->sources[i].lines);
        cli_json_number(source, "bytes", input->sources[i].bytes);
        cli_json_text(source, "note", input->sources[i].note);
        add(sources, source);
    }
    cli_json_set(object, "sources", sources);
    cli_json_number(object, "lines", input->distinct);
    cli_json_number(object, "passes", input->passes);
    cli_json_number(object, "empty_files", input->empty);
    cli_json_number(object, "binary_files", input->binary);
    cli_json_number(object, "compressed_files", input->compressed);
    cli_json_number(object, "unreadable_files", input->unreadable);
    return object;
}

static json_t *report_json(const struct pp_verify_report *report)
{
    json_t *object = cli_json_object();
    cli_json_text(object, "verdict", pp_verdict_text(report->verdict));
    cli_json_number(object, "exit_code", (uint64_t)pp_verdict_exit_code(report->verdict));
    cli_json_seq(object, "first_bad_seq", report->first_bad_seq);
    cli_json_text(object, "place", report->place);
    cli_json_text(object, "reason", report->reason);
    cli_json_set(object, "time_taken_ms", json_real((double)report->time_ns / 1e6));
    return object;
}

static json_t *honest_json(const struct demo_honest *row)
{
    json_t *object = report_json(&row->report);
    cli_json_text(object, "name", row->name);
    cli_json_text(object, "trust_level", LEVELS[row->level]);
    cli_json_set(object, "expected", verdicts_json(row->expected));
    cli_json_number(object, "entries", row->report.entries);
    cli_json_number(object, "seals", row->report.seals);
    cli_json_number(object, "segments", row->report.segments);
    cli_json_bool(object, "flagged", row->flagged);
    return object;
}

static json_t *attack_json(size_t number, const struct demo_row *row)
{
    json_t *object = report_json(shown_report(row)), *levels = cli_json_object();
    cli_json_number(object, "number", number + 1);
    cli_json_text(object, "attack", row->attack->name);
    cli_json_set(object, "expected", verdicts_json(row->attack->expected));
    cli_json_seq(object, "expected_bad_seq", row->bad_seq);
    cli_json_text(object, "trust_level_expected", LEVELS[row->attack->needs]);
    if (row->proved_from < 0)
        cli_json_set(object, "trust_level_needed", json_null());
    else
        cli_json_text(object, "trust_level_needed", LEVELS[row->proved_from]);
    for (int level = 0; level < DEMO_LEVELS; level++)
        cli_json_set(levels, LEVELS[level], report_json(&row->report[level]));
    cli_json_set(object, "levels", levels);
    cli_json_bool(object, "detected", row->detected);
    return object;
}

static json_t *bundle_json(const struct demo_bundle *bundle)
{
    json_t *object = cli_json_object();
    cli_json_number(object, "bytes", bundle->made.bytes);
    cli_json_number(object, "entries", bundle->made.entries);
    cli_json_number(object, "kept", bundle->made.kept);
    cli_json_number(object, "verify_exit_code", (uint64_t)bundle->verified);
    cli_json_set(object, "time_taken_ms", json_real((double)bundle->verify_ns / 1e6));
    cli_json_number(object, "tampered_copies", bundle->copies);
    cli_json_number(object, "refused", bundle->refused);
    return object;
}

void demo_print_json(const struct demo *demo, int exit_code)
{
    json_t *object = cli_json_object(), *honest = json_array(), *attacks = json_array();
    for (size_t i = 0; i < demo->honest_count; i++)
        add(honest, honest_json(&demo->honest[i]));
    for (size_t i = 0; i < demo->row_count; i++)
        add(attacks, attack_json(i, &demo->rows[i]));
    json_t *summary = cli_json_object();
    cli_json_number(summary, "attacks", demo->row_count);
    cli_json_number(summary, "detected", demo->detected);
    cli_json_number(summary, "honest_runs", demo->honest_count);
    cli_json_number(summary, "flagged", demo->flagged);
    cli_json_set(object, "input", input_json(&demo->input));
    cli_json_set(object, "honest_runs", honest);
    cli_json_set(object, "attacks", attacks);
    cli_json_set(object, "bundle", bundle_json(&demo->bundle));
    cli_json_set(object, "summary", summary);
    cli_json_bool(object, "control", demo->control);
    cli_json_number(object, "exit_code", (uint64_t)exit_code);
    if (demo->keep)
        cli_json_text(object, "folder", demo->folder);
    cli_json_print(object);
}
