/* SPDX-License-Identifier: MIT */
/*
 * lexer.h: finds C identifiers in a file that comes block by block.
 *
 * It leaves out comments, strings, numbers, directives and what is included. Its whole state is a
 * value that travels with the file: a word may begin in one block and end in the next one, and the
 * next one may be read by another tokenizer.
 */
#ifndef DEMO_LEXER_H
#define DEMO_LEXER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "table.h"

struct lexer {
    uint8_t state;
    uint8_t quote;     /* what ends the literal that it is in */
    bool is_escaped;   /* in a line comment: the block before ended with a backslash */
    bool is_directive; /* the word comes after a # */
    uint8_t length;    /* of a word that began in a block before */
    char word[WORD_BYTES + WORD_SLACK];
};

void lexer_start(struct lexer *lexer);

/* Counts the identifiers of one block; WORD_SLACK bytes can be read after its end. */
void lexer_read(struct lexer *lexer, struct counts *counts, const char *bytes, size_t length);

/* The file has ended: counts the word that its end may have cut off. */
void lexer_finish(struct lexer *lexer, struct counts *counts);

#endif
