/* SPDX-License-Identifier: MIT */
/* What the files of src/store share: failures in words, the layout of a ledger's folder, the
   writer's state.  The store is the layer between the core's bytes and os.h: files, crash order,
   recovery. */
#ifndef PP_STORE_H
#define PP_STORE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <postproof/ledger.h>
#include <postproof/note.h>

#include "../base/base.h"
#include "../ledger/ledger_internal.h"
#include "../ledger/segment_internal.h"
#include "../os/os.h"

/* ---- Failures ---- */

/* Fills *failure (may be NULL) with a sentence; os_error is errno or 0, appended in words.
   Returns code. */
enum pp_error pp_fail(struct pp_failure *failure, enum pp_error code, int os_error,
                      const char *format, ...) __attribute__((format(printf, 4, 5)));

/* ---- Layout ---- */

enum {
    PP_SEGMENT_NAME_BYTES = 32,
    PP_BLOB_NAME_BYTES = 65,
    PP_SEGMENT_BYTES_DEFAULT = 16 << 20,
    PP_SEGMENT_BYTES_MIN = 64 << 10,
    PP_SEGMENT_BYTES_MAX = 1 << 30,
    PP_GROUP_BYTES_DEFAULT = 4 << 20,
    PP_GROUP_BYTES_MIN = 4096,
    PP_GROUP_BYTES_MAX = 64 << 20,
    PP_ENTRY_FRAME_BYTES_MIN = PP_FRAME_HEAD_BYTES + PP_ENTRY_FIXED_BYTES + 1 + PP_TAG_BYTES
};

void pp_segment_name(uint64_t segment, char out[PP_SEGMENT_NAME_BYTES]);
void pp_index_name(uint64_t segment, char out[PP_SEGMENT_NAME_BYTES]);
void pp_blob_name(const struct pp_digest *digest, char out[PP_BLOB_NAME_BYTES]);

/* The folders of a ledger, open. */
struct pp_layout {
    char *path;
    int dir, segments, blobs;
};
PP_MUST_CHECK enum pp_error pp_layout_open(struct pp_layout *layout, const char *path,
                                           struct pp_failure *failure);
void pp_layout_close(struct pp_layout *layout);
/* Indices of the segments present, which must be consecutive; count 0 when there are none. */
PP_MUST_CHECK enum pp_error pp_layout_segments(const struct pp_layout *layout, uint64_t *first,
                                               uint64_t *count, struct pp_failure *failure);

/* A file in memory; used again for the next one, and made larger when that needs it. */
struct pp_buffer {
    uint8_t *data;
    size_t len, cap;
};
void pp_buffer_free(struct pp_buffer *buffer);
/* Room for bytes; what was in it is lost when it must grow. */
PP_MUST_CHECK bool pp_buffer_reserve(struct pp_buffer *buffer, size_t bytes);
/* The whole of a file up to limit bytes.  PP_ERROR_NOT_FOUND, PP_ERROR_TOO_LARGE, PP_ERROR_IO. */
PP_MUST_CHECK enum pp_error pp_file_read(int dir, const char *name, size_t limit,
                                         struct pp_buffer *buffer, struct pp_failure *failure);
/* Hash and size of a file, in constant memory; 0 or -errno. */
PP_MUST_CHECK int pp_file_hash(int dir, const char *name, struct pp_digest *digest,
                               uint64_t *bytes);
/* Makes the entry of `path` in the folder above it durable; 0 or -errno. */
PP_MUST_CHECK int pp_sync_parent(const char *path);
/* Temporary file, fsync, rename, fsync of the folder. */
PP_MUST_CHECK enum pp_error pp_file_replace(int dir, const char *name, struct pp_bytes data,
                                            bool secret, struct pp_failure *failure);

/* ---- Key folder ---- */

#define PP_SEALING_KEY_FILE "sealing.key"
#define PP_VERIFY_KEY_FILE "verify.key"
#define PP_CHECKPOINT_KEY_FILE "checkpoint.key"
#define PP_CHECKPOINT_PUB_FILE "checkpoint.pub"

PP_MUST_CHECK enum pp_error pp_key_folder_open(const char *folder, int *dir,
                                               struct pp_failure *failure);
/* A secret file of it: exists, a regular file, readable by its owner only. */
PP_MUST_CHECK enum pp_error pp_secret_open(int dir, const char *folder, const char *name,
                                           enum pp_os_open_mode mode, int *fd,
                                           struct pp_failure *failure);

/* sealing.key, open for as long as the writer lives. */
struct pp_sealing_file {
    int fd;
    unsigned slot; /* where the current state is */
};
PP_MUST_CHECK enum pp_error pp_sealing_file_open(const char *folder, struct pp_sealing_file *file,
                                                 struct pp_sealing_state *state,
                                                 struct pp_failure *failure);
/* Writes the next state to the free slot, makes it durable, erases the other slot. */
PP_MUST_CHECK int pp_sealing_file_advance(struct pp_sealing_file *file,
                                          const uint8_t image[PP_SEALING_SLOT_BYTES], bool durable);
