/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What holds in a writable share: a line for each property, "yes" or how it
 * fails, in the order of the table in docs/shares.md. Runs in the folder that
 * it is given.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>
#include <dirent.h>

#define MUST(what) do { if (!(what)) return 0; } while (0)

static int make(const char *name, const char *text)
{
    int fd = open(name, O_CREAT | O_TRUNC | O_RDWR, 0644);
    if (fd >= 0 && write(fd, text, strlen(text)) != (ssize_t)strlen(text)) { close(fd); return -1; }
    return fd;
}

static int holds(const char *name, const char *text)
{
    char found[64] = "";
    int fd = open(name, O_RDONLY);
    if (fd < 0) return 0;
    ssize_t count = read(fd, found, sizeof found - 1);
    close(fd);
    return count == (ssize_t)strlen(text) && !memcmp(found, text, count);
}

static mode_t mode(const char *name)
{
    struct stat s;
    return lstat(name, &s) ? 0 : s.st_mode & 07777;
}

static int permissions(void)
{
    MUST(close(make("p", "x")) == 0);
    for (mode_t m = 0; m <= 0777; m++) { MUST(chmod("p", m) == 0); MUST(mode("p") == m); }
    MUST(chmod("p", 01755) == 0 && chmod("p", 0644) == 0);
    return 1;
}

static int denied_by_mode(void)
{
    MUST(close(make("pd", "x")) == 0 && chmod("pd", 0) == 0);
    if (open("pd", O_RDONLY) >= 0 || errno != EACCES) { errno = 0; return 0; }
    return chmod("pd", 0644) == 0;
}

static int umask_counts(void)
{
    umask(027);
    int fd = open("um", O_CREAT | O_EXCL | O_WRONLY, 0666);
    MUST(fd >= 0 && mkdir("umd", 0777) == 0);
    umask(022);
    MUST(mode("um") == 0640 && mode("umd") == 0750);
    return open("um", O_CREAT | O_EXCL | O_WRONLY, 0666) < 0 && errno == EEXIST;
}

static int folders(void)
{
    MUST(mkdir("d", 0755) == 0 && close(make("d/f", "x")) == 0);
    MUST(rmdir("d") < 0 && (errno == ENOTEMPTY || errno == EEXIST));
    return unlink("d/f") == 0 && rmdir("d") == 0;
}

static int set_times(long mask)
{
    struct timespec set[2] = { { 1000000000, 123456789 & mask }, { 1200000001, 987654321 & mask } };
    struct stat s;
    MUST(close(make("t", "x")) == 0 && utimensat(AT_FDCWD, "t", set, 0) == 0 && stat("t", &s) == 0);
    return s.st_mtim.tv_sec == 1200000001 && s.st_mtim.tv_nsec == set[1].tv_nsec && s.st_atim.tv_sec == 1000000000
        && s.st_atim.tv_nsec == set[0].tv_nsec;
}

static int times(void) { return set_times(0); }
static int times_exact(void) { return set_times(-1); }

static int times_change(void)
{
    struct timespec set[2] = { { 1000000000, 0 }, { 1000000000, 0 } };
    struct stat s;
    int fd = make("t2", "x");
    MUST(fd >= 0 && futimens(fd, set) == 0 && write(fd, "y", 1) == 1 && fsync(fd) == 0 && close(fd) == 0);
    MUST(stat("t2", &s) == 0);
    return s.st_mtim.tv_sec > 1500000000 && s.st_ctim.tv_sec > 1500000000;
}

static int symlinks(void)
{
    char target[64] = "", path[1001];
    struct stat s;
    memset(path, 'x', 1000); path[1000] = 0;
    MUST(symlink("f\nodd", "l") == 0 && readlink("l", target, 63) == 5 && !strcmp(target, "f\nodd"));
    MUST(lstat("l", &s) == 0 && S_ISLNK(s.st_mode) && symlink("loop", "loop") == 0);
    MUST(open("loop", O_RDONLY) < 0 && errno == ELOOP);
    return symlink(path, "long") == 0 && lstat("long", &s) == 0 && s.st_size == 1000;
}

static int hard_links(void)
{
    struct stat a, b;
    MUST(close(make("h", "one")) == 0 && link("h", "h2") == 0 && close(make("h2", "two")) == 0);
    MUST(stat("h", &a) == 0 && stat("h2", &b) == 0 && a.st_ino == b.st_ino && a.st_nlink == 2);
    return holds("h", "two") && unlink("h") == 0 && holds("h2", "two");
}

static int sparse(void)
{
    struct stat s;
    int fd = open("sp", O_CREAT | O_RDWR, 0644);
    MUST(fd >= 0 && pwrite(fd, "end", 3, 5LL << 30) == 3 && fsync(fd) == 0 && fstat(fd, &s) == 0);
    MUST(s.st_size == (5LL << 30) + 3 && s.st_blocks < 1000);
    char found[3];
    return pread(fd, found, 3, 5LL << 30) == 3 && !memcmp(found, "end", 3) && ftruncate(fd, 1) == 0 && close(fd) == 0;
}

