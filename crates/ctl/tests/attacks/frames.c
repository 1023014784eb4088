// SPDX-License-Identifier: LGPL-2.1-or-later
// Sends frames that a sandbox may not send, and some that it may; or tells
// which of them arrive where. Each carries its name.
//
// frames send IFACE OWN OWN6 GATEWAY GATEWAY6 GATEWAYMAC OTHER OTHER6 OTHERMAC WORLD WORLD6 LAN6
// frames hear, until its input ends

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <net/if.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MARK "terrarium-frame:"

static int wire;
static struct sockaddr_ll out;
static uint8_t own_mac[6], gateway_mac[6], other_mac[6], forged_mac[6] = {0x52, 0x54, 0, 0xde, 0xad, 1};
static uint8_t broadcast[6] = {255, 255, 255, 255, 255, 255};
static uint8_t own[4], gateway[4], other[4], world[4], foreign[4] = {192, 0, 2, 77};
static uint8_t own6[16], gateway6[16], other6[16], world6[16], lan6[16], near6[16], all6[16] = {0xff, 2, [15] = 1};

static uint8_t frame[2000];
static int length, number = 0x7788;

static void put(const void *bytes, int count) {
    memcpy(frame + length, bytes, count);
    length += count;
}

static void word(unsigned value) {
    uint8_t bytes[2] = {value >> 8, value};
    put(bytes, 2);
}

static void byte(unsigned value) {
    uint8_t one = value;
    put(&one, 1);
}

static uint16_t sum(const uint8_t *bytes, int count, uint32_t start) {
    for (int i = 0; i + 1 < count; i += 2) start += bytes[i] << 8 | bytes[i + 1];
    if (count & 1) start += bytes[count - 1] << 8;
    while (start >> 16) start = (start & 0xffff) + (start >> 16);
    return ~start;
}

static void ether(const uint8_t *to, const uint8_t *from, unsigned type) {
    length = 0;
    put(to, 6);
    put(from, 6);
    word(type);
}

static void throw(const char *name) {
    while (length < 60) byte(0);
    if (sendto(wire, frame, length, 0, (struct sockaddr *)&out, sizeof out) < 0) perror(name);
}

// Three times: a first one may wait for a neighbour.
static void go(const char *name) {
    char text[80] = MARK;
    strcat(text, name);
    put(text, strlen(text) + 1);
    for (int i = 0; i < 3; i++) {
        throw(name);
        usleep(2000);
    }
}

// Header of IPv4; options are whole words.
static void ip(const uint8_t *from, const uint8_t *to, int protocol, int payload, unsigned fragment, const uint8_t *options, int count) {
    int start = length;
    byte(0x45 + count / 4);
    byte(0);
    word(20 + count + payload);
    word(number);
    word(fragment);
    byte(64);
    byte(protocol);
    word(0);
    put(from, 4);
    put(to, 4);
    if (count) put(options, count);
    uint16_t check = sum(frame + start, 20 + count, 0);
    frame[start + 10] = check >> 8;
    frame[start + 11] = check;
}

static int text_length(const char *name) { return strlen(MARK) + strlen(name) + 1; }

static void udp(const char *name, const uint8_t *to_mac, const uint8_t *from_mac, const uint8_t *from, const uint8_t *to, int from_port, int port) {
    int payload = text_length(name);
    ether(to_mac, from_mac, 0x0800);
    ip(from, to, 17, 8 + payload, 0, 0, 0);
    word(from_port);
    word(port);
    word(8 + payload);
    word(0);
    go(name);
}

// What is behind the header of IPv6: extension headers, and what they are of.
static uint8_t inner[1500];
static int inner_length;

static void inner_put(const void *bytes, int count) {
    memcpy(inner + inner_length, bytes, count);
    inner_length += count;
}

static void sum6(const uint8_t *from, const uint8_t *to, int protocol, int start, int at) {
    uint32_t begin = protocol + inner_length - start;
    for (int i = 0; i < 16; i += 2) begin += (from[i] << 8 | from[i + 1]) + (to[i] << 8 | to[i + 1]);
    uint16_t check = sum(inner + start, inner_length - start, begin);
    inner[start + at] = check >> 8;
    inner[start + at + 1] = check;
}

