/* SPDX-License-Identifier: MIT */
/* Fuzzes invariants: what is accepted is a formula, lies inside the text, and gives files whose
   measured and written lengths agree; what is refused has a place and a reason. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <postproof/dashboard.h>

enum { INVARIANTS = 3, FILE_BYTES = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct pp_dashboard_invariant invariants[INVARIANTS];
static char memory[FILE_BYTES];

static void require(bool holds)
{
    if (!holds)
        abort();
}

static bool inside(struct pp_bytes part, struct pp_bytes whole)
{
    return part.len > 0 && (uintptr_t)part.data >= (uintptr_t)whole.data &&
           (uintptr_t)part.data + part.len <= (uintptr_t)whole.data + whole.len;
}

static void check_files(const struct pp_dashboard_set *set)
{
    for (size_t i = 0; i < PP_DASHBOARD_FILE_COUNT; i++) {
        enum pp_dashboard_file file = (enum pp_dashboard_file)i;
        struct pp_dashboard_text measured = {NULL, 0, 0}, text = {memory, FILE_BYTES, 0};
        size_t bad = 0;
        enum pp_error error = pp_dashboard_file_write(file, set, &measured, &bad);
        require(error == PP_OK || (error == PP_ERROR_NOT_FOUND && bad < set->count));
        require(pp_dashboard_file_write(file, set, &text, &bad) == error);
        require(text.len == measured.len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pp_bytes input = {data, size};
    struct pp_dashboard_fault fault = {0, 0, NULL};
    size_t count = 0;
    enum pp_error error = pp_dashboard_read(input, invariants, INVARIANTS, &count, &fault);
    if (error == PP_ERROR_FORMAT) {
        require(fault.line > 0 && fault.column > 0 && fault.text != NULL);
        return 0;
    }
    require(error == PP_OK || error == PP_ERROR_NO_SPACE);
    if (error == PP_ERROR_NO_SPACE)
        return 0;
    require(count >= 1 && count <= pp_dashboard_count(input));
    for (size_t i = 0; i < count; i++) {
        require(pp_dashboard_formula_is_valid(&invariants[i].formula));
        require(inside(invariants[i].name, input) && inside(invariants[i].holds, input));
    }
    const struct pp_dashboard_set set = {invariants, count, input, 200, "fuzz"};
    check_files(&set);
    return 0;
}