static int holes(void)
{
    int fd = open("ho", O_CREAT | O_RDWR, 0644);
    MUST(fd >= 0 && pwrite(fd, "x", 1, 1 << 20) == 1 && fsync(fd) == 0);
    if (lseek(fd, 0, SEEK_DATA) <= 0) { errno = 0; return 0; }
    return 1;
}

static int allocate(void)
{
    int fd = open("al", O_CREAT | O_RDWR, 0644);
    return fd >= 0 && fallocate(fd, 0, 0, 1 << 20) == 0;
}

static int unlinked(void)
{
    struct stat s;
    char found[4] = "";
    int fd = make("u", "abc");
    MUST(fd >= 0 && unlink("u") == 0 && pwrite(fd, "X", 1, 0) == 1 && pread(fd, found, 3, 0) == 3);
    MUST(fstat(fd, &s) == 0);
    return !strcmp(found, "Xbc") && access("u", F_OK) < 0;
}

static int unlinked_changed(void)
{
    int fd = make("u2", "abc");
    MUST(fd >= 0 && unlink("u2") == 0);
    errno = 0;
    return ftruncate(fd, 1) == 0 && fchmod(fd, 0600) == 0;
}

static int nameless(void)
{
    int fd = open(".", O_TMPFILE | O_RDWR, 0600);
    return fd >= 0 && write(fd, "x", 1) == 1;
}

static int rename_over(void)
{
    char found[4] = "";
    int fd = make("r2", "old");
    MUST(fd >= 0 && close(make("r1", "new")) == 0 && rename("r1", "r2") == 0 && holds("r2", "new"));
    MUST(pread(fd, found, 3, 0) == 3 && !strcmp(found, "old") && access("r1", F_OK) < 0);
    MUST(mkdir("rd1", 0755) == 0 && mkdir("rd2", 0755) == 0 && close(make("rd1/f", "x")) == 0);
    return rename("rd1", "rd2") == 0 && holds("rd2/f", "x") && rename("r2", "rd2/moved") == 0 && holds("rd2/moved", "new");
}

static int no_replace(void)
{
    MUST(close(make("n1", "1")) == 0 && close(make("n2", "2")) == 0);
    MUST(renameat2(AT_FDCWD, "n1", AT_FDCWD, "n2", RENAME_NOREPLACE) < 0);
    if (errno != EEXIST) return 0;
    return renameat2(AT_FDCWD, "n1", AT_FDCWD, "n3", RENAME_NOREPLACE) == 0 && holds("n3", "1");
}

static int exchange(void)
{
    MUST(close(make("e1", "1")) == 0 && close(make("e2", "2")) == 0);
    return renameat2(AT_FDCWD, "e1", AT_FDCWD, "e2", RENAME_EXCHANGE) == 0 && holds("e1", "2");
}

static int mapped(void)
{
    int fd = make("m", "abcd");
    char *map = mmap(0, 4, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    MUST(map != MAP_FAILED);
    map[0] = 'X';
    return msync(map, 4, MS_SYNC) == 0 && munmap(map, 4) == 0 && holds("m", "Xbcd");
}

static int append(void)
{
    int fd = make("ap", "a"), other = open("ap", O_WRONLY | O_APPEND), third = open("ap", O_WRONLY | O_APPEND);
    return fd >= 0 && write(other, "b", 1) == 1 && write(third, "c", 1) == 1 && write(other, "d", 1) == 1 && holds("ap", "abcd");
}

static int attributes(void)
{
    char found[8] = "", list[256];
    MUST(close(make("x", "x")) == 0 && setxattr("x", "user.terrarium", "value", 5, 0) == 0);
    MUST(getxattr("x", "user.terrarium", found, 8) == 5 && !memcmp(found, "value", 5));
    return listxattr("x", list, sizeof list) > 0 && removexattr("x", "user.terrarium") == 0;
}

static int lists(void)
{
    /* Version 2; the owner, one user more, the group, the mask, others. */
    static const unsigned char acl[] = { 2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255, 2, 0, 4, 0, 1, 0, 0, 0, 4, 0, 4, 0,
        255, 255, 255, 255, 16, 0, 4, 0, 255, 255, 255, 255, 32, 0, 0, 0, 255, 255, 255, 255 };
    MUST(close(make("acl", "x")) == 0);
    return setxattr("acl", "system.posix_acl_access", acl, sizeof acl, 0) == 0;
}

static int locked(int how)
{
    int fd = make("lk", "x"), status;
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    MUST(fd >= 0 && (how ? fcntl(fd, F_SETLK, &lock) : flock(fd, LOCK_EX | LOCK_NB)) == 0);
    pid_t child = fork();
    if (child == 0) {
        int other = open("lk", O_RDWR);
        int got = how ? fcntl(other, F_SETLK, &lock) : flock(other, LOCK_EX | LOCK_NB);
        _exit(got == 0);
    }
    MUST(waitpid(child, &status, 0) == child);
    errno = 0;
    return status == 0 && close(fd) == 0;
}

static int flocks(void) { return locked(0); }
static int posix_locks(void) { return locked(1); }

static int pipes(void)
{
    char found[2] = "";
    MUST(mkfifo("fi", 0644) == 0);
    int fd = open("fi", O_RDWR | O_NONBLOCK);
    return fd >= 0 && write(fd, "x", 1) == 1 && read(fd, found, 1) == 1 && found[0] == 'x';
}

static int sockets(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "so" };
    int listener = socket(AF_UNIX, SOCK_STREAM, 0), other = socket(AF_UNIX, SOCK_STREAM, 0);
    MUST(bind(listener, (void *)&address, sizeof address) == 0 && listen(listener, 1) == 0);
    return connect(other, (void *)&address, sizeof address) == 0;
}