static void datagram6(const char *name, const uint8_t *from, const uint8_t *to, int from_port, int port) {
    int start = inner_length, size = 8 + text_length(name);
    inner_put((uint8_t[8]){from_port >> 8, from_port, port >> 8, port, size >> 8, size}, 8);
    inner_put(MARK, strlen(MARK));
    inner_put(name, strlen(name) + 1);
    sum6(from, to, 17, start, 6);
}

// About a neighbour, a router or another way, with who it is. `name` may be none.
static void discovery(const char *name, const uint8_t *from, const uint8_t *to, int type, const uint8_t *target) {
    int start = inner_length;
    inner_put((uint8_t[8]){type, 0, 0, 0, type == 136 ? 0x20 : 64}, 8);
    inner_put(target, 16);
    if (name) inner_put(MARK, strlen(MARK)), inner_put(name, strlen(name) + 1);
    sum6(from, to, 58, start, 2);
}

static void header6(const uint8_t *to_mac, const uint8_t *from, const uint8_t *to, int next, int payload) {
    ether(to_mac, own_mac, 0x86dd);
    word(0x6000);
    word(0);
    word(payload);
    byte(next);
    byte(255);
    put(from, 16);
    put(to, 16);
}

// Sends it three times. `first`: what it begins with; `cut`: after how many
// bytes, a multiple of eight, it goes on in a second piece, or 0. Each time
// under a number of its own: no piece is another one's.
static void send6(const char *name, const uint8_t *to_mac, const uint8_t *from, const uint8_t *to, int first, int cut) {
    static unsigned id = 0x5000;
    for (int i = 0; i < 3; i++, id++) {
        if (!cut) {
            header6(to_mac, from, to, first, inner_length);
            put(inner, inner_length);
            throw(name);
        } else {
            header6(to_mac, from, to, 44, 8 + cut);
            put((uint8_t[8]){first, 0, 0, 1, 0, 0, id >> 8, id}, 8);
            put(inner, cut);
            throw(name);
            header6(to_mac, from, to, 44, 8 + inner_length - cut);
            put((uint8_t[8]){first, 0, cut >> 8, cut, 0, 0, id >> 8, id}, 8);
            put(inner + cut, inner_length - cut);
            throw(name);
        }
        usleep(2000);
    }
}

// A datagram to somebody, behind extension headers: `count` bytes of them, of
// which the first is `first`.
static void udp6(const char *name, const uint8_t *to_mac, const uint8_t *from, const uint8_t *to, int from_port, int port, int first, const uint8_t *headers, int count, int cut) {
    inner_length = 0;
    inner_put(headers, count);
    datagram6(name, from, to, from_port, port);
    send6(name, to_mac, from, to, first, cut);
}

// Asks for an address, as somebody else each time: who gets them all leaves
// none for others.
static void starve(void) {
    static const char name[] = "dhcp-starvation";
    for (int i = 0; i < 50; i++) {
        uint8_t client[16] = {0x52, 0x54, 0, 0xaa, i >> 8, i}, rest[192] = {0};
        static const uint8_t options[] = {99, 130, 83, 99, 53, 1, 1, 255};
        int payload = 236 + sizeof options + text_length(name);
        ether(broadcast, own_mac, 0x0800);
        ip((uint8_t[4]){0}, (uint8_t[4]){255, 255, 255, 255}, 17, 8 + payload, 0, 0, 0);
        word(68);
        word(67);
        word(8 + payload);
        word(0);
        put((uint8_t[12]){1, 1, 6, 0, 0, 0, 0, i}, 12);
        put(rest, 16);
        put(client, 16);
        put(rest, 192);
        put(options, sizeof options);
        go(name);
    }
}

// A datagram of which the first fragment has eight bytes: the ports alone.
// Three times, each under a number of its own: no piece is another one's.
static void fragments(const char *name, int port) {
    int payload = 64;
    for (int i = 0; i < 3; i++) {
        number = 0x7000 + 256 * i + port;
        ether(gateway_mac, own_mac, 0x0800);
        ip(own, world, 17, 8, 0x2000, 0, 0);
        word(4444);
        word(port);
        word(8 + payload);
        word(0);
        sendto(wire, frame, length, 0, (struct sockaddr *)&out, sizeof out);
        ether(gateway_mac, own_mac, 0x0800);
        ip(own, world, 17, payload, 1, 0, 0);
        char text[64] = MARK;
        strcat(text, name);
        put(text, 64);
        sendto(wire, frame, length, 0, (struct sockaddr *)&out, sizeof out);
        usleep(2000);
    }
    number = 0x7788;
}

