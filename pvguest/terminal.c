/* SPDX-License-Identifier: MIT */
#include "pvguest/terminal.h"
#include "pvguest/console.h"
#include "pvguest/file.h"
#include "pvguest/sync.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define CTRL(letter) ((letter)&0x1f)
#define DELETE       0x7f

static struct mutex lock = MUTEX_INITIALIZER(lock);
static bool raw;

/* The line being typed; once it is complete, the line being read. */
static struct {
    char text[1024];
    size_t length, taken;
    bool complete;
} line;

static void erase_character(void)
{
    size_t before = line.length;

    /* A character of UTF-8 is one column and several bytes. */
    while (line.length && (line.text[--line.length] & 0xc0) == 0x80)
        ;
    if (line.length != before)
        console_write("\b \b", 3);
}

static void erase_word(void)
{
    while (line.length && line.text[line.length - 1] == ' ')
        erase_character();
    while (line.length && line.text[line.length - 1] != ' ')
        erase_character();
}

static void append(char c)
{
    if (line.length == sizeof(line.text) - (c != '\n')) /* room for the line's end */
        return;
    line.text[line.length++] = c;
    console_write(&c, 1);
}

static void type(char c)
{
    switch (c) {
    case '\r':
    case '\n':
        append('\n');
        line.complete = true;
        break;
    case '\b':
    case DELETE:
        erase_character();
        break;
    case CTRL('U'):
        while (line.length)
            erase_character();
        break;
    case CTRL('W'):
        erase_word();
        break;
    case CTRL('C'):
        console_write("^C\n", 3);
        line.length = 0;
        break;
    case CTRL('D'):
        line.complete = true;
        break;
    default:
        if ((unsigned char)c >= ' ' || c == '\t')
            append(c);
    }
}

/* In raw mode every byte is a line. */
static void keep(char c)
{
    line.text[line.length++] = c;
    line.complete = true;
}

/* Takes typed bytes until a line is complete or the deadline. */
static bool complete_line(uint64_t deadline)
{
    char c;

    while (!line.complete) {
        if (console_read(&c, 1, deadline) == 1)
            raw ? keep(c) : type(c);
        else if (deadline != TIME_NEVER)
            return false;
    }
    return true;
}

static ssize_t read_line(char *buf, size_t length, uint64_t deadline)
{
    size_t count;

    if (!complete_line(deadline))
        return -EAGAIN;
    count = line.length - line.taken < length ? line.length - line.taken : length;
    memcpy(buf, line.text + line.taken, count);
    line.taken += count;
    if (line.taken == line.length) {
        line.length = line.taken = 0;
        line.complete = false;
    }
    return (ssize_t)count;
}

static ssize_t terminal_read(struct file *file, void *buf, size_t length)
{
    uint64_t deadline = file->flags & O_NONBLOCK ? 0 : TIME_NEVER;
    ssize_t result;

    if (length == 0)
        return 0;
    mutex_lock(&lock);
    result = read_line(buf, length, deadline);
    mutex_unlock(&lock);
    return result;
}

static ssize_t terminal_write(struct file *file, const void *buf, size_t length)
{
    (void)file;
    console_write(buf, length);
    return (ssize_t)length;
}

static int terminal_fstat(struct file *file, struct stat *st)
{
    (void)file;
    st->st_mode = S_IFCHR | 0600;
    st->st_blksize = 1024;
    return 0;
}

const struct file_ops terminal_file_ops = {
    .read = terminal_read,
    .write = terminal_write,
    .fstat = terminal_fstat,
};

bool terminal_readable(void)
{
    bool readable;

    mutex_lock(&lock);
    readable = complete_line(0);
    mutex_unlock(&lock);
    return readable;
}

void terminal_set_raw(bool on)
{
    mutex_lock(&lock);
    raw = on;
    line.length = line.taken = 0;
    line.complete = false;
    mutex_unlock(&lock);
}
