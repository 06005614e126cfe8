/* SPDX-License-Identifier: MIT */
/* C2SP signed notes with Ed25519 keys (c2sp.org/signed-note) and the checkpoints written as such
   (c2sp.org/tlog-checkpoint). */
#include "note_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "../base/base.h"

enum {
    ED25519_KEY_BYTES = 32,
    KEY_ID_BYTES = PP_NOTE_KEY_ID_BYTES,
    TYPED_KEY_BYTES = 1 + ED25519_KEY_BYTES,
    TYPED_KEY_TEXT_BYTES = 44 + 1, /* its base64, with a NUL */
    SIGNATURE_BYTES = KEY_ID_BYTES + PP_ED25519_SIGNATURE_BYTES,
    SIGNATURE_TEXT_BYTES = 92 + 1, /* its base64, with a NUL */
    SIGNATURES_MAX = 100,          /* in one note; the same limit as in Go's sumdb/note */
    CHECKPOINT_TEXT_BYTES = PP_ORIGIN_BYTES_MAX + 1 + 20 + 1 + 44 + 1
};

static const char signature_prefix[] = PP_NOTE_SIGNATURE_PREFIX;
static const char private_prefix[] = "PRIVATE+KEY+";

_Static_assert(sizeof private_prefix + PP_ORIGIN_BYTES_MAX + 1 + 2 * KEY_ID_BYTES + 1 +
                       TYPED_KEY_TEXT_BYTES <=
                   PP_NOTE_KEY_TEXT_BYTES,
               "a private key's text fits");
_Static_assert(CHECKPOINT_TEXT_BYTES + 1 + sizeof signature_prefix + PP_ORIGIN_BYTES_MAX + 1 +
                       SIGNATURE_TEXT_BYTES + 1 <=
                   PP_CHECKPOINT_BYTES_MAX,
               "a signed checkpoint fits");

static bool bytes_equal(struct pp_bytes a, struct pp_bytes b)
{
    return a.len == b.len && pp_equal_constant_time(a.data, b.data, a.len);
}

/* Takes prefix off the front of *text. */
static bool take_prefix(struct pp_bytes *text, const char *prefix)
{
    size_t len = strlen(prefix);
    if (text->len < len || memcmp(text->data, prefix, len) != 0)
        return false;
    *text = (struct pp_bytes){text->data + len, text->len - len};
    return true;
}

/* Takes everything up to the first `end` off the front of *text, and that too. */
static bool take_until(struct pp_bytes *text, char end, struct pp_bytes *part)
{
    for (size_t i = 0; i < text->len; i++) {
        if (text->data[i] != (uint8_t)end)
            continue;
        *part = (struct pp_bytes){text->data, i};
        *text = (struct pp_bytes){text->data + i + 1, text->len - i - 1};
        return true;
    }
    return false;
}

/* ---- UTF-8 ---------------------------------------------------------------------------------- */

