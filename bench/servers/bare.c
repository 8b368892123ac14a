/*
 * The least that a server can do: wait with epoll, read until an empty line, send a constant answer of a head and
 * 1 KiB. No parser, no file, no time-out. Ends with an error if the port is taken.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BODY = 1024, EVENTS = 512, BUFFER = 16384, CONNECTIONS = 1 << 16 };

static char answer[2048], buffer[BUFFER];
static int answer_length;
/* How much of CR LF CR LF each connection has seen at the end of what it has sent. */
static unsigned char seen[CONNECTIONS];

static int listen_on(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  int one = 1, s = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(s, (struct sockaddr *)&address, sizeof address) || listen(s, 4096)) {
    perror("bare: cannot listen");
    exit(1);
  }
  return s;
}

static void accept_all(int epoll, int listener) {
  for (;;) {
    int one = 1, s = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    if (s < 0) return;
    if (s >= CONNECTIONS) {
      close(s);
      continue;
    }
    setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    seen[s] = 0;
    epoll_ctl(epoll, EPOLL_CTL_ADD, s, &(struct epoll_event){.events = EPOLLIN, .data.fd = s});
  }
}

/* Answers every request that ends in what has come; requests have no bodies. */
static void serve(int s) {
  ssize_t got = recv(s, buffer, sizeof buffer, 0);
  if (got <= 0) {
    close(s);
    return;
  }
  for (ssize_t i = 0; i < got; i++) {
    if (buffer[i] != "\r\n\r\n"[seen[s]]) seen[s] = buffer[i] == '\r';
    else if (++seen[s] == 4) {
      seen[s] = 0;
      if (send(s, answer, answer_length, MSG_NOSIGNAL) != answer_length) {
        close(s);
        return;
      }
    }
  }
}

int main(int argc, char **argv) {
  struct epoll_event events[EVENTS];
  int listener = listen_on(argc > 1 ? atoi(argv[1]) : 8080), epoll = epoll_create1(0);
  answer_length = sprintf(answer,
    "HTTP/1.1 200 OK\r\nServer: bare\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n"
    "Connection: keep-alive\r\n\r\n", BODY);
  memset(answer + answer_length, 'x', BODY);
  answer_length += BODY;
  epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &(struct epoll_event){.events = EPOLLIN, .data.fd = listener});
  for (;;) {
    int count = epoll_wait(epoll, events, EVENTS, -1);
    for (int i = 0; i < count; i++) {
      if (events[i].data.fd == listener) accept_all(epoll, listener);
      else serve(events[i].data.fd);
    }
  }
}
