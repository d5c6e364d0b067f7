/* SPDX-License-Identifier: MIT */
/*
 * lexer.c: a state machine whose every state is a function with a tight loop. Each takes the next
 * byte's address, at least one byte before `end`, and gives back where to go on.
 */
#include "lexer.h"

#include <string.h>

/* clang-format off */
enum state { CODE = 1, WORD, NUMBER, SLASH, LINE, BLOCK, BLOCK_STAR, QUOTED, ESCAPE, HASH, INCLUDE };
/* clang-format on */

enum { LETTER = 1, DIGIT, MARK }; /* 0: everything else */

#define TEN(class)        class, class, class, class, class, class, class, class, class, class
#define TWENTY_SIX(class) TEN(class), TEN(class), class, class, class, class, class, class

static const uint8_t classes[256] = {
    ['"'] = MARK,       ['#'] = MARK,
    ['\''] = MARK,      ['/'] = MARK,
    ['0'] = TEN(DIGIT), ['A'] = TWENTY_SIX(LETTER),
    ['_'] = LETTER,     ['a'] = TWENTY_SIX(LETTER),
};

static unsigned class_of(char byte)
{
    return classes[(unsigned char)byte];
}

static bool is_word(char byte)
{
    return class_of(byte) == LETTER || class_of(byte) == DIGIT;
}

static const char *in_code(struct lexer *lexer, const char *at, const char *end)
{
    while (at < end && class_of(*at) == 0)
        at++;
    if (at == end)
        return at;
    lexer->is_directive = false;
    if (class_of(*at) != MARK) {
        lexer->state = class_of(*at) == LETTER ? WORD : NUMBER;
        return at;
    }
    lexer->quote = (uint8_t)*at;
    lexer->state = *at == '/' ? SLASH : *at == '#' ? HASH : QUOTED;
    return at + 1;
}

static void keep_word(struct lexer *lexer, const char *start, size_t length)
{
    size_t room = WORD_BYTES - lexer->length;
    length = length < room ? length : room;
    memcpy(lexer->word + lexer->length, start, length);
    lexer->length += (uint8_t)length;
}

static bool is_one_of(const char *const *names, const char *start, size_t length)
{
    while (*names != NULL && (strlen(*names) != length || memcmp(*names, start, length) != 0))
        names++;
    return *names != NULL;
}

/* #x in a macro's body makes a string of the parameter x: that one is an identifier. */
static void end_word(struct lexer *lexer, struct counts *counts, const char *start, size_t length)
{
    static const char *const includes[] = { "include", "include_next", "import", NULL };
    static const char *const others[] = { "define", "undef",   "if",     "ifdef", "ifndef",
                                          "elif",   "elifdef", "else",   "endif", "error",
                                          "line",   "warning", "pragma", NULL };
    lexer->state = CODE;
    if (lexer->is_directive && is_one_of(includes, start, length))
        lexer->state = INCLUDE;
    else if (!lexer->is_directive || !is_one_of(others, start, length))
        counts_add(counts, start, length);
    lexer->length = 0;
}

static const char *in_word(struct lexer *lexer, struct counts *counts, const char *at,
                           const char *end)
{
    const char *start = at;
    while (at < end && is_word(*at))
        at++;
    if (at == end || lexer->length > 0)
        keep_word(lexer, start, (size_t)(at - start));
    if (at == end)
        return at;
    if (lexer->length > 0)
        end_word(lexer, counts, lexer->word, lexer->length);
    else
        end_word(lexer, counts, start, (size_t)(at - start));
    return at;
}

static const char *in_number(struct lexer *lexer, const char *at, const char *end)
{
    while (at < end && (is_word(*at) || *at == '.' || *at == '\''))
        at++;
    if (at < end)
        lexer->state = CODE;
    return at;
}

static const char *in_line(struct lexer *lexer, const char *at, const char *end)
{
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    if (newline == NULL) {
        lexer->is_escaped = end[-1] == '\\';
        return end;
    }
    bool goes_on = newline > at ? newline[-1] == '\\' : lexer->is_escaped;
    lexer->is_escaped = false;
    lexer->state = goes_on ? LINE : CODE;
    return newline + 1;
}

static const char *in_block(struct lexer *lexer, const char *at, const char *end)
{
    const char *star = memchr(at, '*', (size_t)(end - at));
    if (star == NULL)
        return end;
    lexer->state = BLOCK_STAR;
    return star + 1;
}

/* A literal also ends with its line: an apostrophe in the text of an #error opens no other. */
static const char *in_quoted(struct lexer *lexer, const char *at, const char *end)
{
    while (at < end && *at != (char)lexer->quote && *at != '\\' && *at != '\n')
        at++;
    if (at == end)
        return at;
    lexer->state = *at == '\\' ? ESCAPE : CODE;
    return at + 1;
}

static const char *in_hash(struct lexer *lexer, const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    if (at == end)
        return at;
    lexer->is_directive = class_of(*at) == LETTER;
    lexer->state = lexer->is_directive ? WORD : CODE;
    return at;
}

static const char *in_include(struct lexer *lexer, const char *at, const char *end)
{
    while (at < end && *at != '<' && *at != '"' && *at != '\n')
        at++;
    if (at == end)
        return at;
    lexer->quote = *at == '<' ? '>' : '"';
    lexer->state = *at == '\n' ? CODE : QUOTED;
    return at + 1;
}

static const char *after_slash(struct lexer *lexer, const char *at)
{
    lexer->is_escaped = false;
    lexer->state = *at == '/' ? LINE : *at == '*' ? BLOCK : CODE;
    return lexer->state == CODE ? at : at + 1;
}

void lexer_start(struct lexer *lexer)
{
    *lexer = (struct lexer){ .state = CODE };
}

void lexer_read(struct lexer *lexer, struct counts *counts, const char *bytes, size_t length)
{
    const char *at = bytes, *end = bytes + length;
    while (at < end)
        switch ((enum state)lexer->state) {
        case CODE:
            at = in_code(lexer, at, end);
            break;
        case WORD:
            at = in_word(lexer, counts, at, end);
            break;
        case NUMBER:
            at = in_number(lexer, at, end);
            break;
        case SLASH:
            at = after_slash(lexer, at);
            break;
        case LINE:
            at = in_line(lexer, at, end);
            break;
        case BLOCK:
            at = in_block(lexer, at, end);
            break;
        case BLOCK_STAR:
            lexer->state = *at == '/' ? CODE : *at == '*' ? BLOCK_STAR : BLOCK;
            at++;
            break;
        case QUOTED:
            at = in_quoted(lexer, at, end);
            break;
        case ESCAPE:
            lexer->state = QUOTED;
            at++;
            break;
        case HASH:
            at = in_hash(lexer, at, end);
            break;
        case INCLUDE:
            at = in_include(lexer, at, end);
            break;
        }
}

void lexer_finish(struct lexer *lexer, struct counts *counts)
{
    if (lexer->state == WORD && lexer->length > 0)
        end_word(lexer, counts, lexer->word, lexer->length);
}
