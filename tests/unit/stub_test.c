/* SPDX-License-Identifier: MIT */
/* Linkage stubs are known by their code, and how many words each of their instructions finds pushed; so are handlers' returns. */
#define _GNU_SOURCE /* for the registers' names */
#include <string.h>

#include "machine/arch.h"
#include "machine/registers.h"
#include "test.h"

enum { BYTES = 32, MOST = 9 };

/* Code, and for each of its instructions where it begins and what is pushed there; -1 for no stub's. */
static const struct {
    const char *code;
    size_t bytes;
    struct { int at, words; } expected[MOST];
} cases[] = {
#if defined(__x86_64__)
    { "\xff\x35\x02\x20\0\0\xff\x25\x04\x20\0\0\x0f\x1f\x40", 16, { { 0, 1 }, { 6, 2 }, { 12, -1 } } },
    { "\xff\x25\x02\x20\0\0\x68\1\0\0\0\xe9\xd0\xff\xff\xff", 16, { { 0, 0 }, { 6, 0 }, { 11, 1 } } },
    { "\xf3\x0f\x1e\xfa\xff\x25\x02\x20\0\0", 10, { { 0, 0 }, { 4, 0 } } },
    { "\xf3\x0f\x1e\xfa\x55\x48\x89\xe5\x68\1\0\0\0\xe8\0\0\0\0\xe9\0\0\0\0", 23,
      { { 0, -1 }, { 4, -1 }, { 5, -1 }, { 8, -1 }, { 13, -1 }, { 18, -1 } } },
#else
    { "\xf0\x7b\xbf\xa9\xf0\0\0\xf0\x11\xfe\x47\xf9\x10\xe2\x3f\x91\x20\x02\x1f\xd6\x1f\x20\x03\xd5", 24,
      { { 0, 0 }, { 4, 2 }, { 8, 2 }, { 12, 2 }, { 16, 2 }, { 20, -1 } } },
    { "\x10\x01\0\x90\x11\x02\x40\xf9\x10\x02\0\x91\x20\x02\x1f\xd6", 16, { { 0, 0 }, { 4, 0 }, { 8, 0 }, { 12, 0 } } },
    { "\x5f\x24\x03\xd5\x10\x01\0\x90\x11\x02\x40\xf9\x10\x02\0\x91\x20\x02\x1f\xd6", 20, { { 0, 0 }, { 4, 0 }, { 16, 0 } } },
    { "\x5f\x24\x03\xd5\xfd\x7b\xbf\xa9\xfd\x03\0\x91\x10\x01\0\x90\xfd\x7b\xc1\xa8\xc0\x03\x5f\xd6", 24,
      { { 0, -1 }, { 4, -1 }, { 8, -1 }, { 12, -1 }, { 20, -1 } } },
#endif
};

/* Both instructions, and the byte before, by which a return address is looked up. */
static void test_signal_return(void)
{
#if defined(__x86_64__)
    static const char code[] = "\x90\x48\xc7\xc0\x0f\0\0\0\x0f\x05\x90";
    enum { SECOND = 7 };
#else
    static const char code[] = "\x1f\x20\x03\xd5\x68\x11\x80\xd2\x01\0\0\xd4\x1f\x20\x03\xd5";
    enum { SECOND = 4 };
#endif
    _Alignas(8) uint8_t memory[CODE_BEFORE + sizeof code + CODE_AFTER] = { 0 };
    uint8_t *first = memory + CODE_BEFORE + (SECOND == 7 ? 1 : 4);
    memcpy(memory + CODE_BEFORE, code, sizeof code - 1);
    EXPECT(registers_is_signal_return(first - 1) && registers_is_signal_return(first) && registers_is_signal_return(first + SECOND));
    first[SECOND]++;
    EXPECT(!registers_is_signal_return(first - 1) && !registers_is_signal_return(first) && !registers_is_signal_return(first + SECOND));
}

int main(void)
{
    test_signal_return();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _Alignas(8) uint8_t memory[CODE_BEFORE + BYTES + CODE_AFTER] = { 0 };
        uint8_t *code = memory + CODE_BEFORE;
        memcpy(code, cases[i].code, cases[i].bytes);
        for (int j = 0; j < MOST && (j == 0 || cases[i].expected[j].at > 0); j++)
            EXPECT_EQ(registers_stub(code + cases[i].expected[j].at), cases[i].expected[j].words);
    }
    return 0;
}
