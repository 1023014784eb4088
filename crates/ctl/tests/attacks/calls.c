// SPDX-License-Identifier: LGPL-2.1-or-later
// Makes every forbidden system call in each of this processor's three ways,
// and tells which was not refused. A static program that lies below 4 GiB, so
// that the way of i386 (int 0x80) can be gone from here.
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NEW_USER 0x10000000
#define CHILD 17
static char some[4096];
static int tried;

static long int80(long number, const long *with) {
    long result;
    __asm__ volatile("int $0x80" : "=a"(result)
        : "a"(number), "b"(with[0]), "c"(with[1]), "d"(with[2]), "S"(with[3]), "D"(with[4]) : "memory", "r8", "r9", "r10", "r11");
    return result;
}

static long usual(long number, const long *with) {
    long result = syscall(number, with[0], with[1], with[2], with[3], with[4]);
    return result == -1 ? -errno : result;
}

static void attempt(const char *name, const char *way, long result) {
    int is_child = strstr(name, "clone") && result == 0;
    if (is_child) _exit(0);
    tried++;
    if (result >= 0) printf("%s WORKED by %s\n", name, way);
    else if (result != -EPERM && result != -ENOSYS) printf("%s REACHED THE KERNEL by %s: %s\n", name, way, strerror(-result));
    if (!strcmp(name, "clone3") && result != -ENOSYS) printf("clone3 by %s: %s\n", way, strerror(-result));
    fflush(stdout);
}

#define S ((long)some)
static const struct { const char *name; long amd64, i386, with[5]; } calls[] = {
    {"io_uring_setup", 425, 425, {1, S}}, {"io_uring_enter", 426, 426, {0}}, {"io_uring_register", 427, 427, {0}},
    {"userfaultfd", 323, 374, {0}}, {"bpf", 321, 357, {0, S, 64}}, {"perf_event_open", 298, 336, {S, 0, -1, -1}},
    {"keyctl", 250, 288, {0, -3}}, {"add_key", 248, 286, {S, S, S, 1, -3}}, {"request_key", 249, 287, {S, S, 0, -3}},
    {"unshare", 272, 310, {NEW_USER}}, {"clone", 56, 120, {NEW_USER | CHILD}}, {"clone3", 435, 435, {S, 88}},
    {"setns", 308, 346, {0, 0}}, {"mount", 165, 21, {S, S, S}}, {"umount2", 166, 52, {S}}, {"pivot_root", 155, 217, {S, S}},
    {"fsopen", 430, 430, {S}}, {"open_tree", 428, 428, {-1, S}}, {"move_mount", 429, 429, {-1, S, -1, S}},
    {"mount_setattr", 442, 442, {-1, S, 0, S, 32}}, {"init_module", 175, 128, {S, 1, S}}, {"finit_module", 313, 350, {-1, S}},
    {"kexec_load", 246, 283, {0, 0, S}}, {"open_by_handle_at", 304, 342, {-1, S}}, {"swapon", 167, 87, {S}},
    {"reboot", 169, 88, {0}}, {"get_mempolicy", 239, 275, {0, S, 64}}, {"set_mempolicy", 238, 276, {9}},
    {"mbind", 237, 274, {S, 4096, 9}}, {"pidfd_getfd", 438, 438, {-1}}, {"kcmp", 312, 349, {1, 1}},
    {"socket AF_ALG", 41, 359, {38, 5}}, {"socket AF_VSOCK", 41, 359, {40, 1}}, {"TIOCSTI", 16, 54, {0, 0x5412, S}},
    {"TIOCLINUX", 16, 54, {0, 0x541c, S}}, {"personality", 135, 136, {0x0040000}},
};

int main(void) {
    static const long none[5];
    int has_i386 = int80(20, none) > 0;
    if (!has_i386) printf("getpid: no way of i386 here\n");
    for (unsigned i = 0; i < sizeof calls / sizeof *calls; i++) {
        const char *name = calls[i].name;
        attempt(name, "amd64", usual(calls[i].amd64, calls[i].with));
        // x32 has some numbers of its own.
        long x32 = calls[i].amd64 == 16 ? 514 : calls[i].amd64 == 246 ? 528 : calls[i].amd64;
        attempt(name, "x32", usual(x32 | 0x40000000, calls[i].with));
        attempt(name, "i386", int80(calls[i].i386, calls[i].with));
    }
    // The kernel looks at 32 bits of an ioctl's number.
    if (usual(16, (const long[5]){0, 0x100005412, S}) != -EPERM) printf("TIOCSTI with 33 bits\n");
    for (long family = 1; family < 48; family++)
        if ((family == 38 || family == 40) != (usual(41, (const long[5]){family, 1 << 20}) == -EPERM)) printf("family %ld\n", family);
    printf("%d calls refused, with user %d\n", tried, getuid() != 0);
}