/* Bytes in the sequence that starts with c; 0 when none can. */
static size_t utf8_length(uint8_t c)
{
    if (c < 0x80)
        return 1;
    if (c < 0xc2 || c > 0xf4)
        return 0;
    return c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

/* The code point at *at, and *at moved behind it; false where the bytes are not UTF-8. */
static bool utf8_next(struct pp_bytes text, size_t *at, uint32_t *code)
{
    static const uint32_t code_min[5] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = utf8_length(text.data[*at]);
    if (n == 0 || n > text.len - *at)
        return false;
    uint32_t value = n == 1 ? text.data[*at] : text.data[*at] & (0x7fU >> n);
    for (size_t i = 1; i < n; i++) {
        uint8_t c = text.data[*at + i];
        if (c < 0x80 || c > 0xbf)
            return false;
        value = value * 64 + c % 64;
    }
    if (value < code_min[n] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
        return false;
    *at += n;
    *code = value;
    return true;
}

/* The code points with the property White_Space of Unicode. */
static bool is_space(uint32_t code)
{
    return (code >= 0x09 && code <= 0x0d) || code == 0x20 || code == 0x85 || code == 0xa0 ||
           code == 0x1680 || (code >= 0x2000 && code <= 0x200a) || code == 0x2028 ||
           code == 0x2029 || code == 0x202f || code == 0x205f || code == 0x3000;
}

/* UTF-8 without control characters other than the newline. */
static bool text_is_valid(struct pp_bytes text)
{
    uint32_t code;
    for (size_t at = 0; at < text.len;)
        if (!utf8_next(text, &at, &code) || (code < 0x20 && code != '\n'))
            return false;
    return true;
}

static bool name_is_valid(struct pp_bytes name)
{
    uint32_t code;
    for (size_t at = 0; at < name.len;)
        if (!utf8_next(name, &at, &code) || code < 0x20 || code == '+' || is_space(code))
            return false;
    return name.len > 0;
}

/* ---- Key strings ---------------------------------------------------------------------------- */

void pp_note_key_id(const struct pp_note_key *key, uint8_t type, uint8_t id[KEY_ID_BYTES])
{
    uint8_t input[PP_ORIGIN_BYTES_MAX + 1 + TYPED_KEY_BYTES];
    struct pp_bytes name = pp_bytes_of(key->name);
    pp_copy(input, name.data, name.len);
    input[name.len] = '\n';
    input[name.len + 1] = type;
    pp_copy(input + name.len + 2, key->public_key, ED25519_KEY_BYTES);
    struct pp_digest hash = pp_sha256((struct pp_bytes){input, name.len + 1 + TYPED_KEY_BYTES});
    pp_copy(id, hash.b, KEY_ID_BYTES);
}

/* prefix ‖ name ‖ '+' ‖ hex(key id) ‖ '+' ‖ base64(type ‖ material). */
static void key_text_format(const char *prefix, const struct pp_note_key *key, uint8_t type,
                            const uint8_t material[ED25519_KEY_BYTES], char *out)
{
    uint8_t id[KEY_ID_BYTES], typed[TYPED_KEY_BYTES] = {type};
    char id_hex[2 * KEY_ID_BYTES + 1], base64[TYPED_KEY_TEXT_BYTES];
    pp_note_key_id(key, type, id);
    pp_hex_encode(id, KEY_ID_BYTES, id_hex);
    pp_copy(typed + 1, material, ED25519_KEY_BYTES);
    (void)pp_base64_encode(typed, TYPED_KEY_BYTES, base64);
    (void)snprintf(out, PP_NOTE_KEY_TEXT_BYTES, "%s%s+%s+%s", prefix, key->name, id_hex, base64);
    OPENSSL_cleanse(typed, sizeof typed);
    OPENSSL_cleanse(base64, sizeof base64);
}

/* The parts of such a text; sets key->name.  The key id is for the caller to check. */
static bool key_text_parse(struct pp_bytes text, uint8_t type, struct pp_note_key *key,
                           struct pp_bytes *id_hex, uint8_t material[ED25519_KEY_BYTES])
{
    if (text.len > 0 && text.data[text.len - 1] == '\n')
        text.len--;
    struct pp_bytes name;
    if (!take_until(&text, '+', &name) || !take_until(&text, '+', id_hex))
        return false;
    if (!name_is_valid(name) || name.len > PP_ORIGIN_BYTES_MAX)
        return false;
    uint8_t typed[TYPED_KEY_BYTES];
    size_t len;
    bool ok = pp_base64_decode(text, typed, sizeof typed, &len) && len == sizeof typed &&
              typed[0] == type;
    if (ok) {
        pp_copy(material, typed + 1, ED25519_KEY_BYTES);
        pp_copy((uint8_t *)key->name, name.data, name.len);
        key->name[name.len] = '\0';
    }
    OPENSSL_cleanse(typed, sizeof typed);
    return ok;
}

static bool key_id_matches(const struct pp_note_key *key, uint8_t type, struct pp_bytes id_hex)
{
    uint8_t id[KEY_ID_BYTES];
    char expected[2 * KEY_ID_BYTES + 1];
    pp_note_key_id(key, type, id);
    pp_hex_encode(id, KEY_ID_BYTES, expected);
    return bytes_equal(id_hex, pp_bytes_of(expected));
}

enum pp_error pp_note_typed_key_parse(struct pp_bytes text, uint8_t type, struct pp_note_key *key)
{
    struct pp_note_key parsed = {0};
    struct pp_bytes id_hex;
    if (!key_text_parse(text, type, &parsed, &id_hex, parsed.public_key) ||
        !key_id_matches(&parsed, type, id_hex))
        return PP_ERROR_FORMAT;
    *key = parsed;
    return PP_OK;
}

void pp_note_typed_key_format(const struct pp_note_key *key, uint8_t type, char *out)
{
    key_text_format("", key, type, key->public_key, out);
}

enum pp_error pp_note_key_parse(struct pp_bytes text, struct pp_note_key *key)
{
    return pp_note_typed_key_parse(text, PP_NOTE_TYPE_ED25519, key);
}

void pp_note_key_format(const struct pp_note_key *key, char *out)
{
    pp_note_typed_key_format(key, PP_NOTE_TYPE_ED25519, out);
}

/* ---- Ed25519 -------------------------------------------------------------------------------- */

static bool public_key_of(const uint8_t seed[ED25519_KEY_BYTES],
                          uint8_t public_key[ED25519_KEY_BYTES])
{
    size_t len = ED25519_KEY_BYTES;
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, ED25519_KEY_BYTES);
    bool ok = key != NULL && EVP_PKEY_get_raw_public_key(key, public_key, &len) == 1 &&
              len == ED25519_KEY_BYTES;
    EVP_PKEY_free(key);
    return ok;
}

bool pp_ed25519_sign(const uint8_t seed[ED25519_KEY_BYTES], struct pp_bytes message,
                     uint8_t signature[PP_ED25519_SIGNATURE_BYTES])
{
    size_t len = PP_ED25519_SIGNATURE_BYTES;
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, ED25519_KEY_BYTES);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = key != NULL && ctx != NULL && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1 &&
              EVP_DigestSign(ctx, signature, &len, message.data, message.len) == 1 &&
              len == PP_ED25519_SIGNATURE_BYTES;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    return ok;
}

