/* SPDX-License-Identifier: MIT */
/* residence.h: which pages are there, for tests of what is given back. Include it after common.h. */
#ifndef RESIDENCE_H
#define RESIDENCE_H

static uintptr_t page_bytes(void)
{
    return (uintptr_t)sysconf(_SC_PAGESIZE);
}

static bool is_resident(char *page)
{
    unsigned char resident = 0;
    EXPECT_EQ(mincore(page, page_bytes(), &resident), 0);
    return (resident & 1) != 0;
}

/* Whether mincore tells the truth about a page that was given back: emulators may not. */
static bool is_residence_told(void)
{
    char *page = mmap(NULL, page_bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT(page != MAP_FAILED);
    *page = 1;
    bool was = is_resident(page);
    EXPECT_EQ(madvise(page, page_bytes(), MADV_DONTNEED), 0);
    return was && !is_resident(page);
}

#endif
