/* SPDX-License-Identifier: MIT */
/* Alert rules from an invariant: reads one from text and prints its two PromQL expressions. */
#include <stdio.h>
#include <stdlib.h>

#include <postproof/dashboard.h>

static const char input[] = "invariant queue_bounded\n"
                            "  summary  The queue never exceeds its limit.\n"
                            "  theorem  spec/Limiter.v every_window_bounded\n"
                            "  each     up{job=\"web\"}\n"
                            "  holds    queue_bytes <= queue_limit_bytes\n";

int main(void)
{
    static struct pp_dashboard_invariant invariant;
    char memory[1024];
    struct pp_dashboard_text text = {memory, sizeof memory, 0};
    struct pp_dashboard_fault fault;
    size_t count;
    if (pp_dashboard_read(pp_bytes_of(input), &invariant, 1, &count, &fault) != PP_OK) {
        fprintf(stderr, "line %u, column %u: %s\n", fault.line, fault.column, fault.text);
        return EXIT_FAILURE;
    }
    pp_dashboard_alert(invariant.each, &invariant.formula, &text);
    printf("violated:    %.*s\n", (int)text.len, memory);
    text.len = 0;
    pp_dashboard_signal_lost(invariant.each, &invariant.formula, &text);
    printf("signal lost: %.*s\n", (int)text.len, memory);
    return EXIT_SUCCESS;
}
