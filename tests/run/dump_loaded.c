/* SPDX-License-Identifier: MIT */
/* A dump shows what has just been loaded, by its names and up to the root. */
#include "common.h"

#include <dlfcn.h>

/* zlib's, as much as it looks at. */
struct stream {
    uintptr_t words[14];
};
typedef unsigned in_function(void *arg, const unsigned char **bytes);
typedef int out_function(void *arg, unsigned char *bytes, unsigned count);
typedef int init_function(struct stream *stream, int bits, unsigned char *window, const char *version, int bytes);
typedef int end_function(struct stream *stream);
typedef int inflate_function(struct stream *stream, in_function *in, void *in_arg, out_function *out, void *out_arg);

#define LIBRARY "libz.so.1"

static char *dump;

static unsigned look(void *arg, const unsigned char **bytes)
{
    (void)arg, (void)bytes;
    dump = dump_text();
    return 0;
}

static __attribute__((noinline)) int app(void *arg)
{
    static unsigned char window[1 << 15];
    struct stream stream = { { 0 } };
    (void)arg;
    void *library = dlopen(LIBRARY, RTLD_NOW);
    EXPECT(library != NULL);
    init_function *init = (init_function *)dlsym(library, "inflateBackInit_");
    inflate_function *inflate = (inflate_function *)dlsym(library, "inflateBack");
    end_function *end = (end_function *)dlsym(library, "inflateBackEnd");
    EXPECT(init != NULL && inflate != NULL && end != NULL);
    EXPECT_EQ(init(&stream, 15, window, "1", sizeof stream), 0);
    EXPECT(inflate(&stream, look, NULL, NULL, NULL) != 0);
    EXPECT_EQ(end(&stream), 0);
    EXPECT(strstr(dump, "    inflateBack+") != NULL && strstr(dump, "    app") != NULL);
    EXPECT(strstr(dump, "[unknown+") == NULL);
    free(dump);
    return 0;
}

int main(void)
{
    void *library = dlopen(LIBRARY, RTLD_NOW);
    if (library == NULL)
        SKIP("there is no zlib");
    dlclose(library);
    return rung_run(app, NULL) != 0;
}