enum pp_error pp_ed25519_verify(const uint8_t public_key[ED25519_KEY_BYTES],
                                struct pp_bytes message,
                                const uint8_t signature[PP_ED25519_SIGNATURE_BYTES])
{
    EVP_PKEY *key =
        EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public_key, ED25519_KEY_BYTES);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    enum pp_error error = PP_ERROR_CRYPTO;
    if (key != NULL && ctx != NULL && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1) {
        int valid =
            EVP_DigestVerify(ctx, signature, PP_ED25519_SIGNATURE_BYTES, message.data, message.len);
        error = valid == 1 ? PP_OK : PP_ERROR_MISMATCH;
    }
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    return error;
}

/* ---- Signers -------------------------------------------------------------------------------- */

enum pp_error pp_note_signer_init(struct pp_note_signer *signer, const char *name,
                                  const uint8_t seed[32])
{
    struct pp_bytes bytes = pp_bytes_of(name);
    if (!name_is_valid(bytes) || bytes.len > PP_ORIGIN_BYTES_MAX)
        return PP_ERROR_ARGUMENT;
    uint8_t public_key[ED25519_KEY_BYTES];
    if (!public_key_of(seed, public_key))
        return PP_ERROR_CRYPTO;
    /* Made beside *signer, which name and seed may be part of. */
    struct pp_note_signer made = {0};
    pp_copy((uint8_t *)made.key.name, bytes.data, bytes.len);
    pp_copy(made.key.public_key, public_key, ED25519_KEY_BYTES);
    pp_copy(made.seed, seed, ED25519_KEY_BYTES);
    *signer = made;
    OPENSSL_cleanse(&made, sizeof made);
    return PP_OK;
}

void pp_note_signer_format(const struct pp_note_signer *signer, char *out)
{
    key_text_format(private_prefix, &signer->key, PP_NOTE_TYPE_ED25519, signer->seed, out);
}

enum pp_error pp_note_signer_parse(struct pp_bytes text, struct pp_note_signer *signer)
{
    struct pp_note_key key = {0};
    struct pp_bytes id_hex;
    uint8_t seed[ED25519_KEY_BYTES];
    enum pp_error error = PP_ERROR_FORMAT;
    if (take_prefix(&text, private_prefix) &&
        key_text_parse(text, PP_NOTE_TYPE_ED25519, &key, &id_hex, seed)) {
        if (!public_key_of(seed, key.public_key))
            error = PP_ERROR_CRYPTO;
        else if (key_id_matches(&key, PP_NOTE_TYPE_ED25519, id_hex))
            error = pp_note_signer_init(signer, key.name, seed);
    }
    OPENSSL_cleanse(seed, sizeof seed);
    return error;
}