static void arp(const char *name, int what, const uint8_t *mac, const uint8_t *address, const uint8_t *target) {
    ether(broadcast, own_mac, 0x0806);
    word(1);
    word(0x0800);
    byte(6);
    byte(4);
    word(what);
    put(mac, 6);
    put(address, 4);
    put(broadcast, 6);
    put(target, 4);
    go(name);
}

// ICMPv6 about a neighbour or a router, behind `extra` (a whole extension header).
static void icmp6(const char *name, const uint8_t *from, const uint8_t *to, int type, const uint8_t *target, int extra, const uint8_t *header, int count) {
    static const uint8_t group[6] = {0x33, 0x33, 0, 0, 0, 1};
    inner_length = 0;
    inner_put(header, count);
    discovery(name, from, to, type, target);
    send6(name, to[0] == 0xff ? group : gateway_mac, from, to, count ? extra : 58, 0);
}

// What extension headers may hide from whoever looks at ports and kinds.
static void extensions(void) {
    // Of no meaning: bytes of filling. Its first byte is what comes next.
    static const uint8_t options[8] = {17, 0, 1, 4}, of_icmp[8] = {58, 0, 1, 4};
    // Somebody else is the last one that it is for.
    uint8_t route[24] = {17, 2, 0, 1}, at_end[24] = {17, 2, 0, 0};
    memcpy(route + 8, lan6, 16);
    memcpy(at_end + 8, lan6, 16);
    uint8_t chain[64];
    for (int i = 0; i < 64; i += 8) memcpy(chain + i, (uint8_t[8]){i == 56 ? 17 : 60, 0, 1, 4}, 8);
    // A piece of one inside a whole one.
    uint8_t nested[16] = {44, 0, 0, 0, 0, 0, 0, 7, 60, 0, 0, 1, 0, 0, 0, 8};

    udp6("control6-udp", gateway_mac, own6, world6, 4444, 81, 17, 0, 0, 0);
    udp6("control6-fragments", gateway_mac, own6, world6, 4444, 81, 17, 0, 0, 8);
    udp6("control6-options", gateway_mac, own6, world6, 4444, 81, 60, options, 8, 0);
    const struct { const uint8_t *to; int port; const char *names[8]; } shut[] = {
        {world6, 53, {"dns6-elsewhere", "dns6-fragments", "dns6-hop", "dns6-options", "dns6-chain", "dns6-tiny", "dns6-tiny-chain", "dns6-nested"}},
        {lan6, 81, {"lan6-elsewhere", "lan6-fragments", "lan6-hop", "lan6-options", "lan6-chain", "lan6-tiny", "lan6-tiny-chain", "lan6-nested"}},
    };
    for (int i = 0; i < 2; i++) {
        const uint8_t *to = shut[i].to;
        int port = shut[i].port;
        const char *const *names = shut[i].names;
        udp6(names[0], gateway_mac, own6, to, 4444, port, 17, 0, 0, 0);
        udp6(names[1], gateway_mac, own6, to, 4444, port, 17, 0, 0, 8);
        udp6(names[2], gateway_mac, own6, to, 4444, port, 0, options, 8, 0);
        udp6(names[3], gateway_mac, own6, to, 4444, port, 60, options, 8, 0);
        udp6(names[4], gateway_mac, own6, to, 4444, port, 60, chain, 64, 0);
        // The first piece has a header and no port.
        udp6(names[5], gateway_mac, own6, to, 4444, port, 60, options, 8, 8);
        udp6(names[6], gateway_mac, own6, to, 4444, port, 60, chain, 64, 16);
        // The inner piece as well; the one behind it follows.
        inner_length = 0;
        inner_put(nested, 16);
        inner_put(options, 8);
        send6(names[7], gateway_mac, own6, to, 44, 0);
        inner_length = 0;
        inner_put((uint8_t[16]){44, 0, 0, 0, 0, 0, 0, 7, 60, 0, 0, 8, 0, 0, 0, 8}, 16);
        datagram6(names[7], own6, to, 4444, port);
        send6(names[7], gateway_mac, own6, to, 44, 0);
    }
    udp6("route6", gateway_mac, own6, world6, 4444, 81, 43, route, 24, 0);
    udp6("route6-end", gateway_mac, own6, world6, 4444, 81, 43, at_end, 24, 0);
    udp6("to-other6", other_mac, own6, other6, 4444, 4001, 17, 0, 0, 0);
    udp6("to-other6-routed", gateway_mac, own6, other6, 4444, 4001, 17, 0, 0, 0);
    udp6("to-other6-tiny", gateway_mac, own6, other6, 4444, 4001, 60, options, 8, 8);

    // Of neighbours, to somebody who is none.
    icmp6("neighbour-far", own6, lan6, 135, gateway6, 0, 0, 0);
    icmp6("neighbour-far-own", own6, lan6, 136, own6, 0, 0, 0);
    icmp6("neighbour-options", own6, gateway6, 136, other6, 60, of_icmp, 8);
    // The first piece has a header full of filling, which is its name, and
    // nothing or half of what follows.
    uint8_t filling[64] = {58, 7, 1, 60};
    strcpy((char *)filling + 4, MARK "neighbour-tiny");
    for (int cut = 64; cut <= 80; cut += 16) {
        inner_length = 0;
        inner_put(filling, 64);
        discovery(0, own6, gateway6, 136, other6);
        send6("neighbour-tiny", gateway_mac, own6, gateway6, 60, cut);
    }
}

