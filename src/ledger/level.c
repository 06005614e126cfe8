/* SPDX-License-Identifier: MIT */
/* The names of the levels. */
#include <postproof/ledger.h>

#include <string.h>

/* The level names; the index is enum pp_level. */
static const char *const level_names[PP_LEVEL_COUNT] = {"TRACE", "DEBUG", "INFO",
                                                        "WARN",  "ERROR", "FATAL"};

const char *pp_level_text(uint8_t level)
{
    return level < PP_LEVEL_COUNT ? level_names[level] : "?";
}

static const struct {
    const char *name;
    uint8_t level;
} level_words[] = {
    {"TRACE", PP_TRACE},    {"FINEST", PP_TRACE},  {"FINER", PP_TRACE},  {"DEBUG", PP_DEBUG},
    {"FINE", PP_DEBUG},     {"VERBOSE", PP_DEBUG}, {"INFO", PP_INFO},    {"INFORMATION", PP_INFO},
    {"NOTICE", PP_INFO},    {"WARN", PP_WARN},     {"WARNING", PP_WARN}, {"ERROR", PP_ERROR},
    {"ERR", PP_ERROR},      {"SEVERE", PP_ERROR},  {"FATAL", PP_FATAL},  {"CRIT", PP_FATAL},
    {"CRITICAL", PP_FATAL}, {"ALERT", PP_FATAL},   {"EMERG", PP_FATAL},  {"EMERGENCY", PP_FATAL},
    {"PANIC", PP_FATAL},
};

static bool same_word(struct pp_bytes text, const char *word)
{
    if (text.len != strlen(word))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (c >= 'a' && c <= 'z')
            c = (uint8_t)(c - 'a' + 'A');
        if (c != (uint8_t)word[i])
            return false;
    }
    return true;
}

bool pp_level_parse(struct pp_bytes text, uint8_t *level)
{
    for (size_t i = 0; i < sizeof level_words / sizeof level_words[0]; i++) {
        if (same_word(text, level_words[i].name)) {
            *level = level_words[i].level;
            return true;
        }
    }
    return false;
}