PP_MUST_CHECK enum pp_error pp_signer_load(const char *folder, struct pp_note_signer *signer,
                                           struct pp_failure *failure);

/* Rewrites checkpoint.key and checkpoint.pub under another origin: before init only. */
PP_MUST_CHECK enum pp_error pp_signer_rename(const char *folder, struct pp_note_signer *signer,
                                             const char *origin, struct pp_failure *failure);

/* ---- Hash engine ---- */

/* NULL when there is none. */
struct pp_hash_engine *pp_engine_new(void);
void pp_engine_free(struct pp_hash_engine *engine);

/* ---- The writer ---- */

/* Entries pass three threads: the caller's encodes and hashes them, the sealing thread chains and
   seals them, the writing thread makes them durable.  Entries go from the first to the second in
   runs, all else in groups; what has been handed over is counted under the mutex. */
enum {
    PP_WRITER_GROUPS = 3,        /* one is filled and sealed while another is written */
    PP_WRITER_RUNS = 8,          /* hashed, and not sealed yet */
    PP_WRITER_RUN_ENTRIES = 512, /* at most, and up to a multiple of it: whole subtrees */
    PP_WRITER_WAKE_RUNS = 2      /* so many are worth waking the sealing thread */
};

/* What lives in locked memory: the key of the next seal, and the states of the key that are not
   durable yet, each group's after its seal and after its rotation. */
struct pp_secrets {
    struct pp_sealing_state state;
    struct pp_epoch_keys keys;
    uint8_t slots[PP_WRITER_GROUPS][2][PP_SEALING_SLOT_BYTES];
};

/* Entries of one group that follow each other. */
struct pp_run {
    size_t count;
    bool ends_group;
    struct pp_digest leaves[PP_WRITER_RUN_ENTRIES];
    uint8_t *tags[PP_WRITER_RUN_ENTRIES]; /* where their tags go */
};

struct pp_group {
    uint8_t *blocks; /* room for the head, the group's frames, its seal, and zeros */

    /* by the caller */
    size_t head, len; /* bytes of the frames' first block before them; of the frames */
    uint8_t kind;     /* enum pp_seal_kind of the seal that ends the group */
    bool is_sealed;   /* false: nothing but a rotation */
    bool rotate;      /* then close the segment, with the next epoch */
    uint64_t detail_number;
    uint64_t segment, segment_first_seq; /* that it is in */
    const uint64_t *offsets;             /* of the segment, for its index */

    /* by the sealing thread; the group's seal is behind its frames */
    int result;     /* 0 or -errno: nothing can be written */
    uint64_t size;  /* of the tree with the group */
    uint8_t *index; /* malloc; NULL: none, or no memory for it */
    size_t index_bytes;
    struct pp_bytes header;
    uint8_t header_bytes[PP_SEGMENT_HEADER_FRAME_BYTES_MAX];
    uint8_t rotation_seal[PP_SEAL_FRAME_BYTES];
};

struct pp_ledger {
    struct pp_layout layout;
    struct pp_ledger_options options;
    char origin[PP_ORIGIN_BYTES_MAX + 1];
    char *keys_folder;
    struct pp_digest log_id;
    struct pp_failure failure;
    bool stopped;
    size_t group_bytes;
    struct pp_group groups[PP_WRITER_GROUPS];
    struct pp_run *runs; /* PP_WRITER_RUNS */

    /* the caller's side: the group that is being filled, and its last run */
    struct pp_hash_engine *engine;
    uint64_t groups_filled, runs_filled; /* handed over so far */
    size_t group_used, run_used;
    struct pp_run *run; /* that is being filled, when run_used is not 0 */
    struct pp_bytes prefixed[PP_WRITER_RUN_ENTRIES]; /* the inputs of the run's leaf hashes */
    uint64_t next_seq;
    uint64_t filling_segment, segment_first_seq, segment_used;
    uint64_t *offsets[PP_WRITER_GROUPS]; /* a group may be a whole segment */
    unsigned filling_offsets;
    size_t offset_count, offset_cap;

    /* the sealing thread's, or anybody's when nothing has been handed over */
    struct pp_secrets *secrets;
    struct pp_hash_engine *tree_engine;
    struct pp_merkle_tree tree;
    struct pp_node_sink sink;
    struct pp_tag tag, sealed_tag; /* of the last entry chained; of the last one sealed */
    struct pp_digest nodes[PP_WRITER_RUN_ENTRIES]; /* work space */
    int sealing_result;                            /* 0 or -errno */

    /* the writing thread's, or anybody's when nothing has been handed over */
    uint64_t segment, file_end;
    int segment_fd, direct_fd;        /* direct_fd: -1 when it is not open */
    bool has_no_direct;               /* the file system can't, or need not */
    uint8_t block[PP_OS_BLOCK_BYTES]; /* the file's last block, as it was up to block_end */
    uint64_t block_end;
    struct pp_sealing_file sealing;
    int writing_result; /* 0 or -errno */

