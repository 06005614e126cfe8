/* SPDX-License-Identifier: MIT */
/* The rule for names in a bundle: portable ASCII, so that no two names are one on any system
   (docs/format/bundle.md section 2). */
#include "zip.h"

/*@ assigns \nothing;
    ensures \result == pp_zip_lower(c); */
static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

/*@ assigns \nothing;
    ensures \result <==> pp_zip_portable(c); */
static bool is_portable(uint8_t c)
{
    uint8_t l = lower(c);
    return (l >= 'a' && l <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

/*@ assigns \nothing;
    ensures \result == PP_ZIP_OK ==> pp_zip_portable(c); */
static enum pp_zip_fault check_character(uint8_t c)
{
    if (c >= 0x80)
        return PP_ZIP_NAME_NOT_ASCII;
    if (c == '\\' || c == ':')
        return PP_ZIP_NAME_BACKSLASH;
    return is_portable(c) ? PP_ZIP_OK : PP_ZIP_NAME_NOT_PORTABLE;
}

/*@ requires \valid_read(p + (0 .. len - 1)) && \valid_read(word + (0 .. 2));
    assigns \nothing;
    ensures \result ==> len >= 3; */
static bool has_prefix(const uint8_t *p, size_t len, const char word[3])
{
    return len >= 3 && lower(p[0]) == (uint8_t)word[0] && lower(p[1]) == (uint8_t)word[1] &&
           lower(p[2]) == (uint8_t)word[2];
}

/* con, prn, aux, nul, com0 to com9, lpt0 to lpt9, alone or before a dot. */
/*@ requires \valid_read(p + (0 .. len - 1));
    assigns \nothing; */
static bool is_device(const uint8_t *p, size_t len)
{
    bool numbered = (has_prefix(p, len, "com") || has_prefix(p, len, "lpt")) && len >= 4 &&
                    p[3] >= '0' && p[3] <= '9';
    bool plain = has_prefix(p, len, "con") || has_prefix(p, len, "prn") ||
                 has_prefix(p, len, "aux") || has_prefix(p, len, "nul");
    size_t end = numbered ? 4 : 3;
    return (numbered || plain) && (len == end || p[end] == '.');
}

/*@ requires \valid_read(p + (0 .. len - 1));
    assigns \nothing;
    ensures \result == PP_ZIP_OK ==>
      len > 0 && p[0] != '.' && p[0] != '-' && p[len - 1] != '.'; */
static enum pp_zip_fault check_component(const uint8_t *p, size_t len)
{
    if (len == 0)
        return PP_ZIP_NAME_FOLDER;
    if (p[0] == '.')
        return PP_ZIP_NAME_DOTS;
    if (p[0] == '-' || p[len - 1] == '.')
        return PP_ZIP_NAME_NOT_PORTABLE;
    return is_device(p, len) ? PP_ZIP_NAME_DEVICE : PP_ZIP_OK;
}

enum pp_zip_fault pp_zip_name_check(struct pp_bytes name)
{
    if (name.len == 0 || name.len > PP_ZIP_NAME_BYTES_MAX)
        return PP_ZIP_NAME_EMPTY;
    if (name.data[0] == '/')
        return PP_ZIP_NAME_ABSOLUTE;
    size_t start = 0;
    /*@ loop invariant 0 <= start <= i <= name.len;
        loop invariant start == 0 || name.data[start - 1] == '/';
        loop invariant \forall integer k; start <= k < i ==> name.data[k] != '/';
        loop invariant \forall integer k; 0 <= k < i ==>
          name.data[k] == '/' || pp_zip_portable(name.data[k]);
        loop invariant \forall integer k; 0 <= k < start && (k == 0 || name.data[k - 1] == '/')
          ==> name.data[k] != '/' && name.data[k] != '.' && name.data[k] != '-';
        loop assigns i, start;
        loop variant name.len - i; */
    for (size_t i = 0; i < name.len; i++) {
        enum pp_zip_fault fault = name.data[i] == '/'
                                      ? check_component(name.data + start, i - start)
                                      : check_character(name.data[i]);
        if (fault != PP_ZIP_OK)
            return fault;
        if (name.data[i] == '/')
            start = i + 1;
    }
    return check_component(name.data + start, name.len - start);
}

int pp_zip_name_compare(struct pp_bytes a, struct pp_bytes b)
{
    size_t both = a.len < b.len ? a.len : b.len;
    /*@ loop invariant 0 <= i <= both && pp_zip_same_name(a.data, b.data, i);
        loop assigns i;
        loop variant both - i; */
    for (size_t i = 0; i < both; i++)
        if (lower(a.data[i]) != lower(b.data[i]))
            return lower(a.data[i]) < lower(b.data[i]) ? -1 : 1;
    return a.len < b.len ? -1 : a.len > b.len;
}
