/* SPDX-License-Identifier: MIT */
/* Addresses as text, both ways; and what is none. */
#include "net.h"

static const char *const same[] = {
    "127.0.0.1:80", "0.0.0.0:0", "255.255.255.255:65535", "[::1]:80", "[::]:0", "[fe80::1%lo]:9",
    "[1:2:3:4:5:6:7:8]:1", "unix:/run/x", "unix:@x", "unix:relative",
};

static const struct { const char *text; int error; } bad[] = {
    { "", -EINVAL }, { ":", -EINVAL }, { "80", -EINVAL }, { "1.2.3.4", -EINVAL }, { "1.2.3.4:", -EINVAL },
    { "1.2.3.4:65536", -EINVAL }, { "1.2.3.4:-1", -EINVAL }, { "1.2.3.4:8 ", -EINVAL }, { "1.2.3:80", -EINVAL },
    { "1.2.3.4:99999999999999999999", -EINVAL }, { "256.1.1.1:1", -EINVAL }, { "::1:80", -EINVAL },
    { "[::1]80", -EINVAL }, { "[::1:80", -EINVAL }, { "[]:80", -EINVAL }, { "[:80", -EINVAL }, { "[x]:80", -EINVAL },
    { "[127.0.0.1]:80", -EINVAL }, { "[fe80::1%nosuch0]:80", -ENODEV }, { "name:80", -EINVAL }, { "unix:", -EINVAL },
};

int main(void)
{
    rung_address address, longest;
    char text[RUNG_ADDRESS_TEXT], name[12000];
    for (size_t i = 0; i < LENGTH(same); i++) {
        EXPECT_EQ(rung_address_parse(&address, same[i]), 0);
        EXPECT_EQ(rung_address_format(&address, text, sizeof text), strlen(same[i]));
        EXPECT(strcmp(text, same[i]) == 0);
        EXPECT_EQ(rung_address_format(&address, text, strlen(same[i])), -ENOSPC);
        EXPECT_EQ(rung_address_format(&address, NULL, 0), -ENOSPC);
    }
    EXPECT_EQ(rung_address_parse(&address, ":80"), 0);
    EXPECT(rung_address_format(&address, text, sizeof text) > 0);
    EXPECT(strcmp(text, "[::]:80") == 0);
    memset(&longest, 0x5a, sizeof longest);
    address = longest;
    for (size_t i = 0; i < LENGTH(bad); i++) {
        EXPECT_EQ(rung_address_parse(&address, bad[i].text), bad[i].error);
        EXPECT(memcmp(&address, &longest, sizeof address) == 0); /* untouched */
    }
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    EXPECT_EQ(rung_address_parse(&address, name), -EINVAL);
    memcpy(name + 300, ":80", 4);
    EXPECT_EQ(rung_address_parse(&address, name), -ENAMETOOLONG);
    memcpy(name, "unix:", 5);
    name[5 + 108] = '\0';
    EXPECT_EQ(rung_address_parse(&address, name), -ENAMETOOLONG); /* no room for the zero */
    name[5] = '@';
    EXPECT_EQ(rung_address_parse(&address, name), 0);
    EXPECT_EQ(rung_address_format(&address, text, sizeof text), 5 + 108);
    EXPECT(strcmp(text, name) == 0);
    EXPECT_EQ(rung_address_parse(NULL, "1.2.3.4:5"), -EINVAL);
    EXPECT_EQ(rung_address_parse(&address, NULL), -EINVAL);
    EXPECT_EQ(rung_address_format(&longest, text, sizeof text), -EAFNOSUPPORT);
    return 0;
}
