/* SPDX-License-Identifier: MIT */
/* A bundle as a bag (BagIt 1.0, RFC 8493): its fixed texts, and which names belong into it. */
#include "bag.h"

#include <postproof/dashboard.h>

#include <string.h>

const char pp_bag_declaration[] = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n";

const char pp_bag_readme[] =
    "Evidence of an incident, written by postproof (docs/format/bundle.md there).\n"
    "\n"
    "Check everything, offline, with keys that you got from somewhere else:\n"
    "    postproof bundle verify FILE.zip --trust-root DIR\n"
    "DIR holds checkpoint.pub and bundle.pub of the log, and if you want allowed_signers,\n"
    "tsa.pem and a policy of witnesses.  Nothing in this bundle vouches for itself.\n"
    "\n"
    "Check parts of it without postproof, in this folder's parent:\n"
    "    sha256sum --strict -c manifest-sha256.txt\n"
    "    sha256sum --strict -c tagmanifest-sha256.txt\n"
    "    ssh-keygen -Y verify -f DIR/allowed_signers -I ORIGIN -n postproof-bundle \\\n"
    "        -s manifest.ppb.sig < manifest.ppb\n"
    "evidence.sigstore.json is a Sigstore bundle (v0.3) over an in-toto Statement whose subject "
    "is\n"
    "manifest.ppb; proofs/*.tlog-proof are C2SP proofs of single entries.\n"
    "\n"
    "entries/entries.ppe    every entry that is here (`postproof bundle cat FILE.zip` prints "
    "them)\n"
    "entries/otlp.jsonl     the same as OTLP JSON lines, where it fits\n"
    "dashboards/            alert rules and a dashboard, made from what spec/ proves\n"
    "timeline.html          a page to look at; it proves nothing by itself\n"
    "window.json            which window, how many entries, and what was left out\n"
    "ledger/                checkpoint, seals, and the hashes around the entries\n"
    "spec/                  what is proved, and the proofs: Coq, and the list of proved "
    "functions\n";

/* ---- bag-info.txt --------------------------------------------------------------------------- */

/* A label with a value that is one line; nothing where it is not. */
static enum pp_error add_label(struct pp_bundle_text *text, const char *label,
                               struct pp_bytes value)
{
    if (value.len == 0 || !pp_bundle_is_utf8(value))
        return PP_OK;
    for (size_t i = 0; i < value.len; i++)
        if (value.data[i] < 0x20 || value.data[i] == 0x7F)
            return PP_OK;
    enum pp_error error = pp_bundle_text_string(text, label);
    if (error == PP_OK)
        error = pp_bundle_text_string(text, ": ");
    if (error == PP_OK)
        error = pp_bundle_text_add(text, value);
    return error == PP_OK ? pp_bundle_text_string(text, "\n") : error;
}

enum pp_error pp_bag_info(struct pp_bytes origin, struct pp_bytes title,
                          struct pp_bytes incident_id, struct pp_bundle_text *text)
{
    enum pp_error error = pp_bundle_text_string(
        text, "Bag-Software-Agent: postproof\nBundle-Format: postproof bundle 1\n");
    if (error == PP_OK)
        error = add_label(text, "Source-Organization", origin);
    if (error == PP_OK)
        error = add_label(text, "External-Description", title);
    return error == PP_OK ? add_label(text, "External-Identifier", incident_id) : error;
}

enum pp_error pp_bag_line(const struct pp_bundle_line *line, struct pp_bundle_text *text)
{
    enum pp_error error =
        pp_bundle_text_hex(text, (struct pp_bytes){line->digest.b, sizeof line->digest.b});
    if (error == PP_OK)
        error = pp_bundle_text_string(text, "  ");
    if (error == PP_OK)
        error = pp_bundle_text_add(text, line->name);
    return error == PP_OK ? pp_bundle_text_string(text, "\n") : error;
}

/* ---- Names ---------------------------------------------------------------------------------- */

static const char *const tag_files[] = {
    "bag-info.txt", "bagit.txt",        "evidence.sigstore.json", "manifest-sha256.txt",
    "manifest.ppb", "manifest.ppb.sig", "tagmanifest-sha256.txt", "zip-sha256.txt",
};
static const char *const data_files[] = {
    "data/README.txt",         "data/entries/entries.ppe",
    "data/entries/otlp.jsonl", "data/environment.json",
    "data/ledger/checkpoint",  "data/ledger/seals.ppf",
    "data/ledger/window.tree", "data/oscal/assessment-results.json",
    "data/timeline.html",      "data/timeline.jsonl",
    "data/window.json",
};
#define DASHBOARD_NAME(name, path, what) "data/dashboards/" path,
static const char *const dashboard_files[] = {PP_DASHBOARD_FILE_TABLE(DASHBOARD_NAME)};
enum {
    TAG_FILES = sizeof tag_files / sizeof tag_files[0],
    DATA_FILES = sizeof data_files / sizeof data_files[0],
    SEQ_DIGITS = 20,
    LISTED_TAG_FILES = 3
};

static bool is_one_of(struct pp_bytes name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (name.len == strlen(names[i]) && memcmp(name.data, names[i], name.len) == 0)
            return true;
    return false;
}

/* The rest of a name behind a folder; empty when it lies elsewhere. */
static struct pp_bytes below(struct pp_bytes name, const char *folder)
{
    size_t len = strlen(folder);
    if (name.len <= len || memcmp(name.data, folder, len) != 0)
        return (struct pp_bytes){NULL, 0};
    return (struct pp_bytes){name.data + len, name.len - len};
}

static bool is_proof(struct pp_bytes name)
{
    for (size_t i = 0; i < SEQ_DIGITS && i < name.len; i++)
        if (name.data[i] < '0' || name.data[i] > '9')
            return false;
    if (name.len <= SEQ_DIGITS)
        return false;
    static const char *const ends[] = {".tlog-proof", ".entry"};
    return is_one_of((struct pp_bytes){name.data + SEQ_DIGITS, name.len - SEQ_DIGITS}, ends, 2);
}

static bool is_blob(struct pp_bytes name)
{
    uint8_t digest[PP_DIGEST_BYTES];
    for (size_t i = 0; i < name.len; i++)
        if (name.data[i] >= 'A' && name.data[i] <= 'F')
            return false;
    return pp_hex_decode(name, digest, sizeof digest);
}

bool pp_bag_is_payload(struct pp_bytes name)
{
    return below(name, "data/").len > 0;
}

bool pp_bag_knows(struct pp_bytes name)
{
    return is_one_of(name, tag_files, TAG_FILES) || is_one_of(name, data_files, DATA_FILES) ||
           is_one_of(name, dashboard_files, PP_DASHBOARD_FILE_COUNT) ||
           is_proof(below(name, "data/proofs/")) || is_blob(below(name, "data/blobs/")) ||
           below(name, "data/spec/").len > 0;
}

bool pp_bag_is_listed(struct pp_bytes name)
{
    static const char *const listed[LISTED_TAG_FILES] = {"bag-info.txt", "bagit.txt",
                                                         "manifest-sha256.txt"};
    return pp_bag_is_payload(name) || is_one_of(name, listed, LISTED_TAG_FILES);
}