    /* between the three, under the mutex */
    pthread_t sealing_thread, writing_thread;
    bool threads_started;
    pthread_mutex_t mutex;
    pthread_cond_t run_filled, run_taken, group_sealed, group_written;
    uint64_t runs_handed, runs_taken;
    uint64_t groups_sealed, groups_written;
    bool writing;                    /* a group is being written */
    bool caller_waits, caller_syncs; /* for a run; for all groups */
    bool stopping, sealing_ended;
    uint64_t durable_size;
    enum pp_error thread_error;
    struct pp_failure thread_failure;
};

/* pipeline.c: what the threads hand to each other */
PP_MUST_CHECK enum pp_error pp_writer_start(struct pp_ledger *ledger);
/* Everything that has been handed over is written, then the threads end. */
void pp_writer_stop(struct pp_ledger *ledger);
/* Waits until there is room for a group's first bytes; an error of the writing thread. */
PP_MUST_CHECK enum pp_error pp_writer_wait_for_group(struct pp_ledger *ledger);
/* The run that the caller may fill now. */
struct pp_run *pp_writer_wait_for_run(struct pp_ledger *ledger);
/* Hashes the leaves of the run that was filled, and hands it over. */
void pp_writer_hand_run(struct pp_ledger *ledger, bool ends_group);
/* Waits until all that was handed over is written. */
PP_MUST_CHECK enum pp_error pp_writer_wait(struct pp_ledger *ledger);
/* Hands over the filled group; rotate: and closes the segment behind it. */
PP_MUST_CHECK enum pp_error pp_writer_flush(struct pp_ledger *ledger, bool rotate);
/* Seals a record without entries (prune) as a group of its own. */
PP_MUST_CHECK enum pp_error pp_writer_control_seal(struct pp_ledger *ledger, enum pp_seal_kind kind,
                                                   uint64_t detail_number);
enum pp_error pp_ledger_stop(struct pp_ledger *ledger, enum pp_error code, int os_error,
                             const char *what);
/* A disk that fails once is not trusted again.  Returns error. */
enum pp_error pp_stop_on_io_error(struct pp_ledger *ledger, enum pp_error error);
/* For the threads.  The run that is due; NULL: there are no more. */
const struct pp_run *pp_writer_next_run(struct pp_ledger *ledger);
void pp_writer_run_is_done(struct pp_ledger *ledger);
/* true: the sealing thread shall write it, with pp_writer_write_group. */
PP_MUST_CHECK bool pp_writer_group_is_sealed(struct pp_ledger *ledger);
void pp_writer_sealing_ends(struct pp_ledger *ledger);
/* Waits until the next group is due; false: there are no more. */
PP_MUST_CHECK bool pp_writer_next_group(struct pp_ledger *ledger);
/* size: how far the ledger is durable; result: 0 or -errno, after which nothing is written. */
void pp_writer_group_is_written(struct pp_ledger *ledger, uint64_t size, int result);

/* sealer.c: the sealing thread */
void *pp_sealing_thread(void *ledger);
/* Seals the tree as it is and steps to the next epoch: the frame goes to out; slot gets the state
   of the key that follows when the frame is durable. */
void pp_writer_seal(struct pp_ledger *ledger, enum pp_seal_kind kind, uint64_t detail_number,
                    const struct pp_digest *detail_hash, uint8_t out[PP_SEAL_FRAME_BYTES],
                    uint8_t slot[PP_SEALING_SLOT_BYTES]);

/* commit.c: the writing thread */
void *pp_writing_thread(void *ledger);
/* Writes the group that is due: by the thread that has set `writing`. */
void pp_writer_write_group(struct pp_ledger *ledger);

/* segment.c: files of segments, used by create, open and the writing thread */
/* The header of a segment that starts at the tree as it is, MACed with the seal key at hand; it is
   in `out`. */
struct pp_bytes pp_writer_header(struct pp_ledger *ledger, uint64_t segment,
                                 uint8_t out[PP_SEGMENT_HEADER_FRAME_BYTES_MAX]);
/* Its length, known before it is made. */
size_t pp_writer_header_bytes(const struct pp_ledger *ledger, uint64_t first_seq);
/* Makes the file with its header, durable; *fd stays open.  Returns 0 or -errno. */
PP_MUST_CHECK int pp_segment_create(const struct pp_ledger *ledger, uint64_t segment,
                                    struct pp_bytes header, int *fd);
PP_MUST_CHECK int pp_index_file_write(const struct pp_ledger *ledger, uint64_t segment,
                                      struct pp_bytes data);
/* Writes the group at blocks + head, of `bytes` bytes, behind the end of the open segment: whole
   blocks, straight to the disk where the file system can.  blocks has room up to the end of the
   last one; the bytes before head are filled in.  Returns 0 or -errno. */
PP_MUST_CHECK int pp_segment_write_blocks(struct pp_ledger *ledger, uint8_t *blocks, size_t head,
                                          size_t bytes);
/* After which another file is the open segment. */
void pp_segment_close(struct pp_ledger *ledger);
void pp_ledger_free(struct pp_ledger *ledger);
PP_MUST_CHECK enum pp_error pp_ledger_alloc(struct pp_ledger **ledger,
                                            const struct pp_ledger_options *options,
                                            struct pp_failure *failure);

#endif