/* The signature line of text, NUL-terminated. */
static bool signature_line(const struct pp_note_signer *signer, struct pp_bytes text, char *out,
                           size_t cap)
{
    uint8_t signature[SIGNATURE_BYTES];
    char base64[SIGNATURE_TEXT_BYTES];
    pp_note_key_id(&signer->key, PP_NOTE_TYPE_ED25519, signature);
    if (!pp_ed25519_sign(signer->seed, text, signature + KEY_ID_BYTES))
        return false;
    (void)pp_base64_encode(signature, sizeof signature, base64);
    (void)snprintf(out, cap, "%s%s %s\n", signature_prefix, signer->key.name, base64);
    return true;
}

enum pp_error pp_note_sign(const struct pp_note_signer *signer, struct pp_bytes text, char *out,
                           size_t cap, size_t *len)
{
    char line[sizeof signature_prefix + PP_ORIGIN_BYTES_MAX + 1 + SIGNATURE_TEXT_BYTES + 1];
    if (text.len == 0 || text.data[text.len - 1] != '\n' || !text_is_valid(text))
        return PP_ERROR_ARGUMENT;
    if (!signature_line(signer, text, line, sizeof line))
        return PP_ERROR_CRYPTO;
    size_t line_len = strlen(line);
    if (cap < line_len + 2 || text.len > cap - line_len - 2)
        return PP_ERROR_NO_SPACE;
    pp_copy((uint8_t *)out, text.data, text.len);
    out[text.len] = '\n';
    pp_copy((uint8_t *)out + text.len + 1, (const uint8_t *)line, line_len + 1);
    *len = text.len + 1 + line_len;
    return PP_OK;
}

enum pp_error pp_checkpoint_sign(const struct pp_note_signer *signer, uint64_t size,
                                 const struct pp_digest *root, char *out, size_t *len)
{
    char text[CHECKPOINT_TEXT_BYTES + 1], base64[44 + 1];
    (void)pp_base64_encode(root->b, PP_DIGEST_BYTES, base64);
    (void)snprintf(text, sizeof text, "%s\n%" PRIu64 "\n%s\n", signer->key.name, size, base64);
    return pp_note_sign(signer, pp_bytes_of(text), out, PP_CHECKPOINT_BYTES_MAX, len);
}

/* ---- Reading notes -------------------------------------------------------------------------- */

static bool split_at_blank_line(struct pp_bytes note, struct pp_note_parts *parts)
{
    if (!text_is_valid(note))
        return false;
    for (size_t i = note.len; i >= 2; i--) {
        if (note.data[i - 2] != '\n' || note.data[i - 1] != '\n')
            continue;
        parts->text = (struct pp_bytes){note.data, i - 1};
        parts->signatures = (struct pp_bytes){note.data + i, note.len - i};
        return true;
    }
    return false;
}

static bool signature_parse(struct pp_bytes line, struct pp_note_signature *signature)
{
    if (!take_prefix(&line, signature_prefix) || !take_until(&line, ' ', &signature->name))
        return false;
    size_t len;
    if (!name_is_valid(signature->name) || !pp_base64_check(line, &len) || len <= KEY_ID_BYTES)
        return false;
    /* Eight digits are the first six bytes; padding can only be in later ones, or leaves five. */
    uint8_t start[6];
    size_t start_len;
    if (!pp_base64_decode((struct pp_bytes){line.data, 8}, start, sizeof start, &start_len))
        return false;
    pp_copy(signature->id, start, KEY_ID_BYTES);
    signature->base64 = line;
    return true;
}

/* One or more signature lines, each well-formed, and nothing else. */
static bool signatures_are_valid(struct pp_bytes rest)
{
    struct pp_bytes line;
    struct pp_note_signature signature;
    size_t count = 0;
    while (pp_next_line(&rest, &line))
        if (!signature_parse(line, &signature) || ++count > SIGNATURES_MAX)
            return false;
    return count > 0 && rest.len == 0;
}

