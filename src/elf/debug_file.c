/* SPDX-License-Identifier: MIT */
/*
 * debug_file.c: what is in /usr/lib/debug by the file's build id; else .gnu_debugdata, in which Fedora leaves the
 * symbols of functions that are not exported: an ELF file packed by xz. What cannot be read is as if it were not there.
 */
#include "elf/debug_file.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <lzma.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { UNPACKER_BYTES = 80 << 20, UNPACKED_LEAST = 1 << 16, UNPACKED_MOST = 1 << 28 };

Elf_Scn *elf_section_of_type(Elf *elf, unsigned type)
{
    Elf_Scn *scn = NULL;
    while (elf != NULL && (scn = elf_nextscn(elf, scn)) != NULL) {
        GElf_Shdr header;
        if (gelf_getshdr(scn, &header) != NULL && header.sh_type == type && header.sh_size > 0)
            return scn;
    }
    return NULL;
}

/* ---- by build id ---- */

bool elf_build_id(Elf *elf, char *text, size_t text_size)
{
    Elf_Scn *scn = NULL;
    while ((scn = elf_nextscn(elf, scn)) != NULL) {
        GElf_Shdr header;
        if (gelf_getshdr(scn, &header) == NULL || header.sh_type != SHT_NOTE)
            continue;
        Elf_Data *data = elf_getdata(scn, NULL);
        GElf_Nhdr note;
        size_t offset = 0, name_at, bytes_at;
        while (data != NULL && (offset = gelf_getnote(data, offset, &note, &name_at, &bytes_at)) > 0) {
            if (note.n_type != NT_GNU_BUILD_ID || note.n_namesz != 4 || note.n_descsz < 2 ||
                2 * (size_t)note.n_descsz + 1 > text_size || memcmp((char *)data->d_buf + name_at, "GNU", 4) != 0)
                continue;
            for (size_t i = 0; i < note.n_descsz; i++)
                snprintf(text + 2 * i, 3, "%02x", ((uint8_t *)data->d_buf)[bytes_at + i]);
            return true;
        }
    }
    return false;
}

static void find_by_build_id(struct elf_file *file)
{
    char id[128], path[256], id_there[128];
    if (!elf_build_id(file->elf, id, sizeof id))
        return;
    snprintf(path, sizeof path, "/usr/lib/debug/.build-id/%.2s/%s.debug", id, id + 2);
    file->debug_fd = open(path, O_RDONLY | O_CLOEXEC);
    if (file->debug_fd < 0)
        return;
    file->debug_elf = elf_begin(file->debug_fd, ELF_C_READ_MMAP, NULL);
    if (file->debug_elf != NULL && (!elf_build_id(file->debug_elf, id_there, sizeof id_there) || strcmp(id, id_there) != 0 ||
                                    elf_section_of_type(file->debug_elf, SHT_SYMTAB) == NULL)) {
        elf_end(file->debug_elf);
        file->debug_elf = NULL;
    }
}

/* ---- packed into the file itself ---- */

static Elf_Data *packed_data(Elf *elf)
{
    size_t names;
    Elf_Scn *scn = NULL;
    if (elf_getshdrstrndx(elf, &names) != 0)
        return NULL;
    while ((scn = elf_nextscn(elf, scn)) != NULL) {
        GElf_Shdr header;
        const char *name = gelf_getshdr(scn, &header) == NULL ? NULL : elf_strptr(elf, names, header.sh_name);
        if (name != NULL && header.sh_type == SHT_PROGBITS && strcmp(name, ".gnu_debugdata") == 0)
            return elf_rawdata(scn, NULL);
    }
    return NULL;
}

/* Malloc'ed; NULL if it is no xz stream, or a bomb: symbols are less than what they are of. */
static uint8_t *unpack(const Elf_Data *data, uint64_t most, size_t *size)
{
    for (size_t room = UNPACKED_LEAST; room <= most && room <= UNPACKED_MOST; room *= 4) {
        uint8_t *bytes = malloc(room);
        uint64_t memory = UNPACKER_BYTES;
        size_t from = 0;
        *size = 0;
        lzma_ret result = bytes == NULL ? LZMA_MEM_ERROR
                                        : lzma_stream_buffer_decode(&memory, 0, NULL, data->d_buf, &from, data->d_size,
                                                                    bytes, size, room);
        if (result == LZMA_OK)
            return bytes;
        free(bytes);
        if (result != LZMA_BUF_ERROR)
            return NULL;
    }
    return NULL;
}

static void unpack_from(struct elf_file *file)
{
    Elf_Data *data = packed_data(file->elf);
    size_t size;
    if (data == NULL || data->d_buf == NULL || data->d_size == 0)
        return;
    file->debug_bytes = unpack(data, UNPACKED_LEAST + 16 * file->file_size, &size);
    if (file->debug_bytes != NULL)
        file->debug_elf = elf_memory((char *)file->debug_bytes, size);
}

/* ---- either ---- */

void debug_file_open(struct elf_file *file)
{
    if (elf_section_of_type(file->elf, SHT_SYMTAB) != NULL)
        return;
    find_by_build_id(file);
    if (file->debug_elf == NULL)
        unpack_from(file);
}

void debug_file_close(struct elf_file *file)
{
    if (file->debug_elf != NULL)
        elf_end(file->debug_elf);
    if (file->debug_fd >= 0)
        close(file->debug_fd);
    free(file->debug_bytes);
}
