/* SPDX-License-Identifier: MIT */
/* Prints N payload lines of 160 bytes, each ended by a newline: the input of the peers as text. */
#include <stdio.h>
#include <stdlib.h>

#include "payload.h"

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: make_lines N\n");
        return 2;
    }
    uint64_t count = strtoull(argv[1], NULL, 10);
    char line[PAYLOAD_BYTES + 1];
    line[PAYLOAD_BYTES] = '\n';
    for (uint64_t i = 0; i < count; i++) {
        payload_line(i, line);
        if (fwrite(line, sizeof line, 1, stdout) != 1) {
            break;
        }
    }
    if (ferror(stdout) || fclose(stdout) != 0) {
        perror("make_lines: standard output");
        return 2;
    }
    return 0;
}
