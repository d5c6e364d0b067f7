/* SPDX-License-Identifier: MIT */
/*
 * decode.c: the forms, kept by the bytes that determine them.
 *
 * The trie's links lie in arrays of 256 for its first nodes, which are met first and most often, and for all others in one
 * hash table, by node and byte: most of those have few links. A link is 0 for unknown, the number of a node or, with
 * the bit IS_FORM, of a form. Of libcrypto's 22,000 combinations of bytes 5,700 are different forms, so equal ones
 * are kept once. Memory is bounded: what no longer fits is decoded each time. The table for arm64 is a cache with
 * one place for each hash.
 */
#include "check/decode.h"

#include <capstone/capstone.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DENSE = 256, NODES_MOST = 1 << 15, IS_FORM = 1 << 15, FORMS_MOST = 1 << 14, WORDS = 1 << 15, LONGEST = 15 };
enum { LINKS = 1 << 16, LINKS_MOST = LINKS / 4 * 3 };

struct node {
    uint16_t link[256];
};

struct link { /* of a node that has no array */
    uint32_t key; /* node and byte; 0: free, since node 0 has an array */
    uint16_t link;
};

struct word {
    uint32_t word;
    uint32_t is_known;
    struct form form;
};

struct decoder {
    bool is_x86;
    csh handle;
    cs_insn *instruction;
    struct node *nodes;   /* the first DENSE; node 0 is the root */
    struct link *links;
    struct form *forms;
    struct word *words;   /* arm64 */
    uint32_t node_count, form_count, link_count;
    uint16_t twins[FORMS_MOST]; /* the form with that hash, plus 1; or 0 */
    uint64_t misses;
    struct form single;   /* of what is not kept */
};

void decoder_close(struct decoder *decoder)
{
    if (decoder == NULL)
        return;
    if (decoder->instruction != NULL)
        cs_free(decoder->instruction, 1);
    if (decoder->handle != 0)
        cs_close(&decoder->handle);
    free(decoder->nodes);
    free(decoder->links);
    free(decoder->forms);
    free(decoder->words);
    free(decoder);
}

struct decoder *decoder_open(const struct cpu *cpu)
{
    struct decoder *decoder = calloc(1, sizeof *decoder);
    if (decoder == NULL)
        return NULL;
    decoder->is_x86 = cpu == &cpu_x86_64;
    bool is_open = decoder->is_x86 ? cs_open(CS_ARCH_X86, CS_MODE_64, &decoder->handle) == CS_ERR_OK
                                   : cs_open(CS_ARCH_ARM64, CS_MODE_LITTLE_ENDIAN, &decoder->handle) == CS_ERR_OK;
    if (is_open) {
        cs_option(decoder->handle, CS_OPT_DETAIL, CS_OPT_ON);
        decoder->instruction = cs_malloc(decoder->handle);
        decoder->node_count = 1;
        if (decoder->is_x86) { /* address space: pages that are not written cost nothing */
            decoder->nodes = calloc(DENSE, sizeof *decoder->nodes);
            decoder->links = calloc(LINKS, sizeof *decoder->links);
            decoder->forms = calloc(FORMS_MOST, sizeof *decoder->forms);
        } else {
            decoder->words = calloc(WORDS, sizeof *decoder->words);
        }
    }
    if (decoder->instruction == NULL || (decoder->is_x86 ? !decoder->nodes || !decoder->links || !decoder->forms : !decoder->words)) {
        decoder_close(decoder);
        return NULL;
    }
    return decoder;
}

/* Where the link of the node by that byte is, or is to be. NULL: it is not there, and nothing more fits. */
static always_inline uint16_t *link_of(struct decoder *decoder, uint32_t node, uint8_t byte, bool wants_new)
{
    if (likely(node < DENSE))
        return &decoder->nodes[node].link[byte];
    uint32_t key = node << 8 | byte, at = key * 2654435761u >> 16;
    while (decoder->links[at].key != key) {
        if (decoder->links[at].key == 0) {
            if (!wants_new || decoder->link_count == LINKS_MOST)
                return NULL;
            decoder->link_count++;
            decoder->links[at].key = key;
            break;
        }
        at = (at + 1) % LINKS;
    }
    return &decoder->links[at].link;
}

/* The number of a form that equals it, put there if there was none; FORMS_MOST if there is no place. */
static uint32_t number_of(struct decoder *decoder, const struct form *form)
{
    uint32_t words[sizeof *form / 4], hash = 0;
    memcpy(words, form, sizeof words);
    for (size_t i = 0; i < array_length(words); i++)
        hash = (hash ^ words[i]) * 2654435761u;
    for (uint32_t at = hash >> 16; decoder->form_count < FORMS_MOST; at++) {
        uint16_t *twin = &decoder->twins[at % FORMS_MOST];
        if (*twin == 0) {
            decoder->forms[decoder->form_count] = *form;
            *twin = ++decoder->form_count;
        }
        if (memcmp(&decoder->forms[*twin - 1], form, sizeof *form) == 0)
            return *twin - 1;
    }
    return FORMS_MOST;
}

