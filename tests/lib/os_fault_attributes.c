/* SPDX-License-Identifier: MIT */
/* os_attributes.c with a fault in front of each call: the second half of os_fault.c. */
#include "os_fault.h"

#include "../../src/os/os.h"

static __typeof__(pp_os_status) real_status;
static __typeof__(pp_os_status_at) real_status_at;
static __typeof__(pp_os_set_mode) real_set_mode;
static __typeof__(pp_os_set_modified) real_set_modified;
static __typeof__(pp_os_set_modified_at) real_set_modified_at;
static __typeof__(pp_os_copy_permissions) real_copy_permissions;
static __typeof__(pp_os_next_data) real_next_data;
static __typeof__(pp_os_next_hole) real_next_hole;
static __typeof__(pp_os_reserve) real_reserve;
static __typeof__(pp_os_exchange) real_exchange;
static __typeof__(pp_os_link) real_link;
static __typeof__(pp_os_read_link) real_read_link;
static __typeof__(pp_os_remove_dir) real_remove_dir;

#define pp_os_status real_status
#define pp_os_status_at real_status_at
#define pp_os_set_mode real_set_mode
#define pp_os_set_modified real_set_modified
#define pp_os_set_modified_at real_set_modified_at
#define pp_os_copy_permissions real_copy_permissions
#define pp_os_next_data real_next_data
#define pp_os_next_hole real_next_hole
#define pp_os_reserve real_reserve
#define pp_os_exchange real_exchange
#define pp_os_link real_link
#define pp_os_read_link real_read_link
#define pp_os_remove_dir real_remove_dir
#include "../../src/os/os_attributes.c"
#undef pp_os_status
#undef pp_os_status_at
#undef pp_os_set_mode
#undef pp_os_set_modified
#undef pp_os_set_modified_at
#undef pp_os_copy_permissions
#undef pp_os_next_data
#undef pp_os_next_hole
#undef pp_os_reserve
#undef pp_os_exchange
#undef pp_os_link
#undef pp_os_read_link
#undef pp_os_remove_dir

#define CALL(class, name, real_call)                                                               \
    do {                                                                                           \
        int step = pp_fault_enter(class, name);                                                    \
        return (int)pp_fault_leave(step, step < 0 ? step : (real_call));                           \
    } while (0)

int pp_os_status(int fd, struct pp_os_attributes *attributes)
{
    CALL(PP_FAULT_READS, "status", real_status(fd, attributes));
}

int pp_os_status_at(int dir, const char *name, struct pp_os_attributes *attributes)
{
    CALL(PP_FAULT_READS, "status_at", real_status_at(dir, name, attributes));
}

int pp_os_set_mode(int fd, uint32_t mode)
{
    CALL(PP_FAULT_WRITES, "set_mode", real_set_mode(fd, mode));
}

int pp_os_set_modified(int fd, int64_t modified_ns)
{
    CALL(PP_FAULT_WRITES, "set_modified", real_set_modified(fd, modified_ns));
}

int pp_os_set_modified_at(int dir, const char *name, int64_t modified_ns)
{
    CALL(PP_FAULT_WRITES, "set_modified_at", real_set_modified_at(dir, name, modified_ns));
}

int pp_os_copy_permissions(int from, int to)
{
    CALL(PP_FAULT_WRITES, "copy_permissions", real_copy_permissions(from, to));
}

int64_t pp_os_next_data(int fd, uint64_t offset)
{
    int step = pp_fault_enter(PP_FAULT_READS, "next_data");
    return pp_fault_leave(step, step < 0 ? step : real_next_data(fd, offset));
}

int64_t pp_os_next_hole(int fd, uint64_t offset)
{
    int step = pp_fault_enter(PP_FAULT_READS, "next_hole");
    return pp_fault_leave(step, step < 0 ? step : real_next_hole(fd, offset));
}

int pp_os_reserve(int fd, uint64_t offset, uint64_t bytes)
{
    CALL(PP_FAULT_WRITES, "reserve", real_reserve(fd, offset, bytes));
}

int pp_os_exchange(int dir, const char *name, const char *other)
{
    CALL(PP_FAULT_WRITES, "exchange", real_exchange(dir, name, other));
}

int pp_os_link(int from_dir, const char *from, int to_dir, const char *to)
{
    CALL(PP_FAULT_WRITES, "link", real_link(from_dir, from, to_dir, to));
}

int pp_os_read_link(int dir, const char *name, char *out, size_t cap)
{
    CALL(PP_FAULT_READS, "read_link", real_read_link(dir, name, out, cap));
}

int pp_os_remove_dir(int dir, const char *name)
{
    CALL(PP_FAULT_WRITES, "remove_dir", real_remove_dir(dir, name));
}
