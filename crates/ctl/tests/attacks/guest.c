// SPDX-License-Identifier: LGPL-2.1-or-later
// Root of a machine that the sandbox's init does not hold back: no seccomp, no
// masks, no user. Tries everything with every 9p tag and tells it on ttyS0.
// argv and environment play no part; MARK is what files to be found are called.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#define MARK "terrarium-mark"
static FILE *say;
static long seen;

static void load_modules(void) {
    FILE *list = fopen("/modules", "r");
    char path[512];
    while (list && fgets(path, sizeof path, list)) {
        path[strcspn(path, "\n")] = 0;
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        syscall(SYS_finit_module, fd, "", 0);
        close(fd);
    }
}

static void wrote(const char *tag, const char *how, const char *what, int result) {
    if (result >= 0) fprintf(say, "WROTE %s %s %s\n", tag, how, what);
}

// A file of the host that can be spoilt, and a name that is free.
static void spoil(const char *tag, const char *how) {
    wrote(tag, how, "create", open("/m/" MARK "-new", O_CREAT | O_RDWR, 0666));
    wrote(tag, how, "mkdir", mkdir("/m/" MARK "-folder", 0777));
    wrote(tag, how, "symlink", symlink("/", "/m/" MARK "-link"));
    wrote(tag, how, "mknod", mknod("/m/" MARK "-node", S_IFIFO | 0666, 0));
    wrote(tag, how, "link", link("/m/" MARK "-victim", "/m/" MARK "-hard"));
    wrote(tag, how, "rename", rename("/m/" MARK "-victim", "/m/" MARK "-moved"));
    wrote(tag, how, "unlink", unlink("/m/" MARK "-victim"));
    wrote(tag, how, "truncate", truncate("/m/" MARK "-victim", 0));
    wrote(tag, how, "chmod", chmod("/m/" MARK "-victim", 04777));
    wrote(tag, how, "chown", lchown("/m/" MARK "-victim", 1, 1));
    wrote(tag, how, "times", utimensat(AT_FDCWD, "/m/" MARK "-victim", NULL, 0));
    wrote(tag, how, "xattr", setxattr("/m/" MARK "-victim", "user.x", "x", 1, 0));
    int fd = open("/m/" MARK "-victim", O_WRONLY | O_APPEND);
    if (fd >= 0) wrote(tag, how, "append", write(fd, "x", 1));
    fd = open("/m/" MARK "-victim", O_RDONLY | O_TRUNC);
    if (fd >= 0) wrote(tag, how, "open-truncate", ftruncate(fd, 0));
}

// Looks for what only other places of the host have.
static void search(const char *tag, const char *folder, int depth) {
    DIR *dir = opendir(folder);
    struct dirent *one;
    char path[4096];
    while (dir && (one = readdir(dir))) {
        int is_up = !strcmp(one->d_name, ".") || !strcmp(one->d_name, "..");
        if (is_up) continue;
        seen++;
        snprintf(path, sizeof path, "%s/%s", folder, one->d_name);
        if (strstr(one->d_name, MARK "-secret")) fprintf(say, "FOUND %s %s\n", tag, path);
        if (!strcmp(one->d_name, "kcore") || !strcmp(one->d_name, "libvirt-sock")) fprintf(say, "FOUND %s %s\n", tag, path);
        if (depth > 0 && one->d_type == DT_DIR) search(tag, path, depth - 1);
    }
    if (dir) closedir(dir);
}

static void look(const char *tag) {
    static const char *const places[] = {"proc/1/mem", "proc/self/mem", "self/mem", "1/root", "../proc/1/mem",
        "../root/" MARK "-secret", "../home", "run/user", ".ssh", "root/.ssh", MARK "-way/" MARK "-secret"};
    char path[512];
    struct stat found;
    for (unsigned i = 0; i < sizeof places / sizeof *places; i++) {
        snprintf(path, sizeof path, "/m/%s", places[i]);
        // Our own / is above /m.
        if (strncmp(places[i], "../", 3) && stat(path, &found) == 0) fprintf(say, "FOUND %s %s\n", tag, path);
    }
    search(tag, "/m", 1);
    // Somebody on the host reads it: only for them would it open.
    if (open("/m/" MARK "-fifo", O_WRONLY | O_NONBLOCK) >= 0) fprintf(say, "OPENED %s\n", tag);
}

static int mounted(const char *tag, unsigned long flags, const char *more) {
    char options[256];
    snprintf(options, sizeof options, "trans=virtio,version=9p2000.L%s", more);
    return mount(tag, "/m", "9p", flags, options);
}

static void attack(const char *tag) {
    static const char *const more[] = {"", ",aname=/", ",aname=/proc", ",aname=..", ",aname=../../../root",
        ",access=any", ",uname=root,access=0"};
    for (unsigned i = 0; i < sizeof more / sizeof *more; i++) {
        if (mounted(tag, 0, more[i])) { fprintf(say, "NOT %s %s\n", tag, more[i]); continue; }
        spoil(tag, i ? more[i] : "rw");
        look(tag);
        umount2("/m", MNT_DETACH);
    }
    if (mounted(tag, MS_RDONLY, "")) return;
    mount(0, "/m", 0, MS_REMOUNT, "");
    spoil(tag, "remounted");
    mount(0, "/m", 0, MS_REMOUNT | MS_BIND, "");
    spoil(tag, "bound");
    umount2("/m", MNT_DETACH);
    fprintf(say, "TRIED %s\n", tag);
}

int main(void) {
    static const char *const folders[] = {"/dev", "/proc", "/sys", "/m"};
    for (int i = 0; i < 4; i++) mkdir(folders[i], 0755);
    mount("devtmpfs", "/dev", "devtmpfs", 0, "");
    mount("proc", "/proc", "proc", 0, "");
    mount("sysfs", "/sys", "sysfs", 0, "");
    say = fopen("/dev/ttyS0", "w");
    if (!say) say = stdout;
    load_modules();
    glob_t tags;
    // Devices come up by themselves after their driver.
    for (int i = 0; glob("/sys/bus/virtio/drivers/9pnet_virtio/virtio*/mount_tag", 0, 0, &tags) && i < 100; i++) usleep(50000);
    for (size_t i = 0; i < tags.gl_pathc; i++) {
        char tag[128] = "";
        FILE *file = fopen(tags.gl_pathv[i], "r");
        if (file && fgets(tag, sizeof tag, file)) attack(tag);
        if (file) fclose(file);
        fflush(say);
    }
    fprintf(say, "DONE %zu tags, %ld names, uid %d\n", tags.gl_pathc, seen, getuid());
    fflush(say);
    sync();
    usleep(200000);
    reboot(RB_AUTOBOOT);
}
