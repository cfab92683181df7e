// Runs a command inside a user namespace of its own, with a BPF file system mounted there that delegates everything: the owner of the machine configures what
// the namespace opened. Usage: delegate DIRECTORY COMMAND ARGUMENT...
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define FSOPEN 430
#define FSCONFIG 431
#define FSMOUNT 432
#define MOVE_MOUNT 429
#define SET_STRING 1
#define CREATE 6
#define EMPTY_PATH 4

static void fail(const char *what)
{
	perror(what);
	exit(99);
}

static void send_descriptor(int to, int fd)
{
	char byte = 0, control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec data = { &byte, 1 };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(int));
	if (sendmsg(to, &message, 0) < 0)
		fail("sendmsg");
}

static int receive_descriptor(int from)
{
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec data = { &byte, 1 };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	int fd;

	if (recvmsg(from, &message, 0) <= 0 || !CMSG_FIRSTHDR(&message))
		exit(99);
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int));
	return fd;
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		fail(path);
	close(fd);
}

static int inside(int parent, char **arguments)
{
	char byte = 0;
	int context, mounted;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET))
		fail("unshare");
	if (write(parent, &byte, 1) != 1 || read(parent, &byte, 1) != 1) // the maps of users are written meanwhile
		return 99;
	context = syscall(FSOPEN, "bpf", 0);
	if (context < 0)
		fail("fsopen");
	send_descriptor(parent, context);
	if (read(parent, &byte, 1) != 1)
		return 99;
	mounted = syscall(FSMOUNT, context, 0, 0);
	if (mounted < 0 || syscall(MOVE_MOUNT, mounted, "", AT_FDCWD, arguments[0], EMPTY_PATH))
		fail("move_mount");
	execvp(arguments[1], arguments + 1);
	fail("exec");
	return 99;
}

int main(int count, char **arguments)
{
	static const char *options[] = { "delegate_cmds", "delegate_maps", "delegate_progs", "delegate_attachs" };
	char path[64], byte = 0;
	int pair[2], status, context;
	pid_t child;

	if (count < 3 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		return 99;
	child = fork();
	if (child == 0)
		return inside(pair[1], arguments + 1);
	if (read(pair[0], &byte, 1) != 1)
		return 99;
	snprintf(path, sizeof(path), "/proc/%d/setgroups", child);
	write_file(path, "deny");
	snprintf(path, sizeof(path), "/proc/%d/uid_map", child);
	write_file(path, "0 0 1");
	snprintf(path, sizeof(path), "/proc/%d/gid_map", child);
	write_file(path, "0 0 1");
	if (write(pair[0], &byte, 1) != 1)
		return 99;
	context = receive_descriptor(pair[0]);
	for (int i = 0; i < 4; i++)
		if (syscall(FSCONFIG, context, SET_STRING, options[i], "any", 0))
			fail(options[i]);
	if (syscall(FSCONFIG, context, CREATE, NULL, NULL, 0))
		fail("fsconfig");
	if (write(pair[0], &byte, 1) != 1 || waitpid(child, &status, 0) < 0)
		return 99;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 98;
}