bool pp_note_split(struct pp_bytes note, struct pp_note_parts *parts)
{
    return split_at_blank_line(note, parts) && signatures_are_valid(parts->signatures);
}

bool pp_note_next_by(struct pp_bytes *rest, const struct pp_note_key *key, uint8_t type,
                     struct pp_note_signature *signature)
{
    uint8_t id[KEY_ID_BYTES];
    struct pp_bytes line;
    pp_note_key_id(key, type, id);
    while (pp_next_line(rest, &line) && signature_parse(line, signature))
        if (bytes_equal(signature->name, pp_bytes_of(key->name)) &&
            pp_equal_constant_time(signature->id, id, KEY_ID_BYTES))
            return true;
    return false;
}

static enum pp_error signature_verify(const struct pp_note_signature *signature,
                                      struct pp_bytes text, const struct pp_note_key *key)
{
    uint8_t bytes[SIGNATURE_BYTES];
    size_t len;
    if (!pp_base64_decode(signature->base64, bytes, sizeof bytes, &len) || len != sizeof bytes)
        return PP_ERROR_MISMATCH;
    return pp_ed25519_verify(key->public_key, text, bytes + KEY_ID_BYTES);
}

/* Unknown signatures are ignored; every one that bears the key's name and id must be valid. */
static enum pp_error note_verify(const struct pp_note_parts *parts, const struct pp_note_key *key)
{
    enum pp_error result = PP_ERROR_WRONG_KEY;
    struct pp_bytes rest = parts->signatures;
    struct pp_note_signature signature;
    while (pp_note_next_by(&rest, key, PP_NOTE_TYPE_ED25519, &signature)) {
        result = signature_verify(&signature, parts->text, key);
        if (result != PP_OK)
            return result;
    }
    return result;
}

enum pp_error pp_note_open(struct pp_bytes note, const struct pp_note_key *key,
                           struct pp_bytes *text)
{
    struct pp_note_parts parts;
    if (!pp_note_split(note, &parts))
        return PP_ERROR_FORMAT;
    enum pp_error error = note_verify(&parts, key);
    if (error == PP_OK)
        *text = parts.text;
    return error;
}

/* ---- Checkpoints ---------------------------------------------------------------------------- */

static bool root_parse(struct pp_bytes base64, struct pp_digest *root)
{
    size_t len;
    return pp_base64_decode(base64, root->b, PP_DIGEST_BYTES, &len) && len == PP_DIGEST_BYTES;
}

enum pp_error pp_checkpoint_parse(struct pp_bytes note, struct pp_checkpoint *checkpoint)
{
    struct pp_note_parts parts;
    struct pp_checkpoint parsed;
    struct pp_bytes size, root, extension;
    if (!pp_note_split(note, &parts))
        return PP_ERROR_FORMAT;
    struct pp_bytes rest = parts.text;
    if (!pp_next_line(&rest, &parsed.origin) || parsed.origin.len == 0)
        return PP_ERROR_FORMAT;
    if (!pp_next_line(&rest, &size) || !pp_decimal_decode(size, &parsed.size))
        return PP_ERROR_FORMAT;
    if (!pp_next_line(&rest, &root) || !root_parse(root, &parsed.root))
        return PP_ERROR_FORMAT;
    while (pp_next_line(&rest, &extension))
        if (extension.len == 0)
            return PP_ERROR_FORMAT;
    *checkpoint = parsed;
    return PP_OK;
}

enum pp_error pp_checkpoint_open(struct pp_bytes note, const struct pp_note_key *key,
                                 struct pp_checkpoint *checkpoint)
{
    struct pp_checkpoint parsed;
    struct pp_bytes text;
    enum pp_error error = pp_checkpoint_parse(note, &parsed);
    if (error == PP_OK)
        error = pp_note_open(note, key, &text);
    if (error == PP_OK && !bytes_equal(parsed.origin, pp_bytes_of(key->name)))
        error = PP_ERROR_MISMATCH;
    if (error == PP_OK)
        *checkpoint = parsed;
    return error;
}