/* Puts a form where its first key_length bytes lead. */
static const struct form *keep(struct decoder *decoder, const uint8_t *bytes, unsigned key_length, struct form form)
{
    decoder->single = form;
    uint32_t at = 0;
    for (unsigned i = 0; i + 1 < key_length; i++) {
        uint16_t *link = link_of(decoder, at, bytes[i], true);
        if (link == NULL || (*link == 0 && decoder->node_count == NODES_MOST) || (*link & IS_FORM))
            return &decoder->single; /* full; or not prefix-free after all */
        if (*link == 0)
            *link = decoder->node_count++;
        at = *link;
    }
    uint16_t *last = link_of(decoder, at, bytes[key_length - 1], true);
    uint32_t number = number_of(decoder, &form);
    if (last == NULL || *last != 0 || number == FORMS_MOST)
        return &decoder->single;
    *last = IS_FORM | number;
    return &decoder->forms[number];
}

/* Capstone's address of 0 makes operands relative to the pc the bare displacements. */
static bool ask(struct decoder *decoder, const uint8_t *bytes, size_t available)
{
    uint64_t address = 0;
    decoder->misses++;
    return cs_disasm_iter(decoder->handle, &bytes, &available, &address, decoder->instruction);
}

static noinline const struct form *learn_x86(struct decoder *decoder, const uint8_t *bytes, size_t available)
{
    struct form form = { .operation = BAD, .length = 1 };
    unsigned key_length = 1;
    if (available > LONGEST)
        available = LONGEST;
    if (x86_mend(bytes, available, &form, &key_length))
        return keep(decoder, bytes, key_length, form);
    if (!ask(decoder, bytes, available)) {
        decoder->single = x86_vector(bytes, available, &form) ? form
                                                              : (struct form){ .operation = BAD, .length = 1 };
        return &decoder->single;
    }
    const cs_x86_encoding *encoding = &decoder->instruction->detail->x86.encoding;
    unsigned length = decoder->instruction->size, rest = encoding->disp_size + encoding->imm_size;
    unsigned first = encoding->disp_offset ? encoding->disp_offset : encoding->imm_offset;
    form = form_of_x86(decoder->handle, decoder->instruction);
    key_length = first != 0 && first + rest == length ? first : length;
    if (key_length == length)
        form.value_size = form.value_size > 0 && form.value_at + form.value_size <= length ? form.value_size : 0;
    return keep(decoder, bytes, key_length, form);
}

static const struct form *decode_arm64(struct decoder *decoder, const uint8_t *bytes, size_t available)
{
    static const struct form cut_off = { .operation = BAD, .length = 4 };
    if (available < 4)
        return &cut_off;
    uint32_t word;
    memcpy(&word, bytes, 4);
    struct word *place = &decoder->words[word * 2654435761u >> 17 & (WORDS - 1)];
    if (likely(place->word == word && place->is_known))
        return &place->form;
    place->word = word;
    place->is_known = 1;
    if (arm64_mend(word, &place->form))
        return &place->form;
    if (ask(decoder, bytes, 4))
        place->form = form_of_arm64(decoder->handle, decoder->instruction, word);
    else /* newer than the library (SVE, atomics): none of these moves the stack */
        place->form = (struct form){ .operation = PLAIN, .length = 4 };
    return &place->form;
}

const struct form *decode(struct decoder *decoder, const uint8_t *bytes, size_t available)
{
    if (!decoder->is_x86)
        return decode_arm64(decoder, bytes, available);
    size_t most = available < LONGEST ? available : LONGEST;
    uint32_t at = 0;
    for (size_t i = 0; i < most; i++) {
        const uint16_t *place = link_of(decoder, at, bytes[i], false);
        uint16_t link = place == NULL ? 0 : *place;
        if (link & IS_FORM) {
            const struct form *form = &decoder->forms[link & (IS_FORM - 1)];
            if (unlikely(form->length > available))
                break;
            return form;
        }
        if (link == 0)
            return learn_x86(decoder, bytes, available);
        at = link;
    }
    decoder->single = (struct form){ .operation = BAD, .length = 1 };
    return &decoder->single;
}

int64_t form_value(const struct form *form, const uint8_t *bytes, uint64_t address)
{
    int64_t value = form->value;
    if (form->value_size == 1) {
        value = (int8_t)bytes[form->value_at];
    } else if (form->value_size == 4) {
        int32_t word;
        memcpy(&word, bytes + form->value_at, 4);
        value = word;
    } else if (form->value_size == 2) {
        int16_t half;
        memcpy(&half, bytes + form->value_at, 2);
        value = half;
    } else if (form->value_size == 8) {
        memcpy(&value, bytes + form->value_at, 8);
    }
    if (form->flags & IS_NEGATIVE)
        value = -(uint64_t)value;
    if (form->flags & ADDRESSES_PC)
        value += address + (form->value_size > 0 ? form->length : 0);
    return value;
}

void decoder_print(struct decoder *decoder, const uint8_t *bytes, size_t available, uint64_t address, char *text,
                   size_t text_size)
{
    cs_insn *instruction = decoder->instruction;
    if (cs_disasm_iter(decoder->handle, &bytes, &available, &address, instruction))
        snprintf(text, text_size, "%s%s%s", instruction->mnemonic, instruction->op_str[0] ? " " : "",
                 instruction->op_str);
    else
        snprintf(text, text_size, "(not known to the disassembler)");
}

uint64_t decoder_misses(const struct decoder *decoder)
{
    return decoder->misses;
}