static void attack(void) {
    udp("control-udp", gateway_mac, own_mac, own, world, 4444, 81);
    arp("control-arp", 1, own_mac, own, gateway);
    fragments("control-fragments", 81);

    udp("source-other", gateway_mac, own_mac, other, world, 4444, 81);
    udp("source-foreign", gateway_mac, own_mac, foreign, world, 4444, 81);
    udp("source-mac", gateway_mac, forged_mac, own, world, 4444, 81);
    udp("dhcp", broadcast, own_mac, (uint8_t[4]){0}, (uint8_t[4]){255, 255, 255, 255}, 68, 67);
    starve();
    udp6("dhcp6", (uint8_t[6]){0x33, 0x33, 0, 1, 0, 2}, near6, (uint8_t[16]){0xff, 2, [13] = 1, [15] = 2}, 546, 547, 17, 0, 0, 0);
    udp6("dhcp6-own", (uint8_t[6]){0x33, 0x33, 0, 1, 0, 2}, own6, (uint8_t[16]){0xff, 2, [13] = 1, [15] = 2}, 546, 547, 17, 0, 0, 0);
    udp("to-other", other_mac, own_mac, own, other, 4444, 4001);
    udp("to-other-routed", gateway_mac, own_mac, own, other, 4444, 4001);
    udp("dns-elsewhere", gateway_mac, own_mac, own, world, 4444, 53);
    fragments("dns-fragments", 53);

    arp("arp-gateway", 2, own_mac, gateway, own);
    arp("arp-other", 2, own_mac, other, gateway);
    arp("arp-forged", 2, forged_mac, own, gateway);

    icmp6("router", near6, all6, 134, gateway6, 0, 0, 0);
    icmp6("router-own", own6, all6, 134, gateway6, 0, 0, 0);
    icmp6("redirect", own6, gateway6, 137, gateway6, 0, 0, 0);
    icmp6("neighbour-gateway", own6, all6, 136, gateway6, 0, 0, 0);
    icmp6("neighbour-other", near6, all6, 136, other6, 0, 0, 0);
    icmp6("source6-other", other6, all6, 135, gateway6, 0, 0, 0);
    icmp6("source6-gateway", gateway6, all6, 136, gateway6, 0, 0, 0);
    icmp6("router-hop", near6, all6, 134, gateway6, 0, (uint8_t[8]){58, 0, 1, 4}, 8);
    icmp6("neighbour-hop", own6, all6, 136, gateway6, 0, (uint8_t[8]){58, 0, 1, 4}, 8);
    icmp6("neighbour-fragment", own6, all6, 136, gateway6, 44, (uint8_t[8]){58, 0, 0, 0, 0, 0, 0, 9}, 8);
    extensions();

    // Loose source route through the world.
    int payload = 8 + text_length("source-route");
    uint8_t route[8] = {131, 7, 4, world[0], world[1], world[2], world[3], 0};
    ether(gateway_mac, own_mac, 0x0800);
    ip(own, world, 17, payload, 0, route, 8);
    word(4444);
    word(81);
    word(payload);
    word(0);
    go("source-route");

    // A tag of a virtual LAN around what would be allowed.
    payload = 8 + text_length("vlan");
    ether(gateway_mac, own_mac, 0x8100);
    word(5);
    word(0x0800);
    ip(own, world, 17, payload, 0, 0, 0);
    word(4444);
    word(81);
    word(payload);
    word(0);
    go("vlan");

    ether((uint8_t[6]){1, 0x80, 0xc2, 0, 0, 0}, own_mac, 38 + text_length("spanning-tree"));
    put((uint8_t[3]){0x42, 0x42, 3}, 3);
    go("spanning-tree");
    ether((uint8_t[6]){1, 0x80, 0xc2, 0, 0, 14}, own_mac, 0x88cc);
    go("lldp");
}