static int names(void)
{
    char name[257];
    memset(name, 'n', 256); name[256] = 0;
    MUST(open(name, O_CREAT | O_WRONLY, 0644) < 0 && errno == ENAMETOOLONG);
    name[255] = 0; name[1] = '\n'; name[2] = '\\'; name[3] = '\xff'; name[4] = ' ';
    MUST(close(make(name, "x")) == 0 && close(make("Case", "1")) == 0 && close(make("case", "2")) == 0);
    return holds(name, "x") && holds("Case", "1");
}

static int many(void)
{
    char name[32];
    int count = 0;
    MUST(mkdir("many", 0755) == 0);
    for (int i = 0; i < 300; i++) { snprintf(name, 32, "many/%d", i); MUST(close(make(name, "")) == 0); }
    DIR *dir = opendir("many");
    MUST(dir);
    struct dirent *entry;
    while ((entry = readdir(dir))) if (entry->d_name[0] != '.') { count++; snprintf(name, 32, "many/%.20s", entry->d_name); MUST(unlink(name) == 0); }
    errno = 0;
    return count == 300 && rmdir("many") == 0;
}

static int copied(void)
{
    int from = make("c1", "copied"), to = make("c2", "");
    off_t start = 0;
    return from >= 0 && copy_file_range(from, &start, to, 0, 6, 0) == 6 && holds("c2", "copied");
}

static int runs(void)
{
    int status;
    MUST(close(make("run", "#!/bin/sh\nexit 7\n")) == 0 && chmod("run", 0755) == 0);
    pid_t child = fork();
    if (child == 0) { execl("./run", "run", (char *)0); _exit(1); }
    MUST(waitpid(child, &status, 0) == child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 7;
}

static int synced(void)
{
    struct statfs s;
    int fd = make("sy", "x"), dir = open(".", O_RDONLY);
    return fsync(fd) == 0 && fdatasync(fd) == 0 && fsync(dir) == 0 && syncfs(fd) == 0 && statfs(".", &s) == 0 && s.f_blocks > 0;
}

static int owner(void)
{
    return close(make("ow", "x")) == 0 && chown("ow", 1, 1) == 0;
}

static int group_bit(void)
{
    return close(make("gs", "x")) == 0 && chmod("gs", 02755) == 0 && mode("gs") == 02755;
}

static int user_bit(void)
{
    return close(make("us", "x")) == 0 && chmod("us", 04755) == 0 && mode("us") == 04755;
}

static int nodes(void)
{
    return mknod("no", S_IFCHR | 0600, makedev(1, 3)) == 0;
}

static const struct { const char *what; int (*test)(void); } tests[] = {
    { "permissions (chmod, read back)", permissions }, { "permissions are heeded", denied_by_mode },
    { "umask, exclusive creation", umask_counts }, { "folders", folders },
    { "times are set", times },
    { "times are set, to the nanosecond", times_exact }, { "times change with what is written", times_change },
    { "symbolic links", symlinks }, { "hard links", hard_links }, { "sparse files, over 4 GiB", sparse },
    { "holes are told (SEEK_DATA)", holes }, { "space is reserved (fallocate)", allocate },
    { "unlinked while open: read, written", unlinked },
    { "unlinked while open: truncated, chmod", unlinked_changed }, { "files without a name (O_TMPFILE)", nameless },
    { "rename over files and folders", rename_over }, { "rename without replacing", no_replace },
    { "two names exchanged", exchange }, { "shared mappings", mapped }, { "append", append },
    { "extended attributes (user.*)", attributes }, { "access control lists", lists }, { "locks (flock)", flocks },
    { "locks (fcntl)", posix_locks }, { "FIFOs", pipes }, { "sockets, inside", sockets },
    { "names of 255 odd bytes, case", names }, { "300 names, removed while listed", many },
    { "copy_file_range", copied }, { "programs run", runs }, { "sync, free space", synced },
    { "chown", owner }, { "setgid", group_bit }, { "setuid", user_bit }, { "device nodes", nodes },
};

int main(int count, char **arguments)
{
    if (count != 2 || chdir(arguments[1])) return 1;
    umask(022);
    for (unsigned i = 0; i < sizeof tests / sizeof *tests; i++) {
        errno = 0;
        int yes = tests[i].test();
        printf("%s\t%s\n", tests[i].what, yes ? "yes" : errno ? strerrorname_np(errno) : "no");
    }
    return 0;
}
