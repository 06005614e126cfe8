/* SPDX-License-Identifier: MIT */
/* The one error type of the library, its texts, and the exit codes that go with it. */
#ifndef POSTPROOF_ERROR_H
#define POSTPROOF_ERROR_H

/* X(name, text): the text completes the sentence "it failed: ...". */
#define PP_ERROR_TABLE(X)                                                                          \
    X(PP_OK, "success")                                                                            \
    X(PP_ERROR_ARGUMENT, "an argument is out of its range")                                        \
    X(PP_ERROR_TOO_LARGE, "a value exceeds the limit of the format")                               \
    X(PP_ERROR_NO_SPACE, "the buffer given is too small")                                          \
    X(PP_ERROR_FORMAT, "the bytes do not follow the format")                                       \
    X(PP_ERROR_MISMATCH, "the evidence does not match")                                            \
    X(PP_ERROR_NOT_FOUND, "the object does not exist")                                             \
    X(PP_ERROR_EXISTS, "the object exists already")                                                \
    X(PP_ERROR_LOCKED, "another writer holds the ledger")                                          \
    X(PP_ERROR_KEY, "the key cannot be used")                                                      \
    X(PP_ERROR_WRONG_KEY, "the key belongs to another ledger")                                     \
    X(PP_ERROR_QUORUM, "not enough witnesses cosigned the checkpoint")                             \
    X(PP_ERROR_ROLLED_BACK, "the ledger is older than its key or its checkpoint")                  \
    X(PP_ERROR_PERMISSION, "a secret file can be read by others")                                  \
    X(PP_ERROR_IO, "the operating system reported an error")                                       \
    X(PP_ERROR_STOPPED, "the writer stopped after an earlier error")                               \
    X(PP_ERROR_MEMORY, "no memory is left")                                                        \
    X(PP_ERROR_CRYPTO, "the crypto library reported an error")

#define PP_ERROR_ENUM(name, text) name,
enum pp_error { PP_ERROR_TABLE(PP_ERROR_ENUM) PP_ERROR_COUNT };
#undef PP_ERROR_ENUM

/* Room for a whole sentence with a path in it. */
enum { PP_FAILURE_TEXT_BYTES = 640 };

/* What went wrong, where, and what to do: filled by the functions that take one. */
struct pp_failure {
    enum pp_error code;
    int os_error;                     /* errno of the system call, or 0 */
    char text[PP_FAILURE_TEXT_BYTES]; /* one sentence, NUL-terminated, never empty after an error */
};

/* The text of an error, a constant; "unknown error" for a value outside the table. */
const char *pp_error_text(enum pp_error error);

/* Every function that can fail is declared with this. */
#define PP_MUST_CHECK __attribute__((warn_unused_result))

#endif