static long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

// Until nobody holds its input any more, and half a second longer. Says last how
// many frames it was too slow for.
static void hear(void) {
    static char buffer[70000];
    int room = 64 << 20;
    setsockopt(wire, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    printf("ready\n");
    fflush(stdout);
    for (long end = 0; !end || now() < end;) {
        struct pollfd ready[2] = {{wire, POLLIN, 0}, {end ? -1 : 0, POLLIN, 0}};
        poll(ready, 2, 100);
        if (ready[1].revents) end = now() + 500;
        if (!(ready[0].revents & POLLIN)) continue;
        struct sockaddr_ll from;
        socklen_t size = sizeof from;
        ssize_t got = recvfrom(wire, buffer, sizeof buffer - 1, 0, (struct sockaddr *)&from, &size);
        if (got < 1) continue;
        buffer[got] = 0;
        char *mark = memmem(buffer, got, MARK, strlen(MARK));
        char name[IFNAMSIZ] = "?";
        if (mark && if_indextoname(from.sll_ifindex, name)) printf("%s %s\n", name, mark + strlen(MARK));
    }
    struct tpacket_stats lost;
    socklen_t size = sizeof lost;
    if (getsockopt(wire, SOL_PACKET, PACKET_STATISTICS, &lost, &size)) perror("lost");
    printf("lost %u\n", lost.tp_drops);
}

static void mac(const char *text, uint8_t *to) {
    unsigned v[6];
    if (sscanf(text, "%x:%x:%x:%x:%x:%x", v, v + 1, v + 2, v + 3, v + 4, v + 5) != 6) exit(2);
    for (int i = 0; i < 6; i++) to[i] = v[i];
}

int main(int count, char **words) {
    wire = socket(AF_PACKET, SOCK_RAW, htons(0x0003));
    if (wire < 0) return perror("socket"), 1;
    if (count == 2 && !strcmp(words[1], "hear")) return hear(), 0;
    if (count != 14) return 2;
    struct ifreq request = {0};
    strncpy(request.ifr_name, words[2], IFNAMSIZ - 1);
    if (ioctl(wire, SIOCGIFHWADDR, &request)) return perror(words[2]), 1;
    memcpy(own_mac, request.ifr_hwaddr.sa_data, 6);
    out.sll_family = AF_PACKET;
    out.sll_ifindex = if_nametoindex(words[2]);
    out.sll_halen = 6;
    inet_pton(AF_INET, words[3], own);
    inet_pton(AF_INET6, words[4], own6);
    inet_pton(AF_INET, words[5], gateway);
    inet_pton(AF_INET6, words[6], gateway6);
    mac(words[7], gateway_mac);
    inet_pton(AF_INET, words[8], other);
    inet_pton(AF_INET6, words[9], other6);
    mac(words[10], other_mac);
    inet_pton(AF_INET, words[11], world);
    inet_pton(AF_INET6, words[12], world6);
    inet_pton(AF_INET6, words[13], lan6);
    uint8_t near[16] = {0xfe, 0x80, [8] = own_mac[0] ^ 2, own_mac[1], own_mac[2], 0xff, 0xfe, own_mac[3], own_mac[4], own_mac[5]};
    memcpy(near6, near, 16);
    attack();
    puts("sent");
    return 0;
}
